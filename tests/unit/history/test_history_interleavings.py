"""Two writers, compaction, crashes and forgetting in any order: each reading is stored once, always."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from foremend.history import compaction, exchange
from foremend.history.compaction import ON_COMMAND
from foremend.history.parquet import ParquetHistory
from foremend.history.parquet_settings import ParquetSettings
from foremend.history.upkeep import Upkeep
from foremend.vocabulary.types import MS_PER_DAY, Block, Forgotten

MODEL = "rf-260"
DAY = 20_000 * MS_PER_DAY
STREAMS = ("s-1", "s-11")
APPLIANCES = ("a", "b", "c")

streams = st.sampled_from(STREAMS)
appliances = st.sampled_from(APPLIANCES)
received = st.lists(st.tuples(appliances, st.integers(0, 1)), max_size=3)  # appliance and day


@pytest.fixture(autouse=True, scope="module")
def without_waiting_for_the_disk() -> Iterator[None]:
    """A process that is killed loses nothing that the kernel has; power cuts are not tried here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


class Killed(BaseException):
    """As SIGKILL: no handler of an error sees it."""


class Clock:
    def now_ms(self) -> int:
        return DAY


class Writer:
    """A pipeline as history sees it: a journal that keeps everything, a snapshot, and a process that may crash."""

    def __init__(self, root: Path, stream: str, forgotten: list[Forgotten]) -> None:
        self.root, self.stream, self.forgotten = root, stream, forgotten
        self.journal: list[tuple[str, int]] = []  # appliance and day; the position is the index and one
        self.snapshot = self.flushed = 0
        self.start()

    def start(self) -> None:
        self.history = ParquetHistory(self.root, self.stream, lambda: self.forgotten)
        self.history.forget_after(self.snapshot)
        self.flushed = self.snapshot
        for position in range(self.snapshot + 1, len(self.journal) + 1):
            self.history.write(self.block(position))

    def receive(self, readings: list[tuple[str, int]]) -> None:
        for reading in readings:
            self.journal.append(reading)
            self.history.write(self.block(len(self.journal)))

    def flush(self) -> None:
        self.history.flush(self.snapshot, len(self.journal))
        self.flushed = len(self.journal)

    def block(self, position: int) -> Block:
        appliance, day = self.journal[position - 1]
        return Block(
            MODEL,
            (f"{self.stream}/{appliance}",),
            np.zeros(1, np.int32),
            np.array([DAY + day * MS_PER_DAY + position], np.int64),
            np.array([position], np.int64),
            {"power": np.ones(1)},
            ("1.0",),
        )

    def stored(self) -> Iterator[tuple[str, int]]:
        gone = {one.appliance_id for one in self.forgotten}
        for position, (appliance, _) in enumerate(self.journal[: self.flushed], start=1):
            if f"{self.stream}/{appliance}" not in gone:
                yield f"{self.stream}/{appliance}", position


class Interleavings(RuleBasedStateMachine):
    """`meanwhile` is what happens between a compaction's reading of the old files and its exchange."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp()) / "history"
        self.forgotten: list[Forgotten] = []
        self.writers = {stream: Writer(self.root, stream, self.forgotten) for stream in STREAMS}

    def teardown(self) -> None:
        shutil.rmtree(self.root.parent)

    @initialize()
    def some_days_of_it(self) -> None:
        for stream in STREAMS:
            for k in range(3):
                self.checkpoint(stream, [(APPLIANCES[k], 0), ("a", 1)])

    @rule(stream=streams, readings=received)
    def flush_without_snapshot(self, stream: str, readings: list[tuple[str, int]]) -> None:
        self.writers[stream].receive(readings)
        self.writers[stream].flush()

    @rule(stream=streams, readings=received)
    def checkpoint(self, stream: str, readings: list[tuple[str, int]]) -> None:
        self.flush_without_snapshot(stream, readings)
        self.writers[stream].snapshot = len(self.writers[stream].journal)

    @rule(stream=streams)
    def crash(self, stream: str) -> None:
        self.writers[stream].start()

    @rule(stream=streams, appliance=appliances)
    def forget(self, stream: str, appliance: str) -> None:
        name = f"{stream}/{appliance}"
        self.forgotten.append(Forgotten(MODEL, name, DAY + 10 * MS_PER_DAY))
        ParquetHistory(self.root).forget_appliances(MODEL, [name])

    @rule(
        meanwhile=st.lists(
            st.tuples(st.sampled_from(["flush_without_snapshot", "checkpoint", "crash"]), streams), max_size=4
        ),
        killed=st.booleans(),
        atomic=st.booleans(),
    )
    def compact(self, meanwhile: list[tuple[str, str]], killed: bool, atomic: bool) -> None:
        def between() -> None:
            for what, stream in meanwhile:
                more = {} if what == "crash" else {"readings": [("b", 0)]}
                getattr(self, what)(stream=stream, **more)
            if killed:
                raise Killed

        with patched(between, atomic), suppress(Killed):
            Upkeep(self.root, ParquetSettings(), Clock()).round(ON_COMMAND)

    @invariant()
    def every_reading_is_stored_once(self) -> None:
        expected = Counter(one for writer in self.writers.values() for one in writer.stored())
        assert readings(self.root) == expected


def readings(root: Path) -> Counter[tuple[str, int]]:
    """As others read the folder."""
    if not any(root.rglob("*.parquet")):
        return Counter()
    table = ds.dataset(root, partitioning="hive").to_table(["appliance", "seq"])
    return Counter(zip(table["appliance"].to_pylist(), table["seq"].to_pylist(), strict=True))


@contextmanager
def patched(between: Callable[[], None], atomic: bool) -> Iterator[None]:
    """`between` is called after each merge; without `atomic` folders cannot be exchanged in one step."""
    merge, exchanged = compaction._merge, exchange._exchanged

    def merge_and_more(*arguments: object) -> tuple[int, int]:
        result = merge(*arguments)  # type: ignore[arg-type]
        between()
        return result

    compaction._merge = merge_and_more
    if not atomic:
        exchange._exchanged = lambda one, other: False
    try:
        yield
    finally:
        compaction._merge, exchange._exchanged = merge, exchanged


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(
    max_examples=30, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
