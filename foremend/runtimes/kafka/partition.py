"""What one partition does: records in order -> engines -> effects, and checkpoints to go on from. No Kafka in here.

Plain and synchronous; one thread calls it. A record key (`{appliance_model}/{group}`) has an engine of its own, so
what is found never depends on how keys are spread over partitions, or partitions over workers.

A position of this partition's stream is an offset plus one. Effects commit together with it; records below it only
rebuild state, as those of the journal do in the in-process runtime. A block that leads to nothing moves no position
by itself (that would be a transaction a block): the next finding or checkpoint does, and its replay leads to nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from foremend.engine import Engine, ReadingsListener
from foremend.errors import InputError, UnavailableError
from foremend.lane import Counts
from foremend.ports import Clock, Effects, History, Snapshot
from foremend.runtimes.kafka.blocks import decode
from foremend.runtimes.kafka.event_times import ANY_TIME, EventTimes
from foremend.runtimes.kafka.meter import Meter
from foremend.runtimes.patience import Patience
from foremend.service.status import PipelineStatus
from foremend.types import Block, DeadLetter, Finding


class Record(NamedTuple):
    """One Kafka record of the blocks topic."""

    offset: int
    key: bytes | None
    value: bytes | None
    received: int  # ms UTC, when Kafka took it


class Keyed(NamedTuple):
    """The engine of one record key, and what keeps it on the registry's aliases, called with the wall clock."""

    engine: Engine
    follow: Callable[[int], None]


class Engines(Protocol):
    """Makes the engine of a record key; `on_readings` hears every reading once."""

    appliance_models: Collection[str]

    def __call__(self, appliance_model: str, on_readings: ReadingsListener) -> Keyed: ...


Report = Callable[[Mapping[str, Engine], PipelineStatus], object]
"""Hears of the engines by record key, and of the partition's status. May raise UnavailableError."""


@dataclass(slots=True)
class Totals:
    """Since the partition's beginning, whoever worked on it."""

    records: int = 0
    readings: int = 0
    findings: int = 0
    dead_letters: int = 0
    time: int = 0  # newest event time, ms UTC


class PartitionRuntime:
    """State and progress of one partition; `next_offset` is the record that it waits for."""

    def __init__(
        self,
        *,
        topic: str,
        engines: Engines,
        effects: Effects,
        history: History,
        permitted: Callable[[Block], Block],
        report: Report,
        clock: Clock,
        meter: Meter,
        event_times: EventTimes = ANY_TIME,
    ) -> None:
        """`permitted` takes out whom nobody may watch; `report` hears of every checkpoint."""
        self._topic, self._engines, self._effects = topic, engines, effects
        self._history, self._permitted, self._report = history, permitted, report
        self._clock, self._meter, self._event_times = clock, meter, event_times
        self._keyed: dict[str, Keyed] = {}
        self._stop = threading.Event()
        self._patience = Patience(self._stop)
        self._committed = self._covered = 0
        self._started = clock.now_ms()
        self.next_offset = 0
        self.totals = Totals()

    def restore(self, snapshot: Snapshot | None, first_offset: int = 0) -> None:
        """Go on from `snapshot`; without one, from `first_offset`. Raises IntegrityError as `Engine.restore` does."""
        self.next_offset = first_offset
        if snapshot is not None:
            self.next_offset = max(int(snapshot["next_offset"]), first_offset)
            self.totals = Totals(**snapshot["totals"])
            for key, state in snapshot["engines"].items():
                self._engine_of(key).engine.restore(state)
        self._covered = self.next_offset
        self._patience.insist(lambda: self._history.forget_after(self.next_offset))
        self._committed = self._patience.insist(self._effects.position)

    def process(self, record: Record) -> DeadLetter | None:
        """Take the next record; one that cannot be used becomes a dead letter, and the partition goes on.

        Make the answer durable before the next checkpoint. Waits while the database or the history is away; raises
        UnavailableError once `abandon` was called.
        """
        wrong = ""
        findings: Sequence[Finding] = ()
        try:
            with self._meter.on("decode"):
                key, block, wrong = self._read(record)
        except InputError as error:
            wrong = str(error)
        else:
            findings = self._judge(key, block)
            self._count(len(block), len(findings), int(block.time.max(initial=0)))
        if findings and record.offset >= self._committed:
            self._commit(findings, record.offset + 1)
        self.next_offset = record.offset + 1
        self.totals.records += 1
        self._meter.records += 1
        return self._letter(record, wrong) if wrong else None

    def checkpoint(self) -> dict[str, Any]:
        """Write history, move the position, and answer the state; its arrays are good until the next record."""
        with self._meter.on("history"):
            self._patience.insist(lambda: self._history.flush(self._covered, self.next_offset))
        if self.next_offset > self._committed:
            self._commit((), self.next_offset)
        with self._meter.on("checkpoint"):
            engines = {key: keyed.engine.snapshot() for key, keyed in self._keyed.items()}
        totals = {name: getattr(self.totals, name) for name in Totals.__slots__}
        return {"next_offset": self.next_offset, "totals": totals, "engines": engines}

    def covered(self, next_offset: int) -> None:
        """A checkpoint with `next_offset` is durable: history may compact what it stored up to there."""
        self._covered = next_offset

    def report(self) -> None:
        """Tell the processes that have the page; what cannot be told now is told next time."""
        with suppress(UnavailableError):
            self._report(self.engines, self.status())

    def abandon(self) -> None:
        """The partition is no longer ours: wait no longer. From any thread."""
        self._stop.set()

    @property
    def waiting(self) -> bool:
        """Whether the database or the history is away right now."""
        return self._patience.waiting

    @property
    def trouble(self) -> str | None:
        """What is away right now, in words."""
        return self._patience.trouble

    @property
    def waiting_rows(self) -> int:
        """Readings that history has not stored yet."""
        return self._history.waiting_rows

    def counts(self) -> Counts:
        """Where the readings of all engines went."""
        return Counts.total(keyed.engine.counts() for keyed in list(self._keyed.values()))

    @property
    def engines(self) -> dict[str, Engine]:
        """By record key."""
        return {key: keyed.engine for key, keyed in self._keyed.items()}

    def status(self) -> PipelineStatus:
        """This moment, for the processes that have the page: a position is the number of the next record."""
        counts, totals = self.counts(), self.totals
        return PipelineStatus(
            state="stopping" if self._stop.is_set() else "running",
            connected=True,
            messages=totals.records,
            readings=totals.readings,
            repeats=counts.repeats,
            late=counts.late,
            dead_letters=totals.dead_letters,
            event_time=totals.time or None,
            position=self.next_offset,
            committed=max(self._committed, self._covered),
            started_at=self._started,
        )

    def _letter(self, record: Record, reason: str) -> DeadLetter:
        self.totals.dead_letters += 1
        self._meter.dead_letters += 1
        return DeadLetter(self._topic, record.value or b"", reason, record.received)

    def _read(self, record: Record) -> tuple[str, Block, str]:
        """The record's key, its readings that can be used, and what is wrong with the others."""
        if record.key is None or record.value is None:
            raise InputError("the record has no key or no value")
        key, block = record.key.decode(errors="replace"), decode(record.value)
        if key.rpartition("/")[0] != block.appliance_model:
            raise InputError(f"the record's key is {key!r}, its readings are of {block.appliance_model!r}")
        if block.appliance_model not in self._engines.appliance_models:
            raise InputError(f"there is no profile for the appliance model {block.appliance_model!r}")
        believed = self._event_times.believed(block, record.received)
        if believed.all():
            return key, block, ""
        far_off = len(block) - int(believed.sum())
        wrong = f"{far_off} of {len(block)} readings are too old or ahead (ingest.oldest, ingest.clock_ahead)"
        if far_off == len(block):
            raise InputError(wrong)
        return key, block.take(believed), f"{wrong}; the others are used"

    def _judge(self, key: str, block: Block) -> Sequence[Finding]:
        permitted = self._patience.insist(lambda: self._permitted(block))
        keyed = self._engine_of(key)
        keyed.follow(self._clock.now_ms())
        with self._meter.on("engine"):
            return keyed.engine.process(permitted)

    def _count(self, readings: int, findings: int, time: int) -> None:
        self.totals.readings += readings
        self.totals.findings += findings
        self.totals.time = max(self.totals.time, time)
        self._meter.readings += readings
        self._meter.findings += findings

    def _commit(self, findings: Sequence[Finding], position: int) -> None:
        with self._meter.on("effects"):
            self._patience.insist(lambda: self._effects.apply(findings, (), position))
        self._committed = position

    def _engine_of(self, key: str) -> Keyed:
        if key not in self._keyed:
            self._keyed[key] = self._engines(key.rpartition("/")[0], self._history.write)
        return self._keyed[key]
