"""Every fault of the catalogue shows in the physics as documented, after its onset and not before."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.profiles import load_profiles
from simulators.base import Floats
from simulators.categories import PHYSICS, fault_effect, physics_of
from simulators.figures.behaviour import measure
from simulators.figures.twins import Setting, faulty, healthy

GROWN = 0.7  # severity of a progressive or intermittent fault that a technician would see at once
SUMMER = Setting(count=16, days=4)
BRIEF = Setting(count=8, days=2)
CASES = [(model, fault) for physics in PHYSICS for model in physics.models for fault in physics.faults]
NAMES = [f"{model}-{fault}" for model, fault in CASES]


@cache
def healthy_twins(appliance_model: str, setting: Setting) -> dict[str, Floats]:
    return healthy(appliance_model, setting)


@pytest.mark.parametrize(("appliance_model", "fault"), CASES, ids=NAMES)
def test_symptoms_go_the_documented_way(appliance_model: str, fault: str) -> None:
    """Each signal or behaviour that the catalogue names moves in the direction that it names."""
    physics, entry = physics_of(appliance_model), load_catalogue()[fault]
    severity = 1.0 if physics.faults[fault].growth == "sudden" else GROWN
    usual = healthy_twins(appliance_model, SUMMER)

    ill = faulty(appliance_model, fault, lambda _day: severity, SUMMER)

    for name, direction in entry.signals.items():
        before = measure(physics.category, name, usual, physics.sample_s)
        after = measure(physics.category, name, ill, physics.sample_s)
        assert (after > before) if direction == "up" else (after < before), (name, before, after)


@pytest.mark.parametrize(("appliance_model", "fault"), CASES, ids=NAMES)
def test_nothing_shows_before_the_onset(appliance_model: str, fault: str) -> None:
    """Up to the onset the ill appliance equals its healthy twin bit for bit; afterwards it does not."""
    usual = healthy_twins(appliance_model, BRIEF)
    onset = 86_400 // physics_of(appliance_model).sample_s

    ill = faulty(appliance_model, fault, lambda day: 1.0 if day >= 1.0 else 0.0, BRIEF)

    for name, values in usual.items():
        np.testing.assert_array_equal(ill[name][:, :onset], values[:, :onset], err_msg=name)
    assert any(
        not np.array_equal(ill[name][:, onset:], usual[name][:, onset:], equal_nan=True) for name in usual
    )


@pytest.mark.parametrize(("appliance_model", "fault"), CASES, ids=NAMES)
def test_no_severity_changes_no_parameter(appliance_model: str, fault: str) -> None:
    """At severity 0 a fault leaves every parameter exactly as it was."""
    physics = physics_of(appliance_model)
    parameters = physics.draw(np.random.default_rng(3), 5, appliance_model)

    changed = fault_effect(appliance_model, fault).change(parameters, np.zeros(5))

    for name, values in parameters._asdict().items():
        np.testing.assert_array_equal(getattr(changed, name), values, err_msg=name)


@pytest.mark.parametrize(("appliance_model", "fault"), CASES, ids=NAMES)
def test_course_agrees_with_the_catalogue(appliance_model: str, fault: str) -> None:
    """The catalogue's growth and days from the first sign to the failure are those of the simulator."""
    effect, entry = fault_effect(appliance_model, fault), load_catalogue()[fault]

    days = [(1.0 - effect.sign_at) * bound for bound in effect.days]

    assert entry.growth == effect.growth
    assert entry.days_to_failure == pytest.approx(days, rel=0.3, abs=0.5)


def test_catalogue_and_simulators_name_the_same_faults() -> None:
    """No fault has words without physics or physics without words."""
    simulated = {fault for _, fault in CASES}

    written = {name for name, entry in load_catalogue().items() if entry.category != "any"}

    assert simulated == written


@pytest.mark.parametrize("appliance_model", sorted({model for model, _ in CASES}))
def test_profile_agrees_with_the_simulator(appliance_model: str) -> None:
    """A simulated model's profile lists its signals, with the same units, and its faults."""
    physics, profile = physics_of(appliance_model), load_profiles()[appliance_model]

    units = {signal.name: signal.unit for signal in physics.signals}

    assert profile.units == units
    assert set(profile.faults) == set(physics.faults)
