"""Refrigerators: heat is conserved, and the numbers are those a refrigeration engineer expects."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from simulators.base import Span
from simulators.figures.twins import Setting, faulty, healthy, of_day
from simulators.refrigerator.appliance import Refrigerator
from simulators.refrigerator.kernel import KELVIN, MELTING_J_PER_KG, STEP_S, _heat, capacity_share, compressor

HOUSE = Setting(count=24, days=4)
_RUNNING_W = 40.0


def parameters_of_one(model: str = "rf-260", **changes: float) -> SimpleNamespace:
    drawn = Refrigerator().draw(np.random.default_rng(3), 1, model)
    return SimpleNamespace(**{name: float(value[0]) for name, value in drawn._asdict().items()} | changes)


def state_of_one(**changes: float) -> SimpleNamespace:
    physics = Refrigerator()
    drawn = physics.draw(np.random.default_rng(3), 1, "rf-260")
    begun = physics.begin(np.random.default_rng(4), drawn)
    return SimpleNamespace(**{name: float(value[0]) for name, value in begun._asdict().items()} | changes)


def heat_content(p: SimpleNamespace, s: SimpleNamespace) -> float:
    """J stored in all nodes; frost counts as missing heat of fusion."""
    stored = p.c_cabinet * s.cabinet + p.c_food * s.food + p.c_freezer * s.freezer
    stored += p.c_evaporator * s.evaporator + p.c_condenser * s.condenser
    return stored - MELTING_J_PER_KG * s.frost


def span(n: int, indoor: float, hours: int = 6) -> Span:
    knots, slots = np.ones((n, hours + 1)), np.ones((n, hours))
    return Span(
        0, hours, knots * 10, knots * indoor, knots * 0.5, knots * 230, slots, slots * 0.35, np.full(n, 2.0),
        np.full(n, 12.0),
    )  # fmt: skip


@pytest.mark.parametrize("running", [0.0, 1.0])
@pytest.mark.parametrize("defrosting", [0.0, 600.0])
def test_a_step_conserves_energy(running: float, defrosting: float) -> None:
    """First law: what the nodes gain is what came through walls, fan, heater and compressor, less what was shed."""
    ambient, cooling, power = 24.0, 150.0 * running, 100.0 * running
    p, s = (
        parameters_of_one(),
        state_of_one(running=running, defrosting=defrosting, evaporator=4.0, frost=0.1),
    )
    before = heat_content(p, s)
    walls = (p.ua_cabinet + p.ua_gasket) * (ambient - s.cabinet) + p.ua_freezer * (ambient - s.freezer)
    heater = p.defrost_power if defrosting else 0.0
    shed = p.ua_condenser * (s.condenser - ambient)

    _heat.py_func(p, s, ambient, cooling, cooling + power)

    gained = walls + p.fan_power * running + heater + power - shed
    assert heat_content(p, s) - before == pytest.approx(STEP_S * gained, rel=1e-9)


def test_cop_is_that_of_a_household_compressor() -> None:
    """COP 1 to 2 at -25/45 degC and below half of Carnot's: makers' data sheets for R600a, ASHRAE Handbook
    Refrigeration (2018), chapter 17."""
    p = parameters_of_one()

    cooling, power = compressor.py_func(p, -25.0, 45.0)

    assert 1.0 < cooling / power < 2.0
    assert cooling / power < 0.5 * (KELVIN - 25.0) / 70.0


def test_capacity_falls_slowly_then_fast_with_charge() -> None:
    """Grace, Datta & Tassou, Applied Thermal Engineering 25 (2005): a quarter short costs little, half costs most."""
    shares = [capacity_share(charge) for charge in (1.0, 0.85, 0.75, 0.5, 0.35)]

    assert shares[0] == 1.0
    assert shares[1] > 0.9
    assert shares[2] > 0.8
    assert shares[3] < 0.5
    assert shares[4] < 0.01


@pytest.mark.parametrize("model", Refrigerator.models)
def test_a_healthy_year_is_in_the_published_range(model: str) -> None:
    """Duty 10-50 %, 0.5-4 starts an hour, 40-200 W running: ASHRAE Handbook Refrigeration (2018), chapter 17, and
    the real machines of Tracebase (Reinhardt et al., SustainIT 2012)."""
    for start in (date(2026, 1, 12), date(2026, 7, 6)):
        power = healthy(model, replace(HOUSE, start=start))["power"]
        on = power > 0.5 * np.median(power[power > _RUNNING_W])
        starts_an_hour = np.count_nonzero(np.diff(on.astype(int), axis=1) == 1, axis=1) / (on.shape[1] / 60)

        assert 0.08 < on.mean() < 0.5
        assert 0.5 < starts_an_hour.mean() < 4.0
        assert 40 < np.median(power[on]) < 200


def test_a_warm_refrigerator_pulls_down_within_hours() -> None:
    """From 25 degC to its set point in 1 to 12 h, empty of warm food: the pull-down test of IEC 62552 takes hours."""
    physics = Refrigerator()
    p = physics.draw(np.random.default_rng(1), 8, "rf-260")
    s = physics.begin(np.random.default_rng(2), p)
    for node in (s.cabinet, s.food, s.freezer, s.evaporator):
        node[:] = 25.0

    cabinet = physics.run(p, s, span(8, 25.0, hours=24), np.random.default_rng(3)).signals["cabinet_temp"]

    minutes = np.argmax(cabinet < p.set_point[:, None] + 1.0, axis=1)
    assert minutes.min() > 20
    assert minutes.max() < 12 * 60


def test_a_warmer_kitchen_costs_more() -> None:
    """Ambient is what consumption depends on most, some 2-6 % a kelvin: Geppert & Stamminger, Energy Conversion
    and Management 76 (2013)."""
    physics = Refrigerator()
    used = []
    for indoor in (18.0, 28.0):
        p = physics.draw(np.random.default_rng(1), 16, "rf-260")
        s = physics.begin(np.random.default_rng(2), p)
        rng = np.random.default_rng(3)
        used.append(np.mean([physics.run(p, s, span(16, indoor), rng).signals["power"] for _ in range(12)]))

    per_kelvin = (used[1] / used[0]) ** (1 / 10) - 1
    assert 0.02 < per_kelvin < 0.08


def test_the_board_says_what_it_does() -> None:
    """`mode` is 1 while the compressor runs, 2 while the heater melts frost, 0 between; power tells the same."""
    signals = healthy("rf-260", HOUSE)
    mode, power = signals["mode"], signals["power"]

    assert set(np.unique(mode)) == {0.0, 1.0, 2.0}
    assert power[mode == 0].max() < power[mode == 1].mean() < power[mode == 2].mean()


SYMPTOMS = {
    "refrigerant-leak": (0.6, "power", -1),
    "condenser-fouling": (0.5, "power", +1),
    "compressor-wear": (0.5, "power", +1),
    "start-relay-failure": (0.5, "compressor_starts", +1),
    "door-gasket-leak": (0.5, "duty", +1),
    "evaporator-fan-failure": (0.5, "evaporator_temp", -1),
    "defrost-failure": (1.0, "evaporator_temp", -1),
    "thermostat-drift": (0.5, "cabinet_temp", -1),
}


def symptom(name: str, signals: dict[str, np.ndarray]) -> np.ndarray:
    """(n,) the symptom of each appliance."""
    on = signals["power"] > _RUNNING_W
    if name == "duty":
        return on.mean(axis=1)
    if name == "compressor_starts":
        return signals[name][:, -1] - signals[name][:, 0]
    return np.array([row[on[i]].mean() for i, row in enumerate(signals[name])])


@pytest.mark.parametrize("fault", Refrigerator.faults)
def test_a_fault_shows_its_symptom_and_only_after_its_onset(fault: str) -> None:
    """On nine of ten appliances against their healthy twins; before the onset the twins are the same to the bit."""
    severity, name, direction = SYMPTOMS[fault]

    well = healthy("rf-260", HOUSE)
    ill = faulty("rf-260", fault, lambda day: severity if day >= 1.0 else 0.0, HOUSE)

    for signal in well:
        np.testing.assert_array_equal(of_day(ill, 0, 60)[signal], of_day(well, 0, 60)[signal])
    change = symptom(name, of_day(ill, 3, 60)) - symptom(name, of_day(well, 3, 60))
    assert np.mean(np.sign(change) == direction) >= 0.9


@pytest.mark.parametrize("fault", Refrigerator.faults)
def test_severity_nought_changes_no_parameter(fault: str) -> None:
    """A fault that has not begun is not there."""
    p = Refrigerator().draw(np.random.default_rng(1), 5, "rf-260")

    changed = Refrigerator.faults[fault].change(p, np.zeros(5))

    for before, after in zip(p, changed, strict=True):
        np.testing.assert_array_equal(before, after)
