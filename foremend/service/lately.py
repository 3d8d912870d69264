"""What many pages look at and takes long to look for: of many appliances it is as it was lately."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

_MANY = 1_000
_RARELY = 10.0
"""Of more than so many, a look serves for so many times as long as it took."""

Look = TypeVar("Look")


class Lately(Generic[Look]):
    """However many pages ask, a tenth of the time goes into looking again, and one looks while others wait.

    `look` answers, and `size` how many appliances the answer is about; none serves for longer than `longest_s`. From
    any thread.
    """

    def __init__(self, look: Callable[[], Look], size: Callable[[Look], int], longest_s: float = inf) -> None:
        self._look, self._size, self._longest_s, self._lock = look, size, longest_s, Lock()
        self._known: tuple[float, frozenset[str], Look] | None = None

    def seen(self, without: frozenset[str] = frozenset()) -> Look:
        """The answer; looked for anew where `without` is another than it was. Raises what `look` does."""
        with self._lock:
            began = monotonic()
            if self._known is None or began > self._known[0] or without != self._known[1]:
                found = self._look()
                serves = _RARELY * (monotonic() - began) if self._size(found) > _MANY else 0.0
                self._known = (monotonic() + min(serves, self._longest_s), without, found)
            return self._known[2]
