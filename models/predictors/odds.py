"""From raw scores of all faults to the probability of each.

Logistic curves (Platt, Probabilistic outputs for support vector machines, 1999) of a fault's own score and of its
strongest rival's: one fault explains another away. With a dozen appliances a fault, a curve of its own for each would
follow single appliances, as isotonic regression did with plateaus; so one curve is learnt for all faults, and each
departs from it as far as its rows insist (a ridge on the departures; Evgeniou and Pontil, Regularized multi-task
learning, KDD 2004).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Array = NDArray[np.float64]
_SURE = 0.998  # scores count as if they were between 1 - _SURE and _SURE
_MOST_SURE = 0.995  # nothing learnt from few rows is certain


class Odds:
    """Turns raw scores 0..1 of F faults into their probabilities.

    `rarer`: the odds of a fault in life, divided by those in the rows learnt from (Elkan, IJCAI 2001).

    >>> due = np.array([[1, 0]] * 30 + [[0, 1]] * 30 + [[0, 0]] * 240, np.int8)  # a leak, a worn fan, nothing
    >>> scores = np.random.default_rng(1).normal(0.1 + 0.5 * due, 0.1).clip(0.0, 1.0)
    >>> odds = Odds(rarer=0.5)
    >>> odds.learn(scores, due)
    >>> odds.probability(np.array([[0.4, 0.1], [0.1, 0.1]])).round(1)
    array([[0.3, 0. ],
           [0. , 0. ]])
    """

    def __init__(self, rarer: float) -> None:
        self._rarer = rarer
        self._curves: Array = np.zeros((3, 0))  # a fault: where its log odds start, own score, rival's

    def learn(self, scores: Array, due: NDArray[np.int8], once: NDArray[np.bool_] | None = None) -> None:
        """Fit on out-of-fold `scores` (n, F) and labels `due` (n, F), 0 or 1. A fault nobody had gets probability 0.

        But for those of `once` (F,), which one appliance had, so that nobody can say how well it is known: they get the
        curve that all share.
        """
        had: NDArray[np.bool_] = np.asarray(due.any(axis=0))
        terms, happened = _terms(scores)[:, :, had], due[:, had].ravel()
        self._curves = np.zeros((3, len(had)))
        self._curves[0] = np.where(had, np.inf, -np.inf)  # where all rows say the same
        if not happened.all():
            from sklearn.linear_model import LogisticRegression  # most processes never learn

            from models.predictors.threads import one_thread

            with one_thread():
                fitted = LogisticRegression(max_iter=2_000).fit(_shared_and_own(terms), happened)
            together = np.concatenate([fitted.intercept_, fitted.coef_[0, :2]])
            self._curves[:, had] = together[:, None] + fitted.coef_[0, 2:].reshape(3, -1)
            if once is not None:
                self._curves[:, once & ~had] = together[:, None]
            self._curves[0] += np.log(self._rarer)

    def probability(self, scores: Array) -> Array:
        """(n, F) from raw `scores` (n, F)."""
        log_odds = (_terms(scores) * self._curves[:, None, :]).sum(axis=0)
        return np.asarray(np.minimum(1 / (1 + np.exp(-log_odds)), _MOST_SURE))

    def snapshot(self) -> dict[str, Any]:
        return {"curves": self._curves}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        self._curves = snapshot["curves"]


def _shared_and_own(terms: Array) -> csr_array:
    """(n F, 2 + 3 F): `terms` (3, n, F) but the ones, as all faults share them; then all three, a fault at a time."""
    _, n, faults = terms.shape
    values = np.concatenate([terms[1:], terms]).reshape(5, n * faults).T
    fault = np.tile(np.arange(faults), n)
    shared = np.zeros_like(fault)
    columns = np.column_stack([shared, shared + 1, *(2 + k * faults + fault for k in range(3))])
    starts = np.arange(0, columns.size + 1, 5)
    return csr_array((values.ravel(), columns.ravel(), starts), shape=(n * faults, 2 + 3 * faults))


def _terms(scores: Array) -> Array:
    """(3, n, F): ones, the log odds of each fault's score, and those of the strongest other fault's."""
    sure = np.clip(scores, 1 - _SURE, _SURE)
    own = np.log(sure / (1 - sure))
    return np.stack([np.ones_like(own), own, strongest_other(own, np.log((1 - _SURE) / _SURE))])


def strongest_other(values: Array, floor: float) -> Array:
    """(n, F) of each row's values (n, F) the highest but the own; a fault without others has `floor`."""
    lowest = np.full((len(values), 1), floor)
    ranked = np.sort(np.hstack([lowest, values]), axis=1)
    return np.where(values == ranked[:, -1:], ranked[:, -2:-1], ranked[:, -1:])
