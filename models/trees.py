"""scikit-learn's trees as plain arrays: stored without pickle, walked by compiled code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.compiling import compiled

Floats = NDArray[np.float64]


class Forest(NamedTuple):
    """Decision trees as arrays, one tree after another; children are indices into the same arrays, -1 in a leaf.

    >>> from sklearn.ensemble import ExtraTreesRegressor
    >>> day = np.arange(200.0)[:, None]
    >>> grown = ExtraTreesRegressor(5, random_state=1).fit(day, 2.0 * day[:, 0])
    >>> forest = flatten(grown.estimators_, lambda tree: tree.value[:, 0, 0])
    >>> forest.root.shape, mean_value(day[[50, 60]], forest)
    ((5,), array([100., 120.]))
    """

    root: NDArray[np.int32]  # (trees,)
    left: NDArray[np.int32]  # (nodes,)
    right: NDArray[np.int32]  # (nodes,)
    feature: NDArray[np.int32]  # (nodes,)
    threshold: Floats  # (nodes,)
    value: Floats  # (nodes,) what a row gets that ends here


def flatten(estimators: Sequence[Any], value: Callable[[Any], Floats]) -> Forest:
    """Fitted scikit-learn trees -> Forest; `value` gives every node of a `tree_` its number, (node_count,)."""
    parts = [estimator.tree_ for estimator in estimators]
    root = np.cumsum([0, *(part.node_count for part in parts)])[:-1]
    return Forest(
        root.astype(np.int32),
        _shifted([part.children_left for part in parts], root),
        _shifted([part.children_right for part in parts], root),
        np.concatenate([part.feature for part in parts]).astype(np.int32),
        np.concatenate([part.threshold for part in parts]).astype(np.float64),
        np.concatenate([value(part) for part in parts]).astype(np.float64),
    )


def _shifted(children: Sequence[NDArray[Any]], root: NDArray[Any]) -> NDArray[np.int32]:
    moved = [np.where(child >= 0, child + at, -1) for child, at in zip(children, root, strict=True)]
    return np.concatenate(moved).astype(np.int32)


def node_depth(tree: Any) -> Floats:
    """Cuts above every node, (node_count,); scikit-learn numbers parents before their children."""
    depth = np.zeros(tree.node_count)
    for node in range(tree.node_count):
        for child in (tree.children_left[node], tree.children_right[node]):
            if child >= 0:
                depth[child] = depth[node] + 1.0
    return depth


def as_grown(rows: Floats) -> Floats:
    """Rounded to float32, on which scikit-learn chose its cuts: without this, rows on a cut may fall aside."""
    return rows.astype(np.float32).astype(np.float64)


@compiled()
def mean_value(rows: Floats, forest: Forest) -> Floats:
    """The mean over trees of the value where each row ends, (n,)."""
    total = np.zeros(len(rows))
    for row in range(len(rows)):
        for root in forest.root:
            node = root
            while forest.left[node] >= 0:
                goes_left = rows[row, forest.feature[node]] <= forest.threshold[node]
                node = forest.left[node] if goes_left else forest.right[node]
            total[row] += forest.value[node]
    return total / len(forest.root)
