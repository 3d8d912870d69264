"""Split air conditioners, on/off and inverter, in the room they cool and heat.

A quasi-steady vapour-compression cycle between two coils with heat capacity, a room of two nodes after the
RC practice of ISO 52016-1, and a controller as the makers' service manuals describe them. Rated points follow
ISO 5151 T1 (27 degC indoors, 35 outdoors): evaporation near 11 degC, condensation near 48, an EER of 3 to 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from simulators.air_conditioner.cycle import RATED_HIGH, RATED_LOW, compress
from simulators.air_conditioner.faults import COMMON, FIXED_SPEED, INVERTER
from simulators.air_conditioner.kernel import READING_STEPS, STEP_S, Hourly, People, walk
from simulators.air_conditioner.parts import HEALTHY_FRICTION
from simulators.air_conditioner.types import OFF, AirConditionerState, Parameters
from simulators.base import (
    FaultEffect,
    Floats,
    Measured,
    Physics,
    Signal,
    Span,
    as_made,
    as_rows,
    by_signal,
    copy_back,
    room_for,
)

_SECONDS_AT_REST = 600  # between the readings of a unit that is switched off
_PERSON_WATTS = 75.0  # sensible heat of a person at rest (ASHRAE Fundamentals)

_SIGNALS = (
    Signal("power", "W", 1.0, noise=1.5),
    Signal("current", "A", 0.01, noise=0.01),
    Signal("voltage", "V", 0.1, noise=0.3),
    Signal("room_temp", "degC", 0.1, noise=0.08, drifts=True),
    Signal("outdoor_temp", "degC", 0.1, noise=0.15, drifts=True),
    Signal("set_point", "degC", 0.5),
    Signal("indoor_coil_temp", "degC", 0.1, noise=0.12, drifts=True),
    Signal("outdoor_coil_temp", "degC", 0.1, noise=0.15, drifts=True),
    Signal("discharge_temp", "degC", 0.5, noise=0.3, drifts=True),
    Signal("indoor_fan_speed", "rpm", 10.0, noise=4.0),
    Signal("indoor_fan_target", "rpm", 10.0),
    Signal("outdoor_fan_speed", "rpm", 10.0, noise=4.0),
    Signal("mode", "code", 1.0),
    Signal("water_alarm", "code", 1.0),
    Signal("compressor_starts", "count", 1.0, counter=True),
)
_INVERTER_SIGNALS = (
    Signal("compressor_speed", "Hz", 1.0),
    Signal("module_temp", "degC", 0.5, noise=0.3, drifts=True),
)

_SPREADS = {
    "swept": 0.03,
    "efficiency": 0.03,
    "charge": 0.01,
    "indoor_exchange": 0.05,
    "outdoor_exchange": 0.05,
    "indoor_friction": 0.2,
    "outdoor_friction": 0.2,
    "indoor_fan_rpm": 0.02,
    "outdoor_fan_rpm": 0.02,
    "capacitance": 0.02,
    "line_resistance": 0.25,
    "module_resistance": 0.06,
    "room_mass": 0.2,
    "wall_mass": 0.3,
    "window": 0.25,
    "wall": 0.15,
    "neighbours": 0.25,
}


def _rated(capacity: float, **special: float) -> Mapping[str, float]:
    """A unit for `capacity` W of cooling at the rated point, in a room of the size such a unit is sold for."""
    efficiency = special.pop("efficiency")
    heat, work, _ = compress(RATED_LOW, RATED_HIGH, 1.0, 0.0, 1.0, efficiency)
    rejected = capacity * (1.0 + work / heat)
    return {
        "swept": capacity / heat,
        "efficiency": efficiency,
        "charge": 1.0,
        "charge_margin": 0.02,
        "valve_opening": 1.6,
        "bypass": 0.0,
        "indoor_exchange": capacity / (27.0 - RATED_LOW),
        "outdoor_exchange": rejected / (RATED_HIGH - 35.0),
        "indoor_mass": 2.2 * capacity,
        "outdoor_mass": 3.5 * capacity,
        "filter_resistance": 0.0,
        "indoor_face": 1.0,
        "indoor_friction": HEALTHY_FRICTION,
        "outdoor_friction": HEALTHY_FRICTION,
        "drain": 0.02,
        "inverter": 0.0,
        "capacitance": 1.0,
        "line_resistance": 0.35,
        "module_resistance": 0.9 * 3_500.0 / capacity,
        "indoor_fan_watts": 0.008 * capacity,
        "outdoor_fan_watts": 0.012 * capacity,
        "indoor_fan_rpm": 1_250.0,
        "indoor_fan_marked": 1_250.0,
        "outdoor_fan_rpm": 860.0,
        "standby": 2.0,
        "differential": 1.6,
        "rest_min": 180.0,
        "speed_min": 1.0,
        "speed_max": 1.0,
        "antifreeze": -2.0,
        "room_leak": 0.0,
        "coil_leak": 0.0,
        "room_mass": 220.0 * capacity,
        "wall_mass": 1_200.0 * capacity,
        "window": 0.03 * capacity,
        "wall": 0.06 * capacity,
        "neighbours": 0.03 * capacity,
        "radiator": 0.08 * capacity,
        "cool_set": 26.0,
        "heat_set": 21.0,
        "tolerance": 1.2,
        "fan_stage": 0.0,
    } | special


class AirConditioner(Physics):
    """What on/off and inverter units share."""

    category: ClassVar[str] = "air-conditioner"
    sample_s: ClassVar[int] = round(STEP_S * READING_STEPS)
    rated: ClassVar[Mapping[str, Mapping[str, float]]]

    def draw(self, rng: np.random.Generator, n: int, appliance_model: str) -> Parameters:
        """n units with the tolerances of production, in n rooms of households that differ in taste."""
        drawn: dict[str, Any] = as_made(rng, n, self.rated[appliance_model], _SPREADS)
        drawn["cool_set"] = 26.0 + rng.integers(-2, 3, n) * 0.5
        drawn["heat_set"] = 21.0 + rng.integers(-2, 3, n) * 0.5
        drawn["tolerance"] = rng.uniform(0.6, 2.0, n)
        drawn["fan_stage"] = rng.choice([0.0, 0.0, 0.0, 1.0, 2.0, 3.0], n)
        return Parameters(**drawn)

    def begin(self, rng: np.random.Generator, parameters: Parameters) -> AirConditionerState:
        """Switched off and at rest in a room that is neither cold nor warm."""
        n = len(parameters.swept)
        state = AirConditionerState(*(np.zeros(n) for _ in AirConditionerState._fields))
        room = rng.uniform(20.0, 25.0, n)
        for name in ("room", "wall", "indoor_coil", "outdoor_coil", "discharge", "module"):
            getattr(state, name)[:] = room
        state.mode[:] = OFF
        state.rested[:] = 3_600.0
        state.voltage[:] = 230.0
        return state

    def run(
        self, parameters: Parameters, state: AirConditionerState, span: Span, rng: np.random.Generator
    ) -> Measured:
        """Advance over `span`; a reading a minute while switched on, every ten minutes while off."""
        n = len(parameters.swept)
        hourly = Hourly(span.outdoor, span.indoor, span.humidity, span.voltage)
        people = People(span.presence, span.presence * span.people[:, None] * _PERSON_WATTS)
        luck, minute = rng.random((n, span.hours)), rng.random((n, span.hours))
        readings = span.seconds // self.sample_s
        out = room_for(_SIGNALS + _INVERTER_SIGNALS, n, readings)
        rows = as_rows(state)
        walk(as_rows(parameters), rows, as_rows(hourly), as_rows(people), luck, minute, out)
        copy_back(rows, state)
        signals = by_signal(out, self.signals)
        return Measured(signals, self._sent(signals["mode"]))

    def _sent(self, mode: Floats) -> np.ndarray:
        heartbeat = np.arange(1, mode.shape[1] + 1) % (_SECONDS_AT_REST // self.sample_s) == 0
        return (mode != OFF) | heartbeat[None, :]


class FixedSpeedAirConditioner(AirConditioner):
    """A compressor that is on or off, a capillary tube, a capacitor motor."""

    signals: ClassVar[tuple[Signal, ...]] = _SIGNALS
    rated: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "ac-26f": _rated(2_600.0, efficiency=0.60),
        "ac-35f": _rated(3_500.0, efficiency=0.62),
    }
    models: ClassVar[tuple[str, ...]] = tuple(rated)
    faults: ClassVar[Mapping[str, FaultEffect]] = COMMON | FIXED_SPEED


class InverterAirConditioner(AirConditioner):
    """A compressor of 20 to 100 Hz behind a power module, an electronic expansion valve."""

    signals: ClassVar[tuple[Signal, ...]] = _SIGNALS + _INVERTER_SIGNALS
    rated: ClassVar[Mapping[str, Mapping[str, float]]] = {
        model: _rated(
            capacity,
            efficiency=efficiency,
            inverter=1.0,
            charge_margin=0.06,
            speed_min=0.3,
            speed_max=1.5,
            differential=1.8,
        )
        for model, capacity, efficiency in (("ac-35i", 3_500.0, 0.64), ("ac-72i", 7_200.0, 0.61))
    }
    models: ClassVar[tuple[str, ...]] = tuple(rated)
    faults: ClassVar[Mapping[str, FaultEffect]] = COMMON | INVERTER
