"""One step of a refrigerator, compiled: control, heat, doors, electricity.

`p` and `s` are records with the fields of `RefrigeratorParameters` and `RefrigeratorState`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.compiling import compiled
from simulators.base import Floats

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
RESTING, COOLING, DEFROSTING = 0.0, 1.0, 2.0  # codes of the signal `mode`
LUCK = 64  # uniform numbers a span holds for the starts of one appliance


@compiled()
def capacity_share(charge: float) -> float:
    """Cooling capacity against full charge: 0.95 at 85 % charge, 0.79 at 70 %, nothing below 35 %."""
    lost = min(1.0, max(0.0, 1.0 - charge) / 0.65)
    return 1.0 - lost * lost


@compiled()
def compressor(p: Any, evaporator: float, condenser: float) -> tuple[float, float]:
    """(cooling W, electric W) of running compressor at these two temperatures, degC.

    Electric power grows about 2 % a kelvin of evaporating and 0.8 % a kelvin of condensing temperature, as in the
    makers' tables for small R600a compressors; a COP of 1 to 2 is usual at -25/45 degC. Below -30 degC the gas left
    in the clearance takes up ever more of the stroke, so an iced-up coil cannot get colder than -55 degC.
    """
    clearance = min(1.0, max(0.0, (evaporator + 55.0) / 25.0))
    share = capacity_share(p.charge) * clearance
    load = max(0.3, 1.0 + 0.02 * (evaporator + 25.0) + 0.008 * (condenser - 45.0))
    power = p.power_rated * load * (0.4 + 0.6 * share)
    lift = max(15.0, condenser - evaporator)
    cop = p.carnot_share * (evaporator + KELVIN) / lift
    return cop * p.power_rated * load * share, power + p.friction


@compiled()
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


@compiled()
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


@compiled()
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


@compiled()
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


@compiled()
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


class Hourly(NamedTuple):
    """Surroundings at each full hour, (n, hours + 1) each."""

    ambient: Floats  # degC
    humidity: Floats  # 0..1
    voltage: Floats  # V of the mains


@compiled()
def walk(
    parameters: NDArray[np.void],
    state: NDArray[np.void],
    hourly: NDArray[np.void],
    door: Floats,
    luck: Floats,
    every: int,
    out: NDArray[np.void],
) -> None:
    """All steps of a span. `hourly` (n, hours + 1) `Hourly`, `door` (n, steps) 0/1; fills `out` (n, readings)."""
    per_hour = int(3_600.0 / STEP_S)
    for i in range(door.shape[0]):
        p, s = parameters[i], state[i]
        first = s.starts
        for k in range(door.shape[1]):
            h, part = k // per_hour, (k % per_hour) / per_hour
            now, then = hourly[i, h], hourly[i, h + 1]
            ambient = now.ambient + part * (then.ambient - now.ambient)
            volts = now.voltage + part * (then.voltage - now.voltage)
            _step(
                p, s, (ambient, now.humidity, volts), door[i, k] > 0.0, luck[i, int(s.starts - first) % LUCK]
            )
            if (k + 1) % every == 0:
                _report(p, s, ambient, out[i, (k + 1) // every - 1])


@compiled()
def _report(p: Any, s: Any, ambient: float, out: Any) -> None:
    """One reading."""
    out.power = s.power
    out.current = s.current
    out.cabinet_temp = s.cabinet
    out.freezer_temp = s.freezer
    out.evaporator_temp = s.evaporator
    out.ambient_temp = ambient
    out.set_point = p.set_point
    out.compressor_starts = s.starts
    out.door_openings = s.openings
    out.mode = DEFROSTING if s.defrosting > 0.0 else COOLING if s.running > 0.0 else RESTING
