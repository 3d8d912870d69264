"""All catalogued faults of one appliance model at once, from daily deviations.

Trees and boosting (`models.predictors.votes`) give a raw score a fault, from the columns that separate faults best;
logistic curves on out-of-fold scores, folds split by appliance, turn it into a probability (`models.predictors.odds`).
Days to failure are learnt on the rows where a fault was under way.

Columns are measured in spreads of healthy rows, their tails drawn in. Noise of a few spreads is added to the rows
learnt from (Bishop, Training with noise is equivalent to Tikhonov regularization, Neural Computation 7, 1995): a year
of use varies more than the weeks that were learnt from, and another appliance model differs. Columns that a profile
calls alike (cooling and heating) become one: few appliances fall ill in each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.features import Counterpart, Deviation, Kind
from foremend.vocabulary.ports import Snapshot
from foremend.vocabulary.types import Prediction
from models.predictors.days import DaysToFailure
from models.predictors.odds import Odds
from models.predictors.selection import dealt_folds, separating
from models.predictors.votes import Votes
from models.usual.spread import LEAST_SPREAD, middle_and_spread

Array = NDArray[np.float64]
_SHAPE_SCALE = 0.05
"""Shapes are shares, defined where something deviates: healthy rows do not tell what is much."""
_NOTHING_ALIKE: Mapping[str, Counterpart] = {}


class FaultPredictor:
    """Predicts with what probability each fault brings a failure within `horizon_days`, and in how many days.

    Days come with an interval that holds 80 % of the failures.

    Parameters: `horizon_days` days; `trees` in the forest; `columns` chosen for each fault; `folds` for calibration;
    `noise` that is added to the rows learnt from, in spreads of healthy rows;
    `rarer`: the odds of a fault in life, over those in the rows learnt from (1: they are a fair sample);
    `likely` probability from which days to failure are estimated;
    `alike`: daily features that a fault moves as it moves others; `seed` of all randomness.

    >>> features, days = np.random.default_rng(1).normal(0.0, 0.02, (200, 2)), np.full((200, 1), np.inf)
    >>> features[:60, 0] += 0.2  # 60 refrigerators whose compressor ran 20 % of the time more than siblings'
    >>> days[:60, 0] = 20.0  # failed 20 days later
    >>> predictor = FaultPredictor(["refrigerant-leak"], trees=10, seed=1)
    >>> predictor.learn([Deviation(Kind.SIBLINGS, "duty"), Deviation(Kind.SIBLINGS, "power_mean")], features, days)
    >>> found = predictor.score(np.int32([0, 1]), np.zeros(2, np.int64), np.array([[0.2, 0.0], [0.0, 0.0]]))
    >>> found.probability[:, 0].round(1), found.days_to_failure[:, 0].round()
    (array([1., 0.]), array([20., nan]))
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
        alike: Mapping[str, Counterpart] = _NOTHING_ALIKE,
        seed: int = 0,
    ) -> None:
        self.faults = tuple(faults)
        self.horizon_days = horizon_days
        self._trees, self._each, self._folds, self._noise = trees, columns, folds, noise
        self._likely, self._seed = likely, seed
        self._alike = alike
        self._votes = Votes(trees, seed)
        self._pairs = np.zeros((3, 0), np.intp)  # columns joined, those they join, and the sign
        self._columns = np.zeros(0, np.intp)  # those that are looked at
        self._odds = Odds(rarer)
        self._days = DaysToFailure(seed)
        self._apart: list[tuple[NDArray[np.intp], Votes]] = []  # a fold: columns and votes that never saw it
        self._fold: dict[int, int] = {}  # of each appliance that was learnt from
        self.signature: Array = np.zeros((len(faults), 0))
        self.scale: Array = np.zeros(0)

    def learn(
        self,
        deviations: Sequence[Deviation],
        features: Array,
        days_to_failure: Array,
        appliance: NDArray[np.int32] | None = None,
    ) -> None:
        """Fit on `features` (n, d) and `days_to_failure` (n, faults; inf = none under way).

        `appliance` (n,) keeps one appliance's rows in one fold; without it every row is its own appliance.
        Raises ValueError when `features` does not have one column for each of `deviations`.
        """
        if features.shape[1] != len(deviations):
            raise ValueError(f"{features.shape[1]} columns of features, but {len(deviations)} deviations")
        groups = np.arange(len(features)) if appliance is None else appliance
        due = (days_to_failure <= self.horizon_days).astype(np.int8)
        self._pairs = _paired(deviations, self._alike)
        is_shape = np.array([one.kind is Kind.SHAPE for one in deviations])
        self._learn_signature(features, due, is_shape)
        known = {*deviations}
        usable = np.array([not _is_told_better(one, known) for one in deviations])
        noise = np.random.default_rng(self._seed).standard_normal(features.shape) * ~is_shape
        varied = self._drawn_in(features, self._noise * noise) * usable
        raw, taught = self._out_of_fold(varied, due, groups)
        fair = np.asarray((taught | (due == 0)).all(axis=1))
        fair |= not due[fair].any()  # every fault was had once: better votes that knew nothing than none
        self._odds.learn(raw[fair], due[fair], np.asarray(due.any(axis=0)))
        self._columns = separating(varied, due, groups, self._each)
        self._votes.learn(varied[:, self._columns], due)
        row, fault = np.nonzero(due)
        self._days.learn(
            self._with_fault(varied[row], fault), days_to_failure[row, fault], groups[row], fault
        )

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Array) -> Prediction:
        """Rows in which nothing is known yet get probability 0 and no estimate."""
        shape = (len(features), len(self.faults))
        known = np.isfinite(features).any(axis=1)
        probability = np.zeros(shape)
        drawn_in = self._drawn_in(features)
        if known.any():
            probability[known] = self._odds.probability(self._votes.score(drawn_in[known][:, self._columns]))
        days = self._estimate_days(drawn_in, probability >= self._likely)
        return Prediction(
            self.faults, self.horizon_days, appliance, time, probability, days[1], days[0], days[2]
        )

    def unseen(self, appliance: NDArray[np.int32], features: Array) -> Array:
        """(n, faults) probability by votes that never saw the row's `appliance`, as numbered in `learn`.

        What the predictor would say of appliances like those it learnt from: it says so itself only after `learn`, not
        after `restore`. The curves that make probabilities of votes saw all; they are few numbers.
        """
        fold = np.array([self._fold.get(one, one % len(self._apart)) for one in appliance.tolist()], np.intp)
        said, drawn_in = np.zeros((len(features), len(self.faults))), self._drawn_in(features)
        for number, (columns, votes) in enumerate(self._apart):
            mine = np.flatnonzero((fold == number) & np.isfinite(features).any(axis=1))
            if len(mine):
                said[mine] = self._odds.probability(votes.score(drawn_in[np.ix_(mine, columns)]))
        return said

    @property
    def taught(self) -> list[str]:
        """The faults of which it learnt from some row."""
        return [fault for fault, row in zip(self.faults, self.signature, strict=True) if row.any()]

    def drivers(self, features: Array, fault: int, most: int = 3) -> NDArray[np.int64]:
        """Columns of one row (d,) that speak most for `fault`: far from usual, the way that fault pushes."""
        push = np.nan_to_num(features / self.scale) * self.signature[fault]
        return np.argsort(-push)[:most]

    def snapshot(self) -> dict[str, Any]:
        """Fitted parts by name; scikit-learn estimators, stored by the registry without pickle."""
        return {
            "faults": list(self.faults),
            "horizon_days": self.horizon_days,
            "votes": self._votes.snapshot(),
            "pairs": self._pairs,
            "columns": self._columns,
            "odds": self._odds.snapshot(),
            "days": self._days.snapshot(),
            "signature": self.signature,
            "scale": self.scale,
        }

    def restore(self, snapshot: Snapshot) -> None:
        self.faults = tuple(snapshot["faults"])
        self.horizon_days = snapshot["horizon_days"]
        self._votes.restore(snapshot["votes"])
        self._pairs, self._columns = snapshot["pairs"], snapshot["columns"]
        self._odds.restore(snapshot["odds"])
        self._days.restore(snapshot["days"])
        self.signature, self.scale = snapshot["signature"], snapshot["scale"]

    def _drawn_in(self, features: Array, noise: Array | float = 0.0) -> Array:
        """In spreads of healthy rows, plus `noise`; what is not known counts as usual. Far out, tenfold adds 2.3."""
        spreads = self._joined(features / self.scale)
        drawn_in = np.asarray(np.arcsinh(np.nan_to_num(spreads) + noise))
        drawn_in[:, self._pairs[1]] = 0.0
        return drawn_in

    def _joined(self, spreads: Array) -> Array:
        """Columns that are alike joined in the first of them: their mean, or the one that is known."""
        first, second, sign = self._pairs
        both = np.stack([spreads[:, first], spreads[:, second] * sign])
        known = np.isfinite(both)
        total = np.where(known, both, 0.0).sum(axis=0)
        joined = spreads.copy()
        joined[:, first] = np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)
        return joined

    def _out_of_fold(
        self, features: Array, due: NDArray[np.int8], groups: NDArray[Any]
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Raw scores (n, faults), each by votes that saw nothing of its appliance; and whether they saw the fault."""
        held_out, taught = np.zeros(due.shape), np.zeros(due.shape, np.bool_)
        fold, self._apart = dealt_folds(due, groups, self._folds, self._seed), []
        self._fold = dict(zip(groups.tolist(), fold.tolist(), strict=True))
        for number in range(self._folds):
            train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            columns = separating(features[train], due[train], groups[train], self._each)
            votes = Votes(self._trees, self._seed)
            votes.learn(features[np.ix_(train, columns)], due[train])
            if len(test):
                held_out[test] = votes.score(features[np.ix_(test, columns)])
            taught[test] = due[train].any(axis=0)
            self._apart.append((columns, votes))
        return held_out, taught

    def _estimate_days(self, features: Array, likely: NDArray[np.bool_]) -> Array:
        """(3, n, faults): low, middle and high days to failure, in rising order, where `likely` (n, faults)."""
        days = np.full((3, *likely.shape), np.nan)
        row, fault = np.nonzero(likely)
        if len(row):
            days[:, row, fault] = self._days.estimate(self._with_fault(features[row], fault))
        return days

    def _with_fault(self, features: Array, fault: NDArray[np.int64]) -> Array:
        return np.column_stack([np.eye(len(self.faults))[fault], features[:, self._columns]])

    def _learn_signature(self, features: Array, due: NDArray[np.int8], is_shape: NDArray[np.bool_]) -> None:
        healthy = features[due.sum(axis=1) == 0]
        self.scale = np.where(is_shape, _SHAPE_SCALE, np.maximum(_robust_scale(healthy), LEAST_SPREAD))
        self.signature = np.zeros((len(self.faults), features.shape[1]))
        for fault in range(len(self.faults)):
            rows = features[due[:, fault] == 1] / self.scale
            seen = np.isfinite(rows).any(axis=0) & ~is_shape  # which is of no one feature, and no evidence
            self.signature[fault, seen] = np.nanmedian(rows[:, seen], axis=0)


def _is_told_better(one: Deviation, known: Set[Deviation]) -> bool:
    """A deviation from the own usual, where the one without what the fleet shares (season, weather) is there too."""
    return one.kind is Kind.OWN and Deviation(Kind.SIBLINGS, one.of) in known


def _paired(deviations: Sequence[Deviation], alike: Mapping[str, Counterpart]) -> NDArray[np.intp]:
    """(3, pairs): columns to join others in, those others, and the sign they are joined with."""
    at = {one: column for column, one in enumerate(deviations)}
    pairs = []
    for column, one in enumerate(deviations):
        other = alike.get(one.of) if one.kind is not Kind.SHAPE else None
        there = at.get(Deviation(one.kind, other.feature)) if other else None
        if other and there is not None:
            pairs.append((there, column, other.sign))
    return np.array(pairs, np.intp).reshape(-1, 3).T


def _robust_scale(values: Array) -> Array:
    """A robust standard deviation of every column; 1 where nothing moves."""
    _, spread = middle_and_spread(values)
    return np.where(spread > 1e-9, spread, 1.0)
