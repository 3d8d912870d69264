"""What was told stays told while the appliance is not well, and what has failed is given no other name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Finding, Rows
from rules.question import Question

START = 20_000 * MS_PER_DAY
RELAY, CONDENSER = "start-relay-failure", "condenser-fouling"
BOOK = """
- name: predicted
  when: {probability: any, above: 0.8}
  sustained_for: 2 d
  clear_below: 0.4
  clear_after: 2 d
- name: warm
  fault: not-cooling
  when: {signal: cabinet_temp, above: 12, unit: degC}
  sustained_for: 2 h
  means_failure: true
"""


class Fridge:
    """Days of what is foreseen, and hours of how warm it is."""

    def __init__(self, bench: Any, book: str = BOOK) -> None:
        self._bench, self._day = bench(book), 0

    def foresees(self, relay: Sequence[float], condenser: Sequence[float]) -> list[Finding]:
        values = np.column_stack([relay, condenser])
        time = START + (self._day + 1 + np.arange(len(values))) * MS_PER_DAY
        self._day += len(values)
        rows = Rows(np.zeros(len(values), np.int32), time, (RELAY, CONDENSER), values)
        found: list[Finding] = self._bench.rules.evaluate(Question("prediction", self._bench.ids, rows))
        return found

    def is_warm(self, degrees: float) -> None:
        start = START + self._day * MS_PER_DAY
        times = [start + hour * MS_PER_HOUR for hour in range(1, 6)]
        self._bench.windows("hour", [degrees] * 5, times, "cabinet_temp_mean")


def said(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(one.kind.value, one.fault) for one in findings]


def test_what_has_failed_is_known_as_failed(bench: Any) -> None:
    """A dead start relay looks like a dusty condenser; the food is warm, and nobody opens a second ticket."""
    fridge = Fridge(bench)
    before = fridge.foresees([0.9] * 3, [0.1] * 3)
    fridge.is_warm(25)

    after = fridge.foresees([0.1] * 6, [0.95] * 6)

    assert said(before) == [("opened", RELAY)]
    assert said(after) == []


def test_after_the_repair_another_fault_is_told_again(bench: Any) -> None:
    """It is cool once more: the relay's episode closes, and a condenser that gets dusty is told."""
    fridge = Fridge(bench)
    fridge.foresees([0.9] * 3, [0.1] * 3)
    fridge.is_warm(25)
    fridge.foresees([0.1] * 3, [0.95] * 3)
    fridge.is_warm(4)

    repaired = fridge.foresees([0.1] * 3, [0.1] * 3)
    later = fridge.foresees([0.1] * 3, [0.95] * 3)

    assert said(repaired) == [("closed", RELAY)]
    assert said(later) == [("opened", CONDENSER)]


def test_a_failure_that_nobody_foresaw_may_still_get_its_name(bench: Any) -> None:
    """The food is warm before any fault was told: what is likely behind it helps the technician."""
    fridge = Fridge(bench)
    fridge.is_warm(25)

    assert said(fridge.foresees([0.1] * 3, [0.95] * 3)) == [("opened", CONDENSER)]


def test_a_fault_is_not_untold_by_growing(bench: Any) -> None:
    """As it worsens it looks like another one; the appliance is not well, so the first ticket stays open."""
    fridge = Fridge(bench)
    fridge.foresees([0.9] * 3, [0.1] * 3)

    worse = fridge.foresees([0.05] * 5, [0.95] * 5)
    well = fridge.foresees([0.05] * 3, [0.05] * 3)

    assert said(worse) == [("opened", CONDENSER)]
    assert sorted(said(well)) == [("closed", CONDENSER), ("closed", RELAY)]


def test_what_stays_told_does_not_depend_on_how_days_are_cut(bench: Any) -> None:
    """Ten days at once are judged as ten days, each on its own."""
    relay, condenser = [0.9] * 3 + [0.1] * 7, [0.1] * 3 + [0.95] * 5 + [0.1] * 2
    at_once, each = Fridge(bench), Fridge(bench)

    together = at_once.foresees(relay, condenser)
    apart = [one for day in zip(relay, condenser, strict=True) for one in each.foresees(day[:1], day[1:])]

    assert said(together) == said(apart) == [("opened", RELAY), ("opened", CONDENSER)]


@pytest.mark.parametrize("degrees", [4, 25])
def test_without_a_rule_that_means_failure_warm_food_hides_nothing(bench: Any, degrees: float) -> None:
    """The book says what a failure is."""
    fridge = Fridge(bench, BOOK.replace("means_failure: true", "means_failure: false"))
    fridge.foresees([0.9] * 3, [0.1] * 3)
    fridge.is_warm(degrees)

    assert said(fridge.foresees([0.9] * 3, [0.95] * 3)) == [("opened", CONDENSER)]
