"""Twins: the same appliances in the same homes twice, once healthy and once with a fault. For figures and tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR
from simulators.base import Floats, Measured, Physics
from simulators.categories import fault_effect, physics_of
from simulators.fleet.household import Weather, draw_homes

SPAN_HOURS = 6

Severity = Callable[[float], float]
"""Days since the start -> severity 0..1, the same for all appliances."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and when: `count` appliances in homes of one `region` from `start` for `days` days."""

    count: int = 20
    days: int = 4
    start: date = date(2026, 7, 6)
    region: str = "shanghai"
    seed: int = 1

    @property
    def start_ms(self) -> int:
        """ms UTC of the first midnight."""
        return int(datetime.combine(self.start, datetime.min.time(), UTC).timestamp()) * 1_000


def healthy(appliance_model: str, setting: Setting) -> dict[str, Floats]:
    """True signals (count, readings) without any fault; NaN where the appliance would not have sent."""
    return _simulate(physics_of(appliance_model), appliance_model, setting, None)


def faulty(appliance_model: str, fault: str, severity: Severity, setting: Setting) -> dict[str, Floats]:
    """The same with `fault`; identical to `healthy` as long as `severity` is 0.

    Raises ConfigError for a model or fault nobody simulates.
    """
    effect = fault_effect(appliance_model, fault)

    def change(parameters: object, day: float) -> object:
        level = severity(day)
        return effect.change(parameters, np.full(setting.count, level)) if level > 0.0 else parameters

    return _simulate(physics_of(appliance_model), appliance_model, setting, change)


def _simulate(
    physics: Physics,
    appliance_model: str,
    setting: Setting,
    change: Callable[[object, float], object] | None,
) -> dict[str, Floats]:
    rng = np.random.default_rng(setting.seed)
    rows = np.zeros(setting.count, dtype=np.int32)
    homes = draw_homes(rng, rows, [setting.region])
    weather = Weather(rng, [setting.region], setting.start_ms, setting.days + 1)
    parameters = physics.draw(rng, setting.count, appliance_model)
    state = physics.begin(rng, parameters)
    spans: list[Measured] = []
    for start in range(0, setting.days * 24, SPAN_HOURS):
        span = homes.span(weather, setting.start_ms + start * MS_PER_HOUR, SPAN_HOURS, rng)
        now = parameters if change is None else change(parameters, start / 24.0)
        spans.append(physics.run(now, state, span, rng))
    return {name: np.concatenate([_sent(m, name) for m in spans], axis=1) for name in spans[0].signals}


def _sent(measured: Measured, name: str) -> Floats:
    values = measured.signals[name]
    return values if measured.sent is None else np.where(measured.sent, values, np.nan)


def of_day(signals: Mapping[str, Floats], day: int, sample_s: int) -> dict[str, Floats]:
    """The readings of one day, counted from 0."""
    per_day = MS_PER_DAY // (1_000 * sample_s)
    return {name: values[:, day * per_day : (day + 1) * per_day] for name, values in signals.items()}
