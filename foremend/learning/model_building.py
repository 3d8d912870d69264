"""From rows to a stored version, and from a stored version back to something that scores."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

import numpy as np

from foremend.engine.fitted import FittedModel, Scored, scored
from foremend.engine.lane import deviations
from foremend.learning.crossed import Watched, comparable, crossed, figures
from foremend.learning.past import Past
from foremend.learning.training_sets import Split, TrainingSet
from foremend.vocabulary.errors import IntegrityError
from foremend.vocabulary.ports import Detector, LearningPredictor
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import Rows
from models.detectors import window_watch
from models.drift import DriftWatch
from models.outcomes import held_out
from models.predictors.faults import FaultPredictor
from models.registry.gate import gate_metrics
from models.registry.registry import ModelCard, Registry
from models.settings import ModelsSettings
from rules.evaluator import RuleBook

SIMULATED = "simulated"
MOST_KEPT_ROWS = 20_000
SETTLE_DAYS = 28
"""Live days after which a model of a simulated fleet knows what is usual in the real one."""
LIBRARIES = ("scikit-learn", "numpy", "scipy")


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
    seed, rows, practised = settings.training.seed, split.learn, source["source"] == SIMULATED
    rarer = settings.training.rarer if practised else 1.0
    predictor = fitted_predictor(profile, rows, settings.horizon_days, rarer, seed)
    watch = _fitted_watch(rows, seed)
    fitted = FittedModel("", rows.names, (watch,), predictor)
    metrics = judge(fitted, split.judge, settings.horizon_days)
    card = _card(profile, rows, settings, recipe, source, metrics, at)
    drift = _usual(profile, fitted, split, SETTLE_DAYS if practised else 0)
    return registry.add(card, {**_state(predictor, watch, drift), "judge": _kept(split.judge)})


def build_from_past(
    profile: Profile,
    past: Past,
    registry: Registry,
    settings: ModelsSettings,
    rules: RuleBook,
    *,
    recipe: str,
    source: Mapping[str, Any],
    at: int,
) -> ModelCard:
    """Learn from every row, judge by models that learnt from the other appliances, and store without an alias."""
    seed, rows, horizon = settings.training.seed, past.rows, settings.horizon_days

    predictor = fitted_predictor(profile, rows, horizon, 1.0, seed, settings.history.folds)
    watched = crossed(comparable(past, horizon), predictor)
    split = _apart(rows)
    watch = _fitted_watch(split.learn, seed)
    fitted = FittedModel("", rows.names, (watch,), predictor)
    card = _card(
        profile,
        rows,
        settings,
        recipe,
        {**source, "until": int(past.days.time.max()), "unseen": list(past.unseen)},
        figures(profile, rules, watched, watched.probability, horizon),
        at,
    )
    drift = _usual(profile, fitted, split, 0)
    return registry.add(card, {**_state(predictor, watch, drift), "watched": watched.kept().snapshot()})


def _card(
    profile: Profile,
    rows: TrainingSet,
    settings: ModelsSettings,
    recipe: str,
    source: Mapping[str, Any],
    metrics: Mapping[str, float],
    at: int,
) -> ModelCard:
    return ModelCard(
        appliance_model=profile.name,
        recipe=recipe,
        feature_names=rows.names,
        faults=profile.faults,
        trained_on={
            **source,
            "seed": settings.training.seed,
            "rows": len(rows.features),
            "appliances": rows.appliances,
        },
        metrics=metrics,
        libraries={name: importlib.metadata.version(name) for name in LIBRARIES},
        data=rows.fingerprint(),
        made_at=at,
    )


def _state(predictor: LearningPredictor, watch: Detector, drift: DriftWatch) -> dict[str, Any]:
    return {
        "predictor": predictor.snapshot(),
        "watch": watch.snapshot(),
        "drift": drift.snapshot(),
    }


def _fitted_watch(rows: TrainingSet, seed: int) -> Detector:
    watch = window_watch(seed)
    watch.learn(rows.names, rows.features[rows.healthy])
    return watch


def _apart(rows: TrainingSet) -> Split:
    """One appliance in five kept from the detectors, so that it is known what they say of days they never saw."""
    _, number = np.unique(rows.appliance, return_inverse=True)
    apart = held_out(number.astype(np.int32))
    return Split(rows.take(~apart), rows.take(apart))


def fitted_predictor(
    profile: Profile, rows: TrainingSet, horizon_days: float, rarer: float, seed: int, folds: int = 3
) -> FaultPredictor:
    """The predictor of an appliance model, learnt from `rows`; the numbers are `FaultPredictor`'s."""
    predictor = FaultPredictor(
        profile.faults,
        horizon_days=horizon_days,
        rarer=rarer,
        folds=folds,
        alike=profile.counterparts,
        seed=seed,
    )
    predictor.learn(deviations(profile), rows.features, rows.days_to_failure, rows.appliance)
    return predictor


def load_fitted(appliance_model: str, version: str, registry: Registry) -> FittedModel:
    """A stored version, ready to score. Raises IntegrityError when it is not there or was altered."""
    card, state = registry.load(appliance_model, version)
    predictor = FaultPredictor(card.faults)
    watch, drift = window_watch(), DriftWatch()
    try:
        predictor.restore(state["predictor"])
        watch.restore(state["watch"])
        drift.restore(state["drift"])
    except KeyError as error:
        raise IntegrityError(
            f"{appliance_model} {version} was stored by another version of Foremend ({error} is missing): train again"
        ) from error
    taught = None if card.trained_on["source"] == SIMULATED else frozenset(predictor.taught)
    return FittedModel(version, card.feature_names, (watch,), predictor, drift, taught)


def load_watched(appliance_model: str, version: str, registry: Registry) -> Watched | None:
    """The days that a version learnt from history was judged by; None for one that learnt from practice."""
    card, state = registry.load(appliance_model, version)
    return Watched.restored(card.feature_names, state["watched"]) if "watched" in state else None


def load_judge(appliance_model: str, version: str, registry: Registry) -> TrainingSet | None:
    """The rows that a stored version was judged by; None for one that came with Foremend, without them."""
    card, state = registry.load(appliance_model, version)
    if "judge" not in state:
        return None
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
