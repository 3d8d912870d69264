"""Daily features: how far an appliance is from its own usual and from its siblings on the same day.

Comparing with siblings on the same day removes what they share (weather, season, holidays); comparing with the
appliance's own usual removes what makes it an individual (size, room, habits). What is left is change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.types import Evidence

Array = NDArray[np.float64]


class DailyFeatures:
    """Turns rows of plain daily numbers into deviations, keeping (fleet, F) float32 state for each.

    For F daily features it returns 3 F columns, NaN while unknown:
    `own.*` deviation from the own usual, `siblings.*` the same after the siblings' median of that day is taken
    away, `trend.*` fast minus slow average of the latter, per day.

    Parameters: `learn_days` days before the own usual counts as known; `fast_days`, `slow_days` time constants
    of the two averages; `forget_days` time constant with which the usual follows slow ageing; `min_siblings`
    appliances a day below which there is no cohort.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        learn_days: int = 14,
        fast_days: float = 3.0,
        slow_days: float = 12.0,
        forget_days: float = 365.0,
        min_siblings: int = 4,
    ) -> None:
        self.base_names = tuple(names)
        self.names = tuple(f"{kind}.{name}" for kind in ("own", "siblings", "trend") for name in names)
        self._learn_days = learn_days
        self._fast, self._slow, self._forget = 1 / fast_days, 1 / slow_days, 1 / forget_days
        self._min_siblings = min_siblings
        self._is_difference = np.array(["temp" in name or "duty" in name for name in names])
        self._medians: dict[int, Array] = {}
        self._state = _empty(0, len(names))

    def update(self, appliance: NDArray[np.int32], day: int, values: Array) -> Array:
        """Deviations for one day: `appliance` (k,) distinct fleet rows, `values` (k, F); returns (k, 3 F)."""
        self._grow(int(appliance.max(initial=-1)) + 1)
        level = self._to_scale(values)
        residual = level - self._siblings(day, level)
        state = {name: column[appliance] for name, column in self._state.items()}
        own, known = self._learn(state, "own", level)
        apart, _ = self._learn(state, "apart", residual)
        _average(state, "own_fast", own, self._fast)
        _average(state, "fast", apart, self._fast)
        _average(state, "slow", apart, self._slow)
        state["last"] = values.astype(np.float32)
        for name, column in state.items():
            self._state[name][appliance] = column
        result = np.concatenate([state["own_fast"], state["fast"], state["fast"] - state["slow"]], axis=1)
        return np.where(np.tile(known, 3), result, np.nan).astype(np.float64)

    def evidence(self, row: int, columns: Sequence[int]) -> tuple[Evidence, ...]:
        """The daily features behind `columns` (indices into `names`) of fleet row `row`, in plain units."""
        found = []
        for column in dict.fromkeys(int(c) % len(self.base_names) for c in columns):
            usual = self._from_scale(self._state["own_mean"][row, column], column)
            siblings = self._from_scale(self._last_median()[column], column)
            value = float(self._state["last"][row, column])
            found.append(Evidence(self.base_names[column], value, usual, siblings))
        return tuple(found)

    def snapshot(self) -> dict[str, Any]:
        medians = {str(day): median for day, median in self._medians.items()}
        return {"state": dict(self._state), "medians": medians}

    def restore(self, snapshot: dict[str, Any]) -> None:
        self._state = {name: np.array(column) for name, column in snapshot["state"].items()}
        self._medians = {int(day): np.array(median) for day, median in snapshot["medians"].items()}

    def _learn(self, state: dict[str, Any], name: str, level: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Update the usual of `level`; return the deviation from it and where it is known."""
        mean, count = state[f"{name}_mean"], state[f"{name}_count"]
        seen = np.isfinite(level)
        known = count >= self._learn_days
        deviation = np.where(seen & known, level - mean, np.nan)
        rate = np.where(known, self._forget, 1 / (count + 1))
        state[f"{name}_mean"] = np.where(seen, mean + rate * (np.where(seen, level, 0) - mean), mean)
        state[f"{name}_count"] = count + seen
        return deviation, known

    def _siblings(self, day: int, level: Array) -> Array:
        """The siblings' median of `day` (F,), remembered for a while for appliances that report late."""
        if len(level) >= self._min_siblings and day not in self._medians:
            self._medians[day] = _nanmedian(level)
            for old in sorted(self._medians)[:-10]:
                del self._medians[old]
        unknown = np.full(len(self.base_names), np.nan)
        return self._medians.get(day, unknown)

    def _last_median(self) -> Array:
        if not self._medians:
            return np.full(len(self.base_names), np.nan)
        return self._medians[max(self._medians)]

    def _to_scale(self, values: Array) -> Array:
        """Ratios matter for power, times and counts (signed log), differences for temperatures and shares."""
        logs = np.sign(values) * np.log1p(np.abs(values))
        return np.where(self._is_difference, values, logs)

    def _from_scale(self, value: float, column: int) -> float | None:
        if not np.isfinite(value):
            return None
        return float(value if self._is_difference[column] else np.sign(value) * np.expm1(abs(value)))

    def _grow(self, size: int) -> None:
        have = len(self._state["last"])
        if size > have:
            more = _empty(max(size, 2 * have) - have, len(self.base_names))
            self._state = {name: np.concatenate([column, more[name]]) for name, column in self._state.items()}


def _empty(rows: int, features: int) -> dict[str, NDArray[np.float32]]:
    zeros = ("own_mean", "own_count", "apart_mean", "apart_count")
    unknown = ("own_fast", "fast", "slow", "last")
    shape = (rows, features)
    return {name: np.zeros(shape, np.float32) for name in zeros} | {
        name: np.full(shape, np.nan, np.float32) for name in unknown
    }


def _average(state: dict[str, Any], name: str, value: Array, rate: float) -> None:
    """Exponential average that starts at the first value and skips what is not known."""
    old = state[name]
    step = np.where(np.isfinite(old), old + rate * (value - old), value)
    state[name] = np.where(np.isfinite(value), step, old)


def _nanmedian(values: Array) -> Array:
    """Column medians that ignore NaN; NaN where a column has nothing."""
    some = np.isfinite(values).any(axis=0)
    median = np.full(values.shape[1], np.nan)
    median[some] = np.nanmedian(values[:, some], axis=0)
    return median
