"""Readings of one appliance as many as a screen has columns: of each stretch of time the lowest, mean and highest."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.types import Block


@dataclass(slots=True)
class Stretches:
    """One signal, a number for each stretch of time; NaN where it was not measured."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    total: NDArray[np.float64]
    known: NDArray[np.int64]  # how many readings have it
    last: float = np.nan  # the newest of all
    last_at: int = 0  # ms UTC

    @property
    def mean(self) -> NDArray[np.float64]:
        """Over the readings, not over time."""
        return np.divide(self.total, self.known, out=np.full(len(self.total), np.nan), where=self.known > 0)


@dataclass(slots=True)
class Thinner:
    """Takes blocks of one appliance, each sorted by time, in order of time.

    Stretches are `width` ms long, the first begins at `start`, ms UTC; there are `count`.

    >>> thin = Thinner(start=0, width=1_000, count=2)
    >>> thin.add(Block("fridge", ("a",), np.int32([0, 0, 0]), np.int64([0, 400, 1_900]), np.int64([1, 2, 3]),
    ...     {"power": np.array([2.0, 90.0, np.nan])}))
    >>> thin.signals["power"].high, thin.signals["power"].last, thin.readings
    (array([90., nan]), 90.0, 3)
    """

    start: int
    width: int
    count: int
    readings: int = 0
    signals: dict[str, Stretches] = field(default_factory=dict)

    def add(self, block: Block) -> None:
        """What is before `start` or behind the last stretch is left out."""
        end = self.start + self.width * self.count
        first, behind = np.searchsorted(block.time, (self.start, end))
        if first == behind:
            return
        block = block.take(slice(int(first), int(behind)))
        self.readings += len(block)
        stretch = (block.time - self.start) // self.width
        for name, column in block.signals.items():
            self._add(name, stretch, block.time, column)

    def _add(
        self, name: str, stretch: NDArray[np.int64], time: NDArray[np.int64], column: NDArray[np.float64]
    ) -> None:
        known = np.isfinite(column)
        if not known.any():
            return
        stretch, time, column = stretch[known], time[known], column[known]
        first = np.flatnonzero(np.diff(stretch, prepend=-1))
        into = stretch[first]
        low, high = np.minimum.reduceat(column, first), np.maximum.reduceat(column, first)
        one = self.signals.setdefault(name, self._empty())
        one.low[into] = np.fmin(one.low[into], low)
        one.high[into] = np.fmax(one.high[into], high)
        one.total[into] += np.add.reduceat(column, first)
        one.known[into] += np.diff(first, append=len(column))
        one.last, one.last_at = float(column[-1]), int(time[-1])

    def _empty(self) -> Stretches:
        n = self.count
        return Stretches(np.full(n, np.nan), np.full(n, np.nan), np.zeros(n), np.zeros(n, np.int64))
