"""What an air conditioner and its room are made of: parameters, state and the codes of its signals."""

from __future__ import annotations

from typing import Any, NamedTuple

from simulators.base import Floats

OFF, COOL, HEAT, FAN, DEFROST = 0.0, 1.0, 2.0, 3.0, 4.0
"""Codes of the signal `mode`."""
STILL_AIR = 0.12  # share of a coil's exchange that is left without a fan

Row = Any
"""One appliance in a kernel: a record of `base.as_rows`, its fields by name."""


class Parameters(NamedTuple):
    """One row per appliance, (n,) each. Faults change these and nothing else.

    Conductances in W/K, heat capacities in J/K, temperatures in degC, speeds relative to the rated one unless named.
    """

    # refrigerant circuit
    swept: Floats  # m3/s drawn in by the compressor at rated speed
    efficiency: Floats  # isentropic work over electric work, 0..1
    charge: Floats  # refrigerant charge over the rated charge
    charge_margin: Floats  # share of the charge that a controlled expansion valve makes up for
    valve_opening: Floats  # largest flow the expansion valve lets through, over the flow at rated speed
    bypass: Floats  # share of the compressed gas that leaks back to the suction side, 0..1
    indoor_exchange: Floats  # coil to air at rated air flow
    outdoor_exchange: Floats  # coil to air at rated air flow
    indoor_mass: Floats  # heat capacity of the coil
    outdoor_mass: Floats
    # air and water paths
    filter_resistance: Floats  # pressure drop over that of the clean path, minus 1; 0 is clean
    indoor_face: Floats  # free share of the indoor coil's face, 0..1
    indoor_friction: Floats  # bearing torque over the fan's rated torque
    outdoor_friction: Floats
    drain: Floats  # 1/s, share of the pan's water that leaves in a second
    # electricity
    inverter: Floats  # 1 where the speed is controlled, 0 for on/off
    capacitance: Floats  # run capacitor over its marking
    line_resistance: Floats  # ohm between the meter and the appliance
    module_resistance: Floats  # K/W between the power module and the outdoor air
    indoor_fan_watts: Floats  # W at rated speed
    outdoor_fan_watts: Floats
    indoor_fan_rpm: Floats  # rpm at the highest stage
    indoor_fan_marked: Floats  # rpm at the highest stage, as the controller has it
    outdoor_fan_rpm: Floats
    standby: Floats  # W
    # control
    differential: Floats  # K between switching on and off
    rest_min: Floats  # s the compressor must rest
    speed_min: Floats  # lowest speed of an inverter
    speed_max: Floats
    antifreeze: Floats  # degC of the indoor coil that stops cooling
    room_leak: Floats  # S of moisture across the room thermistor
    coil_leak: Floats  # S of moisture across the outdoor coil's thermistor
    # room and household
    room_mass: Floats  # air, furniture, wall surface
    wall_mass: Floats
    window: Floats  # room air to warmer outdoors, generous because it stands for the sun too
    wall: Floats  # room air to the walls
    neighbours: Floats  # walls to the rest of the home
    radiator: Floats  # of the home's own heating, for each K the room is colder than the home by SETBACK_K
    cool_set: Floats  # degC the household likes in summer
    heat_set: Floats  # degC in winter
    tolerance: Floats  # K it bears before it reaches for the remote control
    fan_stage: Floats  # 0 automatic, 1..3 fixed


class AirConditionerState(NamedTuple):
    """One row per appliance, (n,) each; changed in place."""

    room: Floats  # degC
    wall: Floats  # degC
    indoor_coil: Floats  # degC
    outdoor_coil: Floats  # degC
    discharge: Floats  # degC at the discharge pipe
    module: Floats  # degC of the power module
    ice: Floats  # kg on the indoor coil
    frost: Floats  # kg on the outdoor coil
    pan: Floats  # kg of condensate in the pan
    mode: Floats  # OFF, COOL, HEAT or FAN, as the household set it
    speed: Floats  # of the compressor, over the rated one
    integral: Floats  # of the inverter's control, in speed
    rested: Floats  # s since the compressor stopped
    heated: Floats  # s of heating since the last defrost
    defrosting: Floats  # s left of a defrost; 0 is none
    tripped: Floats  # s left of a lock-out by overload or high pressure
    frozen: Floats  # 1 while the antifreeze protection holds
    flooded: Floats  # 1 while the float switch holds
    voltage: Floats  # V at the appliance
    power: Floats  # W
    current: Floats  # A
    starts: Floats  # of the compressor, ever
    moved: Floats  # J taken from or given to the room's air, ever
    used: Floats  # J of electricity, ever
