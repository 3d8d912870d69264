"""What readings add to the signs of life that are kept of an appliance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alerts.wellbeing.stored import Signs, Span
from foremend.vocabulary.types import MS_PER_HOUR, Block
from models.wellbeing import SIGNALS, STALE_US, heard, merged, signs_of_life

LEAD_MS = 2 * MS_PER_HOUR
"""Of what is read, so much only leads to the rest: whether a door was opened shows against the reading before."""
MINUTE_MS = 60_000
_MINUTE_US = MINUTE_MS * 1_000
_GAP_MINUTES = STALE_US // _MINUTE_US


class Listening:
    """What is kept of one appliance, joined with its readings as they are read: of those it holds two hours."""

    def __init__(self, kept: Signs, since: int, category: str | None) -> None:
        """Readings will come from `since` on, ms UTC, or from before it."""
        self._from = (since + (LEAD_MS if kept.minutes or kept.heard else 0)) // MINUTE_MS
        self._minutes = {one for one in kept.minutes if one < self._from}
        self._spans, self._until, self._category = list(kept.heard), kept.until, category
        self._lead: list[Block] = []

    def hear(self, block: Block) -> None:
        """Readings of this appliance alone, sorted by time, none before those heard already."""
        new = _shown([*self._lead, block], self._category)
        self._minutes |= {int(one) for one in new[new >= block.time[0]] // MINUTE_MS if one >= self._from}
        self._spans += [(a // _MINUTE_US, b // _MINUTE_US) for a, b in heard(block.time * 1_000)]
        self._until = max(self._until, int(block.time[-1]))
        self._lead = [block.take(block.time >= block.time[-1] - LEAD_MS)]

    def signs(self, oldest: int) -> Signs:
        """Without what is before `oldest`, ms UTC."""
        first = oldest // MINUTE_MS
        spans = ((max(a, first), b) for a, b in merged(self._spans, _GAP_MINUTES) if b >= first)
        minutes = sorted(one for one in self._minutes if one >= first)
        return Signs(self._until, tuple(minutes), tuple(spans))


def by_appliance(block: Block) -> Iterator[tuple[str, Block]]:
    """Ids and the readings of each, in the order they had, without signals that show no sign of life."""
    shows = {name: block.signals[name] for name in SIGNALS if name in block.signals}
    order = np.argsort(block.appliance, kind="stable")
    ordered = replace(block, signals=shows).take(order)
    starts = np.flatnonzero(np.diff(ordered.appliance, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(ordered)], strict=True):
        yield block.appliance_ids[ordered.appliance[start]], ordered.take(slice(start, end))


def _shown(blocks: Sequence[Block], category: str | None) -> NDArray[np.int64]:
    """Of blocks one after the other, ms UTC."""
    names = {name for block in blocks for name in block.signals}
    signals = {
        name: np.concatenate([block.signals.get(name, np.full(len(block), np.nan)) for block in blocks])
        for name in names
    }
    times = np.concatenate([block.time for block in blocks])
    return signs_of_life(times * 1_000, signals, category) // 1_000


def all_of(each: Sequence[Sequence[Span]]) -> list[Span]:
    """When every one of several spoke; of none, never.

    >>> all_of([[(0, 10), (20, 30)], [(5, 25)]])
    [(5, 10), (20, 25)]
    """
    if not each:
        return []
    both = list(each[0])
    for other in each[1:]:
        both = [(max(a, c), min(b, d)) for a, b in both for c, d in other if max(a, c) <= min(b, d)]
    return both
