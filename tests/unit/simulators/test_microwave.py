"""The microwave oven shows habits: used by people who are up, still when nobody is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulators.base import Span
from simulators.figures.twins import Setting, healthy
from simulators.microwave.appliance import Microwave

WEEK = Setting(count=30, days=7)


@pytest.mark.parametrize("appliance_model", Microwave.models)
def test_meals_are_warmed_a_few_times_a_day(appliance_model: str) -> None:
    """One to six uses and 50 to 500 Wh a household and day."""
    signals = healthy(appliance_model, WEEK)

    uses = np.nanmax(signals["door_openings"], axis=1).mean() / 2.0 / WEEK.days
    energy = np.nanmax(signals["energy"], axis=1).mean() / WEEK.days

    assert 1.0 < uses < 6.0
    assert 50.0 < energy < 500.0


def test_energy_counts_what_the_power_says() -> None:
    """The counter is the sum of the power, minute by minute."""
    physics = Microwave()
    parameters, state, span = _kitchens(physics)

    measured = physics.run(parameters, state, span, np.random.default_rng(2))

    total = measured.signals["power"].sum(axis=1) / 60.0
    np.testing.assert_allclose(measured.signals["energy"][:, -1], total)


def test_empty_home_warms_nothing() -> None:
    """Without activity only the standby power and the hourly reading remain."""
    physics = Microwave()
    parameters, state, span = _kitchens(physics)
    empty = replace(span, activity=np.zeros_like(span.activity))

    measured = physics.run(parameters, state, empty, np.random.default_rng(2))

    assert measured.signals["power"].max() < 5.0
    assert measured.sent is not None
    assert measured.sent.sum() == len(parameters.standby) * span.hours


def _kitchens(physics: Microwave) -> tuple:
    rng, n, hours = np.random.default_rng(1), 10, 24
    parameters = physics.draw(rng, n, "mw-700")
    span = Span(
        start=0,
        hours=hours,
        outdoor=np.full((n, hours + 1), 20.0),
        indoor=np.full((n, hours + 1), 20.0),
        humidity=np.full((n, hours + 1), 0.5),
        voltage=np.full((n, hours + 1), 230.0),
        presence=np.ones((n, hours)),
        activity=np.full((n, hours), 0.35),
        people=np.full(n, 2.0),
        mains_water=np.full(n, 12.0),
    )
    return parameters, physics.begin(rng, parameters), span
