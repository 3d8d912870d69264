"""A process on a shared history: `write <folder> <stream> <flushes>`, or `compact <folder>` until stdin ends."""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Thread

import numpy as np

from foremend.history.compaction import Enough
from foremend.history.parquet import ParquetHistory
from foremend.history.parquet_settings import ParquetSettings
from foremend.history.upkeep import Upkeep
from foremend.vocabulary.types import MS_PER_DAY, Block

DAY = 20_000 * MS_PER_DAY


class Clock:
    """The day of the readings."""

    def now_ms(self) -> int:
        return DAY


def write(root: Path, stream: str, flushes: int) -> None:
    """A reading on each of two days a flush; the snapshot is one behind, and every tenth time all starts at it."""
    history = ParquetHistory(root, stream)
    history.forget_after(0)
    position = snapshot = 0
    restarts = set(range(10, flushes, 10))
    while position < flushes:
        if position in restarts:
            restarts.remove(position)
            position = snapshot
            history = ParquetHistory(root, stream)
            history.forget_after(position)
        position += 1
        times = np.array([DAY + position, DAY + MS_PER_DAY + position])
        seq, signals = np.full(2, position), {"power": np.ones(2)}
        history.write(Block("rf-260", (stream,), np.zeros(2, np.int32), times, seq, signals, ("1",)))
        history.flush(snapshot, position)
        snapshot = position - 1


def compact(root: Path) -> None:
    upkeep = Upkeep(root, ParquetSettings(), Clock())
    waiting = Thread(target=sys.stdin.read)
    waiting.start()
    done = 0
    while waiting.is_alive():
        report = upkeep.round(Enough(2, 2))
        if report is not None:
            assert not report.failed, report.failed
            done += report.days_compacted
    sys.stdout.write(f"{done}\n")


if __name__ == "__main__":
    what, folder, *more = sys.argv[1:]
    if what == "write":
        write(Path(folder), more[0], int(more[1]))
    else:
        compact(Path(folder))
