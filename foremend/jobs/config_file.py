"""Putting settings into a config.yaml that somebody wrote: what is there stays as it is, comments too."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from foremend.vocabulary.durable import sync_path, write_synced
from foremend.vocabulary.errors import ConfigError
from ingest.discovery.proposal import Entry

_BY_HAND = "its form is too special to be changed without harm: put this in by hand, under ingest.decoders"
_NEW = """# Foremend, as `foremend discover` found this home. What is not said here is as in the shipped config.yaml;
# `foremend check` says what a start would refuse.
extends: shipped

models:
  appliance_models: [] # nothing is trained: an appliance behind a plug is compared with its own past
"""


def put(file: Path, entries: Sequence[Entry], mqtt: Mapping[str, str]) -> None:
    """Adds the entries to `ingest.decoders` and sets keys under `mqtt`; writes a new file where there is none.

    All or nothing. Raises ConfigError where the file cannot be written, or its form does not allow it.
    """
    try:
        text = file.read_bytes().decode() if file.exists() else _NEW
        new = changed(text, entries, mqtt)
        _replace(file.resolve(), new)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be written: {error}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{file}: {_BY_HAND}:\n{as_yaml(entries)}") from error


def changed(text: str, entries: Sequence[Entry], mqtt: Mapping[str, str]) -> str:
    """The file's text with both. Raises ValueError where it would not say exactly that then."""
    wanted = _wanted(text, entries, mqtt)
    newline = "\r\n" if "\r\n" in text else "\n"
    text = text.replace("\r\n", "\n")
    for key, value in mqtt.items():
        text = _with_value(text, "mqtt", key, _inline(value))
    if entries:
        text = _with_items(text, "ingest", "decoders", [line for one in entries for line in lines_of(one)])
    if yaml.safe_load(text) != wanted:
        raise ValueError("it would say something else")
    return text.replace("\n", newline)


def as_yaml(entries: Iterable[Entry]) -> str:
    """As it would stand in a file of its own."""
    lines = [f"    {line}" for one in entries for line in lines_of(one)]
    return "\n".join(["ingest:", "  decoders:", *lines])


def lines_of(entry: Entry) -> Iterator[str]:
    """The entry as an item of a list, a line for each appliance with what was heard of it."""
    mark = "- "
    for key, value in entry.settings.items():
        if not isinstance(value, dict):
            yield f"{mark}{key}: {_inline(value)}"
        else:
            yield f"{mark}{key}:"
            for name, one in value.items():
                said = entry.said.get(name, "") if key == "appliances" else ""
                yield f"    {_inline(name)}: {_inline(one)}" + (f" # {said}" if said else "")
        mark = "  "


def _inline(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _wanted(text: str, entries: Sequence[Entry], mqtt: Mapping[str, str]) -> Any:
    data = yaml.safe_load(text) or {}
    if not isinstance(data, dict):
        raise ValueError("it has no keys where they would be put in")
    if mqtt:
        data["mqtt"] = {**(data.get("mqtt") or {}), **mqtt}
    if entries:
        data["ingest"] = data.get("ingest") or {}
        known = data["ingest"].get("decoders") or []
        data["ingest"]["decoders"] = [*known, *(one.settings for one in entries)]
    return data


def _with_value(text: str, section: str, key: str, value: str) -> str:
    """`text` with `section.key: value`, instead of what was there."""
    text = _as_blocks(text, section)
    there = _at(text, section, key)
    if there is not None:
        node = there[1]
        return text[: node.start_mark.index] + value + text[node.end_mark.index :]
    return _below(text, section, [f"{key}: {value}"])


def _with_items(text: str, section: str, key: str, lines: Sequence[str]) -> str:
    """`text` with more items in the list `section.key`."""
    text = _as_blocks(_as_blocks(text, section), section, key)
    there = _at(text, section, key)
    if there is None:
        return _below(text, section, [f"{key}:", *(f"  {line}" for line in lines)])
    name, node = there
    indent = node.start_mark.column if _is_block(node) else name.start_mark.column + 2
    return _after(text, _last_line(name, node), lines, indent)


def _below(text: str, section: str, lines: Sequence[str]) -> str:
    """`text` with more keys in `section`, which is made at the end where it is not there."""
    there = _at(text, section)
    if there is None:
        text = text.rstrip("\n") + "\n\n" if text.strip() else ""
        return text + "\n".join([f"{section}:", *(f"  {line}" for line in lines)]) + "\n"
    name, node = there
    return _after(text, _last_line(name, node), lines, node.start_mark.column if _is_block(node) else 2)


def _as_blocks(text: str, *keys: str) -> str:
    """`text` with what is written in braces or brackets at `keys` on lines of its own; empty ones are gone."""
    there = _at(text, *keys)
    if there is None or _is_block(there[1]):
        return text
    name, node = there
    value = yaml.safe_load(text)
    for key in keys:
        value = value[key]
    lines = yaml.safe_dump(value, allow_unicode=True, sort_keys=False).splitlines() if value else []
    rest = text[: node.start_mark.index].rstrip(" ") + text[node.end_mark.index :]
    return _after(rest, name.start_mark.line, lines, name.start_mark.column + 2) if lines else rest


def _at(text: str, *keys: str) -> tuple[yaml.Node, yaml.Node] | None:
    """The key and the value at the end of `keys`; None where it is not there."""
    found: tuple[Any, Any] = (None, yaml.compose(text, Loader=yaml.SafeLoader))
    for key in keys:
        pairs = found[1].value if isinstance(found[1], yaml.MappingNode) else ()
        place = next((pair for pair in pairs if pair[0].value == key), None)
        if place is None:
            return None
        found = place
    return found


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _last_line(name: yaml.Node, node: yaml.Node) -> int:
    """Where a value ends: the marks of blocks are behind the comments that follow them."""
    if not _is_block(node):
        ends_before = node.end_mark.column == 0 and node.end_mark.line > node.start_mark.line
        return max(name.start_mark.line, node.end_mark.line - ends_before)
    inner = [one for item in node.value for one in (item if isinstance(item, tuple) else (item,))]
    return max(_last_line(one, one) for one in inner)


def _after(text: str, line: int, more: Iterable[str], indent: int) -> str:
    lines = text.split("\n")
    lines[line + 1 : line + 1] = [" " * indent + one for one in more]
    text = "\n".join(lines)
    return text if text.endswith("\n") else text + "\n"


def _replace(file: Path, text: str) -> None:
    """All of it or nothing, with the rights that the file had."""
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        write_synced(new, text.encode())
        with suppress(FileNotFoundError):
            shutil.copymode(file, new)
        new.replace(file)
        sync_path(file.parent)
    finally:
        new.unlink(missing_ok=True)
