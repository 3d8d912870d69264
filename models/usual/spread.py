"""How much features vary: from day to day within an appliance, and between the appliances of a fleet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LEAST_SPREAD = 1e-3  # K, or as a log ratio: what varies less was not measured more exactly
_FEWEST_ROWS = 30  # appliance-days before anything is known
_FORGET = 1 / 60  # a day
_OUTLYING = 3.0  # spreads, beyond which a residual counts as if it were at them
_MOST_RATIO = 10.0  # of the variances within and between appliances
_MOST_AWAY = 0.8  # share of the variance that distance may explain
_NORMAL = 1.4826  # a standard deviation, in median absolute deviations of the normal distribution


class Spread:
    """How much F features vary, learnt from the fleet day by day; outliers, such as faults, count for little.

    Within an appliance the variance grows with the squared distance of a day's conditions from those the appliance is
    used to: no two appliances answer them quite alike. Between appliances it is that of their own levels, learnt on
    days on which at least `min_siblings` are known.

    >>> rng = np.random.default_rng(1)
    >>> own = rng.normal(4.0, 0.5, (20, 1))  # degC: what is usual for each of 20 refrigerators
    >>> spread = Spread(features=1, min_siblings=4)
    >>> for _ in range(30):  # days
    ...     spread.learn(own, residual=rng.normal(0.0, 0.2, (20, 1)), away=np.zeros((20, 1)))
    >>> spread.within.round(1)
    array([0.2])
    """

    def __init__(self, features: int, min_siblings: int) -> None:
        self._min_siblings = min_siblings
        names = ("days", "square", "away", "away2", "cross", "fleets", "between", "middle")
        self._sums = {name: np.zeros(features) for name in names}
        self._fit()

    @property
    def within(self) -> Array:
        """(F,) standard deviation of a day under usual conditions; NaN while not known."""
        return np.where(self._known, np.sqrt(self._within), np.nan)

    def days_missing(self, teaching: Sequence[int]) -> int | None:
        """Days to come until the first of the features is known; 0 where one is, None where none ever will be.

        `teaching`: how many appliances teach on each of these days, the last one standing for all behind it.
        """
        known = self._sums["days"].max(initial=0.0)
        if known < _FEWEST_ROWS and not teaching[-1]:
            return None  # a single one that teaches day by day reaches twice the fewest
        days = 0
        while known < _FEWEST_ROWS:
            known = known * (1 - _FORGET) + teaching[min(days, len(teaching) - 1)]
            days += 1
        return days

    def learn(self, own: Array, residual: Array, away: Array) -> None:
        """A day's own levels (k, F), and residuals from them (k, F) at squared distances `away` (k, 1); NaN unknown."""
        for sums in self._sums.values():
            sums *= 1 - _FORGET
        self._learn_within(residual, away)
        self._learn_between(own)
        self._fit()

    def strangeness(self, away: Array) -> Array:
        """(k, F) variance that a squared distance `away` (k, 1) adds, in that of a day at no distance."""
        return self._growth * away

    def drawn_in(self, residual: Array, variance: Array) -> Array:
        """Outlying residuals (k, F), by `variance` (k, F) in that of a usual day, drawn in; all stay at first."""
        limit = np.where(self._known, _OUTLYING * np.sqrt(self._within * variance), np.inf)
        return np.clip(residual, -limit, limit)

    def shrunk(self, own: Array, days: Array) -> tuple[Array, Array]:
        """What is usual (k, F), from `own` levels (NaN: none yet) of so many `days` and what the fleet shows.

        Also its variance, in that of a usual day. NaN while neither is known. Empirical Bayes with limited translation
        (Efron and Morris, JASA 67, 1972): one that differs from its fleet is pulled by a standard error at most.
        """
        s, compared = self._sums, self._sums["fleets"] > 0
        fleets = np.maximum(s["fleets"], 1e-9)
        between = np.maximum(s["between"] / fleets, LEAST_SPREAD**2)
        ratio = np.where(compared, np.minimum(self._within / between, _MOST_RATIO), 0.0)
        middle = np.where(compared, s["middle"] / fleets, 0.0)
        counts = days + ratio
        own = np.where(days > 0, own, middle)
        limit = np.sqrt(self._within / np.maximum(days, 1))
        usual = own + np.clip(ratio / np.maximum(counts, 1e-9) * (middle - own), -limit, limit)
        known = self._known & (counts > 0)
        return np.where(known, usual, np.nan), 1 / np.maximum(counts, 1e-9)

    def snapshot(self) -> dict[str, Any]:
        return {name: sums.copy() for name, sums in self._sums.items()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        self._sums = {name: np.array(sums) for name, sums in snapshot.items()}
        self._fit()

    def _learn_within(self, residual: Array, away: Array) -> None:
        known = np.isfinite(residual)
        square = np.where(known, self.drawn_in(residual, 1 + self.strangeness(away)), 0) ** 2
        self._sums["days"] += known.sum(axis=0)
        self._sums["away"] += (known * away).sum(axis=0)
        self._sums["away2"] += (known * away**2).sum(axis=0)
        self._sums["square"] += square.sum(axis=0)
        self._sums["cross"] += (square * away).sum(axis=0)

    def _learn_between(self, own: Array) -> None:
        enough = np.isfinite(own).sum(axis=0) >= self._min_siblings
        middle, spread = middle_and_spread(np.where(enough, own, np.nan))
        self._sums["fleets"] += enough
        self._sums["middle"] += np.where(enough, middle, 0)
        self._sums["between"] += np.where(enough, spread**2, 0)

    def _fit(self) -> None:
        """A least-squares line of squared residuals over squared distances, neither falling nor below zero."""
        s = self._sums
        days = np.maximum(s["days"], 1e-9)
        square, away = s["square"] / days, s["away"] / days
        varied = np.maximum(s["away2"] / days - away**2, 1e-9)
        slope = np.maximum((s["cross"] / days - square * away) / varied, 0)
        slope = np.minimum(slope, _MOST_AWAY * square / np.maximum(away, 1e-9))
        self._known = s["days"] >= _FEWEST_ROWS
        self._within = np.maximum(square - slope * away, LEAST_SPREAD**2)
        self._growth = slope / self._within


def middle_and_spread(values: Array) -> tuple[Array, Array]:
    """Columns' medians, and their median absolute deviations as standard deviations of the normal distribution.

    NaN is ignored; both are NaN where a column has nothing else.
    """
    middle = nanmedian(values)
    return middle, _NORMAL * nanmedian(np.abs(values - middle))


def nanmedian(values: Array) -> Array:
    """Column medians that ignore NaN; NaN where a column has nothing."""
    some = np.isfinite(values).any(axis=0)
    median = np.full(values.shape[1], np.nan)
    median[some] = np.nanmedian(values[:, some], axis=0)
    return median
