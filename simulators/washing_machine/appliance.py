"""Front-loading washing machines: two sizes, cottons programmes at 30 to 60 degC, six faults.

Orders of magnitude after IEC 60456 test reports and EU energy labels: 0.4 to 1.2 kWh and 40 to 70 litres a wash at
40 to 60 degC, one and a half to two and a half hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np

from simulators.base import (
    FaultEffect,
    Floats,
    Measured,
    Physics,
    Signal,
    Span,
    as_made,
    as_rows,
    by_signal,
    copy_back,
    room_for,
    scaled,
)
from simulators.washing_machine.kernel import IDLE, READING_STEPS, STEP_S, Hourly, Washes, walk

_HEARTBEAT_S = 1_800  # between the readings of a machine at rest


class Parameters(NamedTuple):
    """(n,) each. Faults change these and nothing else."""

    inlet_flow: Floats  # l/min with a clean strainer
    inlet_resistance: Floats  # pressure drop over the clean one's, minus 1
    drain_flow: Floats  # l/min with a clean filter
    drain_resistance: Floats
    pump_watts: Floats  # W
    element_ohm: Floats  # ohm
    film_resistance: Floats  # K/W, element to water
    scale_resistance: Floats  # K/W
    tub_mass: Floats  # J/K
    tub_kg: Floats  # swinging mass
    radius: Floats  # m of the drum
    inertia: Floats  # kg m2 of the empty drum
    friction: Floats  # Nm at the drum
    roughness: Floats  # mm/s of the cabinet at 1,400 rpm from the bearing alone
    motor_torque: Floats  # Nm at the drum while speeding up
    motor_efficiency: Floats  # 0..1
    belt_torque: Floats  # Nm the belt carries
    damping: Floats  # damping ratio of the suspension
    resonance_rpm: Floats  # of the suspension
    spin_rpm: Floats  # of the last spin
    water_base: Floats  # l
    water_per_kg: Floats  # l/kg
    litres_per_mm: Floats  # of the tub's sump
    wash_s: Floats  # s of tumbling
    rinse_s: Floats
    electronics: Floats  # W while a programme runs
    standby: Floats  # W
    washes_per_day: Floats  # a person and day of usual activity
    capacity: Floats  # kg of laundry


class WashingMachineState(NamedTuple):
    """(n,) each; changed in place."""

    place: Floats  # in PROGRAMME, 0 is idle
    elapsed: Floats  # s in this phase
    steady: Floats  # s at full spin speed
    retries: Floats  # of this spin
    litres: Floats  # of water in the tub
    water_temp: Floats  # degC
    element: Floats  # degC
    limited: Floats  # 1 while the element's limiter is open
    drum: Floats  # rpm
    vibration: Floats  # mm/s, worst since the last reading
    target: Floats  # degC wanted
    load: Floats  # kg of laundry
    imbalance: Floats  # kg at the rim
    power: Floats  # W
    current: Floats  # A
    used: Floats  # J of electricity, ever


def _rated(kg: float, rpm: float, watts: float) -> dict[str, float]:
    return {
        "inlet_flow": 9.0,
        "inlet_resistance": 0.0,
        "drain_flow": 16.0,
        "drain_resistance": 0.0,
        "pump_watts": 30.0,
        "element_ohm": 230.0**2 / watts,
        "film_resistance": 0.035,
        "scale_resistance": 0.0,
        "tub_mass": 4_000.0 + 700.0 * kg,
        "tub_kg": 35.0 + 3.5 * kg,
        "radius": 0.22 + 0.004 * kg,
        "inertia": 0.20 + 0.03 * kg,
        "friction": 0.9,
        "roughness": 0.3,
        "motor_torque": 2.8,
        "motor_efficiency": 0.6,
        "belt_torque": 4.5,
        "damping": 0.25,
        "resonance_rpm": 200.0,
        "spin_rpm": rpm,
        "water_base": 7.0,
        "water_per_kg": 1.6,
        "litres_per_mm": 0.12,
        "wash_s": 2_400.0,
        "rinse_s": 420.0,
        "electronics": 6.0,
        "standby": 0.6,
        "washes_per_day": 0.35,
        "capacity": kg,
    }


_RATED: Mapping[str, Mapping[str, float]] = {
    "wm-7": _rated(7.0, 1_000.0, 1_800.0),
    "wm-10": _rated(10.0, 1_400.0, 2_000.0),
}
_SPREADS = {
    "inlet_flow": 0.15,
    "drain_flow": 0.05,
    "element_ohm": 0.02,
    "friction": 0.08,
    "roughness": 0.2,
    "motor_efficiency": 0.03,
    "belt_torque": 0.06,
    "damping": 0.08,
    "resonance_rpm": 0.03,
    "washes_per_day": 0.3,
}


def _bearing(p: Parameters, severity: Floats) -> Parameters:
    return p._replace(friction=scaled(p.friction, severity, 2.5), roughness=p.roughness + 9.0 * severity**1.5)


def _pump(p: Parameters, severity: Floats) -> Parameters:
    return p._replace(drain_resistance=p.drain_resistance + 8.0 * severity)


def _scale(p: Parameters, severity: Floats) -> Parameters:
    return p._replace(scale_resistance=p.scale_resistance + 0.09 * severity)


def _belt(p: Parameters, severity: Floats) -> Parameters:
    return p._replace(belt_torque=scaled(p.belt_torque, severity, 0.24))


def _inlet(p: Parameters, severity: Floats) -> Parameters:
    return p._replace(inlet_resistance=p.inlet_resistance + 8.0 * severity)


def _absorber(p: Parameters, severity: Floats) -> Parameters:
    return p._replace(damping=scaled(p.damping, severity, 0.12))


class WashingMachine(Physics):
    """A drum on a belt in a sprung tub, a heater, a valve and a pump."""

    category: ClassVar[str] = "washing-machine"
    sample_s: ClassVar[int] = round(STEP_S * READING_STEPS)
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("power", "W", 1.0, noise=2.0),
        Signal("current", "A", 0.01, noise=0.01),
        Signal("water_level", "mm", 1.0, noise=0.7),
        Signal("drum_speed", "rpm", 1.0, noise=1.0),
        Signal("vibration", "mm/s", 0.01, noise=0.03),
        Signal("water_temp", "degC", 0.5, noise=0.2, drifts=True),
        Signal("programme_phase", "code", 1.0),
    )
    models: ClassVar[tuple[str, ...]] = tuple(_RATED)
    faults: ClassVar[Mapping[str, FaultEffect]] = {
        "drum-bearing-wear": FaultEffect("progressive", (60.0, 180.0), 0.10, _bearing),
        "drain-pump-clog": FaultEffect("progressive", (20.0, 90.0), 0.15, _pump),
        "heater-scale": FaultEffect("progressive", (60.0, 240.0), 0.35, _scale),
        "belt-slip": FaultEffect("progressive", (40.0, 150.0), 0.55, _belt),
        "inlet-valve-clog": FaultEffect("progressive", (30.0, 120.0), 0.15, _inlet),
        "shock-absorber-wear": FaultEffect("progressive", (45.0, 180.0), 0.45, _absorber),
    }

    def draw(self, rng: np.random.Generator, n: int, appliance_model: str) -> Parameters:
        """n machines with the tolerances of production and of their taps."""
        return Parameters(**as_made(rng, n, _RATED[appliance_model], _SPREADS))

    def begin(self, rng: np.random.Generator, parameters: Parameters) -> WashingMachineState:
        """Empty, idle, at room temperature."""
        state = WashingMachineState(
            *(np.zeros(len(parameters.capacity)) for _ in WashingMachineState._fields)
        )
        state.water_temp[:] = rng.uniform(18.0, 22.0, len(parameters.capacity))
        state.element[:] = state.water_temp
        return state

    def run(
        self, parameters: Parameters, state: WashingMachineState, span: Span, rng: np.random.Generator
    ) -> Measured:
        """A reading every 20 s while a programme runs, every half hour at rest; temperatures only with water in."""
        n = len(parameters.capacity)
        washes = self._washes(parameters, span, rng)
        hourly = Hourly(span.voltage[:, :-1], span.indoor[:, :-1])
        out = room_for(self.signals, n, span.seconds // self.sample_s)
        rows = as_rows(state)
        walk(as_rows(parameters), rows, as_rows(hourly), span.mains_water, as_rows(washes), out)
        copy_back(rows, state)
        signals = by_signal(out, self.signals)
        heartbeat = np.arange(1, out.shape[1] + 1) % (_HEARTBEAT_S // self.sample_s) == 0
        return Measured(signals, (signals["programme_phase"] != IDLE) | heartbeat[None, :])

    @staticmethod
    def _washes(p: Parameters, span: Span, rng: np.random.Generator) -> Washes:
        """When, how warm and with what.

        Laundry follows doing: activity averages 0.35 an hour over a day, so 8.4 a day.
        """
        shape = span.activity.shape
        rate = p.washes_per_day[:, None] * span.people[:, None] * span.activity / 8.4
        start = rng.random(shape) < rate
        moment = 0.99 * rng.random(shape)
        degrees = rng.choice([30.0, 40.0, 40.0, 60.0], shape)
        load = p.capacity[:, None] * rng.uniform(0.3, 0.95, shape)
        imbalance = np.clip(rng.lognormal(-1.4, 0.3, shape), 0.05, 0.8)
        return Washes(start.astype(np.float64), moment, degrees, load, imbalance)
