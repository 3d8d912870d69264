"""Where a page of the fleet's list ends, as a text that the next request hands back."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

import orjson

from foremend.vocabulary.errors import InputError


class Place(NamedTuple):
    """The last row before: rows go by `rank`, then by `value`, then by id."""

    rank: int
    value: int
    appliance_id: str


def write_cursor(sort: str, place: Place) -> str:
    """URL-safe; it holds an id, so whoever may not see ids gets none."""
    return base64.urlsafe_b64encode(orjson.dumps([sort, *place])).decode().rstrip("=")


def read_cursor(cursor: str | None, sort: str) -> Place | None:
    """Raises InputError for one that is none, or of a list in another order."""
    if cursor is None:
        return None
    try:
        said = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise InputError("this cursor is none: take `next_cursor` of the page before") from error
    match said:
        case [str(of), int(rank), int(value), str(last)] if abs(value) < 2**63 and not _is_truth(rank, value):
            if of != sort:
                raise InputError(f"this cursor is of a list sorted by {of}, not by {sort}: begin without one")
            return Place(rank, value, last)
    raise InputError("this cursor is none: take `next_cursor` of the page before")


def _is_truth(*values: object) -> bool:
    return any(isinstance(value, bool) for value in values)
