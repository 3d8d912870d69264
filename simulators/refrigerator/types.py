"""What a refrigerator is made of: parameters, state, and the numbers of three sizes."""

from __future__ import annotations

from typing import NamedTuple

from simulators.base import Floats


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


_COMMON: dict[str, float] = {
    "ua_gasket": 0.03,
    "fan": 1.0,
    "charge": 1.0,
    "carnot_share": 0.39,
    "friction": 0.0,
    "start_failure": 0.0,
    "thermostat_offset": 0.0,
    "ambient_offset": 0.0,
}
RATED: dict[str, dict[str, float]] = {
    "rf-140": {
        **_COMMON,
        "ua_cabinet": 0.55,
        "ua_freezer": 0.12,
        "c_cabinet": 9_500.0,
        "c_food": 30_000.0,
        "ua_food": 1.5,
        "c_freezer": 25_000.0,
        "c_evaporator": 1_500.0,
        "c_condenser": 3_000.0,
        "ua_evaporator_cabinet": 2.2,
        "ua_evaporator_freezer": 4.0,
        "ua_condenser": 7.0,
        "fan_power": 2.0,
        "power_rated": 60.0,
        "magnetising": 0.30,
        "locked_rotor": 3.2,
        "set_point": 5.0,
        "hysteresis": 0.95,
        "defrost_power": 90.0,
        "defrost_interval": 6.0 * 3_600,
        "frost_halving": 0.12,
        "door_rate": 1.6,
        "door_exchange": 60.0,
        "groceries": 5_000.0,
        "standby": 0.8,
        "lamp": 5.0,
    },
    "rf-260": {
        **_COMMON,
        "ua_cabinet": 1.15,
        "ua_freezer": 0.42,
        "c_cabinet": 16_000.0,
        "c_food": 70_000.0,
        "ua_food": 2.5,
        "c_freezer": 60_000.0,
        "c_evaporator": 2_500.0,
        "c_condenser": 4_500.0,
        "ua_evaporator_cabinet": 3.0,
        "ua_evaporator_freezer": 9.5,
        "ua_condenser": 10.0,
        "fan_power": 5.0,
        "power_rated": 96.0,
        "magnetising": 0.40,
        "locked_rotor": 5.5,
        "set_point": 4.0,
        "hysteresis": 0.95,
        "defrost_power": 150.0,
        "defrost_interval": 8.0 * 3_600,
        "frost_halving": 0.2,
        "door_rate": 3.0,
        "door_exchange": 150.0,
        "groceries": 10_000.0,
        "standby": 4.0,
        "lamp": 12.0,
    },
    "rf-520": {
        **_COMMON,
        "ua_cabinet": 1.7,
        "ua_freezer": 0.85,
        "c_cabinet": 30_000.0,
        "c_food": 130_000.0,
        "ua_food": 4.0,
        "c_freezer": 130_000.0,
        "c_evaporator": 4_000.0,
        "c_condenser": 7_000.0,
        "ua_evaporator_cabinet": 4.4,
        "ua_evaporator_freezer": 19.0,
        "ua_condenser": 16.0,
        "fan_power": 9.0,
        "power_rated": 150.0,
        "magnetising": 0.50,
        "locked_rotor": 8.5,
        "set_point": 4.0,
        "hysteresis": 1.1,
        "defrost_power": 240.0,
        "defrost_interval": 8.0 * 3_600,
        "frost_halving": 0.3,
        "door_rate": 4.0,
        "door_exchange": 260.0,
        "groceries": 18_000.0,
        "standby": 6.0,
        "lamp": 16.0,
    },
}

SPREAD = {
    "ua_cabinet": 0.16,
    "ua_freezer": 0.16,
    "c_cabinet": 0.12,
    "c_food": 0.35,
    "c_freezer": 0.25,
    "ua_evaporator_cabinet": 0.06,
    "ua_evaporator_freezer": 0.06,
    "ua_condenser": 0.08,
    "power_rated": 0.08,
    "carnot_share": 0.07,
    "magnetising": 0.08,
    "hysteresis": 0.18,
    "door_rate": 0.35,
    "door_exchange": 0.20,
}
"""Relative standard deviation between units."""
