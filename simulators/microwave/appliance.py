"""Microwave ovens: no faults, only habits. They show that somebody is up and about (wellbeing).

A magnetron oven of 700 W into the food draws about 1.1 kW; lower levels switch it on and off (IEC 60705). Meals and
drinks are warmed two to five times a day for one to six minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.base import FaultEffect, Floats, Measured, Physics, Signal, Span, spread

_HEARTBEAT_MIN = 60  # between the readings of an oven at rest
_MINUTES = 60
_LEVELS = (1.0, 1.0, 1.0, 0.6, 0.35)  # share of the time the magnetron is on; most people leave it at full


class Parameters(NamedTuple):
    """(n,) each."""

    input_watts: Floats  # W at full power
    standby: Floats  # W of clock and radio
    uses_per_day: Floats  # of a person and day of usual activity


class MicrowaveState(NamedTuple):
    """(n,) each; changed in place."""

    energy: Floats  # Wh, ever
    openings: Floats  # of the door, ever


_RATED = {"mw-700": 1_100.0, "mw-900": 1_400.0}


class Microwave(Physics):
    """Reports each minute of use, and once an hour at rest."""

    category: ClassVar[str] = "microwave"
    sample_s: ClassVar[int] = 60
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("power", "W", 1.0, noise=1.0),
        Signal("current", "A", 0.01, noise=0.01),
        Signal("energy", "Wh", 1.0, counter=True),
        Signal("door_openings", "count", 1.0, counter=True),
    )
    models: ClassVar[tuple[str, ...]] = tuple(_RATED)
    faults: ClassVar[Mapping[str, FaultEffect]] = {}

    def draw(self, rng: np.random.Generator, n: int, appliance_model: str) -> Parameters:
        """n ovens in n kitchens that use them more or less."""
        return Parameters(
            input_watts=spread(rng, n, _RATED[appliance_model], 0.02),
            standby=spread(rng, n, 1.5, 0.2),
            uses_per_day=spread(rng, n, 1.2, 0.5),
        )

    def begin(self, rng: np.random.Generator, parameters: Parameters) -> MicrowaveState:
        """Counters at zero."""
        n = len(parameters.standby)
        return MicrowaveState(np.zeros(n), np.zeros(n))

    def run(
        self, parameters: Parameters, state: MicrowaveState, span: Span, rng: np.random.Generator
    ) -> Measured:
        """At most one use an hour starts; it ends with its hour at the latest."""
        level, opened = self._uses(parameters, span, rng)
        voltage = np.repeat(span.voltage[:, :-1], _MINUTES, axis=1)
        power = parameters.standby[:, None] + parameters.input_watts[:, None] * level
        energy = state.energy[:, None] + np.cumsum(power, axis=1) / _MINUTES
        openings = state.openings[:, None] + np.cumsum(opened, axis=1)
        state.energy[:], state.openings[:] = energy[:, -1], openings[:, -1]
        signals = {"power": power, "current": power / voltage, "energy": energy, "door_openings": openings}
        heartbeat = np.arange(1, level.shape[1] + 1) % _HEARTBEAT_MIN == 0
        return Measured(signals, (level > 0.0) | (opened > 0.0) | heartbeat[None, :])

    @staticmethod
    def _uses(p: Parameters, span: Span, rng: np.random.Generator) -> tuple[Floats, NDArray[np.float64]]:
        """((n, minutes) share of full power, (n, minutes) door openings); activity sums to 8.4 on a usual day."""
        shape = span.activity.shape
        rate = p.uses_per_day[:, None] * span.people[:, None] * span.activity / 8.4
        used = rng.random(shape) < rate
        first = rng.integers(0, 54, shape)
        lasts = rng.integers(1, 7, shape)
        share = rng.choice(_LEVELS, shape)
        minute = np.arange(_MINUTES)
        on = used[..., None] & (minute >= first[..., None]) & (minute < (first + lasts)[..., None])
        door = used[..., None] * (1.0 * (minute == first[..., None]) + (minute == (first + lasts)[..., None]))
        flat = (shape[0], shape[1] * _MINUTES)
        return (on * share[..., None]).reshape(flat), door.reshape(flat)
