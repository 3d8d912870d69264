"""Isolation forest: rows that few random cuts set apart. Fitted by scikit-learn, kept and scored as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.ports import Snapshot
from foremend.vocabulary.types import Score
from models.calibration import ConformalPValues, split_rows
from models.detectors.base import Columns, Floats
from models.detectors.distance import RowScaler
from models.trees import Forest, as_grown, flatten, mean_value, node_depth, restored, stored

_SAMPLE = 256
"""Rows that each tree sees (Liu, Ting and Zhou, 2008)."""

_MIN_ROWS = 16


def _more_cuts(rows: NDArray[np.int64]) -> Floats:
    """Mean depth of an unsuccessful search in a binary tree of so many rows: c(n) of Liu, Ting and Zhou."""
    many = np.maximum(rows, 3) - 1.0
    mean = 2.0 * (np.log(many) + np.euler_gamma) - 2.0 * many / (many + 1.0)
    return np.where(rows > 2, mean, np.where(rows == 2, 1.0, 0.0))


def _cuts(tree: Any) -> Floats:
    """Cuts that isolate a row which ends in each node of a tree."""
    return node_depth(tree) + _more_cuts(tree.n_node_samples)


class Isolation(Columns):
    """Finds rows that few random cuts set apart from all others, for windows of many appliances.

    An isolation forest (Liu, Ting and Zhou, 2008), calibrated by conformal p-values.

    trees: how many. fit_share: share of the learnt rows that grow them; the rest calibrates. seed: of both draws.

    Meant for windows, not for single readings: every row walks all trees. Guarantee as in `models.calibration`.

    >>> usual = np.random.default_rng(1).normal([0.35, 48.0], [0.02, 2.0], (300, 2))
    >>> detector = Isolation(trees=20, seed=1)
    >>> detector.learn(["duty", "compressor_starts"], usual)
    >>> today = np.array([[0.35, 48.0], [0.55, 20.0]])
    >>> detector.score(np.int32([0, 1]), np.zeros(2, np.int64), today).value.round(1)
    array([0., 1.])
    """

    name = "isolation"

    def __init__(self, *, trees: int = 100, fit_share: float = 0.5, seed: int = 0) -> None:
        self._trees = trees
        self._fit_share = fit_share
        self._seed = seed
        self._scaler = RowScaler()
        self._forest: Forest | None = None
        self._calibrate = ConformalPValues()

    def learn(self, names: Sequence[str], features: Floats) -> None:
        """Grow trees on part of (n, d) normal rows, calibrate on the rest; silent with fewer than 16 rows."""
        rows = self._take_names(names, features)
        self._forest, self._calibrate = None, ConformalPValues()
        if len(rows) < _MIN_ROWS or not self.names:
            return
        fit, rest = split_rows(len(rows), self._fit_share, self._seed)
        self._scaler.learn(rows[fit])
        sample = min(_SAMPLE, len(fit))
        from sklearn.ensemble import IsolationForest  # most processes never learn: it takes half a second

        forest = IsolationForest(n_estimators=self._trees, max_samples=sample, random_state=self._seed)
        self._forest = flatten(forest.fit(self._prepared(rows[fit])).estimators_, _cuts)
        self._calibrate.learn(-mean_value(self._prepared(rows[rest]), self._forest))

    def _prepared(self, rows: Floats) -> Floats:
        return as_grown(self._scaler(rows))

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Floats) -> Score:
        """Score (n, d) rows; an unknown value counts as usual. Raises InputError for other columns."""
        rows = self._rows(features)
        if self._forest is None:
            return self._pack(appliance, time, np.zeros(len(rows)))
        strangeness = -mean_value(self._prepared(rows), self._forest)
        return self._pack(appliance, time, 1.0 - self._calibrate.p_value(strangeness))

    def snapshot(self) -> Snapshot:
        """The trees as arrays, without pickle."""
        scaler = {"centre": self._scaler.centre.copy(), "spread": self._scaler.spread.copy()}
        return {
            **self._identity(),
            **scaler,
            "forest": stored(self._forest),
            "calibration": self._calibrate.snapshot(),
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Continue where `snapshot` was taken; raises IntegrityError for another detector's."""
        self._check_identity(snapshot)
        self._scaler.centre, self._scaler.spread = np.array(snapshot["centre"]), np.array(snapshot["spread"])
        self._forest = restored(Forest, snapshot["forest"])
        self._calibrate.restore(snapshot["calibration"])
