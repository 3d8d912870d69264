"""Remaining useful life from run-to-failure histories, with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import GroupKFold

from foremend.vocabulary.errors import ConfigError, InputError, IntegrityError
from foremend.vocabulary.ports import Snapshot
from models.trajectories import ConditionScaler, Lives, trajectory_features
from models.trees import Floats, Forest, as_grown, flatten, mean_value, restored, stored

_LEAF_ROWS = 10
_FOLDS = 5
_FIT_ROWS = 10_000
"""Rows that the trees are grown on: neighbours in time are nearly copies of one another."""

_BANDS = 4
"""Bands of predicted life that each get their own interval: errors are small close to failure, large far from it."""


@dataclass(frozen=True, slots=True)
class RemainingLifeEstimate:
    """How much life n rows have left, in rows of life (cycles or days), with an interval.

    >>> estimate = RemainingLifeEstimate(np.array([41.0]), low=np.array([28.0]), high=np.array([55.0]))
    >>> f"{estimate.remaining[0]:.0f} days left, {estimate.low[0]:.0f} to {estimate.high[0]:.0f}"
    '41 days left, 28 to 55'
    """

    remaining: Floats  # (n,) 0..cap
    low: Floats  # (n,) 0..cap
    high: Floats  # (n,) 0..cap


def _grow(features: Floats, remaining: Floats, trees: int, seed: int) -> Forest:
    model = ExtraTreesRegressor(trees, min_samples_leaf=_LEAF_ROWS, random_state=seed)
    model.fit(as_grown(features), remaining)
    return flatten(model.estimators_, lambda tree: tree.value[:, 0, 0])


class RemainingLife:
    """Predicts how much life is left, in rows of life (cycles or days), from levels and trends of the life so far.

    Extremely randomised trees (Geurts, Ernst and Wehenkel, 2006).

    cap: rows of life beyond which a healthy unit is just healthy (Heimes, 2008). trees: how many.
    coverage: share of intervals that should hold the truth, 0..1. seed: of the trees.

    The interval is conformal: quantiles of the errors made on units that a fold's trees never saw, within bands of
    predicted life. Its coverage is marginal over units like those learnt from, and approximate, since the trees in use
    have seen one fold more (Barber and others, 2021).

    >>> unit, left = np.repeat(np.arange(6), 100), np.tile(np.arange(99.0, -1.0, -1.0), 6)  # days of six fans
    >>> vibration = np.random.default_rng(1).normal(5.0 - 0.04 * left, 0.2)[:, None]  # mm/s
    >>> fans = Lives(("vibration",), unit, np.zeros(600, np.int64), vibration)
    >>> predictor = RemainingLife(trees=5, seed=1)
    >>> predictor.learn(fans, left)
    >>> predictor.score(fans.take(unit == 0)).remaining[[9, 49, 89]].round(-1)
    array([90., 50., 10.])
    """

    def __init__(self, *, cap: float = 125.0, trees: int = 50, coverage: float = 0.9, seed: int = 0) -> None:
        self._cap = cap
        self._trees = trees
        self._coverage = coverage
        self._seed = seed
        self._names: tuple[str, ...] = ()
        self._scaler = ConditionScaler()
        self._forest: Forest | None = None
        self._edges: Floats = np.empty(0)
        self._errors: Floats = np.empty((0, 2))

    def learn(self, lives: Lives, remaining: Floats) -> None:
        """Learn from lives and the (n,) rows of life that each row had left.

        Raises InputError for fewer than 5 units, or where the lengths differ.
        """
        if len(remaining) != len(lives.unit) or len(lives.starts()) < _FOLDS:
            raise InputError(
                f"learning remaining life needs at least {_FOLDS} units and one number a row, "
                f"not {len(lives.starts())} units and {len(remaining)} numbers for {len(lives.unit)} rows"
            )
        self._names = lives.names
        self._scaler.learn(lives)
        step = -(-len(remaining) // _FIT_ROWS)
        features = trajectory_features(self._scaler(lives), lives)[::step]
        target = np.minimum(remaining, self._cap)[::step]
        self._learn_errors(features, target, lives.unit[::step])
        self._forest = _grow(features, target, self._trees, self._seed)

    def _learn_errors(self, features: Floats, target: Floats, unit: NDArray[np.int64]) -> None:
        predicted = np.empty(len(target))
        for fit, held_out in GroupKFold(_FOLDS).split(features, target, unit):
            forest = _grow(features[fit], target[fit], self._trees, self._seed)
            predicted[held_out] = mean_value(as_grown(features[held_out]), forest)
        self._edges = np.quantile(predicted, np.arange(1, _BANDS) / _BANDS)
        band = np.searchsorted(self._edges, predicted)
        tail = (1.0 - self._coverage) / 2.0
        errors = [(target - predicted)[band == i] for i in range(_BANDS)]
        self._errors = np.stack([np.quantile(part, [tail, 1.0 - tail]) for part in errors])

    def score(self, lives: Lives) -> RemainingLifeEstimate:
        """Remaining life at every row, each from its unit's rows so far.

        Raises ConfigError before `learn`, InputError for other columns than learnt.
        """
        if self._forest is None:
            raise ConfigError("remaining life has learnt nothing yet: call learn first")
        if lives.names != self._names:
            raise InputError(f"remaining life learnt the columns {self._names}, but was given {lives.names}")
        features = trajectory_features(self._scaler(lives), lives)
        remaining = mean_value(as_grown(features), self._forest)
        errors = self._errors[np.searchsorted(self._edges, remaining)]
        low, high = np.clip(remaining[:, None] + errors, 0.0, self._cap).T
        return RemainingLifeEstimate(remaining, low, high)

    def snapshot(self) -> Snapshot:
        """The trees and intervals as arrays."""
        scaler = self._scaler
        return {
            "predictor": "remaining-life",
            "names": list(self._names),
            "cap": self._cap,
            "condition": scaler.condition.copy(),
            "mean": scaler.mean.copy(),
            "spread": scaler.spread.copy(),
            "edges": self._edges.copy(),
            "errors": self._errors.copy(),
            "forest": stored(self._forest),
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Continue with what `snapshot` had learnt; raises IntegrityError for another predictor's."""
        if snapshot["predictor"] != "remaining-life":
            raise IntegrityError(f"a snapshot of {snapshot['predictor']!r} cannot restore remaining life")
        self._names, self._cap = tuple(snapshot["names"]), float(snapshot["cap"])
        self._scaler.condition = np.array(snapshot["condition"])
        self._scaler.mean, self._scaler.spread = np.array(snapshot["mean"]), np.array(snapshot["spread"])
        self._edges, self._errors = np.array(snapshot["edges"]), np.array(snapshot["errors"])
        self._forest = restored(Forest, snapshot["forest"])
