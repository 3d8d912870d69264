"""Appliances of a partition rest in the shared database, whoever works on it, is killed, or writes too late."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from alerts.database import reading, writing
from alerts.desk import Alerts, open_alerts
from alerts.resting import RestingAppliances
from alerts.settings import AlertsSettings
from alerts.shared_status import some
from alerts.tables import FindingRow, RestingRow
from alerts.vault import open_vault
from foremend.engine.engine import Engine, ReadingsListener
from foremend.engine.packing import pack, unpack
from foremend.engine.resting import RestRules
from foremend.history.parquet import ParquetHistory
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.kafka.blocks import encode
from foremend.runtimes.kafka.meter import Meter
from foremend.runtimes.kafka.partition import Keyed, PartitionRuntime, Record
from foremend.runtimes.kafka.resting import AtRest
from foremend.runtimes.kafka.status_writer import StatusWriter
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Block, Forgotten
from ingest.quarantine import Quarantine
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

MODEL = "generic-compressor"
KEY = f"{MODEL}/0"
STREAM = "fleet-0"
START = 20_000 * MS_PER_DAY
MINUTE = 60_000
PROFILES = load_profiles()
AT_ONCE = RestRules(after=1, strangers_after=1, most_strangers=100)
OVERLOAD = {"signal": "power", "above": 1_000, "unit": "W"}
RULES = RuleBook(
    RulesSettings.model_validate(
        {
            "book": [
                {"name": "overload", "fault": "overload", "when": OVERLOAD, "sustained_for": "2 h"},
                {"name": "no-data", "fault": "silent", "when": {"silent_for": "1 d"}},
            ]
        }
    )
)
Told = set[tuple[Any, ...]]


class Engines:
    """An engine by rules alone."""

    appliance_models = (MODEL,)

    def __call__(self, key: str, on_readings: ReadingsListener) -> Keyed:
        return Keyed(
            Engine(PROFILES, RULES, lateness_ms=10 * MINUTE, on_readings=on_readings), lambda now: None
        )


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def now_ms(self) -> int:
        return self.now


@cache
def records() -> Sequence[Record]:
    """Six hours each: one speaks always, one is away overloaded, one comes and goes, one rarely, one never again."""
    told: list[list[tuple[str, int, float]]] = []
    for part in range(14 * 4):
        said = []
        for minute in range(part * 360, (part + 1) * 360, 30):
            day, usual = minute // 1440, 90.0 * (minute % 90 < 60)
            said.append(("always", minute, usual))
            if day in (0, 1, 8, 9, 10):
                said.append(("away", minute, 2_000.0 if day in (1, 8) else usual))
            if day % 4 == 0:
                said.append(("now-and-then", minute, usual))
            if minute in (30, 5_010):
                said.append(("rarely", minute, usual))
            if minute in (60, 90):
                said.append(("stranger", minute, usual))
        told.append(said)
    return [record(offset, said) for offset, said in enumerate(told)]


def record(offset: int, said: Sequence[tuple[str, int, float]]) -> Record:
    names = tuple(sorted({name for name, _, _ in said}))
    who = np.array([names.index(name) for name, _, _ in said], np.int32)
    minute = np.array([minute for _, minute, _ in said])
    power = {"power": np.array([watts for _, _, watts in said])}
    block = Block(MODEL, names, who, START + minute * MINUTE, minute, power, ("",) * len(names))
    return Record(offset, KEY.encode(), encode(block), START)


class World:
    """One partition: its records, its checkpoints in the order in which Kafka took them, and who works on it."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder, self.checkpoints = folder, [b""]
        self.alerts = desk(folder, database)
        self.clock, self.rules = ManualClock(), AT_ONCE
        self.forgotten: list[Forgotten] = []
        self.withdrawn: set[str] = set()
        self.in_flight: list[bytes] = []
        self.take_over()

    def store(self) -> RestingAppliances:
        return RestingAppliances(self.alerts.engine, STREAM, self.clock)

    def take_over(self) -> None:
        """Another process, from the checkpoint that Kafka took last; what is under way counts no more."""
        self.in_flight.clear()
        at_rest = AtRest(
            self.store(),
            self.rules,
            self.clock,
            7 * MS_PER_DAY,
            lambda: self.forgotten,
            lambda: self.withdrawn,
        )
        self.worker = worker(self.folder, self.alerts, at_rest)
        packed = self.checkpoints[-1]
        self.worker.restore(unpack(packed) if packed else None)

    def go(self, many: int) -> None:
        following = records()[self.worker.next_offset : self.worker.next_offset + many]
        for one in following:
            self.worker.process(one)

    def packed(self) -> bytes:
        """A checkpoint that Kafka has not taken yet."""
        return bytes(pack(self.worker.checkpoint()))

    def send(self) -> None:
        """A checkpoint that is under way."""
        self.in_flight.append(self.packed())

    def take_late(self) -> None:
        """Kafka takes what was sent last."""
        self.checkpoints += self.in_flight[-1:]

    def save(self) -> None:
        self.checkpoints.append(self.packed())
        self.worker.covered(self.worker.next_offset)
        self.worker.report()

    def finish(self) -> None:
        self.take_over()
        while self.worker.next_offset < len(records()):
            self.go(8)
            self.save()

    def rows(self) -> int:
        with reading(self.alerts.engine) as session:
            return session.scalar(select(func.count()).select_from(RestingRow)) or 0


def worker(folder: Path, alerts: Alerts, at_rest: AtRest | None) -> PartitionRuntime:
    return PartitionRuntime(
        topic="blocks",
        engines=Engines(),
        effects=alerts.effects.of(STREAM),
        history=ParquetHistory(folder / "history", STREAM),
        permitted=lambda block: block,
        report=StatusWriter(alerts.engine, STREAM, SystemClock()).record,
        clock=SystemClock(),
        meter=Meter(),
        quarantine=Quarantine(),
        resting=at_rest,
    )


def desk(folder: Path, database: str) -> Alerts:
    settings = AlertsSettings(database=database, key_file=folder / "key", sms=None, push=None)
    vault = open_vault(settings, os.environ)
    return open_alerts(settings, SystemClock(), vault, {}, np.random.default_rng(0), {}, {})


@contextmanager
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as name:
        one = World(Path(name), f"sqlite:///{name}/foremend.db")
        yield one
        one.alerts.close()


def told(alerts: Alerts) -> Told:
    with reading(alerts.engine) as session:
        rows = session.scalars(select(FindingRow)).all()
        return {
            (r.id, r.kind, r.appliance_id, r.fault, r.time, r.episode_start, str(r.evidence)) for r in rows
        }


def readings(folder: Path) -> list[tuple[str, int]]:
    stored = ParquetHistory(folder / "history").read(MODEL, START, START + 20 * MS_PER_DAY)
    return sorted(
        (block.appliance_ids[row], time)
        for block in stored
        for row, time in zip(block.appliance.tolist(), block.time.tolist(), strict=True)
    )


@cache
def undisturbed() -> tuple[Told, list[tuple[str, int]]]:
    """What a worker finds and stores that keeps everybody in memory and is never disturbed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alerts = desk(folder, f"sqlite:///{name}/foremend.db")
        one = worker(folder, alerts, None)
        one.restore(None)
        for record in records():
            one.process(record)
        one.checkpoint()
        found = told(alerts), readings(folder)
        alerts.close()
    return found


STEPS: Mapping[str, Any] = {
    "goes on": lambda world: world.go(1),
    "goes on for a day": lambda world: world.go(4),
    "writes a checkpoint": World.save,
    "writes one that Kafka never takes": World.packed,
    "writes one that Kafka takes late": World.send,
    "Kafka takes it": World.take_late,
    "dies": World.take_over,
}


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=40))
@settings(max_examples=15)
def test_whatever_happens_to_its_workers_an_appliance_comes_back_as_it_was(steps: list[str]) -> None:
    """Killed anywhere, checkpoints lost or taken late: as if nobody had rested.

    That Kafka takes none of a dead worker any more is tests/integration/kafka/test_state.py's.
    """
    with world() as one:
        for step in steps:
            STEPS[step](one)
        one.finish()

        assert told(one.alerts) == undisturbed()[0]
        assert set(readings(one.folder)) == set(undisturbed()[1])
        assert one.worker.status().resting >= 2


@pytest.fixture
def there(tmp_path: Path, database: str) -> Iterator[World]:
    one = World(tmp_path, database)
    yield one
    one.alerts.close()


def test_who_rests_is_in_the_database_and_neither_in_memory_nor_in_checkpoints(there: World) -> None:
    """The page shows them as silent; whoever takes the partition over brings them back with all that they were."""
    there.go(12)
    there.save()
    there.go(8)
    there.save()
    in_memory = there.worker.engines[KEY].lanes[MODEL].ids
    pages = {
        one.appliance_id: one.silent for one in some(there.alerts.engine, ["away", "always", "stranger"])
    }

    there.finish()

    assert "away" not in in_memory
    assert "always" in in_memory
    assert pages == {"always": False, "away": True, "stranger": True}
    assert (told(there.alerts), readings(there.folder)) == undisturbed()


def test_a_checkpoint_that_counts_again_finds_its_own(there: World) -> None:
    """One who lost the partition without knowing has the last word; what his successor let rest is not brought back."""
    there.go(20)
    late = there.packed()
    there.take_over()
    there.go(40)
    there.save()
    there.checkpoints.append(late)

    there.finish()

    assert told(there.alerts) == undisturbed()[0]
    assert set(readings(there.folder)) == set(undisturbed()[1])


def test_what_no_checkpoint_names_goes_when_none_could_be_gone_on_from(there: World) -> None:
    """Rows are marked by the first look of a day, and removed once Kafka has no longer what came behind them."""
    there.finish()
    with writing(there.alerts.engine) as session:
        named = there.worker.status().resting
        session.execute(update(RestingRow).values(unused_since=START))  # as one would who knows of none
    before = there.rows()

    there.clock.now += 2 * MS_PER_DAY
    there.worker.report()
    marked = there.rows()
    there.clock.now += 8 * MS_PER_DAY
    there.worker.report()

    assert before == marked > named
    assert there.rows() == named


def test_what_may_not_be_kept_leaves_the_database(there: World) -> None:
    """An erased appliance's state up to the time of its erasure, that of a withdrawn consent at once; and no alarm."""
    there.finish()
    before = there.worker.status().resting

    there.forgotten.append(Forgotten(MODEL, "away", START + 20 * MS_PER_DAY))
    there.forgotten.append(Forgotten(MODEL, "rarely", START))
    there.withdrawn.add("stranger")
    there.worker.report()

    assert there.worker.status().resting == before - 2
    kept = {one.appliance_id for one in there.store().stored() if one.unused_since is None}
    assert "rarely" in kept
    assert not kept & {"away", "stranger"}


def test_one_that_the_database_lost_is_learnt_anew_and_told(
    there: World, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a backup that is older than the state: a line in the log, and the partition goes on."""
    there.finish()
    before = there.worker.status().resting
    with writing(there.alerts.engine) as session:
        for row in session.scalars(select(RestingRow)):
            session.delete(row) if row.appliance_id == "away" else setattr(row, "state", row.state[:-4])

    there.worker.process(record(len(records()), [("away", 14 * 1440, 1.0), ("rarely", 14 * 1440, 1.0)]))
    there.save()

    assert "2 appliances of generic-compressor come back and are learnt anew" in caplog.text
    assert {"away", "rarely"} <= set(there.worker.engines[KEY].lanes[MODEL].ids)
    assert there.worker.status().resting == before - 2


def test_made_up_ids_fill_neither_memory_nor_the_database(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond a number they rest at once, of those the oldest are forgotten, and all of them after a month."""
    monkeypatch.setattr("foremend.runtimes.kafka.resting.MOST_STRANGERS_STORED", 150)
    made_up = [(f"made-up-{k}", k // 20, 1.0) for k in range(300)]
    there.worker.process(record(0, made_up))
    crowded = there.worker.crowded
    there.save()

    assert crowded
    assert len(there.worker.engines[KEY].lanes[MODEL].ids) <= AT_ONCE.most_strangers
    assert there.worker.status().resting == 150
    assert there.rows() == 150

    there.clock.now += 2 * MS_PER_DAY
    for day in (1, 2, 40):
        there.worker.process(record(day, [("always", day * 1440, 1.0)]))
        there.save()
    there.clock.now += 2 * MS_PER_DAY
    there.worker.report()
    assert (there.worker.status().resting, there.rows()) == (0, 0)
