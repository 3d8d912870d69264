"""Features of a whole life so far: level and trend of every column, recent and since the start."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.errors import InputError

Floats = NDArray[np.float64]

_LEVELS = (5, 10, 20, 30)
"""Rows whose mean is a recent level."""

_TRENDS = (20, 30)
"""Rows whose least-squares slope is a recent trend."""

_SHORTEST_TREND = 5
"""Rows: a slope over fewer is noise and counts as none."""


@dataclass(frozen=True, slots=True)
class Lives:
    """Rows of several units, each unit's together and in order of age; one row a cycle or a day.

    `condition` is the operating condition of each row (a climate class, a flight regime): levels are compared within
    it. Raises InputError where the columns do not fit one another or a unit's rows are apart.

    >>> features = np.array([[2.1], [2.4], [3.0], [2.2], [2.3]])  # mm/s, a row a day
    >>> fans = Lives(("vibration",), np.array([7, 7, 7, 9, 9]), condition=np.zeros(5, np.int64), features=features)
    >>> fans.starts()
    array([0, 3])
    >>> fans.take(fans.unit == 9).features[:, 0]
    array([2.2, 2.3])
    """

    names: tuple[str, ...]
    unit: NDArray[np.int64]  # (n,)
    condition: NDArray[np.int64]  # (n,)
    features: Floats  # (n, d) NaN for unknown

    def __post_init__(self) -> None:
        rows = len(self.unit)
        if self.features.shape != (rows, len(self.names)) or self.condition.shape != (rows,):
            raise InputError(
                f"{rows} units, {self.condition.shape[0]} conditions and features of shape {self.features.shape} "
                f"for {len(self.names)} names do not fit one another"
            )
        if len(self.starts()) != len(np.unique(self.unit)):
            raise InputError("the rows of a unit must stand together, in order of age")

    def starts(self) -> NDArray[np.int64]:
        """The first row of every unit."""
        return np.flatnonzero(np.r_[True, self.unit[1:] != self.unit[:-1]][: len(self.unit)])

    def spans(self) -> Sequence[slice]:
        """The rows of every unit."""
        edges = [*self.starts(), len(self.unit)]
        return [slice(first, last) for first, last in itertools.pairwise(edges)]

    def take(self, rows: NDArray[np.bool_]) -> Lives:
        """Only these rows (a mask)."""
        return Lives(self.names, self.unit[rows], self.condition[rows], self.features[rows])


class ConditionScaler:
    """Standardises columns within each operating condition; unknown values and constant columns become 0.

    >>> unit, condition = np.zeros(4, np.int64), np.array([0, 0, 1, 1])  # a mild and a hot climate
    >>> lives = Lives(("power",), unit, condition, np.array([[60.0], [64.0], [110.0], [130.0]]))  # W
    >>> scaler = ConditionScaler()
    >>> scaler.learn(lives)
    >>> scaler(lives)[:, 0]
    array([-1.,  1., -1.,  1.])
    """

    def __init__(self) -> None:
        self.condition: NDArray[np.int64] = np.empty(0, np.int64)
        self.mean: Floats = np.empty((0, 0))
        self.spread: Floats = np.empty((0, 0))

    def learn(self, lives: Lives) -> None:
        """Take mean and standard deviation of every column in every condition."""
        self.condition = np.unique(lives.condition)
        parts = [lives.features[lives.condition == condition] for condition in self.condition]
        known = [np.where(np.isfinite(part).any(axis=0), part, 0.0) for part in parts]
        self.mean = np.stack([np.nanmean(part, axis=0) for part in known])
        spread = np.stack([np.nanstd(part, axis=0) for part in known])
        self.spread = np.where(spread > 1e-9 * (1.0 + np.abs(self.mean)), spread, np.inf)

    def __call__(self, lives: Lives) -> Floats:
        """(n, d) without NaN; a condition never learnt is taken as the nearest code that was."""
        nearest = np.abs(lives.condition[:, None] - self.condition[None, :]).argmin(axis=1)
        return np.nan_to_num((lives.features - self.mean[nearest]) / self.spread[nearest])


def _slope(total: Floats, moment: Floats, first: NDArray[np.int64], last: NDArray[np.int64]) -> Floats:
    """Least-squares slope per row over rows first..last (exclusive), from cumulative sums."""
    count = (last - first)[:, None].astype(np.float64)
    middle = ((first + 1 + last) / 2.0)[:, None]
    covariance = (moment[last] - moment[first] - middle * (total[last] - total[first])) / count
    return np.where(count >= _SHORTEST_TREND, covariance / np.maximum((count**2 - 1.0) / 12.0, 1e-9), 0.0)


def _life_features(scaled: Floats) -> Floats:
    """(n, 1 + 8 d): age, recent levels, level since the start, recent trends, trend since the start."""
    rows, columns = scaled.shape
    age = np.arange(1, rows + 1)
    total = np.vstack([np.zeros(columns), np.cumsum(scaled, axis=0)])
    moment = np.vstack([np.zeros(columns), np.cumsum(scaled * age[:, None], axis=0)])
    parts = [age[:, None].astype(np.float64)]
    for window in (*_LEVELS, rows):
        first = np.maximum(age - window, 0)
        parts.append((total[age] - total[first]) / (age - first)[:, None])
    parts.extend(_slope(total, moment, np.maximum(age - window, 0), age) for window in (*_TRENDS, rows))
    return np.hstack(parts)


def trajectory_features(scaled: Floats, lives: Lives) -> Floats:
    """(n, 1 + 8 d) features of `scaled` (n, d) rows; each row sees its own unit's past and nothing else."""
    if not len(scaled):
        return np.empty((0, 1 + 8 * len(lives.names)))
    return np.vstack([_life_features(scaled[span]) for span in lives.spans()])
