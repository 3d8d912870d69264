"""Appliances rest in the store while a pipeline runs, is killed at any moment, and starts again."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from sqlalchemy import select

from alerts.database import reading
from alerts.desk import Alerts, open_alerts
from alerts.settings import AlertsSettings
from alerts.tables import FindingRow
from alerts.vault import open_vault
from foremend.engine.engine import Engine
from foremend.engine.resting import RestRules
from foremend.history.parquet import ParquetHistory
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.inprocess import InProcessRuntime
from foremend.runtimes.resting import Resting
from foremend.stores.journal import SqliteJournal
from foremend.stores.resting import RestingStore
from foremend.vocabulary.errors import IntegrityError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Forgotten, RawMessage
from ingest.decode import Ingest
from ingest.settings import IngestSettings
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

START = 20_000 * MS_PER_DAY
MINUTE = 60_000
MODEL = "generic-compressor"
BATCH = 48
AT_ONCE = RestRules(after=1, strangers_after=1, most_strangers=100)
OVERLOAD = {"signal": "power", "above": 1_000, "unit": "W"}
RULES = RulesSettings.model_validate(
    {
        "book": [
            {"name": "overload", "fault": "overload", "when": OVERLOAD, "sustained_for": "2 h"},
            {"name": "no-data", "fault": "silent", "when": {"silent_for": "1 d"}},
        ]
    }
)


class Killed(BaseException):
    """What a kill -9 looks like from here: nothing after it runs."""


class Mortal(RestingStore):
    """The real store, under a process that dies around the n-th call of one of its verbs."""

    def __init__(self, path: Path, verb: str, calls: int, after: bool) -> None:
        super().__init__(path)
        self._verb, self._calls, self._after = verb, calls, after

    def put(self, *given: Any) -> None:
        self._live(super().put, "put", given)

    def awake(self, *given: Any) -> None:
        self._live(super().awake, "awake", given)

    def _live(self, act: Any, verb: str, given: tuple[Any, ...]) -> None:
        self._calls -= verb == self._verb
        dies = verb == self._verb and self._calls == 0
        if dies and not self._after:
            raise Killed
        act(*given)
        if dies:
            raise Killed


class ListSource:
    """Messages that are already there; one that was not acknowledged comes again, as from a broker."""

    def __init__(self, messages: Sequence[RawMessage]) -> None:
        self.waiting = deque(messages)

    def connect(self) -> None: ...

    def take(self, timeout_s: float) -> Sequence[tuple[RawMessage, Any]]:
        return [(self.waiting[at], at) for at in range(min(BATCH, len(self.waiting)))]

    def acknowledge(self, tokens: Any) -> None:
        for _ in tokens:
            self.waiting.popleft()

    def connected(self) -> bool:
        return True

    def close(self) -> None: ...


def said(name: str, minute: int, watts: float) -> RawMessage:
    body = {"ts": START + minute * MINUTE, "seq": minute, "signals": {"power": watts}}
    topic = f"dt/appliance/{MODEL}/{name}/telemetry"
    return RawMessage(topic, orjson.dumps(body), START + minute * MINUTE)


def messages() -> list[RawMessage]:
    """One speaks always, one is away for days with an overload, one comes and goes, one rarely, one never again."""
    told = []
    for minute in range(0, 14 * 1440, 30):
        day = minute // 1440
        usual = 90.0 * (minute % 90 < 60)
        told.append(said("always", minute, usual))
        if day in (0, 1, 8, 9, 10):
            told.append(said("away", minute, 2_000.0 if day in (1, 8) else usual))
        if day % 4 == 0:
            told.append(said("now-and-then", minute, usual))
        if minute in (30, 5_010):
            told.append(said("rarely", minute, usual))
        if minute in (60, 90):
            told.append(said("stranger", minute, usual))
    return told


@pytest.fixture
def alerts(tmp_path: Path) -> Iterator[Alerts]:
    opened = desk(tmp_path)
    yield opened
    opened.close()


def desk(folder: Path) -> Alerts:
    settings = AlertsSettings(
        database=f"sqlite:///{folder}/foremend.db", key_file=folder / "key", sms=None, push=None
    )
    vault = open_vault(settings, os.environ)
    stream = SqliteJournal(folder / "journal.db").id
    return open_alerts(settings, SystemClock(), vault, {}, np.random.default_rng(0), {}, {}, stream)


def runtime(folder: Path, source: ListSource, alerts: Alerts, resting: Resting | None) -> InProcessRuntime:
    profiles = load_profiles()
    journal = SqliteJournal(folder / "journal.db")
    history = ParquetHistory(folder / "history", journal.id)
    engine = Engine(profiles, RuleBook(RULES), lateness_ms=10 * MINUTE, on_readings=history.write)
    return InProcessRuntime(
        source=source,
        journal=journal,
        ingest=Ingest(IngestSettings(), {name: profile.signals for name, profile in profiles.items()}),
        engine=engine,
        effects=alerts.effects,
        history=history,
        snapshot_file=folder / "engine.snapshot",
        clock=SystemClock(),
        checkpoint_every_ms=10**9,
        permitted=lambda block: block,
        report=lambda progress: None,
        resting=resting,
    )


def drain(one: InProcessRuntime) -> None:
    while one.step(0.0):
        one.checkpoint()


def keeper(
    store: RestingStore, forgotten: Sequence[Forgotten] = (), withdrawn: Sequence[str] = ()
) -> Resting:
    return Resting(store, AT_ONCE, lambda: forgotten, lambda: withdrawn)


def told(alerts: Alerts) -> set[tuple[Any, ...]]:
    with reading(alerts.engine) as session:
        rows = session.scalars(select(FindingRow)).all()
        return {
            (r.id, r.kind, r.appliance_id, r.fault, r.time, r.episode_start, str(r.evidence)) for r in rows
        }


def readings(folder: Path) -> list[tuple[str, int]]:
    history = ParquetHistory(folder / "history")
    stored = history.read(MODEL, START, START + 20 * MS_PER_DAY)
    return sorted(
        (block.appliance_ids[row], time)
        for block in stored
        for row, time in zip(block.appliance.tolist(), block.time.tolist(), strict=True)
    )


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[set[tuple[Any, ...]], list[tuple[str, int]]]:
    """What a pipeline finds and stores that keeps everybody in memory and is never killed."""
    folder = tmp_path_factory.mktemp("keeps")
    alerts = desk(folder)
    one = runtime(folder, ListSource(messages()), alerts, None)
    one.recover()
    drain(one)
    found = told(alerts), readings(folder)
    alerts.close()
    return found


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("calls", [1, 3])
@pytest.mark.parametrize("verb", ["put", "awake"])
def test_a_kill_around_the_store_changes_nothing(
    tmp_path: Path, alerts: Alerts, undisturbed: tuple[Any, Any], verb: str, calls: int, after: bool
) -> None:
    """Dead between memory, store and snapshot: the next start finds every appliance once, as it was."""
    source = ListSource(messages())
    first = runtime(tmp_path, source, alerts, keeper(Mortal(tmp_path / "resting.db", verb, calls + 1, after)))
    first.recover()
    with pytest.raises(Killed):
        drain(first)

    store = RestingStore(tmp_path / "resting.db")
    second = runtime(tmp_path, source, alerts, keeper(store))
    second.recover()
    drain(second)

    assert (told(alerts), readings(tmp_path)) == undisturbed
    known = {one.appliance_id for one in second.fleet()}
    assert known == {"always", "away", "now-and-then", "rarely", "stranger"}
    assert second.status().newcomers == 5
    assert second.status().resting == store.count >= 2


def test_what_may_not_be_kept_leaves_the_store(tmp_path: Path, alerts: Alerts) -> None:
    """An erased appliance's state goes up to the time of its erasure, that of a withdrawn consent at once."""
    store = RestingStore(tmp_path / "resting.db")
    forgotten: list[Forgotten] = []
    withdrawn: list[str] = []
    source = ListSource(messages())
    one = runtime(tmp_path, source, alerts, keeper(store, forgotten, withdrawn))
    one.recover()
    drain(one)
    before = {row[1] for row in store.known()}

    forgotten.append(Forgotten(MODEL, "away", START + 20 * MS_PER_DAY))
    withdrawn.append("stranger")
    source.waiting.append(said("always", 14 * 1440, 0.0))
    drain(one)

    assert "away" in before
    assert store.find(MODEL, ["away", "stranger"]) == []


def test_strangers_in_the_store_are_bounded(tmp_path: Path) -> None:
    """By age and by number: ids that somebody made up do not fill the disk."""
    store = RestingStore(tmp_path / "resting.db")
    one = Engine(load_profiles(), RuleBook(RULES), lateness_ms=0)
    ingest = Ingest(IngestSettings(), {MODEL: load_profiles()[MODEL].signals})
    for block in ingest.decode([said(f"made-up-{k}", k, 1.0) for k in range(50)]).blocks:
        one.process(block)
    store.put(one.retire(RestRules(after=10**12, strangers_after=10**12, most_strangers=0)), 1)

    store.forget_strangers(before=START + 10 * MINUTE, most=30)

    assert store.count == 30
    assert store.find(MODEL, ["made-up-19"]) == []
    assert store.known() == []
    assert [one for _, one, _ in store.known(2)] == ["made-up-49", "made-up-48"]


def test_a_damaged_store_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """Code 7 and what to do, instead of a traceback."""
    file = tmp_path / "resting.db"
    file.write_bytes(b"no database" * 1_000)

    with pytest.raises(IntegrityError, match=r"resting.db is damaged.*restore the whole folder") as refused:
        RestingStore(file)

    assert refused.value.exit_code == 7
