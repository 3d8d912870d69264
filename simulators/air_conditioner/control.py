"""What decides in an air conditioner: the household, the thermostat, the protections, the defrost."""

from __future__ import annotations

from foremend.vocabulary.compiling import compiled
from simulators.air_conditioner.parts import stalls, thermistor
from simulators.air_conditioner.types import COOL, FAN, HEAT, OFF, Row

OVERLOAD_REST_S = 300.0  # a thermal overload needs minutes to close again
DEFROST_S = 480.0  # longest defrost
BETWEEN_DEFROSTS_S = 2_400.0
MODULE_LIMIT_C = 95.0  # where the controller starts to cut the speed
NEAR_FREEZING_K = 6.0  # above the antifreeze limit, where an inverter slows down
DISCHARGE_LIMIT_C = 118.0
HIGH_PRESSURE_C = 66.0  # condensing temperature at the pressure switch, about 44 bar
ALARM_KG, RELEASE_KG = 0.6, 0.3  # water in the pan that lifts the float, and that lets it fall
COLDEST_C = -12.0  # outdoors, below which these units do not heat


@compiled()
def household(p: Row, s: Row, out: float, home: bool, luck: float) -> float:
    """The mode that the household sets now, at `out` degC outdoors; `luck` is uniform 0..1.

    Nobody at home: mostly switched off, sometimes forgotten. Somebody: cooled or heated when it is past what they
    bear, switched off when the weather turns mild.
    """
    mode, room = s.mode, s.room
    if not home:
        return mode if luck > 0.9 else OFF
    hot = room > p.cool_set + p.tolerance
    if mode in (OFF, FAN):
        if hot and luck < 0.8:
            return COOL
        if room < p.heat_set - p.tolerance and out > COLDEST_C and luck < 0.8:
            return HEAT
        if mode == OFF and room > p.cool_set and luck < 0.15:
            return FAN
        return OFF if luck < 0.4 else mode
    mild = out < p.cool_set - 5.0 if mode == COOL else out > p.heat_set - 3.0
    if luck > 0.97 or (mild and luck < 0.5):
        return OFF
    return mode


@compiled()
def protections(p: Row, s: Row, defrosting: bool, seconds: float) -> bool:
    """Whether a protection holds the compressor; sets and releases each of them."""
    high = s.outdoor_coil if s.mode == COOL or defrosting else s.indoor_coil
    s.tripped = max(0.0, s.tripped - seconds)
    if s.speed > 0.0 and (high > HIGH_PRESSURE_C or s.discharge > DISCHARGE_LIMIT_C or s.voltage < 150.0):
        s.tripped = OVERLOAD_REST_S
    if s.mode == COOL and s.indoor_coil < p.antifreeze:
        s.frozen = 1.0
    elif s.indoor_coil > 8.0:
        s.frozen = 0.0
    if s.pan > ALARM_KG:
        s.flooded = 1.0
    elif s.pan < RELEASE_KG:
        s.flooded = 0.0
    wet = s.flooded > 0.0 and s.mode == COOL
    return wet or s.tripped > 0.0 or (s.frozen > 0.0 and s.mode == COOL)


@compiled()
def demanded_speed(p: Row, s: Row, seconds: float) -> float:
    """Compressor speed, over the rated one, that the thermostat asks for; it acts on what its sensor reads."""
    read = thermistor(s.room, p.room_leak)
    error = read - p.cool_set if s.mode == COOL else p.heat_set - read
    half = 0.5 * p.differential
    if s.speed > 0.0:
        if error < -half:
            return 0.0
    elif error < half or s.rested < p.rest_min:
        return 0.0
    if p.inverter == 0.0:
        return 1.0
    s.integral = min(1.0, max(0.0, s.integral + 0.0003 * seconds * error))
    top = p.speed_max - 0.05 * max(0.0, s.module - MODULE_LIMIT_C)
    if s.mode == COOL:  # slow down before the coil freezes
        top -= 0.15 * max(0.0, p.antifreeze + NEAR_FREEZING_K - s.indoor_coil)
    return max(p.speed_min, min(top, 0.1 + 0.3 * error + s.integral))


@compiled()
def next_speed(p: Row, s: Row, defrosting: bool, seconds: float) -> bool:
    """Set the compressor's speed for this step; True when its rotor stays locked at the start."""
    wanted = 0.0
    held = protections(p, s, defrosting, seconds)
    if not held and (s.mode == COOL or s.mode == HEAT):
        wanted = max(0.8, p.speed_min) if defrosting else demanded_speed(p, s, seconds)
    stalled = wanted > 0.0 and s.speed == 0.0 and not starts(p, s)
    s.speed = 0.0 if stalled else wanted
    s.rested = 0.0 if s.speed > 0.0 else s.rested + seconds
    return stalled


@compiled()
def starts(p: Row, s: Row) -> bool:
    """Close the contactor; False when the rotor stays locked until the overload opens."""
    s.starts += 1.0
    if stalls(p.capacitance, p.inverter, s.voltage, s.indoor_coil, s.outdoor_coil):
        s.tripped = OVERLOAD_REST_S
        return False
    return True


@compiled()
def defrost(p: Row, s: Row, out: float, seconds: float) -> bool:
    """Whether the outdoor coil is being defrosted now; it decides on what the coil's sensor reads."""
    coil = thermistor(s.outdoor_coil, p.coil_leak)
    if s.defrosting > 0.0:
        s.defrosting = max(0.0, s.defrosting - seconds)
        if coil > 12.0 or s.mode != HEAT:
            s.defrosting = 0.0
    elif s.mode == HEAT and s.speed > 0.0:
        s.heated += seconds
        if s.heated > BETWEEN_DEFROSTS_S and coil < min(-3.0, 0.8 * out - 8.0):
            s.heated, s.defrosting = 0.0, DEFROST_S
    return s.defrosting > 0.0


@compiled()
def fan_stage(p: Row, s: Row, defrosting: bool) -> int:
    """Stage of the indoor fan: 0 off, 1 low, 2 middle, 3 high."""
    if s.mode == OFF or defrosting or (s.mode == HEAT and s.indoor_coil < 30.0):
        return 0
    if p.fan_stage > 0.0:
        return int(p.fan_stage)
    if s.mode == FAN:
        return 2
    target = p.cool_set if s.mode == COOL else p.heat_set
    error = abs(s.room - target)
    return 3 if error > 2.0 else 2 if error > 0.8 else 1
