"""The first sign of an air conditioner's fault is where it leaves its usual days, once the weather is taken out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from simulators.base import Floats
from simulators.categories import physics_of
from simulators.figures.behaviour import running
from simulators.figures.twins import Setting, faulty, healthy

MODEL = "ac-26f"
HOMES = Setting(count=16, days=6, region="guangzhou")
HIDDEN = {"drain-blockage"}  # no sensor sees the water rise before the float does
GROWING = [
    fault
    for fault, effect in physics_of(MODEL).faults.items()
    if effect.growth != "sudden" and fault not in HIDDEN
]


def watched(signals: dict[str, Floats]) -> Iterator[tuple[Floats, float]]:
    """((n, days), least deviation) of means while cooling, starts over running time, and how sensors agree at rest.

    No deviation counts as smaller than 1 % of the mean or, of a thermistor, 0.3 K: sensors differ by as much.
    """
    on = running("air-conditioner", signals).reshape(HOMES.count, HOMES.days, -1)
    days = {name: values.reshape(HOMES.count, HOMES.days, -1) for name, values in signals.items()}
    for name in sorted(set(days) - {"mode", "set_point", "compressor_starts", "water_alarm"}):
        mean = np.nansum(days[name] * on, axis=2) / on.sum(axis=2)
        yield mean, 0.3 if name.endswith("_temp") else 0.01 * float(mean.mean())
    starts = np.count_nonzero(np.diff(on.astype(int), axis=2) == 1, axis=2) / on.sum(axis=2)
    yield starts, 0.01 * float(starts.mean())
    working = ~(days["power"] < 20.0)
    for sensor, other in (("room_temp", "indoor_coil_temp"), ("outdoor_coil_temp", "outdoor_temp")):
        apart = np.ma.masked_array(days[sensor] - days[other], working)
        yield np.ma.median(apart, axis=2).filled(0.0), 0.3


@cache
def usual_days() -> list[tuple[Floats, float]]:
    return list(watched(healthy(MODEL, HOMES)))


def clearest(fault: str, severity: float) -> float:
    """The largest shift, in deviations of an appliance's usual days from its siblings' median day."""
    ill_days = watched(faulty(MODEL, fault, lambda _day: severity, HOMES))
    shifts = []
    for (usual, least), (ill, _) in zip(usual_days(), ill_days, strict=True):
        spread = np.maximum((usual - np.median(usual, axis=0)).std(axis=1), least)
        shifts.append(np.median(np.abs(ill.mean(axis=1) - usual.mean(axis=1)) / spread))
    return float(max(shifts))


@pytest.mark.parametrize("fault", GROWING)
def test_first_sign_is_where_an_attentive_eye_sees_it(fault: str) -> None:
    """At a third of that severity it is within the usual days, at twice of it far outside."""
    sign_at = physics_of(MODEL).faults[fault].sign_at

    assert clearest(fault, sign_at / 3) < 2.5
    assert 1.5 < clearest(fault, sign_at) < 6.0
    assert clearest(fault, 2 * sign_at) > 3.5
