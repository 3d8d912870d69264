"""A bench on which rules are tried: YAML in, windows in, findings out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
import yaml

from foremend.vocabulary.schema import validated
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Finding, Prediction, Rows
from rules.conditions import Kind
from rules.evaluator import RuleBook, RuleState
from rules.question import Question
from rules.settings import RulesSettings

START = 20_000 * MS_PER_DAY


@dataclass(frozen=True)
class Fridge:
    """A profile as the rules see it."""

    name: str = "fridge-1"
    category: str = "refrigerator"
    units: Mapping[str, str] = field(default_factory=lambda: {"cabinet_temp": "degC", "current": "A"})
    feature_units: Mapping[str, str] = field(default_factory=lambda: {"longest_run_s": "s"})


class Bench:
    """One appliance model under a book of rules. Times are hours (or days) after START."""

    def __init__(self, book: str, profile: Fridge | None = None, fleet: int = 3) -> None:
        settings = validated(RulesSettings, {"book": yaml.safe_load(book)}, "test")
        self.ids = [f"f-{row}" for row in range(fleet)]
        self.rules: RuleState = RuleBook(settings).state_for(profile or Fridge())

    def hours(
        self, values: Sequence[float], *, at: float = 1, column: str = "cabinet_temp_mean"
    ) -> list[Finding]:
        """Hourly windows of appliance 0, the first one ending `at` hours after START."""
        return self.windows(
            "hour", values, [START + int((at + i) * MS_PER_HOUR) for i in range(len(values))], column
        )

    def days(self, kind: Kind, values: Sequence[float], *, at: int = 1, column: str) -> list[Finding]:
        """Daily rows of appliance 0, the first one ending `at` days after START."""
        return self.windows(kind, values, [START + (at + i) * MS_PER_DAY for i in range(len(values))], column)

    def windows(
        self, kind: Kind, values: Sequence[float], times: Sequence[int], column: str
    ) -> list[Finding]:
        appliance = np.zeros(len(values), np.int32)
        time, table = np.array(times, np.int64), np.array(values, np.float64)[:, None]
        return self.rules.evaluate(Question(kind, self.ids, Rows(appliance, time, (column,), table)))

    def probabilities(
        self,
        values: Sequence[float],
        *,
        at: int = 1,
        days: float = 30.0,
        fault: str = "refrigerant-leak",
        used: Sequence[bool] | None = None,
    ) -> list[Finding]:
        """Daily predictions of one fault for appliance 0; `used` are the days that told something, None all."""
        n = len(values)
        time = START + (at + np.arange(n)) * MS_PER_DAY
        left = np.full((n, 1), days)
        probability = np.array(values, np.float64)[:, None]
        prediction = Prediction(
            (fault,), 30.0, np.zeros(n, np.int32), time, probability, left, left * 0.5, left * 2
        )
        seen = None if used is None else np.array(used)
        return self.rules.evaluate(Question.about(prediction, self.ids, seen))


def summary(findings: Sequence[Finding], unit: int = MS_PER_HOUR) -> list[tuple[str, float]]:
    """(kind, hours or days after START) of each finding."""
    return [(finding.kind.value, (finding.time - START) / unit) for finding in findings]


@pytest.fixture
def bench() -> type[Bench]:
    return Bench


@pytest.fixture
def told() -> Callable[..., list[tuple[str, float]]]:
    return summary
