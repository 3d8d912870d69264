"""Daily features: how far an appliance is from its own usual and from its siblings on the same day.

Comparing with what the fleet shows under the same conditions, and with siblings on the same day, removes what they
share (weather, season, holidays); comparing with the appliance's own usual removes what makes it an individual
(size, room, habits). What is left is change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.features import RATIO, Daily, Deviation, Feature, Kind, Statistic
from foremend.vocabulary.leaving import Leaving, staying, taken
from foremend.vocabulary.types import Evidence
from models.usual.conditions import Conditions, measured_states
from models.usual.spread import nanmedian
from models.usual.usual import UnderConditions

Array = NDArray[np.float64]
KINDS = (Kind.OWN, Kind.SIBLINGS, Kind.TREND)
SHAPES = (Deviation(Kind.SHAPE, "unsteady"), Deviation(Kind.SHAPE, "growth"))
_DEVIATES = 3.0  # spreads, from which on a feature says how it deviates
_STEADY_DAYS = 6.0  # time constant of the size of changes from day to day
_FADING = ("own_fast", "fast", "slow", "swing", "before")  # unknown again after `fresh_days`
_OVER = 3.0  # a fault is over once two days in a row are so many times nearer to the usual than the average


class DailyFeatures:
    """Turns rows of plain daily numbers into deviations from what is usual, and keeps a row of state an appliance.

    Of F daily features it compares C (`compared`), and returns 3 C + 2 columns, NaN while unknown. `own.*`: how far the
    appliance is from its own usual under the day's conditions, averaged over `fast_days`. `siblings.*`: the same, after
    the siblings' median of each day is taken away. `trend.*`: the latter, less its average over `slow_days`. Each is
    compared as its `scale` says: temperatures and shares as differences, all else as a log ratio. On a day with fewer
    than `min_siblings` nothing is taken away.

    The last two columns describe the features that deviate: `shape.unsteady` (0..1), how much they change from day to
    day relative to their size, which tells what comes and goes from what stays; `shape.growth` (-1..1), which part of
    their size has come lately, above their slow average.

    Parameters: `learn_days` days before anything is said of an appliance; `fast_days`, `slow_days` time constants
    of the two averages; `forget_days` time constant with which the usual follows slow ageing; `fresh_days` after
    which what was not seen again is forgotten; `min_siblings` the fewest appliances of a day that are compared.

    The fast averages start anew where a fault is over: on its way back an average would look like milder faults.

    >>> temp = Feature("cabinet_temp_mean", "cabinet_temp", unit="degC", scale=1.0)
    >>> features, fleet = DailyFeatures(Daily((temp,))), np.arange(6, dtype=np.int32)
    >>> for day in range(40):
    ...     warmer = 3.0 * ((fleet == 2) & (day >= 30))  # K, one of six from day 30 on
    ...     deviations = features.update(fleet, day, (4.0 + 0.1 * fleet + warmer)[:, None])
    >>> dict(zip(features.names[:2], deviations[2].round(1).tolist()))
    {'own.cabinet_temp_mean': 2.9, 'siblings.cabinet_temp_mean': 2.9}
    """

    def __init__(
        self,
        daily: Daily,
        *,
        learn_days: int = 10,
        fast_days: float = 3.0,
        slow_days: float = 12.0,
        forget_days: float = 365.0,
        fresh_days: float = 20.0,
        min_siblings: int = 4,
    ) -> None:
        self.base_names = tuple(one.name for one in daily.features)
        self._chosen = compared(daily.features)
        self._wanted = [daily.features[k] for k in self._chosen]
        self.columns = (*(Deviation(kind, one.name) for kind in KINDS for one in self._wanted), *SHAPES)
        self.names = tuple(one.name for one in self.columns)
        self._fast, self._slow = 1 / fast_days, 1 / slow_days
        self._learn_days, self._fresh_days, self._min_siblings = learn_days, fresh_days, min_siblings
        self._is_difference = np.array([one.scale is not RATIO for one in self._wanted])
        self._unit = np.array([one.scale or 1.0 for one in self._wanted])
        self._ran = [k for k, one in enumerate(daily.features) if one.statistic is Statistic.DUTY]
        self._parts = [
            UnderConditions(Conditions(daily, self._wanted, state), learn_days, forget_days, min_siblings)
            for state in (None, *measured_states(self._wanted))
        ]
        self.basis = _basis(daily, self._wanted)
        self._medians: dict[int, Array] = {}
        self._plain_median = np.full(len(self._wanted), np.nan)
        self._state = _empty(0, len(self._wanted))

    def update(self, appliance: NDArray[np.int32], day: int, values: Array) -> Array:
        """Deviations for one day: `appliance` (k,) distinct fleet rows, `values` (k, F); returns (k, 3 C + 2)."""
        self._grow(int(appliance.max(initial=-1)) + 1)
        plain = values[:, self._chosen]
        scaled = self._to_scale(plain)
        usual, own = np.full(plain.shape, np.nan), np.full(plain.shape, np.nan)
        for part in self._parts:
            at = part.columns
            usual[:, at], own[:, at] = part.departures(appliance, values, scaled)
        apart = own - self._siblings(day, own, plain)
        return self._averaged(appliance, day, plain, usual, own, apart)

    @property
    def spread(self) -> Array:
        """(3 C + 2,) standard deviation of each column from day to day within an appliance; NaN while not known."""
        each = np.full(len(self._chosen), np.nan)
        for part in self._parts:
            each[part.columns] = part.spread
        return np.concatenate([*(each for _ in KINDS), np.full(len(SHAPES), np.nan)])

    def days_missing(self, fleet: int) -> NDArray[np.int64]:
        """(fleet,) days with readings until the first that is compared with the own usual; 0 from then on.

        -1 where nothing is sent that could be compared. The fleet must vary for some appliance-days before anything
        is known of how much: of a few, or one alone, that takes longer than their own days, and is told, as if
        all went on day by day. From any thread: those whose first day is not over have all their days before them.
        """
        usual, missing = self._state["usual"], self.own_days_missing(fleet)
        known, days = min(fleet, len(usual)), self._fleet_days_missing(fleet)
        blind = np.flatnonzero((missing[:known] == 0) & ~np.isfinite(usual[:known]).any(axis=1))
        missing = np.where(missing > 0, np.maximum(missing, days or 0), missing)
        missing[blind] = days or -1
        return missing

    def _fleet_days_missing(self, fleet: int) -> int | None:
        watched = np.zeros(fleet, np.float32)
        lived = self._state["watched"][:fleet, 0]
        watched[: len(lived)] = lived
        each = [part.days_missing(watched) for part in self._parts if len(part.columns)]
        return min((days for days in each if days is not None), default=None)

    def own_days_missing(self, fleet: int) -> NDArray[np.int64]:
        """(fleet,) the same, as far as an appliance's own days go, whatever it sends and whoever is with it."""
        watched = self._state["watched"][:fleet, 0]
        missing = np.full(fleet, self._learn_days + 1, np.int64)
        missing[: len(watched)] = np.maximum(self._learn_days + 1 - watched, 0)
        return missing

    def news(self, values: Array) -> NDArray[np.bool_]:
        """(k,) whether days `values` (k, F) told anything new: the appliance ran, or what explains it was measured."""
        return self._parts[0].news(values) | (values[:, self._ran] > 0).any(axis=1)

    def evidence(self, row: int, columns: Sequence[int]) -> tuple[Evidence, ...]:
        """The daily features behind `columns` (indices into `names`) of fleet row `row`, in plain units."""
        found = []
        behind = [
            int(c) for c in columns if c < len(KINDS) * len(self._chosen)
        ]  # shapes are of no one feature
        for column in dict.fromkeys(c % len(self._chosen) for c in behind):
            usual = self._from_scale(self._state["usual"][row, column], column)
            siblings = float(self._plain_median[column])
            value = float(self._state["last"][row, column])
            known = siblings if np.isfinite(siblings) else None
            of = self._wanted[column]
            found.append(Evidence(of.name, value, usual, known, of.unit))
        return tuple(found)

    def anew(self, row: int) -> None:
        """Fleet row `row` is another one from its next day on: what is usual for it is learnt from then."""
        fresh = _empty(1, len(self._chosen))
        for name, column in self._state.items():
            column[row : row + 1] = fresh[name]
        for part in self._parts:
            part.anew(row)

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`."""
        fresh, gone = _empty(1, len(self._chosen)), leaving.gone
        state = {name: taken(column, fresh[name], gone) for name, column in self._state.items()}
        self._state = {name: staying(column, leaving) for name, column in self._state.items()}
        return {"state": state, "usual": {str(k): part.leave(leaving) for k, part in enumerate(self._parts)}}

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None:
        """Take back what `leave` answered."""
        self._grow(int(rows.max(initial=-1)) + 1)
        for name, column in self._state.items():
            column[rows] = part["state"][name]
        for k, usual in enumerate(self._parts):
            usual.join(part["usual"][str(k)], rows)

    def snapshot(self) -> dict[str, Any]:
        medians = {str(day): median for day, median in self._medians.items()}
        return {
            "basis": self.basis,
            "state": dict(self._state),
            "medians": medians,
            "plain_median": self._plain_median,
            "usual": [part.snapshot() for part in self._parts],
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on where `snapshot` was taken; where features were compared otherwise, what is usual is learnt anew."""
        if snapshot.get("basis") != self.basis:
            return
        self._state = _copied(snapshot["state"])
        self._medians = {int(day): np.array(median) for day, median in snapshot["medians"].items()}
        self._plain_median = np.array(snapshot["plain_median"])
        for part, saved in zip(self._parts, snapshot["usual"], strict=True):
            part.restore(saved)

    def _averaged(
        self,
        appliance: NDArray[np.int32],
        day: int,
        values: Array,
        usual: Array,
        own: Array,
        apart: Array,
    ) -> Array:
        """Carry the averages on by one day; returns them as the columns of `names`."""
        state = {name: column[appliance] for name, column in self._state.items()}
        own, apart = (np.where(state["watched"] < self._learn_days, np.nan, one) for one in (own, apart))
        state["watched"] = state["watched"] + 1
        for name in _FADING:
            state[name] = np.where(day - state["seen"] > self._fresh_days, np.nan, state[name])
        state["seen"] = np.where(np.isfinite(own), day, state["seen"])
        _average(state, "swing", np.abs(apart - state["fast"]), 1 / _STEADY_DAYS)
        _average(state, "own_fast", own, self._fast)
        _average(state, "fast", apart, self._fast)
        over = np.maximum(np.abs(apart), np.abs(state["before"])) < np.abs(state["fast"]) / _OVER
        for name, value in (("own_fast", own), ("fast", apart)):
            state[name] = np.where(over, value, state[name])
        state["before"] = np.where(np.isfinite(apart), apart, state["before"])
        recovers = np.abs(state["fast"]) < np.abs(state["slow"])
        _average(state, "slow", apart, np.where(recovers, self._fast, self._slow))
        state["last"] = values.astype(np.float32)
        state["usual"] = np.where(np.isfinite(own), usual, state["usual"])
        for name, column in state.items():
            self._state[name][appliance] = column
        kinds = (state["own_fast"], state["fast"], state["fast"] - state["slow"])
        return np.concatenate([*kinds, self._shapes(state)], axis=1).astype(np.float64)

    def _shapes(self, state: dict[str, Any]) -> Array:
        """(k, 2) of `SHAPES`, averaged over features by how far they deviate; NaN where none does."""
        fast, slow, swing = (state[name] for name in ("fast", "slow", "swing"))
        spread = self.spread[: len(self._chosen)]
        weight = np.nan_to_num(np.maximum(np.abs(fast) / spread - _DEVIATES, 0))
        far = weight > 0
        size = np.where(far, fast, 1.0)
        shapes = (np.where(far, swing / np.abs(size), 0), np.where(far, (fast - slow) / size, 0))
        total = np.where(far.any(axis=1), weight.sum(axis=1), np.nan)
        unsteady, growth = ((weight * shape).sum(axis=1) / total for shape in shapes)
        return np.column_stack([np.minimum(unsteady, 1.0), np.clip(growth, -1.0, 1.0)])

    def _siblings(self, day: int, own: Array, plain: Array) -> Array:
        """The siblings' median of `own` on `day` (F,), 0 where too few are known.

        It is remembered for a while for appliances that report late.
        """
        if day not in self._medians and len(own) >= self._min_siblings:
            enough = np.isfinite(own).sum(axis=0) >= self._min_siblings
            self._medians[day] = np.where(enough, np.nan_to_num(nanmedian(own)), 0)
            self._plain_median = nanmedian(plain)
            for old in sorted(self._medians)[:-10]:
                del self._medians[old]
        return self._medians.get(day, np.zeros(len(self._chosen)))

    def _to_scale(self, values: Array) -> Array:
        """Ratios matter for power, times and counts (signed log), differences for temperatures and shares."""
        logs = np.sign(values) * np.log1p(np.abs(values))
        return np.where(self._is_difference, values / self._unit, logs)

    def _from_scale(self, value: float, column: int) -> float | None:
        if not np.isfinite(value):
            return None
        if self._is_difference[column]:
            return float(value * self._unit[column])
        return float(np.sign(value) * np.expm1(abs(value)))

    def _grow(self, size: int) -> None:
        for part in self._parts:
            part.grow(size)
        have = len(self._state["last"])
        if size > have:
            more = _empty(size - have, len(self._chosen))
            self._state = {name: np.concatenate([column, more[name]]) for name, column in self._state.items()}


def compared(features: Sequence[Feature]) -> NDArray[np.intp]:
    """The daily features, by index, that are compared with the usual: all but the weather.

    Where states are named, the statistics of gauges over a whole day are left out as well: what they would add is how
    the day was shared between the states, which differs from day to day, and which a predictor takes for a fault.
    """
    states = any(one.state is not None for one in features)
    kept = [not one.is_weather and not (states and one.is_of_whole_gauge) for one in features]
    return np.flatnonzero(kept)


def _basis(daily: Daily, wanted: Sequence[Feature]) -> str:
    """A fingerprint of how features are compared: what was learnt so says nothing where it is another."""
    compared = [(one.name, one.scale, one.measured_in) for one in wanted]
    states = (None, *measured_states(wanted))
    explained = [[(c.feature.name, c.typical, c.spread, c.chosen) for c in daily.explains(s)] for s in states]
    turned = daily.direction and (daily.direction.feature.name, daily.direction.one, daily.direction.other)
    return hashlib.sha256(repr((compared, explained, turned)).encode()).hexdigest()[:16]


def _empty(rows: int, features: int) -> dict[str, NDArray[np.float32]]:
    unknown = (*_FADING, "last", "usual", "seen")
    state = {name: np.full((rows, features), np.nan, np.float32) for name in unknown}
    return {**state, "watched": np.zeros((rows, 1), np.float32)}


def _copied(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: np.array(array) for name, array in arrays.items()}


def _average(state: dict[str, Any], name: str, value: Array, rate: Array | float) -> None:
    """Exponential average that starts at the first value and skips what is not known."""
    old = state[name]
    step = np.where(np.isfinite(old), old + rate * (value - old), value)
    state[name] = np.where(np.isfinite(value), step, old)
