"""A wash, step by step: water in, heat, tumbling, water out, spinning; one machine after the other.

The spinning tub is a mass on springs and dampers driven by the laundry's imbalance (Bae et al., J. Sound and
Vibration 257, 2002); the drum is driven over a belt that carries a limited torque.
"""

from __future__ import annotations

from math import exp, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.compiling import compiled
from simulators.base import Floats

Row = Any
"""One machine: a record of `base.as_rows`, its fields by name."""
STEP_S = 5.0
READING_STEPS = 4
IDLE, FILL, HEAT, WASH, DRAIN, RINSE, SPIN = 0, 1, 2, 3, 4, 5, 6
"""Codes of the signal `programme_phase`."""
PROGRAMME = (
    *(IDLE, FILL, HEAT, WASH, DRAIN, SPIN),
    *(FILL, RINSE, DRAIN, SPIN),
    *(FILL, RINSE, DRAIN, SPIN),
)
"""Phases in order; after the last one the machine is idle again."""
LAST = len(PROGRAMME) - 1
LIMITER_OPENS, LIMITER_CLOSES = 165.0, 145.0  # degC of the element
ELEMENT_MASS = 350.0  # J/K
TUB_LOSS = 6.0  # W/K
WATER_HEAT = 4_186.0  # J/(l K)
CLOTH_HEAT = 1_500.0  # J/(kg K)
TUMBLING_RPM, SHORT_SPIN_RPM = 48.0, 600.0
TUMBLING_SHARE = 0.75  # of the time the drum turns between reversals
OUT_OF_BALANCE = 18.0  # mm/s at the cabinet that makes the machine spread its laundry again
SPREADING_RPM, SPREADING_RISE = 300.0, 2.0  # below it the drum gains so many rpm a second, to spread the load
MOST_RETRIES = 6.0
CABINET = 0.075  # mm/s of the cabinet per mm/s of the tub: its springs and friction dampers pass this on
MOTOR_FACTOR = 0.75  # power factor of the drum motor
SPIN_UP_LIMIT_S, SPIN_S, SHORT_SPIN_S = 900.0, 420.0, 60.0
FILL_LIMIT_S, DRAIN_LIMIT_S, HEAT_LIMIT_S = 900.0, 600.0, 7_200.0


@compiled()
def next_phase(s: Row) -> None:
    """Go on in the programme; the retries of a spin are its own."""
    s.place = 0.0 if s.place >= LAST else s.place + 1.0
    s.elapsed, s.steady, s.retries = 0.0, 0.0, 0.0


@compiled()
def fill(p: Row, s: Row, cold: float) -> None:
    """Water comes through valve and strainer: the flow falls with the root of their resistance."""
    litres = p.inlet_flow / sqrt(1.0 + p.inlet_resistance) * STEP_S / 60.0
    s.water_temp = (s.litres * s.water_temp + litres * cold) / (s.litres + litres)
    s.litres += litres
    if s.litres >= p.water_base + p.water_per_kg * s.load or s.elapsed > FILL_LIMIT_S:
        next_phase(s)


@compiled()
def drain(p: Row, s: Row) -> None:
    """The pump against its own filter."""
    s.litres -= p.drain_flow / sqrt(1.0 + p.drain_resistance) * STEP_S / 60.0
    if s.litres <= 0.0 or s.elapsed > DRAIN_LIMIT_S:
        s.litres = 0.0
        next_phase(s)


@compiled()
def heat(p: Row, s: Row, volts: float) -> float:
    """Element, limiter and water; returns the element's mean power, W.

    The element gives its heat through the water's film and its scale; its limiter opens when it gets too hot.
    """
    if s.element > LIMITER_OPENS:
        s.limited = 1.0
    elif s.element < LIMITER_CLOSES:
        s.limited = 0.0
    watts = 0.0 if s.limited > 0.0 else volts * volts / p.element_ohm
    conductance = 1.0 / (p.film_resistance + p.scale_resistance)
    balance = s.water_temp + watts / conductance
    before = s.element
    s.element = balance + (before - balance) * exp(-STEP_S * conductance / ELEMENT_MASS)
    given = watts * STEP_S - ELEMENT_MASS * (s.element - before)
    s.water_temp += given / heat_capacity(p, s)
    if s.water_temp >= s.target or s.elapsed > HEAT_LIMIT_S:
        next_phase(s)
    return watts


@compiled()
def heat_capacity(p: Row, s: Row) -> float:
    """J/K of water, laundry and tub."""
    return WATER_HEAT * s.litres + CLOTH_HEAT * s.load + p.tub_mass


@compiled()
def tumble(p: Row, s: Row, seconds: float) -> float:
    """Turning to and fro; returns the motor's power, W."""
    s.drum = TUMBLING_RPM * (1.0 - slip(p, 2.0 + 0.8 * s.load))
    if s.elapsed > seconds:
        next_phase(s)
        s.drum = 0.0
    torque = p.friction + 2.0 + 0.8 * s.load
    return TUMBLING_SHARE * (torque * TUMBLING_RPM * pi / 30.0 / p.motor_efficiency + 25.0)


@compiled()
def slip(p: Row, torque: float) -> float:
    """Share of its speed that the belt loses while it carries `torque` (Nm at the drum)."""
    return min(0.6, 0.03 * (torque / p.belt_torque) ** 2)


@compiled()
def spin(p: Row, s: Row) -> float:
    """Speed up against inertia and friction, hold, stop; returns the motor's power, W.

    A cabinet that shakes too much on the way up makes the machine stop and spread its laundry again, as often as
    MOST_RETRIES; after that it spins slowly.
    """
    final = s.place == LAST
    wished = p.spin_rpm if final else SHORT_SPIN_RPM
    if s.retries >= MOST_RETRIES:
        wished = min(wished, 400.0)
    before = s.drum
    carried = min(p.motor_torque, p.belt_torque)
    inertia = p.inertia + 0.03 * s.load
    limit = wished * (1.0 - slip(p, p.friction * (0.6 + 0.4 * wished / 1_400.0)))
    rise = max(0.0, carried - p.friction) / inertia * STEP_S * 30.0 / pi
    if before < SPREADING_RPM:
        rise = min(rise, SPREADING_RISE * STEP_S)
    s.drum = min(limit, before + rise)
    s.vibration = max(s.vibration, shaking(p, s, before, s.drum))
    if s.vibration > OUT_OF_BALANCE and s.drum < 450.0 and s.retries < MOST_RETRIES:
        s.drum, s.imbalance = 0.0, 0.9 * s.imbalance
        s.retries += 1.0
        return 80.0
    if s.drum >= limit - 1.0:
        s.steady += STEP_S
    if s.steady > (SPIN_S if final else SHORT_SPIN_S) or s.elapsed > SPIN_UP_LIMIT_S:
        next_phase(s)
        s.drum = 0.0
    torque = p.friction + inertia * (s.drum - before) * pi / 30.0 / STEP_S if s.drum > before else p.friction
    turning = max(s.drum, before) * pi / 30.0
    return turning * torque / (1.0 - slip(p, torque)) / p.motor_efficiency + 30.0


@compiled()
def shaking(p: Row, s: Row, slow: float, fast: float) -> float:
    """Velocity of the cabinet, mm/s rms, at its worst between two drum speeds (rpm).

    Worn dampers let the tub swing wide at the suspension's resonance; a rough bearing shakes more the faster it
    turns, whatever the balance.
    """
    worst = swinging(p, s.imbalance, fast)
    if slow < p.resonance_rpm < fast:
        worst = max(worst, swinging(p, s.imbalance, p.resonance_rpm))
    return worst + p.roughness * (fast / 1_400.0) ** 1.5


@compiled()
def swinging(p: Row, imbalance: float, rpm: float) -> float:
    """mm/s rms of the cabinet from an `imbalance` (kg) at the drum's rim: a driven, damped mass on springs."""
    ratio = rpm / p.resonance_rpm
    damping = 2.0 * p.damping * ratio
    offset = imbalance * p.radius / p.tub_kg * 1_000.0
    amplitude = offset * ratio**2 / sqrt((1.0 - ratio**2) ** 2 + damping**2)
    return CABINET * amplitude * rpm * pi / 30.0 / sqrt(2.0)


@compiled()
def step(p: Row, s: Row, volts: float, cold: float, home: float) -> None:
    """Advance one running machine; leaves power and current of the step in its state."""
    phase = PROGRAMME[int(s.place)]
    s.elapsed += STEP_S
    heater, motor, small = 0.0, 0.0, p.electronics
    if phase == FILL:
        fill(p, s, cold)
        small += 8.0
    elif phase == HEAT:
        heater = heat(p, s, volts)
        motor = 0.5 * tumble(p, s, 1e9) if PROGRAMME[int(s.place)] == HEAT else 0.0
    elif phase == WASH:
        motor = tumble(p, s, p.wash_s)
    elif phase == RINSE:
        motor = tumble(p, s, p.rinse_s)
    elif phase == DRAIN:
        drain(p, s)
        small += p.pump_watts
    elif phase == SPIN:
        motor = spin(p, s)
        small += p.pump_watts
    if phase != HEAT:
        s.element += (s.water_temp - s.element) * 0.1
    s.water_temp -= TUB_LOSS * (s.water_temp - home) * STEP_S / heat_capacity(p, s)
    s.power = heater + motor + small
    s.current = (heater + small + motor / MOTOR_FACTOR) / volts
    s.used += s.power * STEP_S


@compiled()
def begin_wash(s: Row, target: float, load: float, imbalance: float) -> None:
    """The household pushes the button; does nothing while a wash is on."""
    if s.place == 0.0:
        s.target, s.load, s.imbalance = target, load, imbalance
        next_phase(s)


class Hourly(NamedTuple):
    """Surroundings in each hour, (n, hours) each."""

    voltage: Floats  # V at the socket
    home: Floats  # degC


class Washes(NamedTuple):
    """What the household does in each hour, (n, hours) each."""

    start: Floats  # 1 or 0
    moment: Floats  # of the hour, 0..1
    warmth: Floats  # degC wanted
    load: Floats  # kg
    imbalance: Floats  # kg


@compiled()
def walk(
    parameters: NDArray[np.void],
    states: NDArray[np.void],
    hourly: NDArray[np.void],
    cold: Floats,
    washes: NDArray[np.void],
    out: NDArray[np.void],
) -> None:
    """All steps of a span; fills `out` (n, readings), a field for each signal.

    `hourly` (n, hours) are `Hourly`, `washes` (n, hours) `Washes`; `cold` (n,) degC of the mains.
    """
    per_hour = int(3_600.0 / STEP_S)
    for i in range(washes.shape[0]):
        p, s = parameters[i], states[i]
        for k in range(washes.shape[1] * per_hour):
            now, wash = hourly[i, k // per_hour], washes[i, k // per_hour]
            if wash.start > 0.0 and k % per_hour == int(wash.moment * per_hour):
                begin_wash(s, wash.warmth, wash.load, wash.imbalance)
            if s.place > 0.0:
                step(p, s, now.voltage, cold[i], now.home)
            else:
                s.power, s.drum = p.standby, 0.0
                s.current = p.standby / now.voltage
                s.water_temp += (now.home - s.water_temp) * 0.001
            if (k + 1) % READING_STEPS == 0:
                report(p, s, out[i, (k + 1) // READING_STEPS - 1])


@compiled()
def report(p: Row, s: Row, out: Row) -> None:
    """One reading; vibration is the worst since the last one."""
    out.power = s.power
    out.current = s.current
    out.water_level = s.litres / p.litres_per_mm
    out.drum_speed = s.drum
    out.vibration = s.vibration
    out.water_temp = s.water_temp
    out.programme_phase = PROGRAMME[int(s.place)]
    s.vibration = 0.0
