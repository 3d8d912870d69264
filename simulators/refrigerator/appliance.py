"""Refrigerators with a freezer compartment: two cold rooms, one evaporator, one on/off compressor.

A lumped RC network after Hermes & Melo, "A first-principles simulation model for the start-up and cycling
transients of household refrigerators", Int. J. Refrigeration 31 (2008) 1341-1357: cabinet air, food, freezer,
evaporator and condenser each hold heat; the compressor moves it with a fixed fraction of the Carnot COP.
Loss of capacity with charge follows the shape measured by Grace, Datta & Tassou, Applied Thermal Engineering 25
(2005) 557-566: flat near full charge, steep below three quarters.
"""

from __future__ import annotations

from typing import ClassVar

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
from simulators.refrigerator.kernel import LUCK, STEP_S, Hourly, walk
from simulators.refrigerator.types import RATED, SPREAD, RefrigeratorParameters, RefrigeratorState


def _leak(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(charge=p.charge * (1.0 - 0.58 * s))


def _foul(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(ua_condenser=p.ua_condenser / (1.0 + 4.5 * s))


def _wear(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(
        carnot_share=scaled(p.carnot_share, s, 0.35), friction=p.friction + 0.25 * s * p.power_rated
    )


def _relay(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(start_failure=np.maximum(p.start_failure, s**1.5))


def _gasket(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(ua_gasket=p.ua_gasket + 1.2 * s * p.ua_cabinet)


def _fan(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(fan=p.fan * (1.0 - s), fan_power=scaled(p.fan_power, s, 0.3))


def _defrost(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(defrost_power=p.defrost_power * (1.0 - s))


def _thermostat(p: RefrigeratorParameters, s: Floats) -> RefrigeratorParameters:
    return p._replace(thermostat_offset=p.thermostat_offset + 5.5 * s)


class Refrigerator(Physics):
    """Single-evaporator, fan-cooled, timed defrost; three sizes."""

    category: ClassVar[str] = "refrigerator"
    sample_s: ClassVar[int] = 60
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("power", "W", 0.1, noise=0.4),
        Signal("current", "A", 0.001, noise=0.004),
        Signal("cabinet_temp", "degC", 0.1, noise=0.08, drifts=True),
        Signal("freezer_temp", "degC", 0.1, noise=0.08, drifts=True),
        Signal("evaporator_temp", "degC", 0.1, noise=0.12, drifts=True),
        Signal("ambient_temp", "degC", 0.1, noise=0.1, drifts=True),
        Signal("set_point", "degC", 0.5),
        Signal("compressor_starts", "count", 1.0, counter=True),
        Signal("door_openings", "count", 1.0, counter=True),
        Signal("mode", "code", 1.0),
    )
    models: ClassVar[tuple[str, ...]] = tuple(RATED)
    faults: ClassVar[dict[str, FaultEffect]] = {
        "refrigerant-leak": FaultEffect("progressive", (20.0, 60.0), 0.27, _leak),
        "condenser-fouling": FaultEffect("progressive", (60.0, 200.0), 0.10, _foul),
        "compressor-wear": FaultEffect("progressive", (40.0, 120.0), 0.08, _wear),
        "start-relay-failure": FaultEffect("intermittent", (7.0, 30.0), 0.20, _relay),
        "door-gasket-leak": FaultEffect("progressive", (30.0, 90.0), 0.05, _gasket),
        "evaporator-fan-failure": FaultEffect("progressive", (10.0, 40.0), 0.10, _fan),
        "defrost-failure": FaultEffect("sudden", (6.0, 21.0), 0.20, _defrost),
        "thermostat-drift": FaultEffect("progressive", (20.0, 80.0), 0.05, _thermostat),
    }

    def draw(self, rng: np.random.Generator, n: int, appliance_model: str) -> RefrigeratorParameters:
        """n units as made and as placed in n kitchens."""
        rated = RATED[appliance_model]
        values = as_made(rng, n, rated, SPREAD)
        values["set_point"] = rated["set_point"] + rng.integers(-1, 2, n).astype(np.float64)
        values["ambient_offset"] = rng.normal(0.0, 2.0, n)
        return RefrigeratorParameters(**values)

    def begin(self, rng: np.random.Generator, parameters: RefrigeratorParameters) -> RefrigeratorState:
        """Cold already, somewhere in a cycle."""
        n = len(parameters.set_point)
        zeros = {name: np.zeros(n) for name in RefrigeratorState._fields}
        cabinet = parameters.set_point + rng.uniform(-0.5, 0.5, n)
        zeros |= {"cabinet": cabinet, "food": cabinet.copy(), "condenser": np.full(n, 25.0)}
        zeros |= {"freezer": np.full(n, -18.0), "evaporator": np.full(n, -19.0), "frost": np.full(n, 0.02)}
        zeros["run_since_defrost"] = rng.uniform(0.0, 1.0, n) * parameters.defrost_interval
        return RefrigeratorState(**zeros)

    def run(
        self,
        parameters: RefrigeratorParameters,
        state: RefrigeratorState,
        span: Span,
        rng: np.random.Generator,
    ) -> Measured:
        """See `Physics.run`; steps of 20 s, readings of 60 s."""
        n, steps = len(parameters.set_point), round(span.seconds / STEP_S)
        shopping = rng.random(n) < 0.14 * span.activity.mean(axis=1)  # every few days
        warmth = parameters.groceries * (span.indoor[:, 0] - state.food)
        state.food[:] += shopping * warmth / (parameters.c_food + parameters.groceries)
        chance = np.repeat(span.activity * parameters.door_rate[:, None], steps // span.hours, axis=1)
        door = (rng.random((n, steps)) < chance * (STEP_S / 3_600)).astype(np.float64)
        kitchen = span.indoor + parameters.ambient_offset[:, None]
        hourly = Hourly(kitchen, span.humidity, span.voltage)
        every = round(self.sample_s / STEP_S)
        out = room_for(self.signals, n, steps // every)
        rows = as_rows(state)
        walk(as_rows(parameters), rows, as_rows(hourly), door, rng.random((n, LUCK)), every, out)
        copy_back(rows, state)
        return Measured(by_signal(out, self.signals))
