"""Notices that a worker stands still although it could go on, as Faust does after some outages, without a word.

It runs in a thread and an event loop of its own, and asks Kafka itself, by a client of its own, where the partitions
end: what stands still cannot be trusted to say so.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from foremend.runtimes.kafka.log_reader import LogReader
from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.types import MS_PER_SECOND

log = logging.getLogger(__name__)

LOOK_S = 5.0
LONG_WORK_S = 1.0
MORE_PATIENCE = 5
"""Times `stalled_after`: taking over includes reading state, and a first record may compile kernels."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One moment of a worker."""

    next_offsets: Mapping[int, int]  # by partition that it holds
    waiting: bool  # for a database or a history that is away: that it stands still is right
    idle_since: float | None  # monotonic s, since when it waits for its group
    busy_since: float | None = None  # monotonic s, since when it works on the same record or checkpoint


class Watchdog:
    """Calls `stalled` with a sentence, once, from its own thread."""

    def __init__(
        self, settings: KafkaSettings, progress: Callable[[], Progress], stalled: Callable[[str], object]
    ) -> None:
        self._settings, self._progress, self._stalled = settings, progress, stalled
        self._moved: dict[int, tuple[int, float]] = {}
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self.ends: dict[int, int] = {}
        """By partition that the worker holds, the offset behind its last record when Kafka was last asked."""

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def verdict(self, progress: Progress, ends: Mapping[int, int], now: float) -> str | None:
        """What stands still, or None. `ends` by partition, `now` in monotonic seconds."""
        patience = self._settings.stalled_after / MS_PER_SECOND
        if progress.idle_since is not None and now - progress.idle_since > patience * MORE_PATIENCE:
            return f"the group of workers did not agree for {now - progress.idle_since:.0f} s"
        busy_s = 0.0 if progress.busy_since is None else now - progress.busy_since
        at_work = LONG_WORK_S < busy_s <= patience * MORE_PATIENCE  # so it is not Faust that stands still
        moved = {}
        for partition, next_offset in progress.next_offsets.items():
            before, since = self._moved.get(partition, (-1, now))
            nothing_to_do = ends.get(partition, 0) <= next_offset
            still = before == next_offset and not (nothing_to_do or progress.waiting or at_work)
            moved[partition] = (next_offset, since if still else now)
        self._moved = moved
        for partition, (next_offset, since) in moved.items():
            if now - since > patience:
                behind = ends[partition] - next_offset
                return f"partition {partition} stands still for {now - since:.0f} s, {behind} records behind"
        return None

    def _run(self) -> None:
        asyncio.run(self._watch())

    async def _watch(self) -> None:
        while True:
            try:
                async with LogReader(self._settings) as reader:
                    while (wrong := await self._look(reader)) is None:
                        await asyncio.sleep(min(LOOK_S, self._settings.stalled_after / 4 / MS_PER_SECOND))
            except UnavailableError:
                self._moved.clear()  # who cannot ask cannot judge
                await asyncio.sleep(LOOK_S)
            else:
                self._stalled(wrong)
                return

    async def _look(self, reader: LogReader) -> str | None:
        progress = self._progress()
        self.ends = await reader.ends(progress.next_offsets)
        return self.verdict(progress, self.ends, time.monotonic())
