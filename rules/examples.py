"""Cases under `examples:` in config.yaml: given these readings or windows, expect these findings. Tests run them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from foremend.vocabulary.schema import DurationMs, KebabName, Strict
from foremend.vocabulary.types import (
    MS_PER_DAY,
    MS_PER_HOUR,
    Finding,
    FindingKind,
    Prediction,
    Rows,
    Severity,
)
from rules.conditions import Kind
from rules.question import Question

if TYPE_CHECKING:
    from rules.evaluator import RuleState

MS_PER_MINUTE = 60_000
_REPEATED = re.compile(r"(\S+|\(.+\)) x (\d+)")


def _expanded(series: object) -> object:
    """['4', '12 x 3', '(1, 2) x 2'] -> eight numbers; anything else is left for pydantic to judge."""
    if not isinstance(series, list):
        return series
    return [value for item in series for value in _repeat(item)]


def _repeat(item: object) -> Iterator[object]:
    match = _REPEATED.fullmatch(item.strip()) if isinstance(item, str) else None
    yield from match[1].strip("()").split(",") * int(match[2]) if match else [item]


Series = Annotated[tuple[float, ...], BeforeValidator(_expanded)]
"""Values of one column, window by window: `[4, 12 x 7, (1, 2) x 3]` is a 4, seven times 12 and three times 1, 2."""


class Given(Strict):
    """Windows of one appliance, the first one ending `every` after the start (an hour, or a day for the others)."""

    kind: Kind = "hour"
    every: DurationMs | None = Field(default=None, gt=0)
    values: Annotated[dict[str, Series], Field(min_length=1)]

    @property
    def times(self) -> list[int]:
        """Ends of the windows, ms after the start."""
        every = self.every or (MS_PER_HOUR if self.kind == "hour" else MS_PER_DAY)
        return [every * (i + 1) for i in range(max(len(series) for series in self.values.values()))]


class Readings(Strict):
    """Readings of one appliance, the first one `every` after the start; a shorter series ends earlier."""

    every: DurationMs = Field(default=MS_PER_MINUTE, gt=0)
    signals: Annotated[dict[str, Series], Field(min_length=1)]


class Expected(Strict):
    """One finding, `after` the start."""

    after: DurationMs
    finding: FindingKind
    fault: KebabName
    severity: Severity


class Example(Strict):
    """One case: `say` is the sentence that it proves. Readings go through the engine, windows to the rules alone."""

    say: str
    appliance_model: str
    readings: Readings | None = None
    given: tuple[Given, ...] = ()
    expect: tuple[Expected, ...] = ()

    @model_validator(mode="after")
    def _one_input(self) -> Example:
        if (self.readings is None) == (not self.given):
            raise ValueError("write either 'readings' or 'given'")
        return self


def outcome(example: Example, rules: RuleState) -> tuple[Expected, ...]:
    """What fresh `rules` say of the example's windows; right where it equals `example.expect`."""
    return as_expected([finding for given in example.given for finding in _findings(given, rules)], start=0)


def as_expected(findings: Iterable[Finding], start: int) -> tuple[Expected, ...]:
    """Findings as an example writes them, their times counted from `start` (ms UTC)."""
    return tuple(
        Expected(after=one.time - start, finding=one.kind, fault=one.fault, severity=one.severity)
        for one in findings
    )


def _findings(given: Given, rules: RuleState) -> list[Finding]:
    time = np.array(given.times, np.int64)
    appliance = np.zeros(len(time), np.int32)
    columns = [np.array([*series, *[np.nan] * (len(time) - len(series))]) for series in given.values.values()]
    names, values = tuple(given.values), np.column_stack(columns)
    if given.kind != "prediction":
        return rules.evaluate(Question(given.kind, ["example"], Rows(appliance, time, names, values)))
    unknown = np.full_like(values, np.nan)
    prediction = Prediction(names, np.nan, appliance, time, values, unknown, unknown, unknown)
    return rules.evaluate(Question.about(prediction, ["example"]))
