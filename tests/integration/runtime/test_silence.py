"""Looks at the clock stand in the journal: silence is told once, whatever ends the pipeline, never while it is deaf."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from alerts.consent import ConsentRecord
from alerts.desk import Alerts, open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.queries import findings, held_back, outbox, tickets
from alerts.settings import AlertsSettings
from alerts.vault import open_vault
from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.engine.resting import RestRules
from foremend.history.parquet import ParquetHistory
from foremend.runtimes.consent_filter import ConsentFilter
from foremend.runtimes.inprocess import InProcessRuntime
from foremend.runtimes.resting import STRANGERS_REST_AFTER, Resting
from foremend.service.pipeline import OwnPipeline
from foremend.service.read_model import ReadModel
from foremend.stores.journal import SqliteJournal
from foremend.stores.resting import RestingStore
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.errors import IntegrityError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Purpose, RawMessage, Severity
from ingest.decode import Ingest
from ingest.settings import IngestSettings
from rules.evaluator import RuleBook

START = 20_000 * MS_PER_DAY
MINUTE = 60_000
LOOK = 1.5
"""Minutes between two rounds of the pipeline: less would only take longer."""
REST = RestRules(after=30 * MS_PER_DAY, strangers_after=STRANGERS_REST_AFTER, most_strangers=10_000)
Found = tuple[str, str, str]


@dataclass
class WallClock:
    now: int = START + 8 * MS_PER_DAY

    def now_ms(self) -> int:
        return self.now


@dataclass
class Broker:
    """What devices said and nobody took yet, and whether it is there."""

    there: bool = True
    waiting: deque[RawMessage] = field(default_factory=deque)

    def connect(self) -> None: ...

    def take(self, timeout_s: float) -> Sequence[tuple[RawMessage, Any]]:
        count = min(40, len(self.waiting)) if self.there else 0
        return [(self.waiting.popleft(), number) for number in range(count)]

    def acknowledge(self, tokens: Iterable[Any]) -> None: ...

    def connected(self) -> bool:
        return self.there

    def close(self) -> None: ...

    def says(self, model: str, appliance_id: str, since: float, until: float) -> None:
        """Readings every ten minutes, from one day to another, 144 a message."""
        times = np.arange(since * MS_PER_DAY, until * MS_PER_DAY, 10 * MINUTE).astype(int) + START
        for part in np.array_split(times, max(len(times) // 144, 1)):
            body = [{"ts": int(time), "signals": {"power": 80.0 if time % 7 else 2.0}} for time in part]
            topic = f"dt/appliance/{model}/{appliance_id}/telemetry"
            self.waiting.append(RawMessage(topic, orjson.dumps(body), int(part[-1])))


class Site:
    """A pipeline's folder, the broker and the clock, which outlive its process."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.broker, self.clock = folder, Broker(), WallClock()
        settings = AlertsSettings(
            database=f"sqlite:///{folder}/foremend.db",
            key_file=folder / "key",
            sms=None,
            push=None,
            act_from=Severity.INFO,  # so that silence may open a ticket, where the owner agreed
        )
        vault, stream = open_vault(settings, {}), SqliteJournal(folder / "journal.db").id
        rng = np.random.default_rng(0)
        self.alerts: Alerts = open_alerts(settings, self.clock, vault, {}, rng, {}, {}, stream)
        self.start()

    def start(self) -> None:
        """A new process, whatever became of the last one."""
        profiles, journal = load_profiles(), SqliteJournal(self.folder / "journal.db")
        history = ParquetHistory(self.folder / "history", journal.id)
        rules = RuleBook(load_settings(None).rules)
        self.runtime = InProcessRuntime(
            source=self.broker,  # type: ignore[arg-type]
            journal=journal,
            ingest=Ingest(IngestSettings(), {name: profile.signals for name, profile in profiles.items()}),
            engine=Engine(profiles, rules, lateness_ms=10 * MINUTE, on_readings=history.write),
            effects=self.alerts.effects,
            history=history,
            snapshot_file=self.folder / "engine.snapshot",
            clock=self.clock,
            checkpoint_every_ms=10**12,
            permitted=ConsentFilter(self.alerts.watched, self.clock),
            report=lambda progress: None,
            resting=Resting(
                RestingStore(self.folder / "resting.db"), REST, lambda: (), self.alerts.watched.gone
            ),
            unwatched=self.alerts.watched.unwatched,
        )
        self.runtime.recover()
        self.page = ReadModel(
            self.alerts.engine,
            OwnPipeline(self.runtime),
            profiles,
            load_catalogue(),
            {},
            unwatched=self.alerts.watched.unwatched,
        )

    def work(self, minutes: float) -> None:
        """So long by the wall clock, and all that waits is taken."""
        for _ in range(int(minutes / LOOK)):
            self.clock.now += int(LOOK * MINUTE)
            while self.runtime.step(0.0):
                pass

    def told(self) -> list[Found]:
        """All findings about silence, oldest first."""
        items = reversed(findings(self.alerts.engine, 500, 0, None).items)
        return [
            (one["appliance_id"], one["fault"], one["kind"])
            for one in items
            if one["fault"].startswith("silent")
        ]

    def states(self) -> dict[str, str]:
        return {one.appliance_id: one.state for one in self.page.fleet(500, 0).items}


@pytest.fixture
def site(tmp_path: Path) -> Iterable[Site]:
    one = Site(tmp_path)
    yield one
    one.alerts.close()


def test_the_only_appliance_of_its_model_falls_silent(site: Site) -> None:
    """Case 22, word for word: a week old event times, one look later page and findings agree."""
    site.broker.says("rf-260", "a", 0, 1)
    site.broker.says("generic-compressor", "lonely", 0, 1)
    site.broker.says("rf-260", "b", 0, 7.5)

    site.work(3)

    assert sorted(site.told()) == [("a", "silent", "opened"), ("lonely", "silent", "opened")]
    assert site.states() == {"a": "silent", "lonely": "silent", "b": "learning"}


@pytest.mark.parametrize("killed", [True, False])
def test_nobody_is_called_silent_who_is_watched_no_more(site: Site, killed: bool) -> None:
    """Withdrawn while it speaks, or after it was told: no word of it on the page, nothing in the next snapshot."""
    site.alerts.owners.register_owners([Owner("owner", {})])
    for one in ("told", "speaking"):
        site.alerts.owners.register_appliances([OwnedAppliance(one, "owner", "rf-260")])
    site.broker.says("rf-260", "told", 0, 1)
    site.broker.says("rf-260", "speaking", 0, 7.5)
    site.broker.says("rf-260", "other", 0, 7.5)
    site.work(3)
    assert site.told() == [("told", "silent", "opened")]
    assert site.states() == {"told": "silent", "speaking": "learning", "other": "learning"}

    words = [
        ConsentRecord(one, "owner", Purpose.MONITORING, False, site.clock.now, "1", "en", "app")
        for one in ("told", "speaking")
    ]
    site.alerts.consent.record(words)
    if killed:
        site.start()
    site.broker.says("rf-260", "speaking", 7.5, 8)
    site.broker.says("rf-260", "other", 7.5, 16)
    site.work(3)
    site.runtime.checkpoint()

    assert site.told() == [("told", "silent", "opened")]
    assert site.states() == {"other": "learning"}
    assert site.page.episodes().each == []
    kept = (site.folder / "engine.snapshot").read_bytes()
    assert b"other" in kept
    assert b"speaking" not in kept


@pytest.mark.parametrize("checkpoint", [True, False], ids=["checkpoint", "killed"])
@pytest.mark.parametrize("end_after_days", [1, 3.5])
def test_silence_is_told_once_whenever_the_pipeline_ends(
    site: Site, checkpoint: bool, end_after_days: float
) -> None:
    """Ended before it is told or while it is open, with a checkpoint or killed: opened once, closed once."""
    site.broker.says("rf-260", "alone", 0, 1)
    site.work(end_after_days * 24 * 60)
    if checkpoint:
        site.runtime.checkpoint()
    site.start()
    site.work((3.6 - end_after_days) * 24 * 60)
    silent = site.states()
    site.broker.says("rf-260", "alone", 4.7, 4.8)
    site.work(3)

    assert silent == {"alone": "silent"}
    assert site.told() == [("alone", "silent", "opened"), ("alone", "silent", "closed")]
    assert site.states() == {"alone": "learning"}


def test_nobody_is_silent_while_the_broker_is_away(site: Site) -> None:
    """Five days away; what devices kept comes afterwards."""
    site.broker.says("rf-260", "p", 0, 1)
    site.broker.says("rf-260", "q", 0, 1)
    site.work(3)
    site.broker.there = False
    site.work(5 * 24 * 60)
    site.broker.there = True
    for name in ("p", "q"):
        site.broker.says("rf-260", name, 1, 6)
        site.work(3)
    site.work(60)

    assert site.told() == []
    assert set(site.states().values()) == {"learning"}


def test_nobody_is_silent_because_the_pipeline_was_down(site: Site) -> None:
    """Two weeks down, then the backlog."""
    site.broker.says("rf-260", "p", 0, 1)
    site.broker.says("rf-260", "q", 0, 1)
    site.work(3)
    site.clock.now += 14 * MS_PER_DAY
    site.start()
    site.work(3)
    for name in ("p", "q"):
        site.broker.says("rf-260", name, 1, 15)
        site.work(3)
    site.work(60)

    assert site.told() == []


def test_a_whole_fleet_that_is_silent_is_never_called_well(site: Site) -> None:
    """Sixty appliances: one finding, and each one's state says silent."""
    for number in range(60):
        site.broker.says("rf-260", f"n{number}", 0, 0.3)

    site.work(3.5 * 24 * 60)

    assert site.told() == [("*", "silent-together", "opened")]
    assert set(site.states().values()) == {"silent"}
    assert site.page.summary().by_state["ok"] == 0


def test_silence_acts_only_where_the_owner_agreed(site: Site) -> None:
    """Two fall silent, one of them with consent: one ticket, and of the other nothing but what was held back."""
    desk = site.alerts
    desk.owners.register_owners([Owner("o", {})])
    desk.owners.register_appliances([OwnedAppliance("agreed", "o", "rf-260", "zh")])
    desk.consent.record(
        [ConsentRecord("agreed", "o", Purpose.TICKET, True, site.clock.now, "1", "zh", "app")]
    )
    site.broker.says("rf-260", "agreed", 0, 1)
    site.broker.says("rf-520", "asked-nothing", 0, 2)
    site.work(3)
    site.work(4 * 24 * 60)

    opened = {(one, fault) for one, fault, kind in site.told() if kind == "opened"}
    assert opened == {("agreed", "silent"), ("asked-nothing", "silent")}
    assert [one["appliance_id"] for one in tickets(desk.engine).items] == ["agreed"]
    assert [one["appliance_id"] for one in held_back(desk.engine).items] == ["asked-nothing"]
    assert outbox(desk.engine).total == 0  # nobody has a channel that was agreed to


def test_who_rests_is_not_called_well(site: Site) -> None:
    """One that fell silent long ago, and one that ended in its first hour, are out of memory and on the page."""
    site.broker.says("rf-260", "old", 0, 1)
    for day in range(0, 40, 2):
        site.broker.says("rf-260", "alive", day, day + 2)
        if day == 20:
            site.broker.says("rf-260", "first-hour", day, day + 0.02)
    site.work(60)
    site.runtime.checkpoint()

    assert site.runtime.status().resting == 2
    assert site.states() == {"old": "silent", "first-hour": "silent", "alive": "learning"}
    assert site.told() == [("old", "silent", "opened")]


@pytest.mark.parametrize("layout", [b"FMSNAP3", b"FMSNAP5"], ids=["older", "newer than the program"])
def test_no_other_than_its_own_snapshot_layout_is_read(site: Site, layout: bytes) -> None:
    """What knows no clock and no rhythm is refused with a sentence, not taken for a silence of everybody; so is what a
    newer program wrote, and the file stays as it is for that one."""
    site.broker.says("rf-260", "a", 0, 1)
    site.work(3)
    site.runtime.checkpoint()
    file = site.folder / "engine.snapshot"
    content = file.read_bytes()[32:].replace(b"FMSNAP4", layout, 1)
    file.write_bytes(sha256(content).digest() + content)

    with pytest.raises(IntegrityError, match="written by another version of Foremend"):
        site.start()
    assert file.read_bytes()[32:] == content
