"""What workers tell the service through the effects database, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select

from alerts.database import reading as database_reading
from alerts.tables import ProcessRow, SeenRow
from foremend.engine.engine import Engine
from foremend.engine.resting import RestRules
from foremend.runtimes.kafka import status_writer
from foremend.runtimes.kafka.status_writer import StatusWriter
from foremend.runtimes.resting import STRANGERS_FORGOTTEN_AFTER
from foremend.runtimes.status import PipelineStatus
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Block
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

NOW = 1_767_240_000_000
STATUS = PipelineStatus("running", True, 10, 100, 1, 2, 3, NOW, 50, 40, NOW)
STRANGERS_ONLY = RestRules(after=2**62, strangers_after=STRANGERS_FORGOTTEN_AFTER, most_strangers=2**31)

MakeEngine = Callable[[], Engine]
Reading = Callable[..., Block]


def seen(tables: Database) -> dict[str, tuple[str, str, int]]:
    with database_reading(tables) as session:
        return {
            row.appliance_id: (row.appliance_model, row.category, row.last_seen)
            for row in session.scalars(select(SeenRow))
        }


def test_appliances_are_written_with_when_they_were_last_seen(
    tables: Database, clock: Any, make_engine: MakeEngine, reading: Reading
) -> None:
    """Those of every engine of the partition, each with its model and category."""
    engines = {"rf-260/0": make_engine(), "ac-35i/0": make_engine()}
    engines["rf-260/0"].process(reading("a", "b"))
    engines["ac-35i/0"].process(reading("c", model="ac-35i", time=NOW + 5))

    StatusWriter(tables, "foremend-0", clock).record(engines, STATUS)

    assert seen(tables) == {
        "a": ("rf-260", "refrigerator", NOW),
        "b": ("rf-260", "refrigerator", NOW),
        "c": ("ac-35i", "air-conditioner", NOW + 5),
    }


def test_only_what_changed_is_written_again(
    tables: Database, clock: Any, make_engine: MakeEngine, reading: Reading
) -> None:
    """An appliance that said nothing costs nothing."""
    engine = make_engine()
    engine.process(reading("a", "b"))
    writer = StatusWriter(tables, "foremend-0", clock)
    writer.record({"rf-260/0": engine}, STATUS)
    engine.process(reading("b", "c", time=NOW + 60_000))

    written = writer.record({"rf-260/0": engine}, STATUS)

    assert written == 2
    assert {name: row[2] - NOW for name, row in seen(tables).items()} == {"a": 0, "b": 60_000, "c": 60_000}


def test_of_a_large_fleet_those_come_first_that_waited_longest(
    tables: Database, clock: Any, make_engine: MakeEngine, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call writes no more than it may, and every appliance has its turn."""
    monkeypatch.setattr(status_writer, "MOST_APPLIANCES", 3)
    engines = {"rf-260/0": make_engine(), "rf-260/1": make_engine()}
    engines["rf-260/0"].process(reading("a", "b"))
    writer = StatusWriter(tables, "foremend-0", clock)
    writer.record(engines, STATUS)
    engines["rf-260/0"].process(reading("a", "b", time=NOW + 1))
    engines["rf-260/1"].process(reading("c", "d", time=NOW + 1))

    written = [writer.record(engines, STATUS) for _ in range(3)]

    assert written == [3, 1, 0]
    assert {name: row[2] - NOW for name, row in seen(tables).items()} == dict.fromkeys("abcd", 1)


def test_newcomers_come_before_those_already_written(
    tables: Database, clock: Any, make_engine: MakeEngine, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An appliance is on the page before another's time is brought up to date."""
    monkeypatch.setattr(status_writer, "MOST_APPLIANCES", 2)
    engine = make_engine()
    engine.process(reading("a", "b"))
    writer = StatusWriter(tables, "foremend-0", clock)
    writer.record({"rf-260/0": engine}, STATUS)
    engine.process(reading("a", "b", "c", "d", time=NOW + 1))

    writer.record({"rf-260/0": engine}, STATUS)

    assert {name: row[2] - NOW for name, row in seen(tables).items()} == {"a": 0, "b": 0, "c": 1, "d": 1}


def test_the_last_status_of_a_stream_counts(tables: Database, clock: Any) -> None:
    """One row a stream, with when it was written."""
    writer = StatusWriter(tables, "foremend-0", clock)
    writer.record({}, STATUS)
    clock.now += 30_000

    writer.record({}, replace(STATUS, readings=200))

    with database_reading(tables) as session:
        (row,) = session.scalars(select(ProcessRow))
    assert (row.stream, row.status["readings"], row.at) == ("foremend-0", 200, NOW + 30_000)


RULES = RulesSettings.model_validate(
    {"book": [{"name": "no-data", "fault": "silent", "when": {"silent_for": "3 d"}}]}
)


def heard(engine: Engine, reading: Reading, names: str, days: float) -> None:
    engine.process(reading(*names, time=NOW + round(days * MS_PER_DAY)))


def told_silent(tables: Database) -> dict[str, bool]:
    with database_reading(tables) as session:
        return {row.appliance_id: row.silent for row in session.scalars(select(SeenRow))}


def test_who_falls_silent_is_written_though_nothing_was_heard_of_it(
    tables: Database, clock: Any, reading: Reading
) -> None:
    """And once more when it speaks; in between it costs nothing."""
    engine = Engine(load_profiles(), RuleBook(RULES), lateness_ms=600_000)
    writer = StatusWriter(tables, "foremend-0", clock)
    for days in (0.0, 0.1):
        heard(engine, reading, "ab", days)
    writer.record({"rf-260/0": engine}, STATUS)
    story = []
    for names, days in (("b", 4.0), ("b", 4.1), ("ab", 4.2)):
        heard(engine, reading, names, days)
        written = writer.record({"rf-260/0": engine}, STATUS)
        story.append((written, told_silent(tables)["a"]))

    assert story == [(2, True), (1, True), (2, False)]


def test_those_whose_silence_changed_have_their_turn_in_a_large_fleet(
    tables: Database, clock: Any, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before those that were written lately."""
    monkeypatch.setattr(status_writer, "MOST_APPLIANCES", 2)
    engine = Engine(load_profiles(), RuleBook(RULES), lateness_ms=600_000)
    writer = StatusWriter(tables, "foremend-0", clock)
    for days in (0.0, 0.1):
        heard(engine, reading, "abcdef", days)
    while writer.record({"rf-260/0": engine}, STATUS):
        pass
    heard(engine, reading, "ef", 4.0)
    written = [writer.record({"rf-260/0": engine}, STATUS) for _ in range(4)]

    assert written == [2, 2, 2, 0]
    assert told_silent(tables) == {one: one in "abcd" for one in "abcdef"}


def test_rows_that_change_their_appliance_are_followed(
    tables: Database, clock: Any, make_engine: MakeEngine, reading: Reading
) -> None:
    """When strangers leave memory, what was written of the others is still known, and newcomers are written."""
    engine = make_engine()
    writer = StatusWriter(tables, "foremend-0", clock)
    heard(engine, reading, "sxt", 0.0)
    heard(engine, reading, "st", 0.1)
    heard(engine, reading, "st", 40.0)
    writer.record({"rf-260/0": engine}, STATUS)
    gone = engine.retire(STRANGERS_ONLY)
    heard(engine, reading, "tn", 40.1)

    written = writer.record({"rf-260/0": engine}, STATUS)

    assert [one.appliance_id for one in gone] == ["x"]
    assert written == 2
    days = {name: round((row[2] - NOW) / MS_PER_DAY, 1) for name, row in seen(tables).items()}
    assert days == {"s": 40.0, "x": 0.0, "t": 40.1, "n": 40.1}
