"""Two learners that err differently, and the mean of what they say.

A multi-label forest of extremely randomised trees (Geurts, Ernst and Wehenkel, Machine Learning 63, 2006) sees all
faults at once, so that one explains away another; gradient boosting (Friedman, Annals of Statistics 29, 2001), a fault
at a time, trusts the one column that gives a fault away. Where the two agree, false alarms are rarer than for either.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from foremend.vocabulary.ports import Snapshot
from models.trees import (
    Ballots,
    Sums,
    as_grown,
    flatten_ballots,
    flatten_boosted,
    mean_shares,
    restored,
    stored,
    sums,
)

Array = NDArray[np.float64]
_FEW = 5  # rows; a fault with fewer is not boosted


class Votes:
    """Gives every fault a raw score, 0..1: the mean of a forest's and of boosting's.

    Parameters: `trees` in the forest; `seed` of all randomness.

    >>> due = np.array([[1, 0]] * 40 + [[0, 1]] * 40 + [[0, 0]] * 220, np.int8)  # a leak, a worn fan, nothing
    >>> inputs = np.random.default_rng(1).normal(3.0 * due, 1.0)  # each fault moves a column of its own
    >>> votes = Votes(trees=20, seed=1)
    >>> votes.learn(inputs, due)
    >>> votes.score(np.array([[4.0, 0.0], [0.0, 4.0]])).round(1)
    array([[0.7, 0. ],
           [0. , 0.7]])
    """

    def __init__(self, trees: int, seed: int) -> None:
        self._trees, self._seed = trees, seed
        self._forest: Ballots | None = None
        self._boosted: Sums | None = None

    def learn(self, inputs: Array, due: NDArray[np.int8]) -> None:
        """Fit on `inputs` (n, d) and labels `due` (n, faults), 0 or 1."""
        from sklearn.ensemble import ExtraTreesClassifier  # most processes never learn

        from models.predictors.threads import one_thread

        grown = as_grown(inputs)
        forest = ExtraTreesClassifier(
            self._trees, min_samples_leaf=8, max_features=0.4, random_state=self._seed, n_jobs=1
        )
        forest.fit(grown, due if due.shape[1] > 1 else due[:, 0])
        self._forest = flatten_ballots(forest.estimators_)
        with one_thread():
            self._boosted = flatten_boosted([self._boost(grown, column) for column in due.T])

    def score(self, inputs: Array) -> Array:
        """(n, faults)."""
        assert self._forest is not None
        assert self._boosted is not None
        rows = as_grown(inputs)
        boosted = expit(sums(rows, self._boosted))
        return np.asarray((mean_shares(rows, self._forest, boosted.shape[1]) + boosted) / 2)

    def snapshot(self) -> dict[str, Any]:
        return {"forest": stored(self._forest), "boosted": stored(self._boosted)}

    def restore(self, snapshot: Snapshot) -> None:
        self._forest = restored(Ballots, snapshot["forest"])
        self._boosted = restored(Sums, snapshot["boosted"])

    def _boost(self, inputs: Array, due: NDArray[np.int8]) -> Any:
        if due.sum() < _FEW or due.all():
            return None
        from sklearn.ensemble import HistGradientBoostingClassifier

        learner = HistGradientBoostingClassifier(
            max_iter=60,
            max_leaf_nodes=8,
            min_samples_leaf=15,
            l2_regularization=5.0,
            early_stopping=False,
            random_state=self._seed,
        )
        return learner.fit(inputs, due)
