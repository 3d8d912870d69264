"""A database or a disk that is really away: the one-machine runtime waits, says why, and loses and doubles nothing."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from alerts.desk import Alerts, open_alerts
from alerts.forgotten import ForgottenAppliances
from alerts.queries import counts
from alerts.settings import AlertsSettings
from alerts.vault import open_vault
from foremend.engine.engine import Engine
from foremend.history.parquet import ParquetHistory
from foremend.runtimes import inprocess
from foremend.runtimes.clock import ClockAtStart, SystemClock
from foremend.runtimes.consent_filter import ConsentFilter
from foremend.runtimes.inprocess import InProcessRuntime
from foremend.stores.journal import SqliteJournal
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, RawMessage
from ingest.decode import Ingest
from ingest.settings import IngestSettings
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

START = 20_000 * MS_PER_DAY
MINUTE = 60_000
MODEL = "generic-compressor"
BATCH = 40
AWAY_AT = 400  # the message with which the outage begins
HELD = 11  # the last ten minutes are held for late ones
OVERLOAD = {
    "name": "overload",
    "fault": "overload",
    "when": {"signal": "power", "above": 1_000, "unit": "W"},
    "sustained_for": "2 h",
}


def message(minute: int) -> RawMessage:
    watts = 2_000.0 if minute > 300 else 90.0 * (minute % 40 < 14)
    body = {"ts": START + minute * MINUTE, "seq": minute, "signals": {"power": watts}}
    topic = f"dt/appliance/{MODEL}/freezer-1/telemetry"
    return RawMessage(topic, orjson.dumps(body), START + minute * MINUTE)


MESSAGES = [message(minute) for minute in range(800)]


class Ticking:
    """A second passes at each look: whatever is asked once a second is asked each time."""

    def __init__(self) -> None:
        self._now = SystemClock().now_ms()

    def now_ms(self) -> int:
        self._now += 1_000
        return self._now


@dataclass
class Settable:
    now: int

    def now_ms(self) -> int:
        return self.now


class Stop(threading.Event):
    """Is waited on only while something is away: does `meanwhile` then, one a wait, and does not wait."""

    def __init__(self, *meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile = deque(meanwhile)

    def wait(self, timeout: float | None = None) -> bool:
        assert self._meanwhile, "it is still away"
        self._meanwhile.popleft()()
        return self.is_set()


@pytest.fixture(autouse=True)
def _no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A position is that of a device's message: nobody looks at this clock for who is silent."""
    monkeypatch.setattr(inprocess, "LOOK_EVERY_MS", 10**12)
    monkeypatch.setattr(inprocess, "LOOK_AT_LEAST_MS", 10**12)


@dataclass
class Source:
    """Messages that are there already; calls `when_taken` before message AWAY_AT, and `at_end` after the last."""

    messages: Sequence[RawMessage]
    at_end: Callable[[], object]
    when_taken: Callable[[], object] = lambda: None
    acknowledged: list[int] = field(default_factory=list)
    taken: int = 0

    def connect(self) -> None: ...

    def take(self, timeout_s: float) -> Sequence[tuple[RawMessage, Any]]:
        if self.taken == AWAY_AT:
            self.when_taken()
        batch = list(enumerate(self.messages))[self.taken : self.taken + BATCH]
        self.taken += len(batch)
        if not batch:
            self.at_end()
        return [(one, number) for number, one in batch]

    def acknowledge(self, tokens: Iterable[Any]) -> None:
        self.acknowledged += tokens

    def connected(self, timeout_s: float = 0.0) -> bool:
        return True

    def close(self) -> None: ...


@dataclass
class Line:
    """Where a pipeline keeps its things, and the pipeline."""

    database: str
    key: Path
    journal: Path
    snapshot: Path
    history: Path

    @staticmethod
    def at(folder: Path, database: str, **elsewhere: Path) -> Line:
        places = {"journal": "journal.db", "snapshot": "engine.snapshot", "history": "history"}
        paths = {name: elsewhere.get(name, folder) / file for name, file in places.items()}
        return Line(database, folder / "key", **paths)

    def open(self) -> Alerts:
        settings = AlertsSettings(database=self.database, key_file=self.key, sms=None, push=None)
        vault, stream = open_vault(settings, os.environ), SqliteJournal(self.journal).id
        return open_alerts(settings, SystemClock(), vault, {}, np.random.default_rng(0), {}, {}, stream)

    def runtime(
        self,
        alerts: Alerts,
        source: Source,
        checkpoint_every_ms: int = 10**9,
        require_clock: Callable[[int], None] = lambda newest_ms: None,
    ) -> InProcessRuntime:
        profiles, clock = load_profiles(), Ticking()
        journal = SqliteJournal(self.journal)
        history = ParquetHistory(self.history, journal.id, ForgottenAppliances(alerts.engine, clock).all)
        rules = RuleBook(RulesSettings.model_validate({"book": [OVERLOAD]}))
        return InProcessRuntime(
            source=source,
            journal=journal,
            ingest=Ingest(IngestSettings(), {name: profile.signals for name, profile in profiles.items()}),
            engine=Engine(profiles, rules, lateness_ms=10 * MINUTE, on_readings=history.write),
            effects=alerts.effects,
            history=history,
            snapshot_file=self.snapshot,
            clock=clock,
            checkpoint_every_ms=checkpoint_every_ms,
            permitted=ConsentFilter(alerts.watched, clock),
            report=lambda progress: None,
            require_clock=require_clock,
        )

    def stored(self) -> list[int]:
        history = ParquetHistory(self.history)
        return [int(time) for block in history.read(MODEL, START, START + MS_PER_DAY) for time in block.time]

    def check_nothing_is_lost_or_doubled(self, alerts: Alerts) -> None:
        assert sorted(self.stored()) == [START + minute * MINUTE for minute in range(len(MESSAGES) - HELD)]
        assert counts(alerts.engine).findings == 1


@dataclass
class Outage:
    """How a database goes away, and comes back."""

    url: str
    begin: Callable[[], object]
    end: Callable[[], object]


@pytest.fixture(params=["postgresql stopped", "sqlite locked"])
def outage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outage]:
    if request.param == "postgresql stopped":
        server = request.getfixturevalue("postgres_server")
        yield Outage(server.new_database(), server.stop, server.start)
    else:
        file = tmp_path / "effects.db"
        with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
            yield Outage(
                f"sqlite:///{file}?timeout=0.05",
                lambda: other.execute("BEGIN IMMEDIATE"),
                lambda: other.execute("ROLLBACK"),
            )


@pytest.fixture(autouse=True)
def _talks_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes is judged as it comes: none of it is a backlog, which is collected first."""
    monkeypatch.setattr(inprocess, "COLLECT_S", 0.0)


def test_a_database_away_in_the_middle_is_waited_for(
    outage: Outage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line when it is lost, one when it is back; meanwhile the pipeline says why it stands."""
    line, troubles = Line.at(tmp_path, outage.url), []
    alerts = line.open()
    stop = Stop(lambda: troubles.append(one.trouble()), lambda: troubles.append(one.trouble()), outage.end)
    source = Source(MESSAGES, stop.set, outage.begin)
    one = line.runtime(alerts, source)

    with caplog.at_level(logging.WARNING, "foremend"):
        one.recover(stop)
        one.run(stop)

    assert all("the effects database cannot be used now" in str(trouble) for trouble in troubles)
    assert one.trouble() is None
    assert [record.message.partition(": ")[0] for record in caplog.records] == [
        "the effects database cannot be used now",
        "storage works again",
    ]
    assert source.acknowledged == list(range(len(MESSAGES)))
    line.check_nothing_is_lost_or_doubled(alerts)
    alerts.close()


def test_a_stop_while_the_database_is_away_loses_nothing(outage: Outage, tmp_path: Path) -> None:
    """It ends with the sentence and code 4; the batch in hand is in the journal, and is replayed at the next start."""
    line = Line.at(tmp_path, outage.url)
    alerts, stop = line.open(), Stop(lambda: stop.set())
    source = Source(MESSAGES, stop.set, outage.begin)
    first = line.runtime(alerts, source, checkpoint_every_ms=0)
    first.recover(stop)

    with pytest.raises(UnavailableError, match="stopped while waiting: the effects database") as stopped:
        first.run(stop)

    assert stopped.value.exit_code == 4
    kept = SqliteJournal(line.journal).last_position()
    assert len(source.acknowledged) == kept
    outage.end()
    stop = Stop()
    second = line.runtime(alerts, Source(MESSAGES[kept:], stop.set))
    second.recover(stop)
    second.run(stop)
    line.check_nothing_is_lost_or_doubled(alerts)
    alerts.close()


def test_a_database_away_at_the_start_is_waited_for(outage: Outage, tmp_path: Path) -> None:
    """The journal's tail is replayed once it is there."""
    line = Line.at(tmp_path, outage.url)
    alerts, stop = line.open(), Stop()
    SqliteJournal(line.journal).append(MESSAGES[:BATCH])
    outage.begin()
    stop = Stop(lambda: None, outage.end)
    one = line.runtime(alerts, Source(MESSAGES[BATCH:], stop.set))

    one.recover(stop)
    one.run(stop)

    line.check_nothing_is_lost_or_doubled(alerts)
    alerts.close()


DISKS = ("journal", "snapshot", "history", "database")


def on_disk(folder: Path, disk: Path, what: str) -> Line:
    """A line that has one of its stores on the small disk."""
    home = disk if what == "database" else folder
    return Line.at(folder, f"sqlite:///{home}/effects.db", **({} if what == "database" else {what: disk}))


@pytest.mark.parametrize("what", DISKS)
def test_a_full_disk_is_waited_for(
    what: str, tmp_path: Path, small_disk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is on it: one error line, not ready, no half of a file left, and on when there is room."""
    line, troubles = on_disk(tmp_path, small_disk.path, what), []
    alerts = line.open()

    def look() -> None:
        troubles.append(one.trouble())
        assert not [file for file in small_disk.path.rglob("*") if file.name.endswith(".new")]

    stop = Stop(look, look, small_disk.free)
    one = line.runtime(alerts, Source(MESSAGES, stop.set, small_disk.fill), checkpoint_every_ms=0)

    with caplog.at_level(logging.WARNING, "foremend"):
        one.recover(stop)
        one.run(stop)

    assert len(troubles) == 2
    assert all(troubles)
    assert [record.message for record in caplog.records] == [
        f"{troubles[0]}; trying again until it works",
        "storage works again",
    ]
    line.check_nothing_is_lost_or_doubled(alerts)
    alerts.close()


@pytest.mark.parametrize("what", DISKS)
def test_a_stop_on_a_full_disk_loses_nothing(what: str, tmp_path: Path, small_disk: Any) -> None:
    """Stopped while it waits, started while the disk is still full, and on when there is room."""
    line = on_disk(tmp_path, small_disk.path, what)
    alerts, stop = line.open(), Stop(lambda: stop.set())
    source = Source(MESSAGES, stop.set, small_disk.fill)
    first = line.runtime(alerts, source, checkpoint_every_ms=0)
    first.recover(stop)
    with pytest.raises(UnavailableError, match="stopped while waiting"):
        first.run(stop)

    kept = len(source.acknowledged)
    stop = Stop(lambda: None, small_disk.free)
    second = line.runtime(alerts, Source(MESSAGES[kept:], stop.set), checkpoint_every_ms=0)
    second.recover(stop)
    second.run(stop)

    line.check_nothing_is_lost_or_doubled(alerts)
    alerts.close()


def test_a_machine_that_wakes_up_with_a_clock_of_the_past_takes_nothing_until_it_is_set(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As a board without a clock of its own after a power cut: what comes would be refused as of the future."""
    line, stop = Line.at(tmp_path, f"sqlite:///{tmp_path / 'effects.db'}"), Stop()
    alerts = line.open()
    first = line.runtime(alerts, Source(MESSAGES[:BATCH], stop.set))
    first.recover(stop)
    first.run(stop)
    clock, taken = Settable(first.progress.time - MS_PER_DAY), []

    def set_the_clock() -> None:
        taken.append(source.taken)
        clock.now += MS_PER_DAY

    stop = Stop(lambda: None, set_the_clock)
    source = Source(MESSAGES[BATCH:], stop.set)
    second = line.runtime(
        alerts, source, require_clock=ClockAtStart(clock, IngestSettings().clock_ahead).require
    )
    with caplog.at_level(logging.ERROR, "foremend"):
        second.recover(stop)
        second.run(stop)

    assert [record.getMessage().partition(" d behind")[0] for record in caplog.records] == [
        "this machine's clock is 1"
    ]
    assert taken == [0]
    line.check_nothing_is_lost_or_doubled(alerts)
    alerts.close()
