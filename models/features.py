"""Daily features: how far an appliance is from its own usual and from its siblings on the same day.

Comparing with what the fleet shows under the same conditions, and with siblings on the same day, removes what they
share (weather, season, holidays); comparing with the appliance's own usual removes what makes it an individual
(size, room, habits). What is left is change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.types import Evidence
from models.conditions import Conditions, named_states
from models.stream_windows import GAUGE_FEATURES
from models.usual import UnderConditions

Array = NDArray[np.float64]
KINDS = ("own", "siblings", "trend")
_COVERAGE = "_coverage"
_DIFFERENCES = ("temp", "duty", "share")


class DailyFeatures:
    """Turns rows of plain daily numbers into deviations, keeping (fleet, F) float32 state for each.

    Of F daily features it compares C (`compared`), and returns 3 C columns, NaN while unknown: `own.*` deviation from
    the own usual under the day's conditions, `siblings.*` the same after the siblings' median of that day is taken
    away, `trend.*` fast minus slow average of the latter. Temperatures and shares in their unit, all else as a log
    ratio. Where there are fewer than `min_siblings`, `siblings.*` is `own.*`.

    Parameters: `learn_days` days before the own usual counts as known; `fast_days`, `slow_days` time constants
    of the two averages; `forget_days` time constant with which the usual follows slow ageing; `min_siblings`
    appliances a day below which there is no cohort.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        learn_days: int = 10,
        fast_days: float = 3.0,
        slow_days: float = 12.0,
        forget_days: float = 365.0,
        min_siblings: int = 4,
    ) -> None:
        self.base_names = tuple(names)
        self._chosen = compared(names)
        wanted = [names[k] for k in self._chosen]
        self.names = tuple(f"{kind}.{name}" for kind in KINDS for name in wanted)
        self._fast, self._slow = 1 / fast_days, 1 / slow_days
        self._min_siblings = min_siblings
        self._is_difference = np.array([any(word in name for word in _DIFFERENCES) for name in wanted])
        self._parts = [
            UnderConditions(Conditions(names, wanted, state), learn_days, forget_days)
            for state in ("", *named_states(names))
        ]
        self._medians: dict[int, Array] = {}
        self._plain_median = np.full(len(wanted), np.nan)
        self._state = _empty(0, len(wanted))

    def update(self, appliance: NDArray[np.int32], day: int, values: Array) -> Array:
        """Deviations for one day: `appliance` (k,) distinct fleet rows, `values` (k, F); returns (k, 3 C)."""
        self._grow(int(appliance.max(initial=-1)) + 1)
        plain = values[:, self._chosen]
        scaled = self._to_scale(plain)
        level, beyond, own, apart = (np.full(plain.shape, np.nan) for _ in range(4))
        terms = []
        for part in self._parts:
            own_terms, level[:, part.columns], beyond[:, part.columns] = part.today(values, scaled)
            terms.append(own_terms)
        among = beyond - self._siblings(day, beyond, plain)
        for part, own_terms in zip(self._parts, terms, strict=True):
            at = part.columns
            own[:, at], apart[:, at] = part.deviations(appliance, own_terms, beyond[:, at], among[:, at])
        return self._averaged(appliance, plain, level, own, apart)

    def evidence(self, row: int, columns: Sequence[int]) -> tuple[Evidence, ...]:
        """The daily features behind `columns` (indices into `names`) of fleet row `row`, in plain units."""
        found = []
        for column in dict.fromkeys(int(c) % len(self._chosen) for c in columns):
            usual = self._from_scale(self._state["usual"][row, column], column)
            siblings = float(self._plain_median[column])
            value = float(self._state["last"][row, column])
            known = siblings if np.isfinite(siblings) else None
            found.append(Evidence(self.base_names[self._chosen[column]], value, usual, known))
        return tuple(found)

    def snapshot(self) -> dict[str, Any]:
        medians = {str(day): median for day, median in self._medians.items()}
        return {
            "state": dict(self._state),
            "medians": medians,
            "plain_median": self._plain_median,
            "usual": [part.snapshot() for part in self._parts],
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        self._state = _copied(snapshot["state"])
        self._medians = {int(day): np.array(median) for day, median in snapshot["medians"].items()}
        self._plain_median = np.array(snapshot["plain_median"])
        for part, saved in zip(self._parts, snapshot["usual"], strict=True):
            part.restore(saved)

    def _averaged(
        self,
        appliance: NDArray[np.int32],
        values: Array,
        level: Array,
        own: Array,
        apart: Array,
    ) -> Array:
        """Carry the averages on by one day; returns them as the columns of `names`."""
        state = {name: column[appliance] for name, column in self._state.items()}
        _average(state, "own_fast", own, self._fast)
        _average(state, "fast", apart, self._fast)
        _average(state, "slow", apart, self._slow)
        state["last"] = values.astype(np.float32)
        state["usual"] = np.where(np.isfinite(own), level - own, state["usual"])
        for name, column in state.items():
            self._state[name][appliance] = column
        kinds = (state["own_fast"], state["fast"], state["fast"] - state["slow"])
        return np.concatenate(kinds, axis=1).astype(np.float64)

    def _siblings(self, day: int, beyond: Array, values: Array) -> Array:
        """The siblings' median of `day` (F,), remembered for a while for appliances that report late; else 0."""
        if len(beyond) >= self._min_siblings and day not in self._medians:
            self._medians[day] = np.nan_to_num(_nanmedian(beyond))
            self._plain_median = _nanmedian(values)
            for old in sorted(self._medians)[:-10]:
                del self._medians[old]
        return self._medians.get(day, np.zeros(len(self._chosen)))

    def _to_scale(self, values: Array) -> Array:
        """Ratios matter for power, times and counts (signed log), differences for temperatures and shares."""
        logs = np.sign(values) * np.log1p(np.abs(values))
        return np.where(self._is_difference, values, logs)

    def _from_scale(self, value: float, column: int) -> float | None:
        if not np.isfinite(value):
            return None
        return float(value if self._is_difference[column] else np.sign(value) * np.expm1(abs(value)))

    def _grow(self, size: int) -> None:
        for part in self._parts:
            part.grow(size)
        have = len(self._state["last"])
        if size > have:
            more = _empty(size - have, len(self._chosen))
            self._state = {name: np.concatenate([column, more[name]]) for name, column in self._state.items()}


def compared(names: Sequence[str]) -> NDArray[np.intp]:
    """The daily features, by index, that are compared with the usual: all, unless the profile names states.

    Then the statistics of gauges over a whole day are left out: what they would add is how the day was shared between
    the states, which differs from day to day, and which a predictor takes for a fault.
    """
    states = named_states(names)
    gauges = {name.removesuffix(_COVERAGE) for name in names if name.endswith(_COVERAGE)}
    kept = [
        not states or name.startswith(tuple(f"{state}_" for state in states)) or _stem(name) not in gauges
        for name in names
    ]
    return np.flatnonzero(kept)


def _stem(name: str) -> str:
    """The gauge that a statistic of a whole day is of."""
    stems = (name.removesuffix(f"_{statistic}") for statistic in ("on_mean", "off_mean", *GAUGE_FEATURES))
    return next((stem for stem in stems if stem != name), name)


def _empty(rows: int, features: int) -> dict[str, NDArray[np.float32]]:
    unknown = ("own_fast", "fast", "slow", "last", "usual")
    return {name: np.full((rows, features), np.nan, np.float32) for name in unknown}


def _copied(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: np.array(array) for name, array in arrays.items()}


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
