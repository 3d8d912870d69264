"""Real parts that raise where a test wants them to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def raise_for(found: Callable[..., bool], real: Callable[..., Any], error: Exception) -> Callable[..., Any]:
    """The real part; where `found` sees the mark in what it is given, `error` after half of its work was done."""

    def wrapped(*given: Any, **named: Any) -> Any:
        result = real(*given, **named)
        if found(*given, **named):
            raise error
        return result

    return wrapped
