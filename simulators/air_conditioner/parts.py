"""Parts of an air conditioner that have laws of their own: fans, thermistors, the supply and the motor."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np

from foremend.vocabulary.compiling import compiled
from simulators.air_conditioner.cycle import KELVIN
from simulators.air_conditioner.types import STILL_AIR, Row
from simulators.base import Floats

_BETA, _R25 = 3_950.0, 10e3  # K and ohm of a common 10 kohm NTC thermistor
SPEED, EXCHANGE, WATTS = 0, 1, 2  # rows of `fan_table`
OUTDOOR_STILL, OUTDOOR = (
    4,
    5,
)  # its columns of the outdoor fan, off and on; those before are the indoor stages
STAGES = (0.65, 0.82, 1.0)  # speeds of the indoor fan over the highest
_SLIP = 1.5  # no-load over rated speed of a small permanent-split-capacitor fan motor
HEALTHY_FRICTION = 0.05  # bearing torque over the fan's rated torque
_STALL_TORQUE = 0.42  # of the capacitor's starting torque that a start against the rest pressure needs


@compiled()
def air_flow(resistance: float, face: float) -> float:
    """Air flow over the rated one at equal fan speed: pressure drop goes with the square of the flow."""
    return face / sqrt(1.0 + resistance)


@compiled()
def fan_speed(stage: float, flow: float, friction: float) -> float:
    """Where motor and load meet, over the highest stage's speed; 0 when the friction stalls the fan.

    The motor's torque falls linearly with speed; the impeller's grows with the square of the speed and shrinks a
    little when less air passes (forward-curved wheel), so a clogged filter lets the fan turn faster.
    """
    pull = (stage * stage + HEALTHY_FRICTION) / (1.0 - 1.0 / _SLIP)
    if friction >= pull:
        return 0.0
    slope = pull / (_SLIP * stage)
    load = 0.6 + 0.4 * flow
    return (sqrt(slope * slope + 4.0 * load * (pull - friction)) - slope) / (2.0 * load)


@compiled()
def fan_watts(speed: float, flow: float, friction: float, rated: float) -> float:
    """W of a fan: impeller torque and bearing friction times speed; a stalled motor draws more."""
    if speed == 0.0:
        return 1.5 * rated
    return rated * speed * ((0.6 + 0.4 * flow) * speed * speed + friction) / (1.0 + HEALTHY_FRICTION)


@compiled()
def fan_table(p: Row) -> Floats:
    """(3, 6): SPEED (relative), EXCHANGE of the coil (W/K) and WATTS, at the indoor stages 0..3 and outdoors."""
    table = np.zeros((3, 6))
    free = air_flow(p.filter_resistance, p.indoor_face)
    table[EXCHANGE, 0] = p.indoor_exchange * STILL_AIR
    table[EXCHANGE, OUTDOOR_STILL] = p.outdoor_exchange * STILL_AIR
    for k in range(3):
        speed = fan_speed(STAGES[k], free, p.indoor_friction)
        table[SPEED, k + 1] = speed
        table[EXCHANGE, k + 1] = p.indoor_exchange * max(STILL_AIR, (speed * free) ** 0.6)
        table[WATTS, k + 1] = fan_watts(speed, free, p.indoor_friction, p.indoor_fan_watts)
    speed = fan_speed(1.0, 1.0, p.outdoor_friction)
    table[SPEED, OUTDOOR] = speed
    table[EXCHANGE, OUTDOOR] = p.outdoor_exchange * max(STILL_AIR, speed**0.5)
    table[WATTS, OUTDOOR] = fan_watts(speed, 1.0, p.outdoor_friction, p.outdoor_fan_watts)
    return table


@compiled()
def thermistor(temperature: float, leak: float) -> float:
    """What the controller reads (degC) when moisture adds a leakage of `leak` siemens across an NTC.

    The leak lowers the resistance, so the reading is too warm, by more the colder it is.
    """
    if leak == 0.0:
        return temperature
    resistance = _R25 * exp(_BETA * (1.0 / (temperature + KELVIN) - 1.0 / (25.0 + KELVIN)))
    seen = 1.0 / (1.0 / resistance + leak)
    return 1.0 / (1.0 / (25.0 + KELVIN) + log(seen / _R25) / _BETA) - KELVIN


@compiled()
def supplied_voltage(socket: float, watts: float, power_factor: float, resistance: float) -> float:
    """V that is left at the appliance when `watts` flow through a supply of `resistance` ohm."""
    room = socket * socket - 4.0 * watts / power_factor * resistance
    return 0.5 * (socket + sqrt(max(0.0, room)))


@compiled()
def power_factor(capacitance: float, inverter: float, work: float) -> float:
    """Of the whole unit with its compressor at `work` W: an inverter corrects it, a weak capacitor loses it."""
    if work == 0.0:
        return 0.9
    if inverter > 0.0:
        return 0.97
    return 0.95 - 0.35 * (1.0 - capacitance)


@compiled()
def motor_loss(capacitance: float, inverter: float, speed: float, voltage: float) -> float:
    """Efficiency over the rated one: weak auxiliary winding, low voltage, speeds away from the best."""
    if inverter > 0.0:
        return 1.0 - 0.15 * (speed - 0.7) ** 2
    sag = max(0.0, 1.0 - voltage / 220.0)
    return (1.0 - 0.22 * (1.0 - capacitance)) * (1.0 - 0.6 * sag)


@compiled()
def stalls(capacitance: float, inverter: float, voltage: float, low: float, high: float) -> bool:
    """Whether the rotor stays locked at a start: torque goes with capacitance and the square of the voltage.

    `low` and `high` are the coils' temperatures: a start soon after a stop or on a hot day needs more torque.
    """
    if inverter > 0.0:
        return voltage < 150.0
    torque = capacitance * (voltage / 220.0) ** 2
    return torque < _STALL_TORQUE + 0.004 * abs(high - low)
