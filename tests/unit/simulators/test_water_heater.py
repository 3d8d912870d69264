"""Water heaters: heat is conserved, and a household's day costs what it costs in life."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from simulators.figures.twins import Setting, faulty, healthy, of_day
from simulators.water_heater.appliance import (
    BOILS_C,
    OPENS_C,
    STEP_S,
    WATER_J_PER_KG_K,
    WaterHeater,
    _draw,
    _heat,
)

HOUSE = Setting(count=24, days=4, start=date(2026, 4, 6))


def parameters_of_one(**changes: float) -> SimpleNamespace:
    drawn = WaterHeater().draw(np.random.default_rng(3), 1, "wh-60")
    return SimpleNamespace(**{name: float(value[0]) for name, value in drawn._asdict().items()} | changes)


def heat_content(p: SimpleNamespace, s: SimpleNamespace) -> float:
    """J stored in water and element."""
    return p.volume / 2 * WATER_J_PER_KG_K * (s.upper + s.lower) + p.c_element * s.element


def test_a_step_conserves_energy() -> None:
    """First law: what tank and element gain is what the element turned to heat, less what the walls lost."""
    p, s = parameters_of_one(scale=0.01), SimpleNamespace(upper=60.0, lower=45.0, element=80.0)
    before = heat_content(p, s)
    lost = p.ua_tank / 2 * (s.upper + s.lower - 2 * 20.0)

    _heat.py_func(p, s, 1_500.0, 20.0)

    assert heat_content(p, s) - before == pytest.approx(STEP_S * (1_500.0 - lost), rel=1e-9)


def test_a_draw_takes_out_what_the_tap_mixed() -> None:
    """The heat that leaves the tank above the inlet's is that of the water at the tap above the inlet's."""
    p = parameters_of_one()
    s = SimpleNamespace(upper=60.0, lower=58.0, drawing=0.0, flow=0.0, element=58.0)
    before = heat_content(p, s)

    _draw.py_func(p, s, 3.0, 10.0)

    taken = before - heat_content(p, s)
    assert taken == pytest.approx(3.0 * WATER_J_PER_KG_K * (40.0 - 10.0), rel=0.02)


@pytest.mark.parametrize("model", WaterHeater.models)
def test_a_healthy_week_is_in_the_published_range(model: str) -> None:
    """2-14 kWh a day (EN 16147 profiles M to L need 5.8 and 11.7 kWh), a few heatings, water at 45-70 degC."""
    signals = healthy(model, HOUSE)
    on = signals["power"] > 100.0
    starts_a_day = np.count_nonzero(np.diff(on.astype(int), axis=1) == 1, axis=1) / HOUSE.days

    assert 2.0 < signals["power"].mean() * 0.024 < 14.0
    assert 1.0 < starts_a_day.mean() < 12.0
    assert 45.0 < signals["tank_temp"].mean() < 70.0
    assert signals["tank_temp"].max() < BOILS_C


def test_reheating_a_tank_takes_its_heat_content() -> None:
    """60 kg by 40 K at 1.5 kW is 112 min; the element stays below its limiter when it is clean."""
    p = parameters_of_one(set_point=62.0)
    s = SimpleNamespace(upper=20.0, lower=20.0, element=20.0)
    steps = 0
    hottest = 0.0
    while s.lower < 60.0:
        _heat.py_func(p, s, 1_500.0, 20.0)
        steps += 1
        hottest = max(hottest, s.element)

    assert steps * STEP_S / 60.0 == pytest.approx(112.0, rel=0.06)
    assert hottest < OPENS_C


SYMPTOMS = {
    "element-scale": (0.8, "starts", +1),
    "element-degradation": (0.5, "power", -1),
    "thermostat-stuck": (1.0, "tank_temp", +1),
    "safety-valve-leak": (0.4, "flow", +1),
}


def symptom(name: str, signals: dict[str, np.ndarray]) -> np.ndarray:
    """(n,) the symptom of each appliance."""
    on = signals["power"] > 100.0
    if name == "starts":
        return np.count_nonzero(np.diff(on.astype(int), axis=1) == 1, axis=1)
    if name == "power":
        return np.array([row[on[i]].mean() for i, row in enumerate(signals[name])])
    return signals[name].mean(axis=1)


@pytest.mark.parametrize("fault", WaterHeater.faults)
def test_a_fault_shows_its_symptom_and_only_after_its_onset(fault: str) -> None:
    """On nine of ten appliances against their healthy twins; before the onset the twins are the same to the bit."""
    severity, name, direction = SYMPTOMS[fault]

    well = healthy("wh-60", HOUSE)
    ill = faulty("wh-60", fault, lambda day: severity if day >= 1.0 else 0.0, HOUSE)

    for signal in well:
        np.testing.assert_array_equal(of_day(ill, 0, 60)[signal], of_day(well, 0, 60)[signal])
    change = symptom(name, of_day(ill, 3, 60)) - symptom(name, of_day(well, 3, 60))
    assert np.mean(np.sign(change) == direction) >= 0.9
