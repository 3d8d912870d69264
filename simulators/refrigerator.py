"""Refrigerators with a freezer compartment: two cold rooms, one evaporator, one on/off compressor.

A lumped RC network after Hermes & Melo, "A first-principles simulation model for the start-up and cycling
transients of household refrigerators", Int. J. Refrigeration 31 (2008) 1341-1357: cabinet air, food, freezer,
evaporator and condenser each hold heat; the compressor moves it with a fixed fraction of the Carnot COP.
Loss of capacity with charge follows the shape measured by Grace, Datta & Tassou, Applied Thermal Engineering 25
(2005) 557-566: flat near full charge, steep below three quarters.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulators.base import (
    FaultEffect,
    Floats,
    Measured,
    Physics,
    Signal,
    Span,
    as_rows,
    copy_back,
    scaled,
    spread,
)

STEP_S = 20.0
KELVIN = 273.15
MELTING_J_PER_KG = 334_000.0
MELTING_W_PER_K = 40.0  # heat that ice takes from a coil at 1 degC
LOCKED_ROTOR_S = 8.0  # a protector opens a stalled compressor after about this long
RETRY_S = 150.0  # and closes again
INRUSH_S = 0.6
CONDENSER_TRIP_C = 88.0  # the protector's view of a compressor that cannot shed its heat
DEFROST_END_C = 9.0
DEFROST_LIMIT_S = 1_800.0
LUCK = 64  # uniform numbers a span holds for the starts of one appliance


class RefrigeratorParameters(NamedTuple):
    """(n,) each; SI units, temperatures in degC."""

    ua_cabinet: Floats  # W/K, walls of the fresh-food room
    ua_freezer: Floats  # W/K, walls of the freezer
    ua_gasket: Floats  # W/K, air through a leaking gasket
    c_cabinet: Floats  # J/K, air and inner wall
    c_food: Floats  # J/K
    ua_food: Floats  # W/K, between food and air
    c_freezer: Floats  # J/K
    c_evaporator: Floats  # J/K
    c_condenser: Floats  # J/K
    ua_evaporator_cabinet: Floats  # W/K with the fan at full speed and no frost
    ua_evaporator_freezer: Floats  # W/K
    ua_condenser: Floats  # W/K
    fan: Floats  # 0..1, air moved by the evaporator fan against new
    fan_power: Floats  # W
    charge: Floats  # 0..1, refrigerant against the nameplate
    power_rated: Floats  # W at -25 degC evaporating and 45 degC condensing
    carnot_share: Floats  # COP against Carnot's
    friction: Floats  # W on top
    magnetising: Floats  # A, out of phase
    start_failure: Floats  # 0..1, probability that a start stalls
    locked_rotor: Floats  # A
    set_point: Floats  # degC
    thermostat_offset: Floats  # K the control's sensor reads too high
    hysteresis: Floats  # K, half width
    defrost_power: Floats  # W
    defrost_interval: Floats  # s of compressor run
    frost_halving: Floats  # kg of frost that halves the heat exchange of the coil
    door_rate: Floats  # openings an hour at activity 1
    door_exchange: Floats  # J/K of warm air let in by an opening
    groceries: Floats  # J/K of warm food brought in at a time
    standby: Floats  # W
    lamp: Floats  # W
    ambient_offset: Floats  # K, kitchen against the home


class RefrigeratorState(NamedTuple):
    """(n,) each."""

    cabinet: Floats  # degC
    food: Floats
    freezer: Floats
    evaporator: Floats
    condenser: Floats
    frost: Floats  # kg
    running: Floats  # 1 while the compressor turns
    wait: Floats  # s until the compressor may start again
    run_since_defrost: Floats  # s
    defrosting: Floats  # s left of a defrost, 0 when none
    starts: Floats  # relay closings since made
    openings: Floats  # door openings since made
    power: Floats  # W, mean of the last step
    current: Floats  # A, rms of the last step


_NOMINAL: dict[str, RefrigeratorParameters] = {}


def _nominal(**values: float) -> RefrigeratorParameters:
    return RefrigeratorParameters(**{name: np.array([value]) for name, value in values.items()})


_COMMON = {
    "ua_gasket": 0.03,
    "fan": 1.0,
    "charge": 1.0,
    "carnot_share": 0.42,
    "friction": 0.0,
    "start_failure": 0.0,
    "thermostat_offset": 0.0,
    "ambient_offset": 0.0,
}
_NOMINAL["rf-140"] = _nominal(
    **_COMMON,
    ua_cabinet=0.55,
    ua_freezer=0.12,
    c_cabinet=9_500.0,
    c_food=30_000.0,
    ua_food=1.5,
    c_freezer=25_000.0,
    c_evaporator=1_500.0,
    c_condenser=3_000.0,
    ua_evaporator_cabinet=2.2,
    ua_evaporator_freezer=4.0,
    ua_condenser=7.0,
    fan_power=2.0,
    power_rated=60.0,
    magnetising=0.30,
    locked_rotor=3.2,
    set_point=5.0,
    hysteresis=0.95,
    defrost_power=90.0,
    defrost_interval=6.0 * 3_600,
    frost_halving=0.12,
    door_rate=1.6,
    door_exchange=60.0,
    groceries=5_000.0,
    standby=0.8,
    lamp=5.0,
)
_NOMINAL["rf-260"] = _nominal(
    **_COMMON,
    ua_cabinet=1.15,
    ua_freezer=0.42,
    c_cabinet=16_000.0,
    c_food=70_000.0,
    ua_food=2.5,
    c_freezer=60_000.0,
    c_evaporator=2_500.0,
    c_condenser=4_500.0,
    ua_evaporator_cabinet=3.0,
    ua_evaporator_freezer=9.5,
    ua_condenser=10.0,
    fan_power=5.0,
    power_rated=96.0,
    magnetising=0.40,
    locked_rotor=5.5,
    set_point=4.0,
    hysteresis=0.95,
    defrost_power=150.0,
    defrost_interval=8.0 * 3_600,
    frost_halving=0.2,
    door_rate=3.0,
    door_exchange=150.0,
    groceries=10_000.0,
    standby=4.0,
    lamp=12.0,
)
_NOMINAL["rf-520"] = _nominal(
    **_COMMON,
    ua_cabinet=1.7,
    ua_freezer=0.85,
    c_cabinet=30_000.0,
    c_food=130_000.0,
    ua_food=4.0,
    c_freezer=130_000.0,
    c_evaporator=4_000.0,
    c_condenser=7_000.0,
    ua_evaporator_cabinet=4.4,
    ua_evaporator_freezer=19.0,
    ua_condenser=16.0,
    fan_power=9.0,
    power_rated=150.0,
    magnetising=0.50,
    locked_rotor=8.5,
    set_point=4.0,
    hysteresis=1.1,
    defrost_power=240.0,
    defrost_interval=8.0 * 3_600,
    frost_halving=0.3,
    door_rate=4.0,
    door_exchange=260.0,
    groceries=18_000.0,
    standby=6.0,
    lamp=16.0,
)

_SPREAD = {
    "ua_cabinet": 0.16,
    "ua_freezer": 0.10,
    "c_cabinet": 0.12,
    "c_food": 0.35,
    "c_freezer": 0.25,
    "ua_evaporator_cabinet": 0.06,
    "ua_evaporator_freezer": 0.06,
    "ua_condenser": 0.08,
    "power_rated": 0.08,
    "carnot_share": 0.04,
    "magnetising": 0.08,
    "hysteresis": 0.18,
    "door_rate": 0.35,
    "door_exchange": 0.20,
}


@njit(cache=True)
def capacity_share(charge: float) -> float:
    """Cooling capacity against full charge: 0.95 at 85 % charge, 0.79 at 70 %, nothing below 35 %."""
    lost = min(1.0, max(0.0, 1.0 - charge) / 0.65)
    return 1.0 - lost * lost


@njit(cache=True)
def compressor(p: Any, evaporator: float, condenser: float) -> tuple[float, float]:
    """(cooling W, electric W) of running compressor at these two temperatures, degC.

    Electric power grows about 2 % a kelvin of evaporating and 0.8 % a kelvin of condensing temperature, as in the
    makers' tables for small R600a compressors; a COP of 1 to 2 is usual at -25/45 degC.
    """
    share = capacity_share(p.charge)
    load = max(0.3, 1.0 + 0.02 * (evaporator + 25.0) + 0.008 * (condenser - 45.0))
    power = p.power_rated * load * (0.4 + 0.6 * share)
    lift = max(15.0, condenser - evaporator)
    cop = p.carnot_share * (evaporator + KELVIN) / lift
    return cop * p.power_rated * load * share, power + p.friction


@njit(cache=True)
def _control(p: Any, s: Any, luck: float) -> float:
    """Thermostat, protector and defrost timer; returns the locked-rotor seconds of this step."""
    s.wait = max(0.0, s.wait - STEP_S)
    if s.defrosting > 0.0:
        s.defrosting -= STEP_S
        if s.evaporator > DEFROST_END_C or s.defrosting <= 0.0:
            s.defrosting = 0.0
            s.wait = 240.0  # let it drip
        return 0.0
    sensed = s.cabinet + p.thermostat_offset
    if s.running > 0.0:
        if sensed < p.set_point - p.hysteresis or s.condenser > CONDENSER_TRIP_C:
            s.running = 0.0
            s.wait = RETRY_S
        if s.run_since_defrost > p.defrost_interval:
            s.running = 0.0
            s.run_since_defrost = 0.0
            s.defrosting = DEFROST_LIMIT_S
        return 0.0
    if sensed < p.set_point + p.hysteresis or s.wait > 0.0:
        return 0.0
    s.starts += 1.0
    if luck < p.start_failure:
        s.wait = RETRY_S
        return LOCKED_ROTOR_S
    s.running = 1.0
    return INRUSH_S


@njit(cache=True)
def _heat(p: Any, s: Any, ambient: float, cooling: float, rejected: float) -> None:
    """One explicit step of the network; every watt that leaves a node enters another or the room."""
    on = s.running
    air = (0.12 + 0.88 * p.fan * on) / (1.0 + (s.frost / p.frost_halving) ** 2)
    from_cabinet = p.ua_evaporator_cabinet * air * (s.cabinet - s.evaporator)
    from_freezer = p.ua_evaporator_freezer * air * (s.freezer - s.evaporator)
    if on == 0.0:
        from_cabinet *= 0.3  # the damper is shut
    from_food = p.ua_food * (s.food - s.cabinet)
    heater = p.defrost_power if s.defrosting > 0.0 else 0.0
    melting = MELTING_W_PER_K * s.evaporator if s.frost > 0.0 and s.evaporator > 0.0 else 0.0
    melting = min(melting, s.frost * MELTING_J_PER_KG / STEP_S)
    walls = (p.ua_cabinet + p.ua_gasket) * (ambient - s.cabinet)
    s.cabinet += STEP_S / p.c_cabinet * (walls + from_food - from_cabinet)
    s.food -= STEP_S / p.c_food * from_food
    through = p.ua_freezer * (ambient - s.freezer)
    s.freezer += STEP_S / p.c_freezer * (through + p.fan_power * on - from_freezer)
    s.evaporator += STEP_S / p.c_evaporator * (from_cabinet + from_freezer + heater - melting - cooling)
    shed = p.ua_condenser * (s.condenser - ambient)
    s.condenser += STEP_S / p.c_condenser * (rejected - shed)
    s.frost -= melting * STEP_S / MELTING_J_PER_KG


@njit(cache=True)
def _doors(p: Any, s: Any, ambient: float, humid: float, opened: bool) -> None:
    """An opening swaps cold air for room air; its moisture, and the gasket's, freezes on the coil.

    A kitchen's air holds about 5 g/m3 more water than a cold room's, and 1 m3 of it 1.2 kJ/K: 7 mg a J/K at
    50 % humidity.
    """
    leaked = p.ua_gasket * STEP_S
    if opened:
        s.openings += 1.0
        leaked += p.door_exchange
        warmth = p.door_exchange * (ambient - s.cabinet)
        s.cabinet += warmth / (p.c_cabinet + p.door_exchange)
    s.frost += leaked * 1.4e-5 * humid


@njit(cache=True)
def _electric(
    p: Any,
    s: Any,
    power: float,
    stall: float,
    lit: bool,
    volts: float,
) -> None:
    """Mean power and rms current of the step; `stall` seconds of it the motor stood still under voltage."""
    motor = 0.0
    magnetising = 0.0
    if s.running > 0.0:
        motor = power + p.fan_power
        magnetising = p.magnetising
    rest = p.standby + (p.lamp if lit else 0.0)
    if s.defrosting > 0.0:
        rest += p.defrost_power * (volts / 230.0) ** 2
    locked = stall / STEP_S
    locked_power = 0.6 * p.locked_rotor * volts
    s.power = rest + (1.0 - locked) * motor + locked * locked_power
    steady = ((rest + motor) / volts) ** 2 + magnetising**2
    s.current = np.sqrt((1.0 - locked) * steady + locked * p.locked_rotor**2)


@njit(cache=True)
def _step(
    p: Any,
    s: Any,
    surroundings: tuple[float, float, float],
    door: bool,
    luck: float,
) -> None:
    """Advance one appliance by STEP_S in (ambient degC, humidity 0..1, mains V)."""
    ambient, humid, volts = surroundings
    stall = _control(p, s, luck)
    cooling, power = 0.0, 0.0
    if s.running > 0.0:
        cooling, power = compressor(p, s.evaporator, s.condenser)
        power *= 1.0 + 0.3 * (volts / 230.0 - 1.0)
        s.run_since_defrost += STEP_S
    _heat(p, s, ambient, cooling, cooling + power)
    _doors(p, s, ambient, humid, door)
    _electric(p, s, power, stall, door, volts)


@njit(cache=True)
def _walk(
    parameters: NDArray[np.void],
    state: NDArray[np.void],
    hourly: Floats,
    door: Floats,
    luck: Floats,
    every: int,
    out: Floats,
) -> None:
    """All steps of a span. `hourly` (3, n, hours + 1), `door` (n, steps) 0/1, `out` (9, n, readings)."""
    per_hour = int(3_600.0 / STEP_S)
    for i in range(door.shape[0]):
        p, s = parameters[i], state[i]
        first = s.starts
        for k in range(door.shape[1]):
            h, part = k // per_hour, (k % per_hour) / per_hour
            ambient = hourly[0, i, h] + part * (hourly[0, i, h + 1] - hourly[0, i, h])
            humid = hourly[1, i, h]
            volts = hourly[2, i, h] + part * (hourly[2, i, h + 1] - hourly[2, i, h])
            _step(p, s, (ambient, humid, volts), door[i, k] > 0.0, luck[i, int(s.starts - first) % LUCK])
            if (k + 1) % every == 0:
                r = (k + 1) // every - 1
                out[0, i, r] = s.power
                out[1, i, r] = s.current
                out[2, i, r] = s.cabinet
                out[3, i, r] = s.freezer
                out[4, i, r] = s.evaporator
                out[5, i, r] = ambient
                out[6, i, r] = p.set_point
                out[7, i, r] = s.starts
                out[8, i, r] = s.openings


def _leak(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(charge=p.charge * (1.0 - 0.58 * s))


def _foul(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(ua_condenser=p.ua_condenser / (1.0 + 4.5 * s))


def _wear(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(
        carnot_share=scaled(p.carnot_share, s, 0.35), friction=p.friction + 0.25 * s * p.power_rated
    )


def _relay(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(start_failure=np.maximum(p.start_failure, s**1.5))


def _gasket(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(ua_gasket=p.ua_gasket + 1.2 * s * p.ua_cabinet)


def _fan(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(fan=p.fan * (1.0 - s), fan_power=scaled(p.fan_power, s, 0.3))


def _defrost(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(defrost_power=p.defrost_power * (1.0 - s))


def _thermostat(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(thermostat_offset=p.thermostat_offset + 5.5 * s)


class Refrigerator(Physics):
    """Single-evaporator, fan-cooled, timed defrost; three sizes."""

    category: ClassVar[str] = "refrigerator"
    sample_s: ClassVar[int] = 60
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("power", "W", 0.1, noise=0.4),
        Signal("current", "A", 0.001, noise=0.004),
        Signal("cabinet_temp", "degC", 0.1, noise=0.08, drifts=True),
        Signal("freezer_temp", "degC", 0.1, noise=0.08, drifts=True),
        Signal("evaporator_temp", "degC", 0.1, noise=0.12, drifts=True),
        Signal("ambient_temp", "degC", 0.1, noise=0.1, drifts=True),
        Signal("set_point", "degC", 0.5),
        Signal("compressor_starts", "count", 1.0, counter=True),
        Signal("door_openings", "count", 1.0, counter=True),
    )
    models: ClassVar[tuple[str, ...]] = tuple(_NOMINAL)
    faults: ClassVar[dict[str, FaultEffect]] = {
        "refrigerant-leak": FaultEffect("progressive", (20.0, 60.0), 0.35, _leak),
        "condenser-fouling": FaultEffect("progressive", (60.0, 200.0), 0.25, _foul),
        "compressor-wear": FaultEffect("progressive", (40.0, 120.0), 0.30, _wear),
        "start-relay-failure": FaultEffect("intermittent", (7.0, 30.0), 0.10, _relay),
        "door-gasket-leak": FaultEffect("progressive", (30.0, 90.0), 0.25, _gasket),
        "evaporator-fan-failure": FaultEffect("progressive", (10.0, 40.0), 0.25, _fan),
        "defrost-failure": FaultEffect("sudden", (6.0, 21.0), 0.20, _defrost),
        "thermostat-drift": FaultEffect("progressive", (20.0, 80.0), 0.15, _thermostat),
    }

    def draw(self, rng: np.random.Generator, n: int, appliance_model: str) -> RefrigeratorParameters:
        """n units as made and as placed in n kitchens."""
        nominal = _NOMINAL[appliance_model]
        values = {
            name: spread(rng, n, value[0], _SPREAD[name]) if name in _SPREAD else np.full(n, value[0])
            for name, value in nominal._asdict().items()
        }
        values["set_point"] = nominal.set_point[0] + rng.integers(-1, 2, n).astype(np.float64)
        values["ambient_offset"] = rng.normal(0.0, 2.0, n)
        return RefrigeratorParameters(**values)

    def begin(self, rng: np.random.Generator, parameters: RefrigeratorParameters) -> RefrigeratorState:
        """Cold already, somewhere in a cycle."""
        n = len(parameters.set_point)
        zeros = {name: np.zeros(n) for name in RefrigeratorState._fields}
        cabinet = parameters.set_point + rng.uniform(-0.5, 0.5, n)
        zeros |= {"cabinet": cabinet, "food": cabinet.copy(), "condenser": np.full(n, 25.0)}
        zeros |= {"freezer": np.full(n, -18.0), "evaporator": np.full(n, -19.0), "frost": np.full(n, 0.02)}
        zeros["run_since_defrost"] = rng.uniform(0.0, 1.0, n) * parameters.defrost_interval
        return RefrigeratorState(**zeros)

    def run(
        self,
        parameters: RefrigeratorParameters,
        state: RefrigeratorState,
        span: Span,
        rng: np.random.Generator,
    ) -> Measured:
        """See `Physics.run`; steps of 20 s, readings of 60 s."""
        n, steps = len(parameters.set_point), round(span.seconds / STEP_S)
        shopping = rng.random(n) < 0.14 * span.activity.mean(axis=1)  # every few days
        warmth = parameters.groceries * (span.indoor[:, 0] - state.food)
        state.food[:] += shopping * warmth / (parameters.c_food + parameters.groceries)
        chance = np.repeat(span.activity * parameters.door_rate[:, None], steps // span.hours, axis=1)
        door = (rng.random((n, steps)) < chance * (STEP_S / 3_600)).astype(np.float64)
        kitchen = span.indoor + parameters.ambient_offset[:, None]
        hourly = np.stack([kitchen, span.humidity, span.voltage])
        every = round(self.sample_s / STEP_S)
        out = np.empty((len(self.signals), n, steps // every))
        rows = as_rows(state)
        _walk(as_rows(parameters), rows, hourly, door, rng.random((n, LUCK)), every, out)
        copy_back(rows, state)
        return Measured({signal.name: out[j] for j, signal in enumerate(self.signals)})
