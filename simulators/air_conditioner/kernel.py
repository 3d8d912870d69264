"""The walk through time: one appliance after the other, STEP_S at a time, energy booked at every step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.compiling import compiled
from simulators.air_conditioner.control import defrost, fan_stage, household, next_speed
from simulators.air_conditioner.cycle import approach, compress, dryness
from simulators.air_conditioner.parts import (
    EXCHANGE,
    OUTDOOR,
    OUTDOOR_STILL,
    SPEED,
    STAGES,
    WATTS,
    fan_table,
    motor_loss,
    power_factor,
    supplied_voltage,
    thermistor,
)
from simulators.air_conditioner.types import COOL, DEFROST, HEAT, Row
from simulators.base import Floats

STEP_S = 30.0
READING_STEPS = 2  # steps between readings
LATENT_ICE, LATENT_VAPOUR = 334e3, 2.45e6  # J/kg
MELTING = 40.0  # W/K between the indoor coil and the ice on it; the outdoor coil is three times as large
INDOOR_ICE_KG, OUTDOOR_FROST_KG = 0.4, 1.2  # that halve a coil's exchange
LOCKED_WATTS = 4_500.0  # of a locked rotor, for the 8 s until the overload opens
LOCKED_S = 8.0
SUNLESS = 0.5  # share of `window` that is left towards colder outdoors, when it stands for no sun
SETBACK_K = 4.0  # that a room with an air conditioner may be colder before the home's heating warms it
MODULE_MASS = 300.0  # J/K of power module and heat sink
MODULE_LOSS = 0.04  # of the compressor's power
PIPE = 0.2  # share of the way the discharge pipe's temperature goes in one step


@compiled()
def refrigerate(p: Row, s: Row, cooling: bool) -> tuple[float, float, float, float]:
    """Heat taken up (W), compressor power (W), discharge degC and wet share of the evaporator, at the coils' state."""
    low = s.indoor_coil if cooling else s.outdoor_coil
    high = s.outdoor_coil if cooling else s.indoor_coil
    speed = s.speed
    if speed == 0.0:
        return 0.0, 0.0, 0.5 * (low + high), 1.0
    feed = min(p.charge + p.charge_margin, p.valve_opening / speed)
    efficiency = p.efficiency * motor_loss(p.capacitance, p.inverter, speed, s.voltage)
    taken, work, gas = compress(low, high, feed, p.bypass, p.swept * speed, efficiency)
    return taken, work, gas, 1.0 - 1.1 * dryness(feed)


@compiled()
def step(
    p: Row, s: Row, weather: tuple[float, float, float, float], people: float, fans: Floats
) -> tuple[int, int]:
    """Advance one appliance in (outdoor degC, home degC, humidity 0..1, socket V) with `people` W of heat.

    Returns the columns of `fans` that are blowing, indoors and outdoors.
    """
    out, home, humidity, socket = weather
    defrosting = defrost(p, s, out, STEP_S)
    cooling = s.mode == COOL or defrosting
    stalled = next_speed(p, s, defrosting, STEP_S)
    taken, work, gas, wet = refrigerate(p, s, cooling)
    stage = fan_stage(p, s, defrosting)
    blower = OUTDOOR if s.speed > 0.0 and not defrosting else OUTDOOR_STILL
    inside = fans[EXCHANGE, stage] / (1.0 + s.ice / INDOOR_ICE_KG)
    outside = fans[EXCHANGE, blower] / (1.0 + s.frost / OUTDOOR_FROST_KG)
    dew = out - 20.0 * (1.0 - humidity)
    if cooling:
        given, latent = indoor_coil(p, s, -taken, inside * wet, dew)
        outdoor_coil(p, s, taken + work, outside, out, dew)
    else:
        given, latent = indoor_coil(p, s, taken + work, inside, dew)
        outdoor_coil(p, s, -taken, outside * wet, out, dew)
    heat_room(p, s, given * (1.0 - latent) + people + fans[WATTS, stage], out, home)
    s.moved += abs(given) * STEP_S
    s.discharge += (gas - s.discharge) * PIPE
    work = LOCKED_WATTS * LOCKED_S / STEP_S if stalled else work
    heat_module(p, s, MODULE_LOSS * work, out)
    book(p, s, work, fans[WATTS, stage] + fans[WATTS, blower], socket)
    return stage, blower


@compiled()
def book(p: Row, s: Row, work: float, fans: float, socket: float) -> None:
    """Power, the voltage that is left under it, current and the energy account."""
    factor = power_factor(p.capacitance, p.inverter, work)
    s.power = work + fans + p.standby
    s.voltage = supplied_voltage(socket, s.power, factor, p.line_resistance)
    s.current = s.power / (s.voltage * factor)
    s.used += s.power * STEP_S


@compiled()
def indoor_coil(p: Row, s: Row, refrigerant: float, exchange: float, dew: float) -> tuple[float, float]:
    """Advance the coil, its ice and the pan below; returns heat to the air (W) and the share that is condensation."""
    coil = s.indoor_coil
    to_air = exchange * (coil - s.room)
    melting = MELTING * coil if s.ice > 0.0 and coil > 0.0 else 0.0
    melting = min(melting, s.ice * LATENT_ICE / STEP_S)
    slope = exchange + 0.031 * abs(refrigerant) + (MELTING if melting > 0.0 else 0.0)
    s.indoor_coil = approach(coil, refrigerant - to_air - melting, slope, p.indoor_mass, STEP_S)
    latent = latent_share(coil, s.room, dew)
    water = latent * max(0.0, -to_air) / LATENT_VAPOUR * STEP_S
    melted = melting * STEP_S / LATENT_ICE
    if coil < 0.0:
        s.ice = min(2.0, s.ice + water)
        water = 0.0
    s.ice = max(0.0, s.ice - melted)
    s.pan = (s.pan + water + melted) * np.exp(-p.drain * STEP_S)
    return to_air, latent


@compiled()
def latent_share(coil: float, room: float, dew: float) -> float:
    """Share of the coil's heat that is condensation, at most 40 %; a cooled room is drier than outdoors.

    `dew`, the outdoor dew point, is 1 K below the air for each 5 % of missing humidity (Lawrence, Bull. Amer.
    Meteor. Soc. 86, 2005).
    """
    return min(0.4, max(0.0, 0.03 * (min(dew - 2.0, room - 6.0) - coil)))


@compiled()
def outdoor_coil(p: Row, s: Row, refrigerant: float, exchange: float, out: float, dew: float) -> None:
    """Advance the coil and the frost that grows on it in heating and melts in a defrost.

    Mass and heat transfer are alike (Lewis number near 1): about 0.6 of the sensible exchange per kelvin of dew
    point above the coil goes into frost near 0 degC.
    """
    coil = s.outdoor_coil
    melting = 3.0 * MELTING * coil if s.frost > 0.0 and coil > 0.0 else 0.0
    melting = min(melting, s.frost * LATENT_ICE / STEP_S)
    slope = exchange + 0.012 * abs(refrigerant) + (3.0 * MELTING if melting > 0.0 else 0.0)
    gain = refrigerant + exchange * (out - coil) - melting
    s.outdoor_coil = approach(coil, gain, slope, p.outdoor_mass, STEP_S)
    if coil < 0.0 and dew > coil:
        s.frost += 0.6 * exchange * (dew - coil) / LATENT_VAPOUR * STEP_S
    s.frost = min(5.0, max(0.0, s.frost - melting * STEP_S / LATENT_ICE))


@compiled()
def heat_room(p: Row, s: Row, gains: float, out: float, home: float) -> None:
    """Room air and walls; the sun comes in with `home`, the temperature of the rest of the home."""
    walls = p.wall * (s.wall - s.room)
    drawn = p.window * (out - s.room) * (1.0 if out > s.room else SUNLESS)
    heated = p.radiator * max(0.0, home - SETBACK_K - s.room)
    s.room += (gains + walls + drawn + heated) * STEP_S / p.room_mass
    s.wall += (p.neighbours * (home - s.wall) - walls) * STEP_S / p.wall_mass


@compiled()
def heat_module(p: Row, s: Row, loss: float, out: float) -> None:
    """The inverter's power module, `loss` W, on its heat sink in the outdoor air."""
    conductance = 1.0 / p.module_resistance
    net = loss - (s.module - out) * conductance
    s.module = approach(s.module, net, conductance, MODULE_MASS, STEP_S)


class Hourly(NamedTuple):
    """Surroundings at each full hour, (n, hours + 1) each."""

    outdoor: Floats  # degC
    home: Floats  # degC
    humidity: Floats  # 0..1
    voltage: Floats  # V at the socket


class People(NamedTuple):
    """Who is there in each hour, (n, hours) each."""

    presence: Floats  # 0..1
    heat: Floats  # W


@compiled()
def walk(
    parameters: NDArray[np.void],
    states: NDArray[np.void],
    hourly: NDArray[np.void],
    people: NDArray[np.void],
    luck: Floats,
    minute: Floats,
    out: NDArray[np.void],
) -> None:
    """All steps of a span; fills `out` (n, readings), a field for each signal, one reading a minute.

    `hourly` (n, hours + 1) are `Hourly`, `people` (n, hours) `People`. `luck`, `minute` (n, hours), 0..1: how and when
    in the hour the household decides.
    """
    per_hour = int(3_600.0 / STEP_S)
    for i in range(people.shape[0]):
        p, s = parameters[i], states[i]
        fans = fan_table(p)
        for k in range(people.shape[1] * per_hour):
            h = k // per_hour
            weather = surroundings(hourly[i, h], hourly[i, h + 1], (k % per_hour) / per_hour)
            if k % per_hour == int(minute[i, h] * per_hour):
                s.mode = household(p, s, weather[0], people[i, h].presence > 0.5, luck[i, h])
            stage, blower = step(p, s, weather, people[i, h].heat, fans)
            if (k + 1) % READING_STEPS == 0:
                report(p, s, weather[0], stage, blower, fans, out[i, (k + 1) // READING_STEPS - 1])


@compiled()
def surroundings(now: Row, then: Row, part: float) -> tuple[float, float, float, float]:
    """Outdoor degC, home degC, humidity and socket V at `part` of the hour from `now` to `then`."""
    rest = 1.0 - part
    return (
        rest * now.outdoor + part * then.outdoor,
        rest * now.home + part * then.home,
        rest * now.humidity + part * then.humidity,
        rest * now.voltage + part * then.voltage,
    )


@compiled()
def report(p: Row, s: Row, outdoor: float, stage: int, blower: int, fans: Floats, out: Row) -> None:
    """One reading: what the board's meters and thermistors see."""
    out.power = s.power
    out.current = s.current
    out.voltage = s.voltage
    out.room_temp = thermistor(s.room, p.room_leak)
    out.outdoor_temp = outdoor
    out.set_point = p.heat_set if s.mode == HEAT else p.cool_set
    out.indoor_coil_temp = s.indoor_coil
    out.outdoor_coil_temp = thermistor(s.outdoor_coil, p.coil_leak)
    out.discharge_temp = s.discharge
    out.indoor_fan_speed = fans[SPEED, stage] * p.indoor_fan_rpm
    out.indoor_fan_target = STAGES[stage - 1] * p.indoor_fan_marked if stage > 0 else 0.0
    out.outdoor_fan_speed = fans[SPEED, blower] * p.outdoor_fan_rpm
    out.mode = DEFROST if s.defrosting > 0.0 else s.mode
    out.water_alarm = s.flooded
    out.compressor_starts = s.starts
    out.compressor_speed = s.speed * 60.0
    out.module_temp = s.module
