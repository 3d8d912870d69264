"""The in-process runtime on a real journal, history and effects database; only the source is a list."""

from __future__ import annotations

import os
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.desk import Alerts, open_alerts
from alerts.queries import counts, dead_letters
from alerts.settings import AlertsSettings
from alerts.vault import open_vault
from foremend.engine.engine import Engine
from foremend.history.parquet import ParquetHistory
from foremend.runtimes import inprocess
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.inprocess import InProcessRuntime
from foremend.stores.journal import SqliteJournal
from foremend.stores.patience import Patience
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, DeadLetter, Finding, RawMessage
from ingest.decode import Ingest
from ingest.settings import IngestSettings
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

START = 20_000 * MS_PER_DAY
MINUTE = 60_000
MODEL = "generic-compressor"
RULES = RulesSettings.model_validate(
    {
        "book": [
            {
                "name": "overload",
                "fault": "overload",
                "when": {"signal": "power", "above": 1_000, "unit": "W"},
                "sustained_for": "2 h",
            }
        ]
    }
)


class ListSource:
    """A source of messages that are already there; remembers what was acknowledged."""

    def __init__(self, messages: Iterable[RawMessage]) -> None:
        self._waiting = deque(enumerate(messages))
        self.acknowledged: list[int] = []

    def connect(self) -> None: ...

    def take(self, timeout_s: float) -> Sequence[tuple[RawMessage, Any]]:
        batch = [self._waiting.popleft() for _ in range(min(40, len(self._waiting)))]
        return [(message, number) for number, message in batch]

    def acknowledge(self, tokens: Iterable[Any]) -> None:
        self.acknowledged += tokens

    def connected(self, timeout_s: float = 0.0) -> bool:
        return True

    def close(self) -> None: ...


class Reluctant:
    """Effects whose database is away for the first calls, then the real ones."""

    def __init__(self, real: Any, refusals: int) -> None:
        self._real, self.refusals = real, refusals

    def position(self) -> int:
        return int(self._real.position())

    def apply(self, findings: Sequence[Finding], letters: Sequence[DeadLetter], position: int) -> None:
        if self.refusals:
            self.refusals -= 1
            raise UnavailableError("the database is away")
        self._real.apply(findings, letters, position)


def message(minute: int, watts: float) -> RawMessage:
    body = {"ts": START + minute * MINUTE, "seq": minute, "signals": {"power": watts}}
    topic = f"dt/appliance/{MODEL}/freezer-1/telemetry"
    return RawMessage(topic, orjson.dumps(body), START + minute * MINUTE)


MESSAGES = [
    message(minute, 2_000.0 if minute > 600 else 90.0 * (minute % 40 < 14)) for minute in range(1_000)
]


def desk(folder: Path, database: str) -> Alerts:
    """The alerts stage; every journal is a stream of its own."""
    settings = AlertsSettings(database=database, key_file=folder / "key", sms=None, push=None)
    vault = open_vault(settings, os.environ)
    stream = SqliteJournal(folder / "journal.db").id
    alerts = open_alerts(settings, SystemClock(), vault, {}, np.random.default_rng(0), {}, {}, stream)
    OPENED.append(alerts)
    return alerts


OPENED: list[Alerts] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Every desk that a test opened."""
    yield
    while OPENED:
        OPENED.pop().close()


class StandingClock:
    """The wall clock of a pipeline whose findings are to come from event time alone."""

    def now_ms(self) -> int:
        return START


def runtime(
    folder: Path, source: ListSource, effects: Any, checkpoint_every_ms: int = 10**9
) -> InProcessRuntime:
    profiles = load_profiles()
    journal = SqliteJournal(folder / "journal.db")
    history = ParquetHistory(folder / "history", journal.id)
    engine = Engine(profiles, RuleBook(RULES), lateness_ms=10 * MINUTE, on_readings=history.write)
    return InProcessRuntime(
        source=source,
        journal=journal,
        ingest=Ingest(IngestSettings(), {name: profile.signals for name, profile in profiles.items()}),
        engine=engine,
        effects=effects,
        history=history,
        snapshot_file=folder / "engine.snapshot",
        clock=StandingClock(),
        checkpoint_every_ms=checkpoint_every_ms,
        permitted=lambda block: block,
        report=lambda progress: None,
    )


def drain(one: InProcessRuntime) -> None:
    while one.step(0.0):
        pass


def stored(folder: Path) -> list[int]:
    history = ParquetHistory(folder / "history")
    return [int(time) for block in history.read(MODEL, START, START + MS_PER_DAY) for time in block.time]


def findings(alerts: Alerts) -> int:
    return counts(alerts.engine).findings


def test_everything_taken_is_journalled_before_it_is_acknowledged(tmp_path: Path, database: str) -> None:
    """Every message has its position when its token goes back."""
    source, alerts = ListSource(MESSAGES), desk(tmp_path, database)
    one = runtime(tmp_path, source, alerts.effects)
    one.recover()

    drain(one)

    assert source.acknowledged == list(range(len(MESSAGES)))
    assert SqliteJournal(tmp_path / "journal.db").last_position() == len(MESSAGES)
    assert one.status().committed == len(MESSAGES)
    assert findings(alerts) == 1


@pytest.mark.parametrize("crash_at", [80, 640, 760, 960])
def test_a_restart_from_the_journal_repeats_no_effect_and_loses_none(
    tmp_path: Path, database: str, crash_at: int
) -> None:
    """Forgotten without a last word, as after kill -9: the next one goes on as if nothing had been."""
    alerts = desk(tmp_path, database)
    first = runtime(tmp_path, ListSource(MESSAGES[:crash_at]), alerts.effects)
    first.recover()
    drain(first)
    told_before = findings(alerts)

    second = runtime(tmp_path, ListSource(MESSAGES[crash_at:]), alerts.effects)
    second.recover()
    assert findings(alerts) == told_before
    drain(second)
    second.checkpoint()

    assert findings(alerts) == 1
    assert second.progress.messages == len(MESSAGES)
    times = stored(tmp_path)
    assert len(times) == len(set(times)) == len(MESSAGES) - 11  # the last ten minutes are held for late ones


def test_a_checkpoint_shortens_the_journal_and_a_restart_goes_on_from_it(
    tmp_path: Path, database: str
) -> None:
    """After a snapshot the journal is empty, and the state is all there."""
    alerts = desk(tmp_path, database)
    first = runtime(tmp_path, ListSource(MESSAGES[:700]), alerts.effects)
    first.recover()
    drain(first)
    first.checkpoint()
    assert SqliteJournal(tmp_path / "journal.db").read(0, 10) == []

    second = runtime(tmp_path, ListSource(MESSAGES[700:]), alerts.effects)
    second.recover()
    drain(second)

    assert findings(alerts) == 1
    assert second.status().readings == len(MESSAGES)


def test_a_lost_snapshot_costs_no_history(tmp_path: Path, database: str) -> None:
    """Without its snapshot the pipeline learns anew, and keeps what was stored."""
    alerts = desk(tmp_path, database)
    first = runtime(tmp_path, ListSource(MESSAGES[:700]), alerts.effects)
    first.recover()
    drain(first)
    first.checkpoint()
    (tmp_path / "engine.snapshot").unlink()

    second = runtime(tmp_path, ListSource(MESSAGES[700:]), alerts.effects)
    second.recover()
    drain(second)
    second.checkpoint()

    assert len(stored(tmp_path)) > 900


def test_a_lost_journal_costs_no_history_and_no_finding(tmp_path: Path, database: str) -> None:
    """Positions begin again in a new journal: what the old one stored stays, what comes is told."""
    alerts = desk(tmp_path, database)
    first = runtime(tmp_path, ListSource(MESSAGES[:600]), alerts.effects)
    first.recover()
    drain(first)
    first.checkpoint()
    for file in tmp_path.glob("journal.db*"):
        file.unlink()

    second = runtime(tmp_path, ListSource(MESSAGES[600:]), desk(tmp_path, database).effects)
    second.recover()
    drain(second)
    second.checkpoint()

    assert len(stored(tmp_path)) == len(set(stored(tmp_path))) == len(MESSAGES) - 11
    assert findings(alerts) == 1


def test_a_database_that_is_away_is_waited_for(
    tmp_path: Path, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is lost while effects cannot be committed: said once when lost, once when back."""
    alerts = desk(tmp_path, database)
    one = runtime(tmp_path, ListSource(MESSAGES), Reluctant(alerts.effects, refusals=1))
    one.recover()

    with caplog.at_level("WARNING"):
        drain(one)

    assert findings(alerts) == 1
    assert [record.message for record in caplog.records] == [
        "the database is away; trying again until it works",
        "storage works again",
    ]


def test_a_stop_ends_the_waiting(tmp_path: Path, database: str) -> None:
    """A pipeline that is told to stop does not hang on a database that never comes back."""
    alerts, stop = desk(tmp_path, database), threading.Event()
    one = runtime(tmp_path, ListSource(MESSAGES), Reluctant(alerts.effects, refusals=10**9))
    one.recover()
    stop.set()
    one._patience = Patience(stop)

    with pytest.raises(UnavailableError, match="away"):
        one.step(0.0)


def test_bad_messages_become_dead_letters_and_the_stream_goes_on(tmp_path: Path, database: str) -> None:
    """Bytes that mean nothing are kept with a reason, and counted."""
    alerts = desk(tmp_path, database)
    bad = [RawMessage(MESSAGES[0].topic, body, START) for body in (b"\xff\x00", b"[", b'{"ts": "soon"}')]
    one = runtime(tmp_path, ListSource([*MESSAGES[:500], *bad, *MESSAGES[500:]]), alerts.effects)
    one.recover()

    drain(one)

    assert dead_letters(alerts.engine).total == len(bad) == one.progress.dead_letters
    assert findings(alerts) == 1


class Backlog(ListSource):
    """Lets a runtime run until nothing is left, or until `most` takes were made: then it stops, as kill -9 would."""

    def __init__(self, messages: Iterable[RawMessage], stop: threading.Event, most: int = 10**9) -> None:
        super().__init__(messages)
        self._stop, self.most = stop, most

    def take(self, timeout_s: float) -> Sequence[tuple[RawMessage, Any]]:
        taken = super().take(timeout_s)
        self.most -= 1
        if not taken or not self.most:
            self._stop.set()
        return taken


def caught_up(
    folder: Path, messages: Sequence[RawMessage], effects: Any, most: int = 10**9
) -> InProcessRuntime:
    stop = threading.Event()
    one = runtime(folder, Backlog(messages, stop, most), effects)
    one.recover()
    one.run(stop)
    return one


@settings(deadline=None, max_examples=15)
@given(st.randoms(use_true_random=False))
def test_a_shuffled_backlog_is_judged_as_one_in_order(random: Any) -> None:
    """However a broker shuffles what waited there, none of it is late, and the findings are the same."""
    shuffled = list(MESSAGES)
    random.shuffle(shuffled)
    with tempfile.TemporaryDirectory() as name:
        alerts = desk(Path(name), f"sqlite:///{name}/foremend.db")
        one = caught_up(Path(name), shuffled, alerts.effects)

        assert one.status().late == 0
        assert findings(alerts) == 1
        alerts.close()


def test_a_kill_in_the_middle_of_a_shuffled_backlog_makes_nothing_late(tmp_path: Path) -> None:
    """What was acknowledged and not judged yet waits in the journal for the rest of the backlog."""
    alerts, shuffled = desk(tmp_path, f"sqlite:///{tmp_path}/foremend.db"), list(MESSAGES)
    Random(1).shuffle(shuffled)

    first = caught_up(tmp_path, shuffled, alerts.effects, most=12)
    second = caught_up(tmp_path, shuffled[480:], alerts.effects)

    assert (first.progress.messages, second.progress.messages) == (0, len(MESSAGES))
    assert second.status().late == 0
    assert findings(alerts) == 1


def test_a_fleet_that_never_pauses_is_no_backlog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is always a next message, it is judged all the same once the time to collect is over."""
    monkeypatch.setattr(inprocess, "COLLECT_S", 0.0)
    alerts = desk(tmp_path, f"sqlite:///{tmp_path}/foremend.db")
    talking = runtime(tmp_path, ListSource(MESSAGES), alerts.effects)
    talking.recover()
    talking._await_backlog()

    taken = talking.step()

    assert 0 < taken < len(MESSAGES)
    assert talking.progress.messages == taken


def test_a_backlog_beyond_the_bound_is_judged_in_parts_and_a_replay_has_the_same_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart without its snapshot comes to the same counts, readings that came too late included."""
    monkeypatch.setattr(inprocess, "TOGETHER_BYTES", 10_000)
    alerts, shuffled = desk(tmp_path, f"sqlite:///{tmp_path}/foremend.db"), list(MESSAGES)
    Random(2).shuffle(shuffled)
    stop = threading.Event()
    first = runtime(tmp_path, Backlog(shuffled, stop), alerts.effects)
    first.recover()
    first._await_backlog()
    drain(first)

    second = runtime(tmp_path, ListSource([]), alerts.effects)
    second.recover()

    assert 0 < first.status().late < len(MESSAGES)
    assert second.status().late == first.status().late
    assert second.progress == first.progress
