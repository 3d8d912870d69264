"""Two learners that err differently, and the mean of what they say.

A multi-label forest of extremely randomised trees (Geurts, Ernst and Wehenkel, Machine Learning 63, 2006) sees all
faults at once, so that one explains away another; gradient boosting (Friedman, Annals of Statistics 29, 2001), a fault
at a time, trusts the one column that gives a fault away. Where the two agree, false alarms are rarer than for either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

from models.predictors.threads import one_thread

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
        self._forest: Any = None
        self._boosted: list[
            Any
        ] = []  # a fault: its classifier, None where there was too little to learn from

    def learn(self, inputs: Array, due: NDArray[np.int8]) -> None:
        """Fit on `inputs` (n, d) and labels `due` (n, faults), 0 or 1."""
        forest = ExtraTreesClassifier(
            self._trees, min_samples_leaf=8, max_features=0.4, random_state=self._seed, n_jobs=1
        )
        self._forest = forest.fit(inputs, due if due.shape[1] > 1 else due[:, 0])
        with one_thread():
            self._boosted = [self._boost(inputs, column) for column in due.T]

    def score(self, inputs: Array) -> Array:
        """(n, faults)."""
        with one_thread():
            boosted = [_positive(one, inputs) for one in self._boosted]
        votes = self._forest.predict_proba(inputs)
        votes = votes if isinstance(votes, list) else [votes]
        forest = [vote[:, 1] if vote.shape[1] == 2 else np.zeros(len(inputs)) for vote in votes]
        return np.asarray((np.column_stack(forest) + np.column_stack(boosted)) / 2)

    def snapshot(self) -> dict[str, Any]:
        return {"forest": self._forest, "boosted": self._boosted}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        self._forest, self._boosted = snapshot["forest"], list(snapshot["boosted"])

    def _boost(self, inputs: Array, due: NDArray[np.int8]) -> Any:
        if due.sum() < _FEW or due.all():
            return None
        learner = HistGradientBoostingClassifier(
            max_iter=60,
            max_leaf_nodes=8,
            min_samples_leaf=15,
            l2_regularization=5.0,
            early_stopping=False,
            random_state=self._seed,
        )
        return learner.fit(inputs, due)


def _positive(learner: Any, inputs: Array) -> Array:
    return np.zeros(len(inputs)) if learner is None else np.asarray(learner.predict_proba(inputs)[:, 1])
