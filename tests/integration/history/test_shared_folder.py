"""Several processes write and compact one history, as workers on Kafka do."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.dataset as ds

PROGRAM = str(Path(__file__).with_name("shared_folder.py"))
STREAMS = ("foremend-1", "foremend-11", "foremend-2")
FLUSHES = 30
PATIENCE_S = 120.0


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, PROGRAM, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_writers_and_compactions_of_many_processes_lose_and_double_nothing(tmp_path: Path) -> None:
    """Three streams, each taken over again and again from its snapshot, and two that compact all the while."""
    root = tmp_path / "history"
    compactions = [start("compact", str(root)) for _ in range(2)]
    writers = [start("write", str(root), stream, str(FLUSHES)) for stream in STREAMS]

    for writer in writers:
        writer.communicate(timeout=PATIENCE_S)
    done = [int(process.communicate(timeout=PATIENCE_S)[0]) for process in compactions]

    table = ds.dataset(root, partitioning="hive").to_table(["appliance", "day", "seq"])
    stored = Counter(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert sum(done) >= 2
    assert stored == Counter(
        (stream, day, k)
        for stream in STREAMS
        for day in set(table["day"].to_pylist())
        for k in range(1, FLUSHES + 1)
    )
