"""Training on simulated history: what every appliance model starts with, before it has a past of its own.

The truth of the simulation is used here and nowhere else; the pipeline meets it only as a fitted model.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from bisect import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.engine.fitted import FittedModel
from foremend.engine.follow import Days, follow
from foremend.engine.lane import deviation_names
from foremend.learning.cold_start import borrowings
from foremend.learning.model_building import SIMULATED, build, load_fitted
from foremend.learning.practice import practice_fleets
from foremend.learning.training_sets import TrainingSet, by_appliance
from foremend.vocabulary.profiles import WORDS, Profile
from foremend.vocabulary.types import MS_PER_DAY, Block
from models.evaluation import USUAL_DAYS
from models.registry.registry import ModelCard, Registry
from models.settings import ModelsSettings, TrainingSettings
from simulators.categories import appliance_models
from simulators.fleet.faults import FaultCourse
from simulators.fleet.fleet import Fleet, Telemetry

_DAYS_THAT_SHOW = 2  # of running since the first sign, before a row teaches the fault
_DAYS_THAT_FORGET = 4  # of running since the repair, before a row teaches health again
_ROWS = 15  # that the course of a fault gives at most
_NUMBERS = 1_000_000  # appliances of one practice fleet are numbered apart from those of the next
MODEL_KEY = "FOREMEND_MODEL_KEY"
"""Environment variable with the key that stored models are signed with; once set, unsigned models are refused."""

Trained = Callable[[str, int, int], None]
"""Hears the appliance model just trained, how many are done and how many there are to do."""


def open_registry(settings: ModelsSettings) -> Registry:
    """The registry of the settings, with the signing key of the environment."""
    key = os.environ.get(MODEL_KEY)
    return Registry(settings.registry, key.encode() if key else None)


def fitted_models(
    profiles: Mapping[str, Profile], registry: Registry, settings: ModelsSettings, trained: Trained, at: int
) -> dict[str, FittedModel]:
    """The champions; trained first, on simulated history, where there is none of today's recipe. `at` ms UTC.

    An appliance model that nobody simulates borrows from another of its category until a model is trained from its
    own history; where there is none either, rules alone watch it.
    """
    missing = [p for p in profiles.values() if _is_simulated(p) and not _is_current(registry, p, settings)]
    trained("", 0, len(missing))
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        running = {pool.submit(train_champion, p, registry, settings, at): p.name for p in missing}
        for done, future in enumerate(as_completed(running), start=1):
            future.result()
            trained(running[future], done, len(missing))
    champions = {name: registry.champion(name) for name in profiles}
    fitted = {name: load_fitted(name, version, registry) for name, version in champions.items() if version}
    return fitted | borrowings(profiles, fitted)


def train_champion(profile: Profile, registry: Registry, settings: ModelsSettings, at: int) -> ModelCard:
    """Train a new version on simulated history and put it in use; `at` ms UTC."""
    card = train_simulated(profile, registry, settings, at)
    registry.promote(profile.name, card.version, who="foremend", why="first training of this recipe", at=at)
    return card


def train_simulated(profile: Profile, registry: Registry, settings: ModelsSettings, at: int) -> ModelCard:
    """Simulate, learn and store a new version without an alias; `at` ms UTC."""
    split = by_appliance(simulated_rows(profile, settings.training))
    recipe = recipe_of(profile, settings)
    source = {"source": SIMULATED, "days": settings.training.days}
    return build(profile, split, registry, settings, recipe=recipe, source=source, at=at)


def _is_simulated(profile: Profile) -> bool:
    return profile.name in appliance_models() and bool(profile.faults)


def _is_current(registry: Registry, profile: Profile, settings: ModelsSettings) -> bool:
    """A champion that somebody trained from real history stays; a simulated one must be of today's recipe."""
    version = registry.champion(profile.name)
    if version is None:
        return False
    card = registry.card(profile.name, version)
    return card.trained_on["source"] != SIMULATED or card.recipe == recipe_of(profile, settings)


def recipe_of(profile: Profile, settings: ModelsSettings) -> str:
    """A fingerprint of everything that decides what training would give; what people read of it decides nothing."""
    parts: dict[str, Any] = {
        "profile": profile.model_dump(mode="json", exclude=WORDS),
        "features": deviation_names(profile),
        "settings": settings.model_dump(mode="json", exclude={"registry", "appliance_models"}),
        "foremend": importlib.metadata.version("foremend"),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def simulated_rows(profile: Profile, settings: TrainingSettings) -> TrainingSet:
    """Daily deviations of simulated fleets with the days each fault was from failure."""
    fleets = practice_fleets(profile.name, profile.faults, settings)
    parts = [_practised(profile, fleet, settings) for fleet in fleets]
    return TrainingSet(
        parts[0].names,
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.days_to_failure for part in parts]),
        np.concatenate([part.appliance + k * _NUMBERS for k, part in enumerate(parts)]),
    )


def _practised(profile: Profile, fleet: Fleet, settings: TrainingSettings) -> TrainingSet:
    days = follow(profile, map(as_block, fleet.telemetry()))
    return _labelled(days, fleet.courses[profile.name], profile, settings)


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
    lived: Days,
    courses: Iterable[FaultCourse],
    profile: Profile,
    settings: TrainingSettings,
) -> TrainingSet:
    by_row: dict[int, list[FaultCourse]] = {}
    for course in courses:
        by_row.setdefault(course.row, []).append(course)
    ran = {appliance: days.tolist() for appliance, days in lived.ran().items()}
    features, labels, appliances = [], [], []
    for rows in (day.deviations for day in lived.each):
        for k, (row, time) in enumerate(zip(rows.appliance.tolist(), rows.time.tolist(), strict=True)):
            number = int(lived.ids[row].rpartition("-")[2]) - 1
            mine = by_row.get(number, ())
            shows = _could_show(mine, ran[lived.ids[row]], time)
            due = days_to_failure(mine, time, profile.faults) if shows else None
            if due is None or (time // MS_PER_DAY + number) % _every(mine, time, settings.every_days):
                continue
            features.append(rows.values[k])
            labels.append(due)
            appliances.append(number)
    known = np.isfinite(np.array(features)).any(axis=1)
    return TrainingSet(
        lived.names,
        np.array(features)[known],
        np.array(labels)[known],
        np.array(appliances, np.int32)[known],
    )


def _every(courses: Iterable[FaultCourse], time: int, every_days: int) -> int:
    """One row in so many days is learnt from: a slow fault's days are much alike, and a sudden one has few."""
    spans = [(course.full - course.onset) / MS_PER_DAY for course in courses if _under_way(course, time)]
    return max(1, round(min(spans) / _ROWS)) if spans else every_days


def _under_way(course: FaultCourse, time: int) -> bool:
    return course.onset < time and (course.repaired is None or time < course.repaired)


def _could_show(courses: Iterable[FaultCourse], ran: Sequence[int], time: int) -> bool:
    """Whether what `time` shows is what the truth says, by the days on which the appliance `ran`.

    Not while its usual is not known, nor where it was not before a fault's first sign, nor when it hardly ran since,
    nor after a repair until its averages have forgotten the fault.
    """

    def days(since: int) -> int:
        return bisect(ran, time) - bisect(ran, since)

    if bisect(ran, time) < USUAL_DAYS:
        return False
    for course in courses:
        if course.repaired is not None and time >= course.repaired:
            clear = days(course.repaired) >= _DAYS_THAT_FORGET
        elif course.first_sign is not None and time >= course.first_sign:
            clear = (
                bisect(ran, course.first_sign) >= USUAL_DAYS and days(course.first_sign) >= _DAYS_THAT_SHOW
            )
        else:
            continue
        if not clear:
            return False
    return True


def days_to_failure(
    courses: Iterable[FaultCourse], time: int, faults: tuple[str, ...]
) -> NDArray[np.float64] | None:
    """(faults,) days until each would fail, inf where none is under way.

    None while a fault has begun and nobody could see it yet: such a row teaches neither health nor fault.
    """
    due = np.full(len(faults), np.inf)
    for course in courses:
        if not _under_way(course, time):
            continue
        if course.first_sign is None or time < course.first_sign:
            return None
        due[faults.index(course.fault)] = max(course.full - time, 0) / MS_PER_DAY
    return due
