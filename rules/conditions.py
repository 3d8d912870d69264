"""A rule made ready for one appliance model: which column it looks at, and its levels in that column's unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Severity
from rules.settings import (
    ANY,
    FeatureCondition,
    HarmCondition,
    OfflineCondition,
    ProbabilityCondition,
    Rule,
    ScoreCondition,
    SignalCondition,
    SilenceCondition,
    Updates,
)
from rules.spells import NEVER, Limits

Kind = Literal["hour", "day", "score", "prediction", "silence", "harm"]

SILENT_MS, CYCLING_SILENT_MS, OFFLINE_MS = SILENCES = ("silent_ms", "cycling_silent_ms", "offline_ms")
"""Of every appliance, of those alone that run and pause by themselves, and of those that are offline; 0 of others."""

_MAX_GAP: Mapping[Kind, int] = {
    "hour": 3 * MS_PER_HOUR,
    "day": 3 * MS_PER_DAY,
    "score": 3 * MS_PER_DAY,
    "prediction": 3 * MS_PER_DAY,
    "silence": -NEVER,  # a silent appliance has no windows in between, by definition
    "harm": -NEVER,  # rows come where it begins and ends, and once an hour as long as it lasts
}

_SCALES: Mapping[tuple[str, str], tuple[float, float]] = {  # (written, measured): factor, offset
    ("degF", "degC"): (5 / 9, -32 * 5 / 9),
    ("K", "degC"): (1, -273.15),
    ("kW", "W"): (1000, 0),
    ("mA", "A"): (0.001, 0),
    ("mV", "V"): (0.001, 0),
    ("kWh", "Wh"): (1000, 0),
    ("cm", "mm"): (10, 0),
}


class RulesProfile(Protocol):
    """What the rules need to know of a profile."""

    @property
    def name(self) -> str: ...

    @property
    def category(self) -> str: ...

    @property
    def units(self) -> Mapping[str, str]:
        """Signal -> unit."""
        ...

    @property
    def cycle_signals(self) -> tuple[str, ...]:
        """The signals that show runs; empty where there are none."""
        ...

    @property
    def feature_units(self) -> Mapping[str, str]:
        """Daily feature -> unit."""
        ...


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """A rule on one column (or on each of `ANY` columns) of windows of one kind."""

    rule: Rule
    kind: Kind
    column: str
    unit: str
    limits: Limits
    sign: int  # -1 turns a 'below' condition, so that high values are bad

    def columns(self, names: Sequence[str]) -> list[int]:
        """Which of `names` it looks at."""
        return [i for i, name in enumerate(names) if self.column in (ANY, name)]

    def fault(self, column: str) -> str:
        """The fault that an episode on `column` is about."""
        return self.rule.fault or column

    def severe(self, value: NDArray[np.float64], days: NDArray[np.float64] | None) -> NDArray[np.bool_]:
        """Where the rule escalates: `value` (n,) and `days` to failure (n,), NaN where unknown."""
        escalate = self.rule.escalate
        if escalate is None:
            return np.zeros(len(value), np.bool_)
        if escalate.above is not None:
            return value > escalate.above
        if escalate.below is not None:
            return value < escalate.below
        if days is None or escalate.days_to_failure_below is None:
            return np.zeros(len(value), np.bool_)
        return days < escalate.days_to_failure_below

    def severity(self, severe: bool) -> Severity:
        """How urgent the rule finds it."""
        return self.rule.escalate.severity if severe and self.rule.escalate else self.rule.severity


def applied(rule: Rule, profile: RulesProfile, updates: Updates) -> AppliedRule | None:
    """`rule` for an appliance model; None where it does not measure the signal, or nothing that shows runs.

    Raises ConfigError when the rule's unit is not the profile's.
    """
    kind, column, unit = _looks_at(rule)
    if isinstance(rule.when, SignalCondition):
        units = profile.units
        if rule.when.signal not in units:
            return None
        _check_unit(rule, rule.when, units[rule.when.signal])
    if isinstance(rule.when, HarmCondition) and not profile.cycle_signals:
        return None
    if isinstance(rule.when, FeatureCondition):
        unit = profile.feature_units.get(column, "")
    return AppliedRule(rule, kind, column, unit, _limits(rule, kind, updates), _sign(rule))


def _looks_at(rule: Rule) -> tuple[Kind, str, str]:
    match rule.when:
        case SignalCondition(signal=signal, statistic=statistic, unit=unit):
            return "hour", f"{signal}_{statistic}", unit
        case FeatureCondition(feature=feature):
            return "day", feature, ""
        case ScoreCondition(score=detector):
            return "score", detector, ""
        case ProbabilityCondition(probability=fault):
            return "prediction", fault, ""
        case HarmCondition(harm=harm):
            return "harm", harm, ""
        case SilenceCondition(of="cycling"):
            return "silence", CYCLING_SILENT_MS, "ms"
        case OfflineCondition():
            return "silence", OFFLINE_MS, "ms"
    return "silence", SILENT_MS, "ms"


def _sign(rule: Rule) -> int:
    return 1 if getattr(rule.when, "below", None) is None else -1


def _limits(rule: Rule, kind: Kind, updates: Updates) -> Limits:
    sign, opens_at = _sign(rule), rule.opens_at
    written = rule.clear_below if rule.clear_above is None else rule.clear_above
    estimated = kind in ("score", "prediction")
    return Limits(
        opens_at=sign * opens_at,
        clears_at=sign * (opens_at if written is None else written),
        sustained_for=rule.sustained_for,
        clear_after=rule.clear_after,
        max_gap=_MAX_GAP[kind],
        change=updates.change if estimated else np.inf,
        every=updates.at_most_every,
        refresh=updates.at_least_every if estimated else -NEVER,
    )


def _check_unit(rule: Rule, when: SignalCondition, measured: str) -> None:
    if when.unit == measured:
        return
    sentence = f"rule {rule.name}: {when.signal} is measured in {measured}, not in {when.unit}"
    scale = _SCALES.get((when.unit, measured))
    if scale is not None:
        level = rule.opens_at * scale[0] + scale[1]
        sentence += (
            f": write the level in {measured} ({rule.opens_at:g} {when.unit} is {level:.6g} {measured})"
        )
    raise ConfigError(sentence)
