"""All catalogued faults of one appliance model at once, from daily deviations.

A multi-label forest of extremely randomised trees (Geurts, Ernst and Wehenkel, Machine Learning 63, 2006) gives
a raw score a fault, from the columns that separate faults best; isotonic regression on out-of-fold scores, folds
split by appliance, turns it into a probability (Zadrozny and Elkan, KDD 2002). Days to failure are learnt on the
rows where a fault was under way.

Columns are measured in spreads of healthy rows, their tails drawn in. Noise of a few spreads is added to the rows
learnt from (Bishop, Training with noise is equivalent to Tikhonov regularization, Neural Computation 7, 1995): a year
of use varies more than the weeks that were learnt from, and another appliance model differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.isotonic import IsotonicRegression

from foremend.types import Prediction
from models.predictors.days import DaysToFailure
from models.predictors.selection import dealt_folds, separating

Array = NDArray[np.float64]
_MOST_SURE = 0.995
_LEAST_SPREAD = 1e-3  # K, or as a log ratio: what varies less was not measured more exactly
_OWN, _SIBLINGS = "own.", "siblings."


class FaultPredictor:
    """Probability that each fault brings a failure within `horizon_days`, and days to failure (80 % interval).

    Parameters: `horizon_days` days; `trees` in the forest; `columns` chosen for each fault; `folds` for calibration;
    `noise` that is added to the rows learnt from, in spreads of healthy rows;
    `rarer`: the odds of a fault in life, over those in the rows learnt from (1: they are a fair sample), by which
    probabilities are corrected (Elkan, IJCAI 2001); `likely` probability from which days to failure are estimated;
    `seed` of all randomness.
    """

    def __init__(
        self,
        faults: Sequence[str],
        *,
        horizon_days: float = 90.0,
        trees: int = 60,
        columns: int = 10,
        folds: int = 3,
        noise: float = 2.0,
        rarer: float = 1.0,
        likely: float = 0.2,
        seed: int = 0,
    ) -> None:
        self.faults = tuple(faults)
        self.horizon_days = horizon_days
        self._trees, self._each, self._folds, self._noise = trees, columns, folds, noise
        self._rarer, self._likely, self._seed = rarer, likely, seed
        self._forest: Any = None
        self._columns = np.zeros(0, np.intp)  # those the forest looks at
        self._calibration: list[Array] = []  # a fault: (2, k) raw score and probability, rising
        self._days = DaysToFailure(seed)
        self.signature: Array = np.zeros((len(faults), 0))
        self.scale: Array = np.zeros(0)

    def learn(
        self,
        names: Sequence[str],
        features: Array,
        days_to_failure: Array,
        appliance: NDArray[np.int32] | None = None,
    ) -> None:
        """Fit on `features` (n, d) and `days_to_failure` (n, faults; inf = none under way).

        `appliance` (n,) keeps one appliance's rows in one fold; without it every row is its own appliance.
        Raises ValueError when `features` does not have one column a name.
        """
        if features.shape[1] != len(names):
            raise ValueError(f"{features.shape[1]} columns of features, but {len(names)} names")
        groups = np.arange(len(features)) if appliance is None else appliance
        due = (days_to_failure <= self.horizon_days).astype(np.int8)
        self._learn_signature(features, due)
        usable = np.array([not _is_told_better(name, names) for name in names])
        rng = np.random.default_rng(self._seed)
        varied = self._drawn_in(features, self._noise * rng.standard_normal(features.shape)) * usable
        self._calibration = self._calibrate(varied, due, groups)
        self._columns = separating(varied, due, groups, self._each)
        self._forest = self._fitted_forest(varied[:, self._columns], due)
        row, fault = np.nonzero(due)
        self._days.learn(self._with_fault(varied[row], fault), days_to_failure[row, fault], groups[row])

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Array) -> Prediction:
        """Rows in which nothing is known yet get probability 0 and no estimate."""
        shape = (len(features), len(self.faults))
        known = np.isfinite(features).any(axis=1)
        probability = np.zeros(shape)
        drawn_in = self._drawn_in(features)
        if known.any():
            raw = _positive(self._forest, drawn_in[known][:, self._columns])
            for fault, (score, calibrated) in enumerate(self._calibration):
                probability[known, fault] = np.interp(raw[:, fault], score, calibrated)
        days = self._estimate_days(drawn_in, probability >= self._likely)
        return Prediction(
            self.faults, self.horizon_days, appliance, time, probability, days[1], days[0], days[2]
        )

    def drivers(self, features: Array, fault: int, most: int = 3) -> NDArray[np.int64]:
        """Columns of one row (d,) that speak most for `fault`: far from usual, the way that fault pushes."""
        push = np.nan_to_num(features / self.scale) * self.signature[fault]
        return np.argsort(-push)[:most]

    def snapshot(self) -> dict[str, Any]:
        """Fitted parts by name; scikit-learn estimators, stored by the registry without pickle."""
        return {
            "faults": list(self.faults),
            "horizon_days": self.horizon_days,
            "forest": self._forest,
            "columns": self._columns,
            "calibration": self._calibration,
            "days": self._days.snapshot(),
            "signature": self.signature,
            "scale": self.scale,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        self.faults = tuple(snapshot["faults"])
        self.horizon_days = snapshot["horizon_days"]
        self._forest, self._columns = snapshot["forest"], snapshot["columns"]
        self._calibration = snapshot["calibration"]
        self._days.restore(snapshot["days"])
        self.signature, self.scale = snapshot["signature"], snapshot["scale"]

    def _drawn_in(self, features: Array, noise: Array | float = 0.0) -> Array:
        """In spreads of healthy rows, plus `noise`; what is not known counts as usual. Far out, tenfold adds 2.3."""
        return np.asarray(np.arcsinh(np.nan_to_num(features / self.scale) + noise))

    def _fitted_forest(self, inputs: Array, due: NDArray[np.int8]) -> ExtraTreesClassifier:
        """Every fault counts the same, also one that lasts for days among those that last for months."""
        rows = due.sum(axis=0)
        weight = np.where(rows > 0, len(due) / np.maximum(rows, 1) / due.shape[1], 0.0)
        ill = due.any(axis=1)
        forest = ExtraTreesClassifier(
            self._trees, min_samples_leaf=5, max_features=0.4, random_state=self._seed, n_jobs=1
        )
        return forest.fit(inputs, due, sample_weight=np.where(ill, (due * weight).max(axis=1), 1.0))

    def _calibrate(self, features: Array, due: NDArray[np.int8], groups: NDArray[Any]) -> list[Array]:
        held_out = np.zeros(due.shape)
        fold = dealt_folds(due, groups, self._folds, self._seed)
        for number in range(self._folds):
            train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            columns = separating(features[train], due[train], groups[train], self._each)
            forest = self._fitted_forest(features[np.ix_(train, columns)], due[train])
            held_out[test] = _positive(forest, features[np.ix_(test, columns)])
        curves = [
            IsotonicRegression(y_min=0, y_max=1).fit(held_out[:, f], due[:, f]) for f in range(due.shape[1])
        ]
        return [np.array([curve.X_thresholds_, self._as_in_life(curve.y_thresholds_)]) for curve in curves]

    def _as_in_life(self, probability: Array) -> Array:
        """Among the rows learnt from -> among appliances in use; nothing learnt from few rows is certain."""
        sure = np.minimum(probability, _MOST_SURE)
        return self._rarer * sure / (self._rarer * sure + 1 - sure)

    def _estimate_days(self, features: Array, likely: NDArray[np.bool_]) -> Array:
        """(3, n, faults): low, middle and high days to failure, in rising order, where `likely` (n, faults)."""
        days = np.full((3, *likely.shape), np.nan)
        row, fault = np.nonzero(likely)
        if len(row):
            days[:, row, fault] = self._days.estimate(self._with_fault(features[row], fault))
        return days

    def _with_fault(self, features: Array, fault: NDArray[np.int64]) -> Array:
        return np.column_stack([np.eye(len(self.faults))[fault], features[:, self._columns]])

    def _learn_signature(self, features: Array, due: NDArray[np.int8]) -> None:
        healthy = features[due.sum(axis=1) == 0]
        self.scale = np.maximum(_robust_scale(healthy), _LEAST_SPREAD)
        self.signature = np.zeros((len(self.faults), features.shape[1]))
        for fault in range(len(self.faults)):
            rows = features[due[:, fault] == 1] / self.scale
            seen = np.isfinite(rows).any(axis=0)
            self.signature[fault, seen] = np.nanmedian(rows[:, seen], axis=0)


def _is_told_better(name: str, names: Sequence[str]) -> bool:
    """A deviation from the own usual, where the one without what the fleet shares (season, weather) is there too."""
    return name.startswith(_OWN) and name.replace(_OWN, _SIBLINGS, 1) in names


def _positive(forest: Any, features: Array) -> Array:
    """(n, faults) share of trees for 'yes'; 0 for a fault the training never saw."""
    votes = forest.predict_proba(features)
    votes = votes if isinstance(votes, list) else [votes]
    return np.column_stack([v[:, 1] if v.shape[1] == 2 else np.zeros(len(features)) for v in votes])


def _robust_scale(values: Array) -> Array:
    """Median absolute deviation, as a standard deviation of the normal distribution; 1 where nothing moves."""
    scale = np.ones(values.shape[1])
    seen = np.isfinite(values).any(axis=0)
    middle = np.nanmedian(values[:, seen], axis=0)
    spread = 1.4826 * np.nanmedian(np.abs(values[:, seen] - middle), axis=0)
    scale[seen] = np.where(spread > 1e-9, spread, 1)
    return scale
