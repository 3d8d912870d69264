"""Every category of appliance the fleet can hold, by name and by appliance model."""

from __future__ import annotations

from foremend.vocabulary.errors import ConfigError
from simulators.air_conditioner.appliance import FixedSpeedAirConditioner, InverterAirConditioner
from simulators.base import FaultEffect, Physics
from simulators.microwave.appliance import Microwave
from simulators.refrigerator.appliance import Refrigerator
from simulators.washing_machine.appliance import WashingMachine
from simulators.water_heater.appliance import WaterHeater

PHYSICS: tuple[Physics, ...] = (
    Refrigerator(),
    FixedSpeedAirConditioner(),
    InverterAirConditioner(),
    WaterHeater(),
    WashingMachine(),
    Microwave(),
)


def appliance_models() -> dict[str, Physics]:
    """Appliance model name -> the physics that draws it."""
    return {model: physics for physics in PHYSICS for model in physics.models}


def physics_of(appliance_model: str) -> Physics:
    """Raises ConfigError for a model nobody simulates, naming those there are."""
    known = appliance_models()
    if appliance_model not in known:
        raise ConfigError(f"no simulated appliance model {appliance_model!r}: choose from {', '.join(known)}")
    return known[appliance_model]


def fault_effect(appliance_model: str, fault: str) -> FaultEffect:
    """Raises ConfigError for a fault that this model cannot have, naming those it can."""
    faults = physics_of(appliance_model).faults
    if fault not in faults:
        names = ", ".join(faults) or "none"
        raise ConfigError(f"{appliance_model} cannot have the fault {fault!r}: it knows {names}")
    return faults[fault]
