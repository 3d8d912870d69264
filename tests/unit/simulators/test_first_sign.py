"""The first observable sign in the truth is where an attentive eye could see it, neither long before nor long after."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from simulators.base import Floats
from simulators.categories import physics_of
from simulators.figures.twins import Setting, faulty, healthy

HOUSE = Setting(count=16, days=7)
SETTLED = slice(2, None)  # days; the first ones still carry the start
_ON_W = {"rf-260": 40.0, "wh-60": 100.0}
GROWING = [
    (model, fault)
    for model in _ON_W
    for fault, effect in physics_of(model).faults.items()
    if effect.growth != "sudden"
]


def symptoms(model: str, signals: dict[str, Floats]) -> Iterator[Floats]:
    """(n, days) of everything worth watching: means of signals by day and while running, duty, starts."""
    days = {name: values.reshape(HOUSE.count, HOUSE.days, -1) for name, values in signals.items()}
    on = days["power"] > _ON_W[model]
    yield on.mean(axis=2)
    yield np.count_nonzero(np.diff(on.astype(int), axis=2) == 1, axis=2).astype(float)
    for name, values in days.items():
        counted = name in ("compressor_starts", "door_openings", "energy")
        yield values[:, :, -1] - values[:, :, 0] if counted else values.mean(axis=2)
        yield (values * on).sum(axis=2) / on.sum(axis=2)


def clearest(model: str, fault: str, severity: float) -> float:
    """The largest shift among symptoms, in standard deviations of an appliance's healthy days; median appliance.

    No deviation counts as smaller than 1 % of the mean: a sensor's drift would hide less.
    """
    well = symptoms(model, healthy(model, HOUSE))
    ill = symptoms(model, faulty(model, fault, lambda _: severity, HOUSE))
    shifts = []
    for before, after in zip(well, ill, strict=True):
        usual = before[:, SETTLED]
        spread = np.maximum(usual.std(axis=1), 0.01 * np.abs(usual.mean()) + 1e-6)
        shifts.append(np.median(np.abs(after[:, SETTLED].mean(axis=1) - usual.mean(axis=1)) / spread))
    return float(max(shifts))


@pytest.mark.parametrize(("model", "fault"), GROWING)
def test_the_first_sign_is_where_the_symptom_leaves_the_usual_days(model: str, fault: str) -> None:
    """At a third of that severity it is within the appliance's usual days, at twice of it far outside."""
    sign_at = physics_of(model).faults[fault].sign_at

    assert clearest(model, fault, sign_at / 3) < 2.5
    assert 1.5 < clearest(model, fault, sign_at) < 8.0
    assert clearest(model, fault, min(0.9, 2 * sign_at)) > 3.0
