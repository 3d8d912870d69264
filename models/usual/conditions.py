"""What a day asked of an appliance: weather, room, set point, mode, speed.

A machine that works harder because it is hot outside is not ill. Where a profile measures such conditions, they
explain every other daily feature by quadratic terms, as the fleet itself shows day by day (`expected`): a model
seen for the first time needs no fitted parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class _Condition(NamedTuple):
    signal: str
    centre: float  # in the signal's unit
    scale: float
    imposed: bool  # by weather and habit; else the appliance chooses it


_OUTDOOR = "outdoor_temp_on_mean"
_DOORS = _Condition("door_openings", 20.0, 20.0, True)
"""How much warm air came in: a home whose people are away asks less of its refrigerator."""
_DAY = (
    _Condition(_OUTDOOR, 20.0, 10.0, True),
    _Condition("ambient_temp_mean", 20.0, 10.0, True),
    _Condition("inlet_temp_mean", 15.0, 10.0, True),
    _Condition("room_temp_on_mean", 22.0, 5.0, True),
    _Condition("set_point_on_mean", 22.0, 5.0, True),
    _DOORS,
    _Condition("compressor_speed_on_mean", 40.0, 20.0, False),
)
"""What explains features of the whole day."""
_STATE = (
    _Condition("outdoor_temp", 20.0, 10.0, True),
    _Condition("ambient_temp", 20.0, 10.0, True),
    _Condition("room_temp", 22.0, 5.0, True),
    _Condition("water_level", 120.0, 40.0, True),
    _Condition("water_temp", 35.0, 10.0, True),
    _Condition("compressor_speed", 40.0, 20.0, False),
    _Condition("indoor_fan_target", 1_000.0, 200.0, False),
    _Condition("vibration", 5.0, 3.0, False),
)
"""What explains the features of a state, as measured in that state."""
_LOAD = _Condition("washing_water_level", 120.0, 40.0, True)
"""Laundry, by the water it took: explains the other states of a wash, which do not show it."""
_FROST = _Condition("defrosting_share", 0.01, 0.01, True)
"""Frost on the outdoor coil, by the time it took to melt: humidity is not measured."""
_MODE, _COOLING = "mode_on_mean", 1.0
_VISITS = "_visits"
_WEATHER = ("outdoor_temp", "ambient_temp", "inlet_temp")
"""What comes from outside: it explains, and is no symptom."""
_USE = ("_share", _VISITS)
"""How a state was used: habit, which the day explains, and no measure of the state."""


class Terms(NamedTuple):
    """The conditions of k days as the terms of a regression."""

    values: Array  # (k, b)
    told: NDArray[np.bool_]  # (k,) False on a day without any condition: the appliance did not run


class Conditions:
    """The features of the whole day, or of one state, with what may explain them.

    `names` (F) are all daily features, `wanted` those to be explained and `state` the state's name or "" for the whole
    day. `columns` are the indices in `wanted` of what it is about; `masks` (b, columns) says which terms may explain
    which; the first `plain` terms are the conditions themselves.
    """

    def __init__(self, names: Sequence[str], wanted: Sequence[str], state: str = "") -> None:
        states = named_states(names)
        of_state = [next((one for one in states if _is_measured_in(one, name)), "") for name in wanted]
        self.columns = np.array([k for k, one in enumerate(of_state) if one == state], np.intp)
        told = [c._replace(signal=f"{state}_{c.signal}") for c in _STATE] if state else [*_DAY]
        if state and f"{state}_water_level" not in names:
            told += [_DOORS] if f"{state}_ambient_temp" in names else [_LOAD, _FROST]
        self._chosen = [c for c in told if c.signal in names]
        self._from = [list(names).index(c.signal) for c in self._chosen]
        heats = _MODE in names and _OUTDOOR in names and not state
        self._mode = list(names).index(_MODE) if heats else None
        self._pairs = np.triu_indices(len(self._chosen))
        self.plain = len(self._chosen)
        may_use = self._may_use_in_state if state else self._may_use
        self.masks = np.array([may_use(wanted[k]) for k in self.columns], bool).T

    def of(self, values: Array) -> Terms:
        """The conditions of days `values` (k, F). One that an appliance does not measure counts as at its centre."""
        raw = values[:, self._from]
        centre, scale = (np.array([c[k] for c in self._chosen]) for k in (1, 2))
        z = np.clip(np.nan_to_num((raw - centre) / scale), -3, 3)
        heating = self._heating(values)
        first, second = self._pairs
        return Terms(np.hstack([z, z[:, first] * z[:, second], heating, heating * z]), self.told(values))

    def told(self, values: Array) -> NDArray[np.bool_]:
        """(k,) whether days `values` (k, F) had any condition; all had where there are none."""
        if not self._from:
            return np.ones(len(values), np.bool_)
        return np.asarray(np.isfinite(values[:, self._from]).any(axis=1))

    def _heating(self, values: Array) -> Array:
        """0 while cooling, 1 while heating, between on a day with both; 0 where there is no such thing."""
        if self._mode is None:
            return np.zeros((len(values), 1))
        return np.clip(np.nan_to_num(values[:, [self._mode]] - _COOLING), 0.0, 1.0)

    def _may_use(self, name: str) -> list[bool]:
        """Which fleet terms may explain a feature: never its own signal; nothing explains weather and habit."""
        stems = [c.signal.removesuffix("_mean").removesuffix("_on") for c in self._chosen]
        mine = next((c for c, stem in zip(self._chosen, stems, strict=True) if name.startswith(stem)), None)
        free = [not (mine and (mine.imposed or mine.signal == c.signal)) for c in self._chosen]
        return self._terms(free, mode=not (mine and mine.imposed) and not name.startswith("mode"))

    def _may_use_in_state(self, name: str) -> list[bool]:
        """Nothing explains what is imposed, and only that explains what the appliance chooses."""
        mine = next((c for c in self._chosen if name == c.signal), None)
        return self._terms(
            [mine is None or (c.imposed and not mine.imposed) for c in self._chosen], mode=False
        )

    def _terms(self, free: list[bool], mode: bool) -> list[bool]:
        first, second = self._pairs
        pairs = [free[i] and free[j] for i, j in zip(first, second, strict=True)]
        return [*free, *pairs, mode, *(mode and f for f in free)]


def named_states(names: Sequence[str]) -> tuple[str, ...]:
    """The states that daily features `names` are of."""
    return tuple(name.removesuffix(_VISITS) for name in names if name.endswith(_VISITS))


def is_weather(name: str, states: Sequence[str]) -> bool:
    """Whether a daily feature is of the weather alone, in one of `states` or over the whole day."""
    stem = next((name.removeprefix(f"{one}_") for one in states if name.startswith(f"{one}_")), name)
    return stem.startswith(_WEATHER) and "_less_" not in stem


def measured_states(names: Sequence[str], states: Sequence[str]) -> list[str]:
    """Those of `states` in which features `names` measure something."""
    return [state for state in states if any(_is_measured_in(state, name) for name in names)]


def _is_measured_in(state: str, name: str) -> bool:
    return name.startswith(f"{state}_") and name.removeprefix(state) not in _USE
