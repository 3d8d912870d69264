"""Storage water heaters: a tank, an immersed element, a thermostat, people who take showers.

Two water nodes (hot above, cold below) after the usual multi-node tank, Duffie & Beckman, "Solar Engineering of
Thermal Processes", section 8.4, and an element whose own temperature decides how scale hurts: the same power through
a worse film heats the element instead of the water until its limiter opens. Draws follow the daily volume and the
morning and evening peaks of EN 16147's load profiles M and L (about 100 to 200 litres of 60 degC water a day).
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.compiling import compiled
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

STEP_S = 30.0
WATER_J_PER_KG_K = 4_186.0
OPENS_C = 118.0  # the element's own limiter
CLOSES_C = 95.0
BOILS_C = 93.0  # the tank's safety cut-out
MIXED_C = 40.0  # at the tap


class WaterHeaterParameters(NamedTuple):
    """(n,) each; SI units, temperatures in degC."""

    volume: Floats  # kg
    ua_tank: Floats  # W/K, insulation
    mixing: Floats  # W/K between upper and lower water at rest
    resistance: Floats  # ohm of the element
    ua_element: Floats  # W/K from element to water, clean
    scale: Floats  # K/W, resistance of the scale in the film
    c_element: Floats  # J/K
    leakage: Floats  # A to earth through damaged insulation, at 230 V
    open_circuit: Floats  # 0..1, share of the time the element is interrupted
    set_point: Floats  # degC
    hysteresis: Floats  # K, full width
    stuck: Floats  # 0..1: at 1 the thermostat's contacts no longer open
    valve_leak: Floats  # kg/s through the safety valve
    draw_rate: Floats  # draws an hour at activity 1 and two persons
    draw_volume: Floats  # kg at the tap, mean
    standby: Floats  # W


class WaterHeaterState(NamedTuple):
    """(n,) each."""

    upper: Floats  # degC
    lower: Floats
    element: Floats
    heating: Floats  # 1 while the thermostat calls
    limited: Floats  # 1 while the element's limiter is open
    drawing: Floats  # kg still to be drawn at the tap
    energy: Floats  # Wh since made
    starts: Floats
    power: Floats  # W, mean of the last step
    current: Floats  # A
    flow: Floats  # kg/s out of the tank, mean of the last step


_COMMON = {"scale": 0.0, "leakage": 0.0, "open_circuit": 0.0, "stuck": 0.0, "valve_leak": 0.0}
_RATED: dict[str, dict[str, float]] = {
    "wh-60": {
        "volume": 60.0,
        "ua_tank": 1.1,
        "mixing": 3.0,
        "resistance": 35.3,  # 1.5 kW
        "ua_element": 45.0,
        "c_element": 900.0,
        "set_point": 62.0,
        "hysteresis": 6.0,
        "draw_rate": 0.9,
        "draw_volume": 14.0,
        "standby": 1.0,
    },
    "wh-100": {
        "volume": 100.0,
        "ua_tank": 1.5,
        "mixing": 4.0,
        "resistance": 26.5,  # 2 kW
        "ua_element": 60.0,
        "c_element": 1_200.0,
        "set_point": 62.0,
        "hysteresis": 7.0,
        "draw_rate": 1.0,
        "draw_volume": 18.0,
        "standby": 1.5,
    },
}
_SPREAD = {"ua_tank": 0.12, "resistance": 0.02, "ua_element": 0.08, "draw_rate": 0.3, "draw_volume": 0.2}


@compiled()
def _control(p: Any, s: Any, luck: float) -> bool:
    """Whether the element has current: thermostat, safety cut-out, limiter, and an element that may be open."""
    if s.lower > p.set_point and luck >= p.stuck:
        s.heating = 0.0
    elif s.lower < p.set_point - p.hysteresis and s.heating == 0.0:
        s.heating = 1.0
        s.starts += 1.0
    if s.element > OPENS_C or s.upper > BOILS_C:
        s.limited = 1.0
    elif s.element < CLOSES_C and s.upper < BOILS_C - 10.0:
        s.limited = 0.0
    return s.heating > 0.0 and s.limited == 0.0 and luck >= p.open_circuit


@compiled()
def _draw(p: Any, s: Any, volume: float, inlet: float) -> None:
    """Hot water leaves from above, cold comes in below: taps mix to 40 degC at up to 8 kg/min, the valve drips."""
    s.drawing += volume
    at_tap = min(s.drawing, 8.0 * STEP_S / 60.0)
    s.drawing -= at_tap
    share = 1.0 if s.upper <= MIXED_C else (MIXED_C - inlet) / (s.upper - inlet)
    out = at_tap * max(0.0, min(1.0, share)) + p.valve_leak * STEP_S
    half = p.volume / 2.0
    s.upper += out / half * (s.lower - s.upper)
    s.lower += out / half * (inlet - s.lower)
    s.flow = out / STEP_S


@compiled()
def _heat(p: Any, s: Any, electric: float, ambient: float) -> None:
    """One step of element and tank; hot water below rises at once.

    The element's film is stiff against the step, so its temperature follows the exact exponential.
    """
    half = p.volume / 2.0 * WATER_J_PER_KG_K
    film = 1.0 / (1.0 / p.ua_element + p.scale)
    final = s.lower + electric / film
    before = s.element
    s.element = final + (before - final) * np.exp(-film * STEP_S / p.c_element)
    into_water = electric - p.c_element * (s.element - before) / STEP_S
    down = p.mixing * (s.upper - s.lower)
    s.lower += STEP_S / half * (into_water + down - p.ua_tank / 2.0 * (s.lower - ambient))
    s.upper += STEP_S / half * (-down - p.ua_tank / 2.0 * (s.upper - ambient))
    if s.lower > s.upper:
        s.lower = s.upper = (s.lower + s.upper) / 2.0


@compiled()
def _step(p: Any, s: Any, surroundings: tuple[float, float, float], volume: float, luck: float) -> None:
    """Advance one heater by STEP_S in (ambient degC, inlet degC, mains V)."""
    ambient, inlet, volts = surroundings
    on = _control(p, s, luck)
    electric = volts * volts / p.resistance if on else 0.0
    _draw(p, s, volume, inlet)
    _heat(p, s, electric, ambient)
    lost = p.leakage * volts / 230.0 if on else 0.0
    s.power = electric + p.standby + lost * volts
    s.current = s.power / volts
    s.energy += s.power * STEP_S / 3_600.0


class _Hourly(NamedTuple):
    """Surroundings at each full hour, (n, hours + 1) each."""

    ambient: Floats  # degC
    voltage: Floats  # V of the mains


@compiled()
def _walk(
    parameters: NDArray[np.void],
    state: NDArray[np.void],
    hourly: NDArray[np.void],
    inlet: Floats,
    draws: Floats,
    luck: Floats,
    every: int,
    out: NDArray[np.void],
) -> None:
    """All steps of a span. `hourly` (n, hours + 1) `_Hourly`, `draws` (n, steps) kg, `luck` (n, hours); fills `out`."""
    per_hour = int(3_600.0 / STEP_S)
    for i in range(draws.shape[0]):
        p, s = parameters[i], state[i]
        for k in range(draws.shape[1]):
            h, part = k // per_hour, (k % per_hour) / per_hour
            now, then = hourly[i, h], hourly[i, h + 1]
            ambient = now.ambient + part * (then.ambient - now.ambient)
            volts = now.voltage + part * (then.voltage - now.voltage)
            _step(p, s, (ambient, inlet[i], volts), draws[i, k], luck[i, h])
            if (k + 1) % every == 0:
                _report(p, s, (ambient, inlet[i], volts), out[i, (k + 1) // every - 1])


@compiled()
def _report(p: Any, s: Any, surroundings: tuple[float, float, float], out: Any) -> None:
    """One reading in (ambient degC, inlet degC, mains V)."""
    out.ambient_temp, out.inlet_temp, out.voltage = surroundings
    out.power = s.power
    out.current = s.current
    out.tank_temp = s.upper
    out.flow = s.flow * 60.0
    out.set_point = p.set_point
    out.energy = s.energy


def _scale(p: WaterHeaterParameters, s: Floats) -> WaterHeaterParameters:
    """Lime conducts about 1 W/(m K): 3 mm on 0.12 m2 of element is 0.03 K/W."""
    return p._replace(scale=p.scale + 0.035 * s)


def _degrade(p: WaterHeaterParameters, s: Floats) -> WaterHeaterParameters:
    """The wire thins at hot spots, its insulation takes up water, and in the end it interrupts."""
    return p._replace(
        resistance=p.resistance * (1.0 + 0.35 * s),
        leakage=p.leakage + 0.05 * s,
        open_circuit=np.where(s >= 1.0, 1.0, np.maximum(p.open_circuit, 0.5 * np.maximum(0.0, s - 0.6))),
    )


def _stick(p: WaterHeaterParameters, s: Floats) -> WaterHeaterParameters:
    return p._replace(stuck=np.maximum(p.stuck, s))


def _drip(p: WaterHeaterParameters, s: Floats) -> WaterHeaterParameters:
    """From drops to about 6 litres an hour."""
    return p._replace(valve_leak=p.valve_leak + 0.0017 * s)


class WaterHeater(Physics):
    """Electric storage water heaters of two sizes."""

    category: ClassVar[str] = "water-heater"
    sample_s: ClassVar[int] = 60
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("power", "W", 0.1, noise=2.0),
        Signal("current", "A", 0.001, noise=0.006),
        Signal("voltage", "V", 0.1, noise=0.2),
        Signal("tank_temp", "degC", 0.1, noise=0.15, drifts=True),
        Signal("inlet_temp", "degC", 0.1, noise=0.15, drifts=True),
        Signal("flow", "l/min", 0.01, noise=0.01),
        Signal("set_point", "degC", 0.5),
        Signal("energy", "Wh", 1.0, counter=True),
        Signal("ambient_temp", "degC", 0.1, noise=0.1, drifts=True),
    )
    models: ClassVar[tuple[str, ...]] = tuple(_RATED)
    faults: ClassVar[dict[str, FaultEffect]] = {
        "element-scale": FaultEffect("progressive", (60.0, 240.0), 0.46, _scale),
        "element-degradation": FaultEffect("progressive", (20.0, 90.0), 0.06, _degrade),
        "thermostat-stuck": FaultEffect("sudden", (0.5, 10.0), 0.1, _stick),
        "safety-valve-leak": FaultEffect("progressive", (20.0, 120.0), 0.20, _drip),
    }

    def draw(self, rng: np.random.Generator, n: int, appliance_model: str) -> WaterHeaterParameters:
        """n units as made; each owner sets the thermostat."""
        values = as_made(rng, n, _COMMON | _RATED[appliance_model], _SPREAD)
        values["set_point"] = values["set_point"] + rng.integers(-4, 5, n)
        return WaterHeaterParameters(**values)

    def begin(self, rng: np.random.Generator, parameters: WaterHeaterParameters) -> WaterHeaterState:
        """Hot, with a cooler bottom."""
        n = len(parameters.set_point)
        values = {name: np.zeros(n) for name in WaterHeaterState._fields}
        values["upper"] = parameters.set_point - rng.uniform(0.0, 3.0, n)
        values["lower"] = values["upper"] - rng.uniform(0.0, 3.0, n)
        values["element"] = values["lower"].copy()
        return WaterHeaterState(**values)

    def run(
        self, parameters: WaterHeaterParameters, state: WaterHeaterState, span: Span, rng: np.random.Generator
    ) -> Measured:
        """See `Physics.run`; steps of 30 s, readings of 60 s."""
        n, steps = len(parameters.set_point), round(span.seconds / STEP_S)
        rate = span.activity * (parameters.draw_rate * span.people / 2.0)[:, None]
        chance = np.repeat(rate, steps // span.hours, axis=1) * (STEP_S / 3_600)
        opened = rng.random((n, steps)) < chance
        draws = opened * parameters.draw_volume[:, None] * rng.exponential(1.0, (n, steps))
        luck = rng.random((n, span.hours))
        hourly = _Hourly(span.indoor, span.voltage)
        every = round(self.sample_s / STEP_S)
        out = room_for(self.signals, n, steps // every)
        rows = as_rows(state)
        _walk(as_rows(parameters), rows, as_rows(hourly), span.mains_water, draws, luck, every, out)
        copy_back(rows, state)
        return Measured(by_signal(out, self.signals))
