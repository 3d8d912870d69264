"""What is usual for one appliance under the day's conditions, learnt as the days go by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.conditions import Conditions, Expected

Array = NDArray[np.float64]


class OwnUsual:
    """Each appliance's own departure from the fleet: a level and slopes that are shrunk to none.

    Recursive least squares (Ljung and Soederstrom 1983) over terms (k, a) whose first is 1. A direction of the
    conditions that the appliance has lived through for `learn_days` is known, and from then on followed only
    with the slowness of `forget_days`; a new one (its first summer) is learnt at full speed.
    """

    def __init__(self, terms: int, features: int, learn_days: int, forget_days: float) -> None:
        self._learn_days, self._slowly = learn_days, forget_days / learn_days
        self._prior = np.diag([3e4, *[0.25] * (terms - 1)]).astype(np.float32)
        self.state = self._fresh(0, terms, features)

    def deviation(self, rows: NDArray[np.int32], terms: Array, level: Array) -> Array:
        """`level` (k, F) minus the usual under `terms`; NaN while that is not known. Learns from `level`."""
        spread, weights, count = (self.state[name][rows] for name in ("spread", "weights", "count"))
        seen = np.isfinite(level)
        error = np.where(seen, level - np.einsum("ka,kaf->kf", terms, weights), 0)
        reach = np.einsum("kab,kb->ka", spread, terms)
        leverage: Array = (terms * reach).sum(axis=1, keepdims=True)
        familiar = leverage <= 1.5 / self._learn_days
        gain = reach / (np.where(familiar, self._slowly, 1.0) + leverage)
        learns = seen.max(axis=1)[:, None, None]
        self.state["weights"][rows] = weights + gain[:, :, None] * error[:, None, :]
        self.state["spread"][rows] = spread - (gain[:, :, None] * reach[:, None, :]) * learns
        self.state["count"][rows] = count + seen
        return np.where(seen & (count >= self._learn_days) & familiar, error, np.nan)

    def grow(self, size: int) -> None:
        """Room for fleet rows below `size`, and no more: a day of new appliances walks over the fleet anyway."""
        have, terms, features = self.state["weights"].shape
        if size > have:
            more = self._fresh(size - have, terms, features)
            self.state = {name: np.concatenate([column, more[name]]) for name, column in self.state.items()}

    def _fresh(self, rows: int, terms: int, features: int) -> dict[str, NDArray[np.float32]]:
        return {
            "spread": np.tile(self._prior, (rows, 1, 1)),
            "weights": np.zeros((rows, terms, features), np.float32),
            "count": np.zeros((rows, features), np.float32),
        }


class UnderConditions:
    """What is usual for some of the daily features: by the fleet under the day's conditions, and by each appliance."""

    def __init__(self, conditions: Conditions, learn_days: int, forget_days: float) -> None:
        self.columns = conditions.columns
        self._conditions = conditions
        self._expected = Expected(conditions.masks)
        shape = conditions.own_terms, len(conditions.columns)
        self._own, self._apart = (OwnUsual(*shape, learn_days, forget_days) for _ in range(2))

    def today(self, values: Array, scaled: Array) -> tuple[Array, Array, Array]:
        """Of days `values` (k, F): own terms, levels (k, columns), and levels less what the conditions explain."""
        terms = self._conditions.of(values)
        level = np.where(terms.told[:, None], scaled[:, self.columns], np.nan)
        return terms.own, level, self._expected.residual(terms.fleet, level)

    def deviations(
        self, rows: NDArray[np.int32], own_terms: Array, beyond: Array, apart: Array
    ) -> tuple[Array, Array]:
        """How far `beyond`, and `apart` from the siblings, are from the appliances' own usual."""
        return (
            self._own.deviation(rows, own_terms, beyond),
            self._apart.deviation(rows, own_terms, apart),
        )

    def grow(self, size: int) -> None:
        """Room for fleet rows below `size`."""
        self._own.grow(size)
        self._apart.grow(size)

    def snapshot(self) -> dict[str, Any]:
        return {
            "expected": self._expected.snapshot(),
            "own": dict(self._own.state),
            "apart": dict(self._apart.state),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        self._expected.restore(snapshot["expected"])
        for usual, name in ((self._own, "own"), (self._apart, "apart")):
            usual.state = {key: np.array(column) for key, column in snapshot[name].items()}
