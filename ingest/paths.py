"""Paths into a JSON payload, as written in settings.

`ENERGY.Power` goes down by name, `ENERGY.Current[1]` takes the second of several, and `[Id=00000566CC39].Temperature`
takes the member whose `Id` is that: Tasmota renumbers its probes when one is added, their ids stay.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from foremend.vocabulary.errors import InputError


class _Name(NamedTuple):
    name: str


class _Index(NamedTuple):
    position: int


class _Where(NamedTuple):
    key: str
    value: str


Path = tuple[_Name | _Index | _Where, ...]

_STEP = re.compile(r"(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]|\[(?P<key>[^\]=]+)=(?P<value>[^\]]+)\]")


def parse_path(text: str) -> Path:
    """The steps of `text`. Raises ValueError where it is not a path."""
    steps: list[_Name | _Index | _Where] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None:
            raise ValueError(f"'{text}' is not a path: write for example ENERGY.Power or ENERGY.Current[1]")
        steps.append(_step(found))
        position = found.end()
        if text[position : position + 1] == ".":
            position += 1
    if not steps or text.endswith("."):
        raise ValueError(f"'{text}' is not a path: it ends without a name")
    return tuple(steps)


def names_of(path: Path) -> tuple[str, ...] | None:
    """Its names where the path goes down by names alone, else None."""
    names = tuple(step.name for step in path if isinstance(step, _Name))
    return names if len(names) == len(path) else None


def look_up(document: Any, path: Path) -> Any:
    """What is at `path`, None where there is nothing. Raises InputError when it is an array without an index."""
    for step in path:
        document = _go(document, step)
        if document is None:
            return None
    if isinstance(document, list):
        raise InputError(
            f"an array of {len(document)} values: the path in the settings needs an index such as [0]"
        )
    return document


def _step(found: re.Match[str]) -> _Name | _Index | _Where:
    if found["name"] is not None:
        return _Name(found["name"])
    if found["index"] is not None:
        return _Index(int(found["index"]))
    return _Where(found["key"], found["value"])


def _go(document: Any, step: _Name | _Index | _Where) -> Any:
    if isinstance(step, _Name):
        return document.get(step.name) if isinstance(document, dict) else None
    if isinstance(step, _Index):
        if isinstance(document, list):
            return document[step.position] if step.position < len(document) else None
        return document if step.position == 0 else None  # a device with one channel sends the number itself
    members = (
        document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    )
    return next(
        (member for member in members if isinstance(member, dict) and member.get(step.key) == step.value),
        None,
    )
