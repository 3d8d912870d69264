"""The champions that come with Foremend: made by one command, and proof that today's code is what they were made by."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from foremend.engine.fitted import FittedModel
from foremend.engine.follow import follow
from foremend.learning.model_building import load_fitted
from foremend.learning.practice import practice_fleets
from foremend.learning.practice_rows import as_block, simulated_rows
from foremend.learning.training import train_simulated
from foremend.learning.training_sets import TrainingSet
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import MS_PER_DAY
from models.registry.card import ModelCard
from models.registry.registry import Registry
from models.settings import ModelsSettings
from simulators.fleet.fleet import Fleet
from simulators.fleet.scenario import plain_fleet

PROOF_FILE = "proof.json"
_PROOF_FLEET = {"appliances": 3, "days": 24, "seed": 5}


def make_champion(
    profile: Profile, into: Registry, root: Path, at: int, each: Callable[..., Iterable[TrainingSet]] = map
) -> ModelCard:
    """Train by the shipped settings and keep in `into`, whose folder is `root`, in the place of what was there.

    The rows it was judged by stay away: they are ten times as much as the rest, and a rival brings rows of its own.
    `each` as in `simulated_rows`; `at` ms UTC.
    """
    settings = ModelsSettings()
    rows = simulated_rows(profile, settings.training, each)
    with TemporaryDirectory() as folder:
        fresh = Registry(Path(folder))
        card = train_simulated(profile, fresh, settings, at, rows)
        fitted = load_fitted(profile.name, card.version, fresh)
        _, state = fresh.load(profile.name, card.version)
    del state["judge"]
    shutil.rmtree(root / profile.name, ignore_errors=True)
    kept = into.add(card, state)
    proof = {name: values.tolist() for name, values in proof_of(profile, fitted).items()}
    (root / profile.name / kept.version / PROOF_FILE).write_text(json.dumps(proof) + "\n")
    return kept


def proof_of(profile: Profile, fitted: FittedModel) -> dict[str, NDArray[np.float64]]:
    """What decides a champion beside its recipe, as few numbers.

    `features`: of each, its mean on days of a small fleet; `said`: of each fault, the mean probability on those days;
    `practice`: when the faults of the fleets begin that it practises on, and for how long they grow, days.
    """
    size = _PROOF_FLEET
    fleet = Fleet(plain_fleet({profile.name: size["appliances"]}, size["days"], 1.0), size["seed"])
    days = follow(profile, map(as_block, fleet.telemetry()))
    values = np.concatenate([day.deviations.values for day in days.each])
    rows = np.zeros(len(values), np.int32), np.zeros(len(values), np.int64), values
    return {
        "features": np.nan_to_num(values).mean(axis=0),
        "said": fitted.predictor.score(*rows).probability.mean(axis=0),
        "practice": _practice(profile),
    }


def read_proof(root: Path, appliance_model: str, version: str) -> dict[str, NDArray[np.float64]]:
    """What `make_champion` kept."""
    kept = json.loads((root / appliance_model / version / PROOF_FILE).read_text())
    return {name: np.array(values) for name, values in kept.items()}


def _practice(profile: Profile) -> NDArray[np.float64]:
    fleets = practice_fleets(profile.name, profile.faults, ModelsSettings().training)
    spans = [
        ((one.onset - fleet.scenario.start_ms) / MS_PER_DAY, (one.full - one.onset) / MS_PER_DAY)
        for fleet in fleets
        for one in fleet.courses[profile.name]
    ]
    return np.array([len(spans), *np.mean(spans, axis=0)])
