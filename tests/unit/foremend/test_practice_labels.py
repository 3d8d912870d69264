"""Rows of a practice fleet teach only what they can show."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from foremend.fitted import DayRows
from foremend.learning.training import _could_show, _labelled
from foremend.learning.training_sets import DayCollector
from foremend.types import MS_PER_DAY
from models.settings import TrainingSettings
from simulators.faults import FaultCourse

DAILY = [day * MS_PER_DAY for day in range(100)]


def course(onset: int, failure: int, repaired: int) -> FaultCourse:
    """A steadily growing fault that shows at a tenth of its way; days."""
    return FaultCourse(
        row=0,
        fault="leak",
        growth="progressive",
        onset=onset * MS_PER_DAY,
        full=failure * MS_PER_DAY,
        shape=1.0,
        reach=1.0,
        sign_at=0.1,
        slots_seed=0,
        repaired=repaired * MS_PER_DAY,
    )


def test_a_fault_whose_appliance_had_no_usual_before_teaches_nothing() -> None:
    """It ran on five days before the first sign."""
    assert not _could_show([course(4, 14, 20)], DAILY, 12 * MS_PER_DAY)
    assert _could_show([course(24, 34, 40)], DAILY, 32 * MS_PER_DAY)


def test_an_appliance_that_did_not_run_since_the_first_sign_teaches_nothing() -> None:
    """Nobody switched it on while the fault grew."""
    ran = [time for time in DAILY if time < 25 * MS_PER_DAY]

    assert not _could_show([course(24, 34, 40)], ran, 32 * MS_PER_DAY)


def test_a_repaired_appliance_teaches_health_once_the_averages_forgot() -> None:
    """Two days after the repair they still hold the fault, three weeks after they do not."""
    mended = [course(24, 34, 40)]

    assert not _could_show(mended, DAILY, 42 * MS_PER_DAY)
    assert _could_show(mended, DAILY, 60 * MS_PER_DAY)


def test_a_healthy_appliance_teaches_once_its_usual_is_known() -> None:
    """There is nothing to hide, and in its first days nothing to tell."""
    assert _could_show([], DAILY, 20 * MS_PER_DAY)
    assert not _could_show([], DAILY, 5 * MS_PER_DAY)


def test_time_lapse_is_taken_out_of_labels_and_of_all_that_measures_speed() -> None:
    """A day of practice stands for two: failure is twice as far, growth half as fast, and averages lag by more."""
    collected = DayCollector()
    collected.names = ("siblings.duty", "trend.duty", "shape.growth")
    collected.ran = {"rf-00001": DAILY}
    deviations = np.array([[4.0, 2.0, 0.5]])
    day = DayRows(np.zeros(1, np.int32), np.array([30 * MS_PER_DAY]), deviations, deviations)
    collected.days = [(["rf-00001"], day)]
    profile: Any = SimpleNamespace(faults=("leak",))

    rows = _labelled(
        collected, [course(24, 34, 40)], {(0, "leak"): 2.0}, profile, TrainingSettings(every_days=1)
    )

    assert rows.features.tolist() == [[4.0, 1.0, 0.25]]
    assert rows.days_to_failure[0, 0] == pytest.approx(2 * 4 + 3)
