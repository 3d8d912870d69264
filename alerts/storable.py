"""Text from outside made storable, the same for every database: each text and JSON column goes through here.

A device, an owner, a technician or a receiver may write what a database cannot keep. PostgreSQL refuses NUL in a text
and SQLite keeps it; both refuse a surrogate that stands alone; PostgreSQL keeps to a column's length and SQLite does
not. Here free text stays readable: NUL becomes U+2400, a visible sign for it, and a surrogate U+FFFD. A name is kept as
it is or refused, because two that were changed or cut may be one afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Dialect, String, Text, TypeDecorator

from foremend.vocabulary.errors import InputError

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """`text` as it can be stored; most is as it was."""
    return _UNSTORABLE.sub(_visible, text) if _UNSTORABLE.search(text) else text


def json_text(value: Any, *, sort: bool = False) -> str:
    """JSON that both databases and every receiver take: numbers that are not finite become null.

    Every JSON column is written by it.
    """
    option = orjson.OPT_SERIALIZE_NUMPY | (orjson.OPT_SORT_KEYS if sort else 0)
    return orjson.dumps(_storable_tree(value), option=option).decode()


class FreeText(TypeDecorator[str]):
    """Text of any length."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class Name(TypeDecorator[str]):
    """Text of at most `length` characters that something is known by. Raises InputError for one that cannot be kept."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length
        self.place = "a name"  # set to table and column in `alerts.tables`

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if len(value) > self.length:
            raise InputError(f"{self.place} has {len(value)} characters; {self.length} at most are kept")
        if _UNSTORABLE.search(value):
            raise InputError(f"{self.place} has a character that no database keeps in a name")
        return value


def _visible(found: re.Match[str]) -> str:
    return "\u2400" if found[0] == "\0" else "\ufffd"


def _storable_tree(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {_storable_tree(key): _storable_tree(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_storable_tree(one) for one in value]
    return value
