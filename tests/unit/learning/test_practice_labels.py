"""Rows of a practice fleet teach only what they can show."""

import pytest

from foremend.learning.practice_rows import _could_show, _every
from foremend.vocabulary.types import MS_PER_DAY
from simulators.fleet.faults import FaultCourse

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


@pytest.mark.parametrize(("days_long", "rows"), [(10, 9), (60, 15)])
def test_a_slow_fault_teaches_no_more_rows_than_a_quick_one(days_long: int, rows: int) -> None:
    """Every day of a quick one, every fourth of a slow one, whose days are much alike."""
    mine = course(24, 24 + days_long, 90)
    visible = range(25, 24 + days_long)

    taught = [day for day in visible if day % _every([mine], day * MS_PER_DAY, 3) == 0]

    assert len(taught) == pytest.approx(rows, abs=1)
