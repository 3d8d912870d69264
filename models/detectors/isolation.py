"""Isolation forest: rows that few random cuts set apart. Fitted by scikit-learn, kept and scored as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from foremend.ports import Snapshot
from foremend.types import Score
from models.calibration import ConformalPValues, split_rows
from models.detectors.base import Columns, Floats, packed, unpacked
from models.detectors.distance import RowScaler

_SAMPLE = 256
"""Rows that each tree sees (Liu, Ting and Zhou, 2008)."""

_MIN_ROWS = 16


class Trees(NamedTuple):
    """All trees one after another; children are indices into the same arrays, -1 in a leaf."""

    root: NDArray[np.int32]  # (trees,)
    left: NDArray[np.int32]  # (nodes,)
    right: NDArray[np.int32]  # (nodes,)
    feature: NDArray[np.int32]  # (nodes,)
    threshold: Floats  # (nodes,)
    rest: Floats  # (nodes,) cuts that a full tree would still need below a leaf of so many rows


def _more_cuts(rows: NDArray[np.int64]) -> Floats:
    """Mean depth of an unsuccessful search in a binary tree of so many rows: c(n) of Liu, Ting and Zhou."""
    many = np.maximum(rows, 3) - 1.0
    mean = 2.0 * (np.log(many) + np.euler_gamma) - 2.0 * many / (many + 1.0)
    return np.where(rows > 2, mean, np.where(rows == 2, 1.0, 0.0))


def _flatten(forest: IsolationForest) -> Trees:
    parts = [estimator.tree_ for estimator in forest.estimators_]
    root = np.cumsum([0, *(part.node_count for part in parts)])[:-1]
    left, right = (
        [np.where(child >= 0, child + at, -1) for child, at in zip(side, root, strict=True)]
        for side in ([p.children_left for p in parts], [p.children_right for p in parts])
    )
    return Trees(
        root.astype(np.int32),
        np.concatenate(left).astype(np.int32),
        np.concatenate(right).astype(np.int32),
        np.concatenate([part.feature for part in parts]).astype(np.int32),
        np.concatenate([part.threshold for part in parts]),
        _more_cuts(np.concatenate([part.n_node_samples for part in parts])),
    )


@njit(cache=True)
def _depth(rows: Floats, trees: Trees) -> Floats:
    """Mean number of cuts that isolate each row, (n,)."""
    total = np.zeros(len(rows))
    for row in range(len(rows)):
        for root in trees.root:
            node = root
            while trees.left[node] >= 0:
                goes_left = rows[row, trees.feature[node]] <= trees.threshold[node]
                node = trees.left[node] if goes_left else trees.right[node]
                total[row] += 1.0
            total[row] += trees.rest[node]
    return total / len(trees.root)


class Isolation(Columns):
    """Isolation forest (Liu, Ting and Zhou, 2008) over windows of many appliances, calibrated by conformal p-values.

    trees: how many. fit_share: share of the learnt rows that grow them; the rest calibrates. seed: of both draws.

    Meant for windows, not for single readings: every row walks all trees. Guarantee as in `models.calibration`.
    """

    name = "isolation"

    def __init__(self, *, trees: int = 100, fit_share: float = 0.5, seed: int = 0) -> None:
        self._trees = trees
        self._fit_share = fit_share
        self._seed = seed
        self._scaler = RowScaler()
        self._forest: Trees | None = None
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
        forest = IsolationForest(n_estimators=self._trees, max_samples=sample, random_state=self._seed)
        self._forest = _flatten(forest.fit(self._prepared(rows[fit])))
        self._calibrate.learn(-_depth(self._prepared(rows[rest]), self._forest))

    def _prepared(self, rows: Floats) -> Floats:
        """Scaled, and rounded to the float32 that scikit-learn grew its cuts on."""
        return self._scaler(rows).astype(np.float32).astype(np.float64)

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Floats) -> Score:
        """Score (n, d) rows; an unknown value counts as usual. Raises InputError for other columns."""
        rows = self._rows(features)
        if self._forest is None:
            return self._pack(appliance, time, np.zeros(len(rows)))
        strangeness = -_depth(self._prepared(rows), self._forest)
        return self._pack(appliance, time, 1.0 - self._calibrate.p_value(strangeness))

    def snapshot(self) -> Snapshot:
        """The trees as arrays, without pickle."""
        forest = {} if self._forest is None else packed(self._forest)
        scaler = {"centre": self._scaler.centre.copy(), "spread": self._scaler.spread.copy()}
        return {**self._identity(), **scaler, "forest": forest, "calibration": self._calibrate.snapshot()}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue where `snapshot` was taken; raises IntegrityError for another detector's."""
        self._check_identity(snapshot)
        self._scaler.centre, self._scaler.spread = np.array(snapshot["centre"]), np.array(snapshot["spread"])
        self._forest = unpacked(Trees, snapshot["forest"]) if snapshot["forest"] else None
        self._calibrate.restore(snapshot["calibration"])
