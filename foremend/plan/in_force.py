"""The settings in force, key by key, as people may look at them: no secret, no path of an address, no device."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from foremend.config import Settings
from foremend.vocabulary.schema import parse_duration

HIDDEN = "…"
"""Stands for what is not shown."""
_SECRET = re.compile(r"(secret|password|token|credential|key)s?$")
_OF_WEB = ("http", "https")
_USER = re.compile(r"[^:/]*(:[^@]*)?@")
"""What may stand before a database's host: SQLAlchemy takes `/`, `?` and `#` in a password as they are."""
_ELSEWHERE = ("rules.book", "examples")
_LEVELS = ("above", "below", "days_to_failure_below")
_SPANS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1))


@dataclass(frozen=True, slots=True)
class Setting:
    """One key. `written`: config.yaml says it, or the file that Foremend ships where that is extended; else a default.

    >>> Setting("service.port", "8080", written=False).key
    'service.port'
    """

    key: str
    value: str
    written: bool


def in_force(settings: Settings) -> list[Setting]:
    """Every key but the rules and their examples, in the order of the file."""
    return list(_of(settings, "", False))


def _of(model: BaseModel, path: str, written: bool) -> Iterator[Setting]:
    for name, field in type(model).model_fields.items():
        key = f"{path}.{name}" if path else name
        if key not in _ELSEWHERE:
            said = name in model.model_fields_set and (written or path == "")
            yield from _one(getattr(model, name), key, field, said)


def _one(value: Any, key: str, field: FieldInfo, written: bool) -> Iterator[Setting]:
    if isinstance(value, BaseModel):
        yield from _of(value, key, written)
    elif _is_models(value):
        for index, one in enumerate(value):
            yield from _of(one, f"{key}[{index}]", written)
    else:
        yield Setting(key, _shown(value, key, field), written)


def _is_models(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(one, BaseModel) for one in value)


def _shown(value: Any, key: str, field: FieldInfo) -> str:
    if isinstance(value, Mapping):
        return f"{len(value)}"  # names of devices, and whose they are
    if isinstance(value, str) and not isinstance(value, Enum) and _SECRET.search(key):
        return HIDDEN
    if isinstance(value, int) and not isinstance(value, bool) and _is_span(field):
        return span(value)
    return _text(value)


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Path():
            return str(value)
        case str():
            return without_secrets(value)
        case float():
            return f"{value:g}"
        case Sequence() | frozenset() | set():
            return ", ".join(_text(one) for one in value)
    return str(value)


def without_secrets(text: str) -> str:
    """`text`, of an address host and port alone, or of a database which it is: what stands before an `@`, and in the
    path and query of a web address, may open something.

    >>> without_secrets("https://user:pass@example.com:8443/hooks/T0/B1?key=2")
    'https://example.com:8443/…'
    >>> without_secrets("postgresql://fmd:pass@db:5432/foremend?password=2")
    'postgresql://db:5432/foremend?…'
    """
    scheme, is_address, rest = text.partition("://")
    if not is_address:
        return text
    if scheme not in _OF_WEB and (user := _USER.match(rest)):
        rest = rest[user.end() :]
    try:
        parts = urlsplit(f"{scheme}://{rest}")
    except ValueError:  # of no host that there could be
        return f"{scheme}://{HIDDEN}"
    if parts.scheme == "sqlite":
        return f"{parts.scheme}://{parts.netloc}{parts.path}"
    path = parts.path
    if parts.scheme in _OF_WEB and path.strip("/"):
        path = f"/{HIDDEN}"
    else:
        path += f"?{HIDDEN}" if parts.query or parts.fragment else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"


def span(ms: int) -> str:
    """As it would be written: 600000 -> '10 min'."""
    unit, size = next((one for one in _SPANS if ms % one[1] == 0), _SPANS[-1])
    return f"{ms // size} {unit}" if ms else "0 s"


def _is_span(field: FieldInfo) -> bool:
    """A duration, or one that may be left out."""
    known = [*field.metadata, *(more for one in get_args(field.annotation) for more in get_args(one))]
    return any(isinstance(one, BeforeValidator) and one.func is parse_duration for one in known)


def as_written(model: BaseModel) -> str:
    """A part of a rule on one line, as config.yaml has it: what was not said is left out."""
    said = []
    fields = type(model).model_fields
    for name in sorted(fields, key=lambda name: name in _LEVELS):  # what, and then how much
        field, value = fields[name], getattr(model, name)
        if name in model.model_fields_set and value is not None:
            is_ms = isinstance(value, int) and not isinstance(value, bool) and _is_span(field)
            said.append(f"{name}: {span(value) if is_ms else _text(value)}")
    return ", ".join(said)
