"""Numbers as people's devices write them. Our own contract is strict (`ingest.canonical`); what is bought is not."""

from __future__ import annotations

import re

_ABSENT = frozenset(
    ("", "nan", "null", "none", "nil", "unavailable", "unknown", "undefined", "n/a", "na", "-", "--")
)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_LONGEST_NUMBER = 64


def plain(value: object) -> object:
    """A number written as text as that number, a word for "no value" (or NaN) as None, all else as it is.

    >>> plain("84.2"), plain(" NaN "), plain("unavailable"), plain("on"), plain(True)
    (84.2, None, None, 'on', True)
    """
    if isinstance(value, float) and value != value:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        return value
    word = value.strip()
    if word.lower() in _ABSENT:
        return None
    return float(word) if _NUMBER.fullmatch(word) else value
