"""What one partition does: records in order -> engines -> effects, and checkpoints to go on from. No Kafka in here.

Plain and synchronous; one thread calls it. A record key (`{appliance_model}/{group}`) has an engine of its own, so
what is found never depends on how keys are spread over partitions, or partitions over workers.

A position of this partition's stream is an offset plus one. Effects commit together with it; records below it only
rebuild state, as those of the journal do in the in-process runtime. A block that leads to nothing moves no position
by itself (that would be a transaction a block): the next finding or checkpoint does, and its replay leads to nothing.

A record may be a look at the clock instead (`looks.py`), which all engines of the partition hear.

A record that raises what nobody foresaw leaves half of a step behind: nothing is written of it, and `recovery.py` goes
back to the last checkpoint.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from alerts.personal.erasure import Job
from foremend.engine.engine import Engine, ReadingsListener
from foremend.engine.lane import Counts
from foremend.engine.packing import pack, unpack
from foremend.runtimes.arrivals import Arrivals
from foremend.runtimes.kafka.blocks import decode
from foremend.runtimes.kafka.event_times import ANY_TIME, EventTimes
from foremend.runtimes.kafka.hearing import Hearing
from foremend.runtimes.kafka.looks import Look, look_in
from foremend.runtimes.kafka.meter import Meter
from foremend.runtimes.kafka.resting import AtRest
from foremend.runtimes.kafka.suspects import Suspects, letters_of, only, topic_of
from foremend.runtimes.rescue import NOT_TRIED, Held
from foremend.runtimes.status import PipelineStatus
from foremend.stores.patience import Patience
from foremend.vocabulary.errors import DefectError, InputError, UnavailableError, is_unforeseen
from foremend.vocabulary.ports import Clock, Effects, History, Snapshot
from foremend.vocabulary.types import Block, DeadLetter, Finding, RawMessage
from ingest.presences import tells_presence
from ingest.quarantine import Quarantine

_NOBODY: Mapping[str, str] = MappingProxyType({})


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
    """Makes the engine of a record key, `{appliance_model}/{group}`; `on_readings` hears every reading once."""

    appliance_models: Collection[str]

    def __call__(self, key: str, on_readings: ReadingsListener) -> Keyed: ...


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
        quarantine: Quarantine,
        event_times: EventTimes = ANY_TIME,
        resting: AtRest | None = None,
        arrivals: Arrivals | None = None,
        erasures: Callable[[], Sequence[Job]] = tuple,
        unwatched: Callable[[Collection[str]], Collection[str]] = lambda ids: (),
    ) -> None:
        """`permitted` takes out whom nobody may watch; `report` hears of every checkpoint.

        Each checkpoint forgets whom the `erasures` under way are about; the status says of which it is durable.

        `resting` keeps memory within bounds; without it everybody stays in memory. `arrivals` tells who is new.
        `unwatched` answers whom of some ids nobody may watch: each look at the clock forgets them.
        """
        self._unwatched = unwatched
        self._quarantine, self._untried, self._hearing = quarantine, Held(), Hearing(topic, quarantine)
        self._topic, self._engines, self._effects = topic, engines, effects
        self._history, self._permitted, self._report = history, permitted, report
        self._clock, self._meter, self._event_times = clock, meter, event_times
        self._resting, self._arrivals = resting, arrivals or Arrivals()
        self._erasures, self._forgetting, self._forgot = erasures, tuple[str, ...](), tuple[str, ...]()
        self._keyed: dict[str, Keyed] = {}
        self._stop = threading.Event()
        self.patience = Patience(self._stop)
        self._committed = self._covered = 0
        self._started = clock.now_ms()
        self.next_offset = 0
        self.totals = Totals()
        self.days_left_out = 0  # that could not be judged, since the process began
        self.stage = ""  # of the last record, as `ingest.quarantine.STAGES`
        self.whole = True  # the state is that of `next_offset`; not so within a record
        self.searching = False  # for what raised

    def restore(
        self,
        snapshot: Snapshot | None,
        first_offset: int = 0,
        still_ours: Callable[[], object] = lambda: None,
    ) -> None:
        """Go on from `snapshot`; without one, from `first_offset`. Raises IntegrityError as `Engine.restore` does.

        Whatever was in memory is forgotten, and what history has beyond: what `still_ours` raises is raised before.
        """
        self.whole = False
        self.next_offset, self.totals, self._keyed, self._untried = first_offset, Totals(), {}, Held()
        self._hearing = Hearing(self._topic, self._quarantine)
        if snapshot is not None:
            self.next_offset = max(int(snapshot["next_offset"]), first_offset)
            self.totals = Totals(**snapshot["totals"])
            for key, state in snapshot["engines"].items():
                self._engine_of(key).engine.restore(state)
            self._untried.restore(snapshot.get("held", Held().snapshot()))
            self._hearing.restore(snapshot.get("looks", Held().snapshot()))
        if self._resting is not None:
            self._resting.restore(None if snapshot is None else snapshot.get("resting"), self.engines)
        self._covered = self.next_offset
        self.patience.insist(lambda: self._history.forget_after(self.next_offset, still_ours))
        self._committed = self.patience.insist(self._effects.position)
        self.whole = True

    def process(
        self, record: Record, *, without: Mapping[str, str] = _NOBODY, judge_days: bool = True
    ) -> list[DeadLetter]:
        """Take the next record; what cannot be used of it becomes dead letters, and the partition goes on.

        `without` are reasons by appliance whose readings are set aside; of a look, by record key whose engine does not
        hear it. Make the answer durable before the next checkpoint. Waits while the database or the history is away;
        raises UnavailableError once `abandon` was called.
        """
        self.whole, self.stage = False, "decode"
        look = look_in(record.key, record.value, record.received)
        if look is None:
            findings, letters = self._use(record, without, judge_days)
        else:
            findings, letters = self._hear(look, without)
        if findings and record.offset >= self._committed:
            self._commit(findings, record.offset + 1)
        self._done(record, letters)
        return letters

    def suspects(self, record: Record) -> dict[str, str]:
        """Reasons by appliance whose readings in `record`, the next one, raise; the state stays as it is.

        Of a look at the clock, by record key whose engine raises.
        """
        if (look := look_in(record.key, record.value, record.received)) is not None:
            is_new = record.offset >= self._committed
            apply = self._try_effects if is_new else lambda findings: None
            return self._hearing.suspects(self._keyed, look, self._hearing_copy, apply, self._tell)
        key, block, _ = self._read(record)
        block, _ = self._set_apart(block, record.received, _NOBODY)
        search = Suspects(
            block, partial(self._try, key, record.offset), self._tell, self._accuse(record.received)
        )
        try:
            search.by_readings()
            if record.offset >= self._committed:
                search.by_findings(self._try_effects)
        finally:
            self.patience.insist(lambda: self._history.forget_after(self.next_offset))
        return search.reasons

    def put_aside(self, record: Record, error: Exception) -> list[DeadLetter]:
        """The next record, the whole of it: it raised `error`, and no appliance in it is to blame by itself."""
        letters = [self._letter(record, self._quarantine.reason(self.stage, error))]
        if not self._is_look(record):
            self._accuse(record.received)(f"{self._topic}/{record.key!r}", error)
        self._done(record, letters)
        return letters

    def checkpoint(self) -> dict[str, Any]:
        """Write history, move the position, and answer the state; its arrays are good until the next record."""
        self.stage = "history"
        with self._meter.on("history"):
            self.patience.insist(lambda: self._history.flush(self._covered, self.next_offset))
        if self.next_offset > self._committed:
            self._commit((), self.next_offset)
        with self._meter.on("checkpoint"):
            if self._resting is not None and self._resting.due(self.engines):
                self._make_room(self._resting)
            self._forget_erased()
            engines = {key: keyed.engine.snapshot() for key, keyed in self._keyed.items()}
        totals = {name: getattr(self.totals, name) for name in Totals.__slots__}
        held, looks = self._untried.snapshot(), self._hearing.snapshot()
        resting = {} if self._resting is None else {"resting": self._resting.snapshot(self.engines)}
        return {
            "next_offset": self.next_offset, "totals": totals, "engines": engines, "held": held, "looks": looks,
            **resting,
        }  # fmt: skip

    def covered(self, next_offset: int) -> None:
        """A checkpoint with `next_offset` is durable: history may compact what it stored up to there."""
        self._covered, self._forgot = next_offset, self._forgetting

    def owes_erasure(self) -> bool:
        """Whether an erasure is under way of which the last checkpoint does not know: it is due then, come what may.

        Not where the database does not answer now.
        """
        with suppress(UnavailableError):
            return not {job.id for job in self._erasures()} <= {*self._forgot}
        return False

    def report(self) -> None:
        """Tell the processes that have the page; what cannot be told now is told next time."""
        self._arrivals.tell(self._clock.now_ms())
        with suppress(UnavailableError):
            self._quarantine.contain("report", lambda: self._report(self.engines, self.status()))
            if self._resting is not None:
                self._quarantine.contain("report", partial(self._resting.tidy, self.engines))

    def abandon(self) -> None:
        """The partition is no longer ours: wait no longer. From any thread."""
        self._stop.set()

    @property
    def waiting(self) -> bool:
        """Whether the database or the history is away right now, or it is looked for what raised."""
        return self.patience.waiting or self.searching

    @property
    def abandoned(self) -> bool:
        """Whether the partition is no longer ours."""
        return self._stop.is_set()

    @property
    def trouble(self) -> str | None:
        """What is away right now, in words."""
        return self.patience.trouble

    @property
    def waiting_rows(self) -> int:
        """Readings that history has not stored yet."""
        return self._history.waiting_rows

    @property
    def crowded(self) -> bool:
        """Whether so many newcomers came that a checkpoint is due, which makes room."""
        return self._resting is not None and self._resting.crowded(self.engines)

    @property
    def resting(self) -> int:
        """How many appliances rest."""
        return 0 if self._resting is None else self._resting.count

    def counts(self) -> Counts:
        """Where the readings of all engines went."""
        return Counts.total(keyed.engine.counts() for keyed in list(self._keyed.values()))

    @property
    def engines(self) -> dict[str, Engine]:
        """By record key."""
        return {key: keyed.engine for key, keyed in list(self._keyed.items())}

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
            resting=self.resting,
            forgot=self._forgot,
        )

    def _forget_erased(self) -> None:
        """Nothing of whom an erasure is about stays in what is written from now on."""
        jobs = self.patience.insist(self._erasures)
        for job in jobs:
            ids = {one.appliance_id for one in job.whose.appliances}
            self.whole = False
            for engine in self.engines.values():
                engine.forget(ids)
            if self._resting is not None:
                self._resting.forget(ids)
            self._untried.forget(job.whose.is_named_in)
            self.whole = True
        self._forgetting = tuple(job.id for job in jobs)

    def _letter(self, record: Record, reason: str) -> DeadLetter:
        return DeadLetter(self._topic, record.value or b"", reason, record.received)

    def _done(self, record: Record, letters: Sequence[DeadLetter]) -> None:
        self.next_offset, self.whole = record.offset + 1, True
        messages = 0 if self._is_look(record) else 1
        self.totals.records += messages
        self.totals.dead_letters += len(letters)
        self._meter.records += messages
        self._meter.dead_letters += len(letters)

    def _is_look(self, record: Record) -> bool:
        return look_in(record.key, record.value, record.received) is not None

    def _use(
        self, record: Record, without: Mapping[str, str], judge_days: bool
    ) -> tuple[Sequence[Finding], list[DeadLetter]]:
        """What the readings of the record bring."""
        try:
            with self._meter.on("decode"):
                key, block, letters = self._read(record)
        except InputError as error:
            return (), [self._letter(record, str(error))]
        block, aside = self._set_apart(block, record.received, without)
        findings = self._judge(key, block, judge_days) if len(block) else ()
        return findings, letters + aside

    def _hear(self, look: Look, without: Mapping[str, str]) -> tuple[Sequence[Finding], list[DeadLetter]]:
        """What a look at the clock brings."""
        self.stage = "engine"
        self._forget_unwatched()
        with self._meter.on("engine"):
            findings, letters = self._hearing.advance(self.engines, look, without)
        self._count(0, len(findings), 0)
        return findings, letters

    def _forget_unwatched(self) -> None:
        """What was learnt of whom nobody may watch any more goes, before anybody calls them silent."""
        lanes = [lane for engine in self.engines.values() for lane in engine.lanes.values()]
        ids = {one for lane in lanes for one in lane.ids}
        if self._resting is not None:
            ids |= self._resting.names()
        if gone := self.patience.insist(partial(self._unwatched, ids)):
            for engine in self.engines.values():
                engine.forget(gone)

    def _read(self, record: Record) -> tuple[str, Block, list[DeadLetter]]:
        """The record's key, its readings that can be used, and a dead letter if there are others."""
        if record.key is None or record.value is None:
            raise InputError("the record has no key or no value")
        key, block = record.key.decode(errors="replace"), decode(record.value)
        if key.rpartition("/")[0] != block.appliance_model:
            raise InputError(f"the record's key is {key!r}, its readings are of {block.appliance_model!r}")
        if block.appliance_model not in self._engines.appliance_models:
            raise InputError(f"there is no profile for the appliance model {block.appliance_model!r}")
        believed = self._event_times.believed(block, record.received)
        if believed.all():
            return key, block, []
        far_off = len(block) - int(believed.sum())
        wrong = f"{far_off} of {len(block)} readings are too old or ahead (ingest.oldest, ingest.clock_ahead)"
        if far_off == len(block):
            raise InputError(wrong)
        return key, block.take(believed), [self._letter(record, f"{wrong}; the others are used")]

    def _set_apart(
        self, block: Block, received: int, without: Mapping[str, str]
    ) -> tuple[Block, list[DeadLetter]]:
        """The block without those of `without` and those that are not to be tried, and their dead letters."""
        held = self._not_to_be_tried(block, received) if self._untried.active else {}
        aside = {**held, **without}
        if not aside:
            return block, []
        letters = letters_of(block, aside, received)
        self._quarantine.counts["held"] += sum(letter.reason == NOT_TRIED for letter in letters)
        return only(block, [one for one in block.appliance_ids if one not in aside]), letters

    def _not_to_be_tried(self, block: Block, received: int) -> dict[str, str]:
        return {
            one: NOT_TRIED
            for one in block.appliance_ids
            if self._untried.holds(topic_of(block, one), received)
        }

    def _judge(self, key: str, block: Block, judge_days: bool) -> Sequence[Finding]:
        keyed = self._engine_of(key)
        self._quarantine.contain("promotion", lambda: keyed.follow(self._clock.now_ms()))
        self.stage = "engine"
        permitted = self.patience.insist(lambda: self._permitted(block))
        left_out, known = keyed.engine.days_left_out, keyed.engine.heard_of()
        with self._meter.on("engine"):
            findings = self._process(keyed.engine, permitted, judge_days)
        self.days_left_out += keyed.engine.days_left_out - left_out
        self._untried.went_through()
        if tells_presence(block):
            self._count(0, len(findings), 0)
            return findings
        self._count(len(block), len(findings), int(block.time.max(initial=0)))
        self._tell_arrivals(permitted, keyed.engine.heard_of() - known)
        return findings

    def _tell_arrivals(self, block: Block, new: int) -> None:
        self._arrivals.came(block.appliance_model, len(block))
        if new:
            self._arrivals.new(block.appliance_model, new, self._clock.now_ms())

    def _make_room(self, resting: AtRest) -> None:
        """Once a day of event time, as one machine does: who was not heard of for long leaves memory."""
        self.whole = False
        try:
            gone = resting.make_room(self.engines)
            self.patience.insist(lambda: resting.put(gone))
        except Exception as error:
            if is_unforeseen(error):
                raise DefectError(f"appliances could not be let rest ({type(error).__name__})") from error
            raise
        self.whole = True

    def _process(self, engine: Engine, block: Block, judge_days: bool) -> list[Finding]:
        """What a block that may be used brings, with those in memory that it speaks of."""
        back = self.patience.insist(partial(self._bring_back, engine, block))
        return back + engine.process(block, judge_days=judge_days)

    def _bring_back(self, engine: Engine, block: Block) -> list[Finding]:
        return [] if self._resting is None else self._resting.bring_back(engine, block)

    def _try(self, key: str, offset: int, block: Block) -> list[Finding]:
        """What the next record would lead to with `block` in it, by an engine of its own; days are left out."""
        if self.stage == "history":
            self.patience.insist(lambda: self._history.forget_after(self.next_offset))
        trial = self._copy(key)
        self._quarantine.contain("promotion", lambda: trial.follow(self._clock.now_ms()))
        permitted = self.patience.insist(lambda: self._permitted(block))
        findings = self._process(trial.engine, permitted, judge_days=False)
        if self.stage == "history":
            self.patience.insist(lambda: self._history.flush(self._covered, offset + 1))
        self._untried.went_through()
        return findings

    def _copy(self, key: str) -> Keyed:
        """An engine of its own in the same state."""
        copy = self._engines(key, self._history.write)
        copy.engine.restore(unpack(pack(self._engine_of(key).engine.snapshot())))
        return copy

    def _hearing_copy(self, key: str) -> Engine:
        self.stage = "engine"
        return self._copy(key).engine

    def _try_effects(self, findings: Sequence[Finding]) -> None:
        """Of a record that will be used; its position comes when it is."""
        self.stage = "effects"
        self.patience.insist(lambda: self._effects.apply(findings, (), self.next_offset))

    def _tell(self, error: Exception) -> str:
        return self._quarantine.reason(self.stage, error)

    def _accuse(self, received: int) -> Callable[[str, Exception], None]:
        return lambda topic, error: self._untried.note(RawMessage(topic, b"", received), error)

    def _count(self, readings: int, findings: int, time: int) -> None:
        self.totals.readings += readings
        self.totals.findings += findings
        self.totals.time = max(self.totals.time, time)
        self._meter.readings += readings
        self._meter.findings += findings

    def _commit(self, findings: Sequence[Finding], position: int) -> None:
        self.stage = "effects"
        with self._meter.on("effects"):
            self.patience.insist(lambda: self._effects.apply(findings, (), position))
        self._committed = position

    def _engine_of(self, key: str) -> Keyed:
        if key not in self._keyed:
            self._keyed[key] = self._engines(key, self._history.write)
        return self._keyed[key]
