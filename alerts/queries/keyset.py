"""Pages that stay where they are while a list grows: each begins behind the last row of the one before."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Engine, Select, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

from alerts.database import reading
from foremend.vocabulary.errors import InputError

_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows, and where the next ones begin; None where there are none."""

    items: list[dict[str, Any]]
    next_cursor: str | None


Sorts = Mapping[str, InstrumentedAttribute[int]]
"""Columns that a list can be sorted by, by name; `-name` is from the largest down. Rows of one value go by id."""


def part(
    engine: Engine,
    query: Select[Any],
    key: InstrumentedAttribute[str],
    sorts: Sorts,
    sort: str,
    limit: int,
    cursor: str | None,
    view: Callable[[Any], dict[str, Any]],
) -> Part:
    """`limit` rows of `query` behind `cursor`. Raises InputError for a sort that there is not, or a wrong cursor."""
    name = sort.removeprefix("-")
    if name not in sorts:
        raise InputError(
            f"sort {sort!r} is not possible: use one of {', '.join(sorts)}, with - from the largest down"
        )
    column, down = sorts[name], sort.startswith("-")
    if cursor is not None:
        value, last = _read(cursor, sort)
        behind = column < value if down else column > value
        same = key < last if down else key > last
        query = query.where(column <= value if down else column >= value)
        query = query.where(or_(behind, and_(column == value, same)))
    ordered = (column.desc(), key.desc()) if down else (column, key)
    with reading(engine) as session:
        rows = session.scalars(query.order_by(*ordered).limit(limit + 1)).all()
        items = [view(row) for row in rows[:limit]]
        more = len(rows) > limit
        following = (
            _write(sort, getattr(rows[limit - 1], name), getattr(rows[limit - 1], key.key)) if more else None
        )
    return Part(items, following)


def _write(sort: str, value: int, last: str) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([sort, value, last])).decode().rstrip("=")


def _read(cursor: str, sort: str) -> tuple[int, str]:
    try:
        said = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise InputError("this cursor is none: take `next_cursor` of the page before") from error
    match said:
        case [str(of), int(value), str(last)] if 0 <= value <= _LARGEST and not isinstance(value, bool):
            if of != sort:
                raise InputError(f"this cursor is of a list sorted by {of}, not by {sort}: begin without one")
            return value, last
    raise InputError("this cursor is none: take `next_cursor` of the page before")
