"""First training: simulated history → daily deviations, by the engine's own lanes → detectors and a predictor.

The truth of the simulation is used here and nowhere else; the pipeline meets it only as a fitted model.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.config import Profile, load_profiles, load_settings
from foremend.engine import DayRows, Engine, FittedModel, Lane
from foremend.errors import ConfigError, IntegrityError
from foremend.types import MS_PER_DAY, Block
from models.detectors import window_watch
from models.predictors.faults import FaultPredictor
from models.registry import ModelCard, Registry
from models.settings import ModelsSettings, TrainingSettings
from rules.evaluator import RuleBook
from rules.settings import RulesSettings
from simulators.categories import appliance_models
from simulators.faults import FaultCourse
from simulators.fleet import Fleet, Telemetry
from simulators.scenario import plain_fleet

LATENESS_MS = 600_000
Trained = Callable[[str, int, int], None]
"""Hears the appliance model just trained, how many are done and how many there are to do."""


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Rows to learn from: one appliance on one day each."""

    names: tuple[str, ...]
    features: NDArray[np.float64]  # (n, d)
    days_to_failure: NDArray[np.float64]  # (n, faults); inf where that fault is not under way
    appliance: NDArray[np.int32]  # (n,)


class _Collector:
    """Keeps every day's deviations of a simulated fleet."""

    def __init__(self) -> None:
        self.days: list[tuple[list[str], DayRows]] = []
        self.names: tuple[str, ...] = ()

    def __call__(self, lane: Lane, day: DayRows) -> None:
        assert lane.features is not None
        self.names = lane.features.names
        self.days.append((lane.ids, day))


def fitted_models(
    profiles: Mapping[str, Profile], registry: Registry, settings: ModelsSettings, trained: Trained
) -> dict[str, FittedModel]:
    """The champion of every simulated appliance model, trained first where there is none of today's recipe.

    A model that nobody simulates has none: it is watched by rules until it has history of its own.
    """
    possible = {name: p for name, p in profiles.items() if name in appliance_models() and p.faults}
    missing = [p for p in possible.values() if not _is_current(registry, p, settings)]
    trained("", 0, len(missing))
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        running = {pool.submit(train_champion, p, registry, settings): p.name for p in missing}
        for done, future in enumerate(as_completed(running), start=1):
            future.result()
            trained(running[future], done, len(missing))
    return {name: load_champion(name, registry) for name in possible}


def train_champion(profile: Profile, registry: Registry, settings: ModelsSettings) -> ModelCard:
    """Train a new version and put it in use."""
    card = train(profile, registry, settings)
    registry.promote(profile.name, card.version)
    return card


def _is_current(registry: Registry, profile: Profile, settings: ModelsSettings) -> bool:
    version = registry.champion(profile.name)
    return version is not None and registry.card(profile.name, version).recipe == recipe_of(profile, settings)


def train(profile: Profile, registry: Registry, settings: ModelsSettings) -> ModelCard:
    """Simulate, learn and store a new version; it is not promoted."""
    chosen = settings.training
    rows = simulated_rows(profile, chosen)
    predictor = FaultPredictor(profile.faults, horizon_days=settings.horizon_days, seed=chosen.seed)
    predictor.learn(rows.names, rows.features, rows.days_to_failure, rows.appliance)
    watch = window_watch(chosen.seed)
    watch.learn(rows.names, rows.features[np.isinf(rows.days_to_failure).all(axis=1)])
    card = ModelCard(
        appliance_model=profile.name,
        version=registry.next_version(profile.name),
        recipe=recipe_of(profile, settings),
        feature_names=rows.names,
        faults=profile.faults,
        trained_on={"source": "simulated", "rows": len(rows.features), **chosen.model_dump()},
        libraries={name: importlib.metadata.version(name) for name in ("scikit-learn", "numpy")},
    )
    return registry.add(card, {"predictor": predictor.snapshot(), "watch": watch.snapshot()})


def load_champion(appliance_model: str, registry: Registry) -> FittedModel:
    """The version in use, ready to score. Raises IntegrityError when there is none or it was altered."""
    version = registry.champion(appliance_model)
    if version is None:
        raise IntegrityError(f"{appliance_model} has no champion: run 'foremend train'")
    card, state = registry.load(appliance_model, version)
    predictor = FaultPredictor(card.faults)
    predictor.restore(state["predictor"])
    watch = window_watch()
    watch.restore(state["watch"])
    return FittedModel(version, card.feature_names, (watch,), predictor)


def recipe_of(profile: Profile, settings: ModelsSettings) -> str:
    """A fingerprint of everything that decides what training would give."""
    parts: dict[str, Any] = {
        "profile": profile.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
        "foremend": importlib.metadata.version("foremend"),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def simulated_rows(profile: Profile, settings: TrainingSettings) -> TrainingSet:
    """Daily deviations of a simulated fleet with the days each fault was from failure."""
    scenario = plain_fleet({profile.name: settings.appliances}, settings.days, settings.fault_rate)
    fleet = Fleet(scenario, settings.seed)
    collected = _Collector()
    engine = Engine(
        {profile.name: profile}, RuleBook(RulesSettings()), lateness_ms=LATENESS_MS, on_day=collected
    )
    for telemetry in fleet.telemetry():
        engine.process(as_block(telemetry))
    engine.flush()
    return _labelled(collected, fleet.courses[profile.name], profile, settings)


def as_block(telemetry: Telemetry) -> Block:
    """One simulated day in the order of time, as a fleet would send it."""
    order = np.argsort(telemetry.time, kind="stable")
    return Block(
        telemetry.appliance_model,
        tuple(member.appliance_id for member in telemetry.members),
        telemetry.appliance[order],
        telemetry.time[order],
        telemetry.seq[order],
        {name: column[order] for name, column in telemetry.signals.items()},
        telemetry.firmware,
    )


def _labelled(
    collected: _Collector, courses: Iterable[FaultCourse], profile: Profile, settings: TrainingSettings
) -> TrainingSet:
    by_row: dict[int, list[FaultCourse]] = {}
    for course in courses:
        by_row.setdefault(course.row, []).append(course)
    features, labels, appliances = [], [], []
    for ids, day in collected.days:
        for k, (row, time) in enumerate(zip(day.appliance.tolist(), day.time.tolist(), strict=True)):
            number = int(ids[row].rpartition("-")[2]) - 1
            due = days_to_failure(by_row.get(number, ()), time, profile.faults)
            if due is None or (time // MS_PER_DAY + number) % settings.every_days:
                continue
            features.append(day.deviations[k])
            labels.append(due)
            appliances.append(number)
    known = np.isfinite(np.array(features)).any(axis=1)
    return TrainingSet(
        collected.names,
        np.array(features)[known],
        np.array(labels)[known],
        np.array(appliances, np.int32)[known],
    )


def days_to_failure(
    courses: Iterable[FaultCourse], time: int, faults: tuple[str, ...]
) -> NDArray[np.float64] | None:
    """(faults,) days until each would fail, inf where none is under way.

    None while a fault has begun and nobody could see it yet: such a row teaches neither health nor fault.
    """
    due = np.full(len(faults), np.inf)
    for course in courses:
        over = course.repaired is not None and time >= course.repaired
        if time <= course.onset or over:
            continue
        if course.first_sign is None or time < course.first_sign:
            return None
        due[faults.index(course.fault)] = max(course.full - time, 0) / MS_PER_DAY
    return due


def train_command(appliance_model: str, seed: int, config: Path | None) -> dict[str, Any]:
    """`foremend train`: a new champion for one appliance model, with what it was trained on."""
    settings = load_settings(config)
    profiles = load_profiles(settings.profiles.folders)
    if appliance_model not in appliance_models() or appliance_model not in profiles:
        known = ", ".join(appliance_models())
        raise ConfigError(f"no simulated appliance model {appliance_model!r}: choose from {known}")
    training = settings.models.training.model_copy(update={"seed": seed})
    chosen = settings.models.model_copy(update={"training": training})
    card = train_champion(profiles[appliance_model], Registry(settings.models.registry), chosen)
    return {"appliance_model": appliance_model, "version": card.version, "trained_on": dict(card.trained_on)}
