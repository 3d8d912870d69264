"""Profiles and physics describe the same machines, and no true value is one that a profile calls impossible."""

from __future__ import annotations

import numpy as np
import pytest

from foremend.vocabulary.profiles import load_profiles
from simulators.categories import appliance_models
from simulators.figures.twins import Setting, faulty, healthy

PROFILES, MODELS = load_profiles(), appliance_models()
FAULTS = [(model, fault) for model, physics in MODELS.items() for fault in physics.faults]
YEAR_ROUND = [Setting(count=6, days=3), Setting(count=6, days=3, start=Setting().start.replace(month=1))]


@pytest.mark.parametrize("model", MODELS)
def test_a_profile_lists_what_the_appliance_sends_and_can_have(model: str) -> None:
    """The same signals with the same units, the same counters, the same faults."""
    profile, physics = PROFILES[model], MODELS[model]

    assert profile.category == physics.category
    assert {name: signal.unit for name, signal in profile.signals.items()} == {
        signal.name: signal.unit for signal in physics.signals
    }
    assert set(profile.counters) == {signal.name for signal in physics.signals if signal.counter}
    assert set(profile.faults) == set(physics.faults)


def outside(model: str, signals: dict[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """Signals with values outside their profile's range, and how far they go."""
    found = {}
    for name, values in signals.items():
        limits = PROFILES[model].signals[name]
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        if low < limits.min or high > limits.max:
            found[name] = (low, high)
    return found


@pytest.mark.parametrize("model", MODELS)
def test_a_healthy_appliance_stays_within_its_profile(model: str) -> None:
    """In January and in July."""
    for setting in YEAR_ROUND:
        assert outside(model, healthy(model, setting)) == {}


@pytest.mark.parametrize(("model", "fault"), FAULTS)
def test_a_failed_appliance_stays_within_its_profile(model: str, fault: str) -> None:
    """Else its most telling readings would be refused as impossible."""
    for setting in YEAR_ROUND:
        assert outside(model, faulty(model, fault, lambda _: 1.0, setting)) == {}
