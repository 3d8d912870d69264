"""Has an appliance model's fleet moved away from what its model learnt from? Then it is time to train again.

The measure is the population stability index (Siddiqi, Credit Risk Scorecards, 2006) of every feature, and of the
detectors' score, between the rows of training and those of the last weeks. Without drift it is distributed as
(1/n + 1/m) chi-squared with as many degrees of freedom as bins less one (Yurdakul, Statistical Properties of
Population Stability Index, 2018), so a small fleet is not taken for a drifting one. Rows of one appliance are much
alike from day to day: n and m count appliances, not rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from foremend.vocabulary.errors import IntegrityError
from foremend.vocabulary.features import Deviation, Kind
from foremend.vocabulary.types import MS_PER_DAY, Evidence, Finding, FindingKind, Severity

Floats = NDArray[np.float64]
FAULT = "model-drift"
SCORE = "score"
"""The column after the features: what the detectors say of a row, 0..1."""
LEAST_SHARE = 1e-4
MOST_EVIDENCE = 3


@dataclass(frozen=True, slots=True)
class Drift:
    """How far one feature, or the score, has moved.

    >>> moved = Drift("siblings.duty", index=0.31, limit=0.25)
    >>> moved.drifted
    True
    """

    name: str
    index: float  # population stability index, 0 and more; above 0.25 is a major shift
    limit: float  # what it must exceed to be more than chance

    @property
    def drifted(self) -> bool:
        """Whether it moved further than chance would."""
        return self.index > self.limit


class DriftWatch:
    """Compares the daily rows of a fleet with those that its model learnt from, and says when to train again.

    bins: so many of each feature, equally full in training; one more counts what is unknown. memory_days: time constant
    with which days are forgotten. least_days: days before there is a verdict. major: the index from which on experts
    call a shift major. alpha: probability that a fleet without drift is called drifting on a day. share: so much of
    the features must drift, 0..1; the score alone suffices. settle_days: so many live days replace what training was
    like, for a model that learnt from a simulated fleet, which no real one resembles in everything.

    Deviations from the own usual (`own.*`) are left out: the season moves them for the whole fleet.

    >>> rng, watch = np.random.default_rng(1), DriftWatch()
    >>> columns = [Deviation(Kind.SIBLINGS, "duty")]
    >>> watch.learn(columns, rng.normal(0.0, 0.02, (2_000, 1)), rng.uniform(size=2_000), appliances=200)
    >>> for day in range(20):
    ...     watch.update(day * MS_PER_DAY, rng.normal(0.05, 0.02, (200, 1)), rng.uniform(size=200))
    >>> [drift.name for drift in drifting(watch.drifts())]
    ['siblings.duty']
    """

    def __init__(
        self,
        *,
        bins: int = 10,
        memory_days: float = 14.0,
        least_days: int = 14,
        major: float = 0.25,
        alpha: float = 0.001,
        share: float = 0.25,
        settle_days: int = 0,
    ) -> None:
        self._bins, self._memory_days, self._least_days = bins, memory_days, least_days
        self._major, self._alpha, self._share = major, alpha, share
        self._settle_days = settle_days
        self._columns = np.zeros(0, np.intp)  # of the features, those that are compared
        self._names: tuple[str, ...] = ()
        self._edges = np.zeros((0, bins - 1))
        self._expected = np.zeros((0, bins + 1))
        self._learnt_appliances = np.zeros(0)
        self._counts = np.zeros_like(self._expected)
        self._weight, self._days, self._newest_day = 0.0, 0, -1
        self._since: int | None = None  # when the fleet began to drift

    def learn(
        self,
        deviations: Sequence[Deviation],
        features: Floats,
        score: Floats,
        *,
        appliances: int,
        score_appliances: int | None = None,
    ) -> None:
        """Take (n, d) features of so many `appliances`, and a (m,) score of `score_appliances`, as usual.

        The score may be of fewer rows: only those that the detectors did not learn from show what it will be.
        """
        if features.shape[1] != len(deviations):
            raise ValueError(f"{features.shape[1]} columns of features, but {len(deviations)} deviations")
        steady = [k for k, one in enumerate(deviations) if one.kind is not Kind.OWN]
        self._columns = np.array(steady, np.intp)
        self._names = (*(deviations[k].name for k in steady), SCORE)
        columns = [*features[:, self._columns].T, score]
        self._edges = np.array([_edges(column, self._bins) for column in columns])
        self._expected = _shares(self._counted(columns))
        self._learnt_appliances = np.full(len(columns), float(appliances))
        if score_appliances is not None:
            self._learnt_appliances[-1] = score_appliances
        self._forget()

    def update(self, time: int, features: Floats, score: Floats) -> None:
        """Rows of the day that ended at `time` (ms UTC): (k, d) features and (k,) score.

        A day may come in parts, as appliances report late. Rows in which nothing is known yet are left out.
        """
        known = np.isfinite(features).any(axis=1)
        if not known.any():
            return
        day = time // MS_PER_DAY
        if day > self._newest_day:
            self._settle()
            keep = 1.0 - 1.0 / self._memory_days
            self._counts, self._weight = keep * self._counts, keep * self._weight + 1.0
            self._days, self._newest_day = self._days + 1, day
        self._counts = self._counts + self._counted([*features[known][:, self._columns].T, score[known]])

    def drifts(self) -> list[Drift]:
        """Every feature and the score, the most moved first; empty before `least_days`."""
        if self._settle_days or self._days < self._least_days:
            return []
        actual = _shares(self._counts)
        index = ((actual - self._expected) * np.log(actual / self._expected)).sum(axis=1)
        limit = np.maximum(self._major, self._chance())
        order = np.argsort(-index, kind="stable")
        return [Drift(self._names[k], float(index[k]), float(limit[k])) for k in order]

    def judge(self, appliance_model: str, time: int, features: Floats, score: Floats) -> list[Finding]:
        """`update`, and what there is to say of the day that ended at `time` (ms UTC): train again, or no more.

        The finding is about no single appliance: its appliance is `fleet:<appliance model>`.
        """
        self.update(time, features, score)
        found = self.drifts()
        if self._is_drifting(found) == (self._since is not None):
            return []
        if self._since is None:
            self._since = time
            return [_finding(FindingKind.OPENED, appliance_model, time, time, found)]
        since, self._since = self._since, None
        return [_finding(FindingKind.CLOSED, appliance_model, time, since, found)]

    def snapshot(self) -> dict[str, Any]:
        """What was learnt, and where the comparison stands."""
        return {
            "names": list(self._names),
            "columns": self._columns,
            "settle_days": self._settle_days,
            "edges": self._edges,
            "expected": self._expected,
            "learnt_appliances": self._learnt_appliances,
            "counts": self._counts,
            "weight": self._weight,
            "days": [self._days, self._newest_day],
            "since": self._since,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Raises IntegrityError when it was taken with other bins."""
        expected = np.array(snapshot["expected"])
        if expected.shape[1:] != (self._bins + 1,):
            raise IntegrityError(
                f"the drift watch has {self._bins} bins, its snapshot {expected.shape[1] - 1}"
            )
        self._names, self._expected = tuple(snapshot["names"]), expected
        self._edges = np.array(snapshot["edges"])
        self._columns, self._settle_days = np.array(snapshot["columns"]), int(snapshot["settle_days"])
        self._learnt_appliances = np.array(snapshot["learnt_appliances"])
        self._counts = np.array(snapshot["counts"])
        self._weight = float(snapshot["weight"])
        self._days, self._newest_day = (int(number) for number in snapshot["days"])
        self._since = snapshot["since"]

    def _forget(self) -> None:
        self._counts = np.zeros_like(self._expected)
        self._weight, self._days, self._newest_day, self._since = 0.0, 0, -1, None

    def _settle(self) -> None:
        """Once the days to settle are over, take what they brought as usual."""
        if self._settle_days and self._days >= self._settle_days:
            self._expected = _shares(self._counts)
            self._learnt_appliances = np.full(len(self._names), self._counts[0].sum() / self._weight)
            self._settle_days = 0
            self._forget()

    def _counted(self, columns: Sequence[Floats]) -> Floats:
        """(columns, bins + 1) how many rows fall in each bin; the last one counts the unknown."""
        counts = np.zeros((len(columns), self._bins + 1))
        for k, (column, edges) in enumerate(zip(columns, self._edges, strict=True)):
            at = np.where(np.isfinite(column), np.searchsorted(edges, column), self._bins)
            counts[k] = np.bincount(at, minlength=self._bins + 1)
        return counts

    def _chance(self) -> Floats:
        """(columns,) the index that none of them exceeds by chance, but with probability `alpha`.

        Infinite for what was never seen in training.
        """
        appliances = self._counts[0].sum() / self._weight
        quantile = chdtri(self._bins, self._alpha / len(self._names))
        with np.errstate(divide="ignore"):
            return np.asarray(quantile * (1.0 / appliances + 1.0 / self._learnt_appliances))

    def _is_drifting(self, drifts: Sequence[Drift]) -> bool:
        moved = [drift.name for drift in drifts if drift.drifted]
        return SCORE in moved or len(moved) > self._share * len(self._names)


def drifting(live: Sequence[Drift]) -> list[Drift]:
    """Those beyond their limit."""
    return [drift for drift in live if drift.drifted]


def _finding(
    kind: FindingKind, appliance_model: str, time: int, since: int, drifts: Sequence[Drift]
) -> Finding:
    worst = drifts[:MOST_EVIDENCE]
    return Finding(
        kind,
        f"fleet:{appliance_model}",
        appliance_model,
        FAULT,
        FAULT,
        Severity.INFO,
        time,
        since,
        score=len(drifting(drifts)) / max(len(drifts), 1),
        evidence=tuple(Evidence(drift.name, drift.index, usual=drift.limit, unit="PSI") for drift in worst),
    )


def _edges(column: Floats, bins: int) -> Floats:
    """(bins - 1,) quantiles of what is known; zeros where nothing is."""
    known = column[np.isfinite(column)]
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    return np.quantile(known, inner) if len(known) else np.zeros(bins - 1)


def _shares(counts: Floats) -> Floats:
    """Rows of counts as shares, none below `LEAST_SHARE`: the index takes their logarithm."""
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    return np.maximum(counts / total, LEAST_SHARE)
