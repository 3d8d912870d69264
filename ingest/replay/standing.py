"""What was recorded only when it changed: a value stands until the next one, so it is said again in between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_DAY, Block
from ingest.replay.joining import joined
from ingest.replay.layout import Layout
from ingest.replay.mapping import ReplayMapping

_EVERY_MS = 10 * 60_000
"""So often what stands is said again: what follows readings takes longer silence for a gap (15 min)."""
_SOON_MS = 60_000
"""The first time soon: it takes two readings to believe that a run ended, and what is between them counts as run."""
_SHORT_MS = 90_000
"""After less there is nothing to say: a change is dated by the readings around it."""
_LONGEST_HISTORY_MS = MS_PER_DAY
"""Home Assistant records changes only, and `unavailable` where a device goes away."""


class Standing:
    """Fills a recording. `unavailable` and the like end what stands."""

    def __init__(self, longest_ms: int) -> None:
        self._longest = longest_ms
        self._missing: dict[str, NDArray[np.bool_]] = {}  # of the batch at hand
        self._ends: dict[tuple[str, str], list[NDArray[np.int64]]] = {}  # signal, appliance -> ms

    @classmethod
    def of(cls, mapping: ReplayMapping, layout: Layout) -> Standing | None:
        """As the mapping says, or as the file's writer is known for; None where each value is for itself."""
        if mapping.holds_for is not None:
            return cls(mapping.holds_for)
        return cls(_LONGEST_HISTORY_MS) if layout.writer == "home-assistant" else None

    def note(self, signal: str, missing: NDArray[np.bool_]) -> None:
        """(n,) rows of the batch at hand that say that the signal has no value."""
        self._missing[signal] = missing

    def note_ends(self, names: Sequence[str], codes: NDArray[np.int32], time: NDArray[np.int64]) -> None:
        """Whose rows those are, and when."""
        for signal, missing in self._missing.items():
            for code, name in enumerate(names):
                rows = missing & (codes == code)
                if rows.any():
                    self._ends.setdefault((signal, name), []).append(time[rows])
        self._missing.clear()

    def fill(self, block: Block) -> Block:
        """`block`, in order of time, and between its rows what stood."""
        parts = [block]
        for code, name in enumerate(block.appliance_ids):
            mine = np.flatnonzero(block.appliance == code)
            for signal, column in block.signals.items():
                rows = mine[~np.isnan(column[mine])]
                if len(rows) > 1:
                    ends = np.sort(np.concatenate(self._ends.get((signal, name), [np.zeros(0, np.int64)])))
                    parts.append(self._between(block, signal, rows, ends))
        whole = joined(parts)
        return whole.take(np.argsort(whole.time, kind="stable"))

    def _between(self, block: Block, signal: str, rows: NDArray[np.intp], ends: NDArray[np.int64]) -> Block:
        since = block.time[rows[:-1]]
        until = np.minimum(block.time[rows[1:]] - 1, since + self._longest)
        if len(ends):
            after = np.searchsorted(ends, since, "right")
            ended = np.where(after < len(ends), ends[np.minimum(after, len(ends) - 1)] - 1, until)
            until = np.minimum(until, ended)
        stood = until - since
        times = np.where(stood > _SHORT_MS, (stood - 1) // _EVERY_MS + 2, 0)
        of = np.repeat(np.arange(len(since)), times)
        number = np.arange(len(of)) - np.repeat(
            np.cumsum(times) - times, times
        )  # first, soon after; last, at the end
        time = since[of] + np.where(number == 0, _SOON_MS, number * _EVERY_MS)
        time = np.where(number == times[of] - 1, until[of], time)
        unknown = np.full(len(of), np.nan)
        return Block(
            block.appliance_model,
            block.appliance_ids,
            block.appliance[rows[:-1]][of],
            time,
            np.full(len(of), -1, np.int64),
            {
                name: column[rows[:-1]][of] if name == signal else unknown
                for name, column in block.signals.items()
            },
            block.firmware,
        )
