"""A running pipeline takes up a promotion between two blocks; a challenger runs beside and nobody acts on it."""

from __future__ import annotations

import logging
import os
import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from alerts.database import reading
from alerts.desk import open_alerts
from alerts.settings import AlertsSettings
from alerts.tables import FindingRow
from alerts.vault import open_vault
from foremend.engine.engine import Engine
from foremend.history.parquet import ParquetHistory
from foremend.learning.model_building import build, load_fitted
from foremend.learning.promotions import LOOK_EVERY_MS, PromotionFollower
from foremend.learning.training_sets import TrainingSet, by_appliance
from foremend.runtimes.inprocess import InProcessRuntime
from foremend.stores.journal import SqliteJournal
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import Block, RawMessage
from ingest.decode import Ingest
from ingest.messages import to_messages
from ingest.settings import IngestSettings
from models.registry.registry import Registry
from models.settings import ModelsSettings
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

MODEL = "rf-260"
RULES = RulesSettings.model_validate(
    {"book": [{"name": "predicted", "when": {"probability": "any", "above": 0.1}}]}
)


class LiveSource:
    """A source of messages that are already there."""

    def __init__(self) -> None:
        self.waiting: deque[RawMessage] = deque()

    def connect(self) -> None: ...

    def take(self, timeout_s: float) -> Sequence[tuple[RawMessage, Any]]:
        return [(self.waiting.popleft(), None) for _ in range(min(500, len(self.waiting)))]

    def acknowledge(self, tokens: Iterable[Any]) -> None: ...

    def connected(self, timeout_s: float = 0.0) -> bool:
        return True

    def close(self) -> None: ...


class SteppedClock:
    """Every look at it is long enough after the last one to look at the registry again."""

    def __init__(self) -> None:
        self._now = 0

    def now_ms(self) -> int:
        self._now += LOOK_EVERY_MS
        return self._now


class Pipeline:
    """The real runtime on a folder, with one registry."""

    def __init__(self, folder: Path, profile: Profile, registry: Registry) -> None:
        folder.mkdir(exist_ok=True)
        alerts = AlertsSettings(
            database=f"sqlite:///{folder}/foremend.db", key_file=folder / "key", sms=None, push=None
        )
        clock = SteppedClock()
        vault = open_vault(alerts, os.environ)
        self.desk = open_alerts(alerts, clock, vault, {}, np.random.default_rng(0), {}, {})
        self.source, self.registry = LiveSource(), registry
        champion = registry.champion(MODEL)
        assert champion is not None
        fitted = {MODEL: load_fitted(MODEL, champion, registry)}
        history = ParquetHistory(folder / "history")
        self.engine = Engine({MODEL: profile}, RuleBook(RULES), fitted, lateness_ms=600_000)
        self.runtime = InProcessRuntime(
            source=self.source,
            journal=SqliteJournal(folder / "journal.db"),
            ingest=Ingest(IngestSettings(), {MODEL: profile.signals}),
            engine=self.engine,
            effects=self.desk.effects,
            history=history,
            snapshot_file=folder / "engine.snapshot",
            clock=clock,
            checkpoint_every_ms=10**12,
            permitted=lambda block: block,
            report=lambda progress: None,
            follow=PromotionFollower(registry, self.engine, {MODEL: profile}),
        )
        self.runtime.recover()

    def live(self, days: Iterable[Block]) -> None:
        for day in days:
            order = np.lexsort((day.time, day.appliance))
            self.source.waiting.extend(to_messages(day.take(order)))
            while self.source.waiting:
                self.runtime.step(0.0)

    @property
    def in_use(self) -> str:
        report = self.engine.report(MODEL)
        assert report is not None
        return str(report["champion"])


@pytest.fixture(scope="module")
def names(profile: Profile, present: list[Block]) -> tuple[str, ...]:
    """The deviations that the engine gives for this appliance model."""
    found: set[tuple[str, ...]] = set()
    engine = Engine(
        {MODEL: profile},
        RuleBook(RULES),
        lateness_ms=600_000,
        on_day=lambda lane, day: found.add(lane.features.names),
    )
    for day in present[:3]:
        engine.process(day)
    (only,) = found
    return only


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory, profile: Profile, names: tuple[str, ...]) -> Path:
    """A registry with two versions learnt from random rows; the first is the champion."""
    folder = tmp_path_factory.mktemp("learnt") / "models"
    stored = Registry(folder)
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        ill = rng.integers(0, 2, (200, len(profile.faults))) == 1
        rows = TrainingSet(
            names,
            rng.normal(3.0, 1.0, (200, len(names))),  # far from what appliances do
            np.where(ill & (rng.uniform(size=(200, 1)) < 0.5), 20.0, np.inf),
            rng.integers(0, 50, 200).astype(np.int32),
        )
        build(
            profile,
            by_appliance(rows),
            stored,
            ModelsSettings(),
            recipe="r",
            source={"source": "random"},
            at=0,
        )
    stored.promote(MODEL, "v0001", who="ann", why="first", at=0)
    return folder


@pytest.fixture
def registry(tmp_path: Path, learnt: Path) -> Registry:
    """A copy of what was learnt, to be changed."""
    return Registry(Path(shutil.copytree(learnt, tmp_path / "models")))


@pytest.fixture
def pipeline(tmp_path: Path, profile: Profile, registry: Registry) -> Iterator[Pipeline]:
    running = Pipeline(tmp_path / "one", profile, registry)
    yield running
    running.desk.close()


@pytest.fixture(scope="module")
def calm(
    tmp_path_factory: pytest.TempPathFactory, profile: Profile, learnt: Path, present: list[Block]
) -> Iterator[Pipeline]:
    """A pipeline that lived through everything, and in whose registry nothing ever changed."""
    folder = tmp_path_factory.mktemp("calm")
    registry = Registry(Path(shutil.copytree(learnt, folder / "models")))
    running = Pipeline(folder, profile, registry)
    running.live(present)
    yield running
    running.desk.close()


def same(one: Any, other: Any) -> bool:
    """Whether two snapshots are the same, NaN included."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(np.array_equal(one, other, equal_nan=np.asarray(one).dtype.kind == "f"))


def test_a_promotion_is_taken_up_while_running_and_no_state_is_lost(
    calm: Pipeline, pipeline: Pipeline, registry: Registry, present: list[Block]
) -> None:
    """What is known of the appliances is as without the promotion; what is said of them is the new model's."""
    pipeline.live(present[:20])
    assert pipeline.in_use == "v0001"

    registry.promote(MODEL, "v0002", who="ann", why="better", at=1)
    pipeline.live(present[20:])

    assert pipeline.in_use == "v0002"
    assert same(pipeline.engine.lanes[MODEL].snapshot(), calm.engine.lanes[MODEL].snapshot())
    assert not same(pipeline.engine.rules[MODEL].snapshot(), calm.engine.rules[MODEL].snapshot())


def test_a_rollback_is_taken_up_too(pipeline: Pipeline, registry: Registry, present: list[Block]) -> None:
    """It is a promotion backwards."""
    registry.promote(MODEL, "v0002", who="ann", why="better", at=1)
    pipeline.live(present[:1])
    assert pipeline.in_use == "v0002"

    registry.rollback(MODEL, who="bob", why="alarms", at=2)
    pipeline.live(present[1:2])

    assert pipeline.in_use == "v0001"


def test_a_challenger_runs_beside_and_changes_nothing(
    calm: Pipeline, pipeline: Pipeline, registry: Registry, present: list[Block]
) -> None:
    """The findings are the champion's alone; what the challenger would have said is kept in the registry."""
    registry.challenge(MODEL, "v0002")
    pipeline.live(present)

    shadow = registry.live(MODEL)["shadow"]

    assert (shadow["champion"], shadow["challenger"]) == ("v0001", "v0002")
    assert shadow["days"] >= len(present) - 2
    assert shadow["opened_by_both"] + len(shadow["opened_by_champion_only"]) > 0
    assert shadow["mean_difference"] > 0
    assert same(pipeline.engine.rules[MODEL].snapshot(), calm.engine.rules[MODEL].snapshot())


def test_a_fleet_unlike_what_was_learnt_asks_for_a_training(calm: Pipeline) -> None:
    """Models of random rows do not fit refrigerators: one finding about the fleet, and the registry says why."""
    with reading(calm.desk.engine) as session:
        found = session.scalars(select(FindingRow).where(FindingRow.fault == "model-drift")).all()

    assert [one.appliance_id for one in found] == [f"fleet:{MODEL}"]
    assert calm.registry.live(MODEL)["drifted"]


def test_a_restart_goes_on_with_the_comparison(
    tmp_path: Path, pipeline: Pipeline, profile: Profile, registry: Registry, present: list[Block]
) -> None:
    """What was counted before the restart still counts after it."""
    registry.challenge(MODEL, "v0002")
    pipeline.live(present[:10])
    pipeline.runtime.checkpoint()
    before = pipeline.engine.report(MODEL)

    again = Pipeline(tmp_path / "one", profile, registry)

    assert again.engine.report(MODEL) == before
    again.desk.close()


def test_a_tampered_promotion_is_refused_and_the_pipeline_goes_on(
    tmp_path: Path,
    pipeline: Pipeline,
    registry: Registry,
    present: list[Block],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Said once; the champion in memory stays in use."""
    registry.promote(MODEL, "v0002", who="ann", why="better", at=1)
    with (tmp_path / "models" / MODEL / "v0002" / "model.npz").open("ab") as file:
        file.write(b"!")

    with caplog.at_level(logging.ERROR, logger="foremend.learning.promotions"):
        pipeline.live(present[:2])

    assert pipeline.in_use == "v0001"
    assert len(caplog.records) == 1
    assert "does not match the checksum" in caplog.text
