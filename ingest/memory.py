"""What is remembered by a name that devices choose, within bounds: whoever was not heard of for longest goes first."""

from __future__ import annotations

from typing import TypeVar

Value = TypeVar("Value")

MOST_DEVICES = 20_000
"""Of one entry of the settings, and of what devices say in parts. One that is forgotten says it again by itself."""


def remember(known: dict[str, Value], name: str, value: Value, most: int = MOST_DEVICES) -> None:
    """Keep `value` as the newest of at most `most`; about 0.2 us.

    >>> known = {"plug-1": 60.0, "plug-2": 0.0}
    >>> remember(known, "plug-1", 61.0, most=2)
    >>> remember(known, "made-up", 5.0, most=2)
    >>> known
    {'plug-1': 61.0, 'made-up': 5.0}
    """
    known.pop(name, None)
    while len(known) >= most:
        del known[next(iter(known))]
    known[name] = value
