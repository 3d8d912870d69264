"""Days to failure with an interval that holds: conformalised quantile regression, and what follows from it.

Gradient-boosted quantiles of log days (Koenker and Bassett 1978) are widened by what appliances kept apart showed
(Romano, Patterson and Candes, Conformalized quantile regression, NeurIPS 2019). Appliances that are exchangeable with
those find their failure inside the interval as often as promised, on average over days: rows of a slow fault, of which
fewer are learnt from, count for the days between them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from foremend.vocabulary.types import Prediction
from models.trees import Sums, as_grown, flatten_boosted, restored, stored, sums

Array = NDArray[np.float64]
COVERAGE = 0.8
_QUANTILES = (0.1, 0.5, 0.9)
_FEWEST_ROWS = 50
_FEWEST_APPLIANCES = 4
_SPREAD = float(ndtri(_QUANTILES[2]) - ndtri(_QUANTILES[0]))  # of the interval, in standard deviations


class DaysToFailure:
    """Estimates the days to failure: the median, and the ends of an interval that holds 80 % (`COVERAGE`).

    Its `inputs` are rows of features, with the fault as columns of 0 and 1 before them. `seed` of all randomness.

    >>> days, appliance = np.tile(np.arange(3.0, 63.0, 3.0), 10), np.repeat(np.arange(10), 20)
    >>> wear = np.random.default_rng(1).normal(60.0 - days, 5.0)
    >>> inputs, faults = np.column_stack([np.ones(200), wear]), np.zeros(200, np.int64)  # one fault, one feature
    >>> estimator = DaysToFailure(seed=1)
    >>> estimator.learn(inputs, days, appliance, faults)
    >>> low, middle, high = estimator.estimate(np.array([[1.0, 20.0], [1.0, 55.0]]))
    >>> middle.round(-1)
    array([40., 10.])
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._quantiles: Sums | None = None
        self._wider = 0.0

    def learn(self, inputs: Array, days: Array, groups: NDArray[Any], faults: NDArray[Any]) -> None:
        """Fit on `inputs` (n, d), `days` (n,), appliance and fault of each row; with too few rows nothing is learnt."""
        self._quantiles, self._wider = None, 0.0
        if len(days) < _FEWEST_ROWS or len(np.unique(groups)) < _FEWEST_APPLIANCES:
            return
        from sklearn.model_selection import GroupShuffleSplit  # most processes never learn

        from models.predictors.threads import one_thread

        target, inputs, weight = (
            np.log1p(days),
            as_grown(np.nan_to_num(inputs)),
            _days_each(days, groups, faults),
        )
        split = GroupShuffleSplit(1, test_size=0.35, random_state=self._seed)
        fit, apart = next(split.split(inputs, groups=groups))
        with one_thread():
            self._quantiles = flatten_boosted(
                [
                    self._quantile(q).fit(inputs[fit], target[fit], sample_weight=weight[fit])
                    for q in _QUANTILES
                ]
            )
        low, _, high = _logs(inputs[apart], self._quantiles)
        missed = np.maximum(low - target[apart], target[apart] - high)
        self._wider = _weighted_quantile(missed, weight[apart], min(1.0, COVERAGE * (1 + 1 / len(apart))))

    def estimate(self, inputs: Array) -> Array:
        """(3, n) days: low, middle and high; NaN where nothing was learnt."""
        if self._quantiles is None or not len(inputs):
            return np.full((3, len(inputs)), np.nan)
        low, middle, high = _logs(as_grown(np.nan_to_num(inputs)), self._quantiles)
        low, high = low - self._wider, high + self._wider
        logs = np.array([np.minimum(low, middle), middle, np.maximum(high, middle)])
        return np.maximum(np.expm1(logs), 0.0)

    def snapshot(self) -> dict[str, Any]:
        return {"quantiles": stored(self._quantiles), "wider": self._wider}

    def restore(self, snapshot: dict[str, Any]) -> None:
        self._quantiles, self._wider = restored(Sums, snapshot["quantiles"]), snapshot["wider"]

    def _quantile(self, quantile: float) -> Any:
        from sklearn.ensemble import HistGradientBoostingRegressor

        return HistGradientBoostingRegressor(
            loss="quantile", quantile=quantile, max_iter=50, max_leaf_nodes=15, random_state=self._seed
        )


def _logs(inputs: Array, quantiles: Sums) -> Array:
    """(3, n) log days, rising; `inputs` as `as_grown` gives them."""
    return np.sort(sums(inputs, quantiles).T, axis=0)


def _days_each(days: Array, groups: NDArray[Any], faults: NDArray[Any]) -> Array:
    """(n,) days that each row stands for: the usual gap between rows of its fault on its appliance, at least 1."""
    each = np.ones(len(days))
    _, course = np.unique(np.column_stack([groups, faults]), axis=0, return_inverse=True)
    for one in range(course.max() + 1):
        rows = np.flatnonzero(course == one)
        if len(rows) > 1:
            each[rows] = max(1.0, float(np.median(np.diff(np.sort(days[rows])))))
    return each


def _weighted_quantile(values: Array, weight: Array, share: float) -> float:
    """The smallest of `values` that at least `share` of the weight does not exceed."""
    order = np.argsort(values)
    reached = np.searchsorted(np.cumsum(weight[order]), share * weight.sum() * (1 - 1e-12))
    return float(values[order[min(int(reached), len(values) - 1)]])


def probability_within(prediction: Prediction, days: float) -> Array:
    """(n, faults) probability of a failure within `days`, at most the prediction's horizon.

    The probability within the horizon is shared out by a log-normal time to failure (an accelerated failure time
    model; Kalbfleisch and Prentice 2002) that has the predicted median and interval; evenly where there is none.
    """
    if not 0 < days <= prediction.horizon_days:
        raise ValueError(f"{days} days: this prediction reaches from 0 to {prediction.horizon_days:g} days")
    low, middle, high = (
        np.log1p(x) for x in (prediction.days_low, prediction.days_to_failure, prediction.days_high)
    )
    spread = np.maximum((high - low) / _SPREAD, 1e-3)
    until, whole = (ndtr((np.log1p(t) - middle) / spread) for t in (days, prediction.horizon_days))
    share = np.where(np.isfinite(middle), until / np.maximum(whole, 1e-9), days / prediction.horizon_days)
    return prediction.probability * np.clip(share, 0.0, 1.0)
