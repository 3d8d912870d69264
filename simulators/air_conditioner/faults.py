"""What each fault of an air conditioner does to its parameters; the words are in the fault catalogue.

Every change leaves the parameters as they are at severity 0. The ends of the scale are where a service call
would come: half the charge gone, an outdoor coil that sheds a third of its heat, a fan near its stall.
"""

from __future__ import annotations

from collections.abc import Callable

from simulators.air_conditioner.types import Parameters
from simulators.base import FaultEffect, Floats, scaled

_COOLED = 24.0  # degC outdoors, normal daily mean: from here homes are cooled, and coils are cold and wet


def _scaling(**at_failure: float) -> Callable[[Parameters, Floats], Parameters]:
    """A change that moves each named parameter linearly to its value times the given factor."""

    def change(p: Parameters, severity: Floats) -> Parameters:
        return p._replace(
            **{name: scaled(getattr(p, name), severity, end) for name, end in at_failure.items()}
        )

    return change


def _adding(**at_failure: float) -> Callable[[Parameters, Floats], Parameters]:
    """A change that adds severity times the given amount to each named parameter."""

    def change(p: Parameters, severity: Floats) -> Parameters:
        return p._replace(**{name: getattr(p, name) + severity * end for name, end in at_failure.items()})

    return change


def _ice(p: Parameters, severity: Floats) -> Parameters:
    """A matted coil face, and a coil thermistor that has slipped out of its pocket and sees no frost."""
    return p._replace(
        indoor_face=scaled(p.indoor_face, severity, 0.35), antifreeze=p.antifreeze - 18.0 * severity
    )


def _clog_drain(p: Parameters, severity: Floats) -> Parameters:
    """Slime narrows the drain: the flow goes with the fourth power of the free bore (Hagen-Poiseuille)."""
    return p._replace(drain=p.drain * (1.0 - 0.85 * severity) ** 4)


def _short_cycle(p: Parameters, severity: Floats) -> Parameters:
    """Lost differential and rest time; an inverter's board also loses the low speeds."""
    lost = scaled(p.differential, severity, 0.15)
    lowest = p.speed_min + severity * 0.6 * (p.speed_max - p.speed_min)
    return p._replace(differential=lost, rest_min=scaled(p.rest_min, severity, 0.2), speed_min=lowest)


COMMON: dict[str, FaultEffect] = {
    "refrigerant-undercharge": FaultEffect("progressive", (45.0, 120.0), 0.15, _scaling(charge=0.45)),
    "filter-clog": FaultEffect("progressive", (60.0, 180.0), 0.10, _adding(filter_resistance=5.0)),
    "outdoor-coil-fouling": FaultEffect("progressive", (60.0, 180.0), 0.12, _scaling(outdoor_exchange=0.35)),
    "indoor-coil-icing": FaultEffect("intermittent", (15.0, 45.0), 0.25, _ice, _COOLED),
    "outdoor-fan-bearing-wear": FaultEffect("progressive", (30.0, 90.0), 0.10, _adding(outdoor_friction=1.7)),
    "indoor-fan-motor-wear": FaultEffect("progressive", (30.0, 90.0), 0.10, _adding(indoor_friction=1.0)),
    "compressor-valve-wear": FaultEffect("progressive", (45.0, 150.0), 0.12, _adding(bypass=0.45)),
    "compressor-short-cycling": FaultEffect("intermittent", (15.0, 60.0), 0.20, _short_cycle),
    "four-way-valve-stuck": FaultEffect("sudden", (2.0, 14.0), 0.05, _adding(bypass=0.75)),
    "indoor-temperature-sensor-drift": FaultEffect(
        "progressive", (30.0, 150.0), 0.10, _adding(room_leak=1 / 45e3)
    ),
    "outdoor-coil-sensor-drift": FaultEffect("progressive", (30.0, 150.0), 0.25, _adding(coil_leak=1 / 45e3)),
    "drain-blockage": FaultEffect("intermittent", (15.0, 60.0), 0.75, _clog_drain, _COOLED),
    "supply-undervoltage": FaultEffect("progressive", (15.0, 60.0), 0.25, _adding(line_resistance=7.0)),
}
FIXED_SPEED: dict[str, FaultEffect] = {
    "run-capacitor-degradation": FaultEffect("progressive", (30.0, 90.0), 0.15, _scaling(capacitance=0.35)),
}
INVERTER: dict[str, FaultEffect] = {
    "expansion-valve-stuck": FaultEffect("sudden", (5.0, 30.0), 0.05, _scaling(valve_opening=0.16)),
    "inverter-board-overheating": FaultEffect(
        "progressive", (30.0, 90.0), 0.15, _scaling(module_resistance=6.0)
    ),
}
