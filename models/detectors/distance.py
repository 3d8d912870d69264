"""Distance from the usual relations between columns: principal components, T² inside them and Q outside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.ports import Snapshot
from foremend.vocabulary.types import Score
from models.calibration import ConformalPValues, split_rows
from models.detectors.base import Columns, Floats
from models.usual.spread import middle_and_spread

_WINSOR = 5.0
"""Robust standard deviations beyond which a fitted row is pulled in, so that a few bad rows bend no axis."""

_MIN_ROWS = 8


class RowScaler:
    """Centres columns on their median and divides by their robust spread; what is unknown or infinite becomes 0.

    >>> scaler = RowScaler()
    >>> scaler.learn(np.array([[118.0, 4.0], [120.0, 4.2], [122.0, 3.8]]))
    >>> scaler(np.array([[120.0, 4.0], [140.0, np.nan]])).round(1)
    array([[0. , 0. ],
           [6.7, 0. ]])
    """

    def __init__(self) -> None:
        self.centre: Floats = np.empty(0)
        self.spread: Floats = np.empty(0)

    def learn(self, rows: Floats) -> None:
        """Take medians and 1.4826 times the median absolute deviation of (n, d) rows.

        Where that is 0 the standard deviation stands for it, and 1 where a column is constant.
        """
        known = np.where(np.isfinite(rows).any(axis=0), rows, 0.0)
        self.centre, mad = middle_and_spread(known)
        plain = np.nanstd(known, axis=0)
        self.spread = np.where(mad > 0, mad, np.where(plain > 0, plain, 1.0))

    def __call__(self, rows: Floats) -> Floats:
        """(n, d) scaled rows without NaN."""
        return np.nan_to_num((rows - self.centre) / self.spread, nan=0.0, posinf=0.0, neginf=0.0)


class ResidualDistance(Columns):
    """Finds rows in which columns do not fit one another as usual, for windows of many appliances.

    PCA monitoring with the combined index of T² and Q (Yue and Qin, 2001).

    explained: share of the variance that the kept components carry, 0..1. fit_share: share of the learnt rows that
    the components are fitted on; the rest calibrates. seed: of that split.

    Guarantee: the score is 1 minus a conformal p-value, see `models.calibration`. Stateless while scoring.

    >>> usual = np.random.default_rng(1).normal([0.35, 48.0], [0.02, 2.0], (300, 2))
    >>> detector = ResidualDistance(seed=1)
    >>> detector.learn(["duty", "compressor_starts"], usual)
    >>> today = np.array([[0.36, 47.0], [0.55, 20.0]])
    >>> detector.score(np.int32([0, 1]), np.zeros(2, np.int64), today).value.round(2)
    array([0.14, 1.  ])
    """

    name = "residual-distance"

    def __init__(self, *, explained: float = 0.9, fit_share: float = 0.5, seed: int = 0) -> None:
        self._explained = explained
        self._fit_share = fit_share
        self._seed = seed
        self._scaler = RowScaler()
        self._axes: Floats = np.empty((0, 0))
        self._variance: Floats = np.empty(0)
        self._usual: Floats = np.ones(2)
        self._calibrate = ConformalPValues()

    def learn(self, names: Sequence[str], features: Floats) -> None:
        """Fit on part of (n, d) normal rows, calibrate on the rest; silent with fewer than 8 rows."""
        rows = self._take_names(names, features)
        self._calibrate = ConformalPValues()
        if len(rows) < _MIN_ROWS:
            return
        fit, rest = split_rows(len(rows), self._fit_share, self._seed)
        self._fit(rows[fit])
        self._calibrate.learn(self._index(rows[rest]))

    def _fit(self, rows: Floats) -> None:
        self._scaler.learn(rows)
        scaled = np.clip(self._scaler(rows), -_WINSOR, _WINSOR)
        _, singular, axes = np.linalg.svd(scaled, full_matrices=False)
        variance = np.maximum(singular**2 / len(rows), 1e-12)
        kept = int(np.searchsorted(np.cumsum(variance) / variance.sum(), self._explained)) + 1
        self._axes, self._variance = axes[:kept], variance[:kept]
        self._usual = np.maximum(self._parts(scaled).mean(axis=1), 1e-12)

    def _parts(self, scaled: Floats) -> Floats:
        """T² within the kept components and Q outside them, (2, n)."""
        inside = scaled @ self._axes.T
        outside = scaled - inside @ self._axes
        return np.stack([(inside**2 / self._variance).sum(axis=1), (outside**2).sum(axis=1)])

    def _index(self, rows: Floats) -> Floats:
        index: Floats = (self._parts(self._scaler(rows)) / self._usual[:, None]).sum(axis=0)
        return index

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Floats) -> Score:
        """Score (n, d) rows; an unknown value counts as usual. Raises InputError for other columns."""
        rows = self._rows(features)
        index = self._index(rows) if len(self._axes) else np.full(len(rows), np.nan)
        return self._pack(appliance, time, 1.0 - self._calibrate.p_value(index))

    def snapshot(self) -> Snapshot:
        """The fitted arrays."""
        return {
            **self._identity(),
            "centre": self._scaler.centre.copy(),
            "spread": self._scaler.spread.copy(),
            "axes": self._axes.copy(),
            "variance": self._variance.copy(),
            "usual": self._usual.copy(),
            "calibration": self._calibrate.snapshot(),
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Continue where `snapshot` was taken; raises IntegrityError for another detector's."""
        self._check_identity(snapshot)
        self._scaler.centre, self._scaler.spread = np.array(snapshot["centre"]), np.array(snapshot["spread"])
        self._axes, self._variance = np.array(snapshot["axes"]), np.array(snapshot["variance"])
        self._usual = np.array(snapshot["usual"])
        self._calibrate.restore(snapshot["calibration"])
