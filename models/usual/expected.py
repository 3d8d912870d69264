"""What conditions change, learnt from how far appliances depart from their own means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_RIDGE = 1.0
_FORGET = 1 / 365  # a day: the fleet ages slowly


class Expected:
    """Learns how far features depart from an appliance's own mean when its conditions depart from theirs.

    It is a ridge regression (Hoerl and Kennard, Technometrics 12, 1970) over all appliances. How one appliance differs
    from another says nothing of the conditions, though both may differ in those as well: so only what changes within
    appliances is learnt from (the within estimator of panel data; Wooldridge, Econometric Analysis of Cross Section and
    Panel Data, 2010). `masks` (b, F): which terms may explain which features.

    >>> rng = np.random.default_rng(1)
    >>> expected = Expected(masks=np.ones((1, 1), np.bool_))  # one condition, which may explain one feature
    >>> for _ in range(60):  # days of 20 appliances
    ...     warmer = rng.normal(0.0, 1.0, (20, 1))  # by so many times 10 K than their mean
    ...     expected.learn(warmer, 0.3 * warmer + rng.normal(0.0, 0.05, (20, 1)))
    >>> expected.effect(np.array([[0.5]])).round(2)
    array([[0.15]])
    """

    def __init__(self, masks: NDArray[np.bool_]) -> None:
        terms, features = masks.shape
        self._masks = masks
        self._gram = _RIDGE * np.eye(terms)
        self._cross = np.zeros((terms, features))
        self._solve()

    def learn(self, terms: Array, level: Array) -> None:
        """Departures `level` (k, F), NaN where not seen, on days with departures `terms` (k, b) of the conditions."""
        seen = np.isfinite(level).any(axis=1)
        terms, level = terms[seen], level[seen]
        filled = np.where(np.isfinite(level), level, self.effect(terms))
        self._gram += terms.T @ terms - _FORGET * (self._gram - _RIDGE * np.eye(len(self._gram)))
        self._cross += terms.T @ filled - _FORGET * self._cross
        self._solve()

    def effect(self, terms: Array) -> Array:
        """(k, F) what conditions that depart by `terms` (k, b) change."""
        return terms @ self._weights

    def leverage(self, terms: Array) -> Array:
        """(k, 1) variance of `effect`, in that of one day's noise: large far from what the fleet has lived through."""
        return np.einsum("ka,ab,kb->k", terms, self._inverse, terms)[:, None]

    def snapshot(self) -> dict[str, Any]:
        return {"gram": self._gram.copy(), "cross": self._cross.copy()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        self._gram, self._cross = (np.array(snapshot[name]) for name in ("gram", "cross"))
        self._solve()

    def _solve(self) -> None:
        self._inverse = np.linalg.inv(self._gram)
        self._weights = np.zeros_like(self._cross)
        kinds, kind = np.unique(self._masks.T, axis=0, return_inverse=True)
        for number, mask in enumerate(kinds):
            features = np.flatnonzero(kind == number)
            gram = self._gram[np.ix_(mask, mask)]
            self._weights[np.ix_(mask, features)] = np.linalg.solve(gram, self._cross[np.ix_(mask, features)])
