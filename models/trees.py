"""scikit-learn's trees as plain arrays: stored without pickle, walked by compiled code.

Nodes stand in preorder, so the left child of a node is the next one, and only the right one is kept. A leaf has no use
for a threshold: its value stands there. Cuts are float32, as rows are compared: half the room, and the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.compiling import compiled

Floats = NDArray[np.float64]
Trees = TypeVar("Trees", bound="Forest | Ballots | Sums")
LEAF = -1
"""The feature of a node that asks for none."""


class Forest(NamedTuple):
    """Decision trees as arrays, one tree after another, the nodes of each in preorder.

    >>> from sklearn.ensemble import ExtraTreesRegressor
    >>> day = np.arange(200.0)[:, None]
    >>> grown = ExtraTreesRegressor(5, random_state=1).fit(day, 2.0 * day[:, 0])
    >>> forest = flatten(grown.estimators_, lambda tree: tree.value[:, 0, 0])
    >>> forest.root.shape, mean_value(day[[50, 60]], forest)
    ((5,), array([100., 120.]))
    """

    root: NDArray[np.int32]  # (trees,)
    right: NDArray[np.int32]  # (nodes,) the child on the right, counted from the node on; 0 in a leaf
    feature: NDArray[np.int16]  # (nodes,) LEAF in a leaf
    cut: NDArray[np.float32]  # (nodes,) up to it a row goes left; in a leaf what a row gets that ends there


class Ballots(NamedTuple):
    """Trees whose leaves say of several labels how many of their rows had each; labels that none had are left out.

    The value of a leaf in `forest` is its number.

    >>> from sklearn.ensemble import ExtraTreesClassifier
    >>> wear = np.arange(40.0)[:, None]  # of a fan that hums from 30 on
    >>> grown = ExtraTreesClassifier(3, random_state=1).fit(wear, wear[:, 0] >= 30)
    >>> mean_shares(np.array([[5.0], [38.0]]), flatten_ballots(grown.estimators_), 1)[:, 0]
    array([0., 1.])
    """

    forest: Forest
    rows: NDArray[np.int32]  # (leaves,) learnt from
    first: NDArray[np.int32]  # (leaves + 1,) of its entries in the two below
    label: NDArray[np.int16]
    had: NDArray[np.int32]  # rows of the leaf that had the label


class Sums(NamedTuple):
    """Boosted trees of several labels: of each the sum of what its trees say, above where it starts.

    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> day = np.arange(200.0)[:, None]
    >>> grown = HistGradientBoostingRegressor(learning_rate=0.5, max_iter=20).fit(day, 2.0 * day[:, 0])
    >>> sums(day[[50, 150]], flatten_boosted([grown])).round(-2)[:, 0]
    array([100., 300.])
    """

    forest: Forest
    label: NDArray[np.int16]  # (trees,)
    start: Floats  # (labels,)


def flatten(estimators: Sequence[Any], value: Callable[[Any], Floats]) -> Forest:
    """Fitted scikit-learn trees -> Forest; `value` gives every node of a `tree_` its number, (node_count,)."""
    return joined([_tree(one.tree_, value(one.tree_)) for one in estimators])


def flatten_ballots(estimators: Sequence[Any]) -> Ballots:
    """Fitted scikit-learn trees of labels that are 0 or 1, one or several, -> Ballots."""
    trees = [one.tree_ for one in estimators]
    at_leaf = [tree.children_left < 0 for tree in trees]
    rows = np.concatenate([tree.n_node_samples[leaf] for tree, leaf in zip(trees, at_leaf, strict=True)])
    shares = np.concatenate([_positive(tree)[leaf] for tree, leaf in zip(trees, at_leaf, strict=True)])
    had = np.rint(shares * rows[:, None]).astype(np.int32)
    leaf, label = np.nonzero(had)
    numbers = np.split(np.arange(len(rows)), np.cumsum([count.sum() for count in at_leaf])[:-1])
    parts = []
    for tree, mine, number in zip(trees, at_leaf, numbers, strict=True):
        value = np.zeros(tree.node_count)
        value[mine] = number
        parts.append(_tree(tree, value))
    first = np.searchsorted(leaf, np.arange(len(rows) + 1))
    return Ballots(
        joined(parts), rows.astype(np.int32), first.astype(np.int32), label.astype(np.int16), had[leaf, label]
    )


def flatten_boosted(learners: Sequence[Any]) -> Sums:
    """scikit-learn's histogram boosting, a fitted learner a label -> Sums; None starts, and ends, at minus infinity."""
    nodes = [[] if one is None else [tree.nodes for (tree,) in one._predictors] for one in learners]
    start = [-np.inf if one is None else one._baseline_prediction.item() for one in learners]
    label = np.repeat(np.arange(len(learners)), [len(trees) for trees in nodes])
    forest = joined([_boosted(tree) for trees in nodes for tree in trees])
    return Sums(forest, label.astype(np.int16), np.array(start, np.float64))


def joined(trees: Sequence[Forest]) -> Forest:
    """All trees of several forests as one."""
    trees = trees or [_NO_TREES]
    start = np.cumsum([0, *(len(tree.cut) for tree in trees)])[:-1]
    return Forest(
        np.concatenate([tree.root + at for tree, at in zip(trees, start, strict=True)]).astype(np.int32),
        np.concatenate([tree.right for tree in trees]),
        np.concatenate([tree.feature for tree in trees]),
        np.concatenate([tree.cut for tree in trees]),
    )


_NO_TREES = Forest(
    np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int16), np.zeros(0, np.float32)
)


def _tree(tree: Any, value: Floats) -> Forest:
    inner = tree.children_left >= 0
    right = np.where(inner, tree.children_right - np.arange(tree.node_count), 0)
    return _forest(inner, right, tree.feature, np.where(inner, _not_above(tree.threshold), value))


def _boosted(nodes: NDArray[Any]) -> Forest:
    inner = nodes["is_leaf"] == 0
    right = np.where(inner, nodes["right"].astype(np.int64) - np.arange(len(nodes)), 0)
    cut = np.where(inner, nodes["num_threshold"], nodes["value"])
    return _forest(inner, right, nodes["feature_idx"], cut)


def _forest(inner: NDArray[np.bool_], right: NDArray[Any], feature: NDArray[Any], cut: Floats) -> Forest:
    return Forest(
        np.zeros(1, np.int32),
        right.astype(np.int32),
        np.where(inner, feature, LEAF).astype(np.int16),
        cut.astype(np.float32),
    )


def _positive(tree: Any) -> Floats:
    """(nodes, labels) share of the rows that had a label; 0 where all rows of a label are the same."""
    if tree.value.shape[2] == 1:
        return np.zeros(tree.value.shape[:2])
    return np.asarray(tree.value[:, :, 1] / tree.value.sum(axis=2))


def _not_above(threshold: Floats) -> Floats:
    """The highest float32 that is not above: float32 rows fall on the same side of it."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float64)


def stored(trees: Forest | Ballots | Sums | None) -> dict[str, Any]:
    """Trees as a mapping of arrays, or of mappings of them; empty where there are none."""
    if trees is None:
        return {}
    return {
        name: stored(part) if isinstance(part, Forest) else part for name, part in trees._asdict().items()
    }


def restored(kind: type[Trees], kept: Mapping[str, Any]) -> Trees | None:
    """The inverse of `stored`."""
    if not kept:
        return None
    parts = {"forest": Forest(**kept["forest"])} if "forest" in kept else {}
    return kind(**{**kept, **parts})


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


def mean_value(rows: Floats, forest: Forest) -> Floats:
    """The mean over trees of the value where each row ends, (n,)."""
    return sum_of_values(rows, forest) / len(forest.root)


@compiled()
def sum_of_values(rows: Floats, forest: Forest) -> Floats:
    """The sum over trees of the value where each row ends, (n,); `rows` as `as_grown` gives them."""
    total = np.zeros(len(rows))
    for row in range(len(rows)):
        for root in forest.root:
            node = root
            while forest.feature[node] >= 0:
                goes_left = rows[row, forest.feature[node]] <= forest.cut[node]
                node += 1 if goes_left else forest.right[node]
            total[row] += forest.cut[node]
    return total


@compiled()
def sums(rows: Floats, boosted: Sums) -> Floats:
    """(n, labels) where each label starts and what its trees say; `rows` as `as_grown` gives them."""
    forest, said = boosted.forest, np.empty((len(rows), len(boosted.start)))
    for row in range(len(rows)):
        said[row] = boosted.start
        for tree in range(len(forest.root)):
            node = forest.root[tree]
            while forest.feature[node] >= 0:
                goes_left = rows[row, forest.feature[node]] <= forest.cut[node]
                node += 1 if goes_left else forest.right[node]
            said[row, boosted.label[tree]] += forest.cut[node]
    return said


@compiled()
def mean_shares(rows: Floats, ballots: Ballots, labels: int) -> Floats:
    """(n, labels) the mean over trees of the share that had each label; `rows` as `as_grown` gives them."""
    forest, said = ballots.forest, np.zeros((len(rows), labels))
    for row in range(len(rows)):
        for root in forest.root:
            node = root
            while forest.feature[node] >= 0:
                goes_left = rows[row, forest.feature[node]] <= forest.cut[node]
                node += 1 if goes_left else forest.right[node]
            leaf = np.int64(forest.cut[node])
            for entry in range(ballots.first[leaf], ballots.first[leaf + 1]):
                said[row, ballots.label[entry]] += ballots.had[entry] / ballots.rows[leaf]
    return said / len(forest.root)
