"""From rows to a stored version, and from a stored version back to something that scores."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

import numpy as np

from foremend.engine.fitted import FittedModel, Scored, scored
from foremend.engine.lane import deviations
from foremend.learning.training_sets import Split, TrainingSet
from foremend.vocabulary.errors import IntegrityError
from foremend.vocabulary.ports import LearningPredictor
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import Rows
from models.detectors import window_watch
from models.drift import DriftWatch
from models.predictors.faults import FaultPredictor
from models.registry.gate import gate_metrics
from models.registry.registry import ModelCard, Registry
from models.settings import ModelsSettings

SIMULATED = "simulated"
MOST_KEPT_ROWS = 20_000
SETTLE_DAYS = 28
"""Live days after which a model of a simulated fleet knows what is usual in the real one."""
LIBRARIES = ("scikit-learn", "numpy", "scipy", "skops")


def build(
    profile: Profile,
    split: Split,
    registry: Registry,
    settings: ModelsSettings,
    *,
    recipe: str,
    source: Mapping[str, Any],
    at: int,
) -> ModelCard:
    """Learn, judge on rows it did not learn from, and store as a new version without an alias; `at` ms UTC."""
    seed, rows = settings.training.seed, split.learn
    rarer = settings.training.rarer if source["source"] == SIMULATED else 1.0
    predictor = fitted_predictor(profile, rows, settings.horizon_days, rarer, seed)
    watch = window_watch(seed)
    watch.learn(rows.names, rows.features[rows.healthy])
    fitted = FittedModel("", rows.names, (watch,), predictor)
    card = ModelCard(
        appliance_model=profile.name,
        recipe=recipe,
        feature_names=rows.names,
        faults=profile.faults,
        trained_on={**source, "seed": seed, "rows": len(rows.features), "appliances": rows.appliances},
        metrics=judge(fitted, split.judge, settings.horizon_days),
        libraries={name: importlib.metadata.version(name) for name in LIBRARIES},
        data=rows.fingerprint(),
        made_at=at,
    )
    state = {
        "predictor": predictor.snapshot(),
        "watch": watch.snapshot(),
        "drift": _usual(
            profile, fitted, split, SETTLE_DAYS if source["source"] == SIMULATED else 0
        ).snapshot(),
        "judge": _kept(split.judge),
    }
    return registry.add(card, state)


def fitted_predictor(
    profile: Profile, rows: TrainingSet, horizon_days: float, rarer: float, seed: int
) -> LearningPredictor:
    """The predictor of an appliance model, learnt from `rows`; the numbers are `FaultPredictor`'s."""
    predictor = FaultPredictor(
        profile.faults, horizon_days=horizon_days, rarer=rarer, alike=profile.counterparts, seed=seed
    )
    predictor.learn(deviations(profile), rows.features, rows.days_to_failure, rows.appliance)
    return predictor


def load_fitted(appliance_model: str, version: str, registry: Registry) -> FittedModel:
    """A stored version, ready to score. Raises IntegrityError when it is not there or was altered."""
    card, state = registry.load(appliance_model, version)
    predictor: LearningPredictor = FaultPredictor(card.faults)
    watch, drift = window_watch(), DriftWatch()
    try:
        predictor.restore(state["predictor"])
        watch.restore(state["watch"])
        drift.restore(state["drift"])
    except KeyError as error:
        raise IntegrityError(
            f"{appliance_model} {version} was stored by another version of Foremend ({error} is missing): train again"
        ) from error
    return FittedModel(version, card.feature_names, (watch,), predictor, drift)


def load_judge(appliance_model: str, version: str, registry: Registry) -> TrainingSet:
    """The rows that a stored version was judged by."""
    card, state = registry.load(appliance_model, version)
    kept = state["judge"]
    features = kept["features"].astype(np.float64)
    return TrainingSet(card.feature_names, features, kept["days_to_failure"], kept["appliance"])


def judge(fitted: FittedModel, rows: TrainingSet, horizon_days: float) -> dict[str, float]:
    """Gate metrics of a model on `rows`, whose columns must be the model's."""
    probability = _said_of(fitted, rows).prediction.probability
    return gate_metrics(probability, rows.days_to_failure, horizon_days)


def _usual(profile: Profile, fitted: FittedModel, split: Split, settle_days: int) -> DriftWatch:
    """What is usual, by healthy rows; the score by those that the detectors did not learn from."""
    learnt, fresh = split.learn.take(split.learn.healthy), split.judge.take(split.judge.healthy)
    drift = DriftWatch(settle_days=settle_days)
    drift.learn(
        deviations(profile),
        learnt.features,
        _said_of(fitted, fresh).highest,
        appliances=learnt.appliances,
        score_appliances=fresh.appliances,
    )
    return drift


def _said_of(fitted: FittedModel, rows: TrainingSet) -> Scored:
    timeless = np.zeros(len(rows.appliance), np.int64)
    return scored(fitted, Rows(rows.appliance, timeless, rows.names, rows.features))


def _kept(rows: TrainingSet) -> dict[str, Any]:
    """Evenly thinned to what is worth storing, in single precision."""
    every = -(-len(rows.features) // MOST_KEPT_ROWS) or 1
    return {
        "features": rows.features[::every].astype(np.float32),
        "days_to_failure": rows.days_to_failure[::every],
        "appliance": rows.appliance[::every],
    }
