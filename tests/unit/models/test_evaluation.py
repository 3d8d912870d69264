"""Figures that a service organisation pays by."""

import numpy as np
import pytest

from foremend.vocabulary.types import MS_PER_DAY as DAY
from models.costs import CostsSettings, spent
from models.evaluation import (
    Figures,
    TrueFault,
    Warned,
    brier,
    calibration,
    could_be_foreseen,
    figures,
    interval_coverage,
    lead_time_curve,
)

FAULTS = ("leak", "wear")
EVERY_DAY = np.arange(1, 201) * DAY


def fault(
    appliance: str = "a", name: str = "leak", onset: int = 50, sign: int = 55, fails: int = 100
) -> TrueFault:
    return TrueFault(appliance, name, onset * DAY, sign * DAY, fails * DAY, (fails + 3) * DAY)


def judged(warnings: list[Warned], truth: list[TrueFault]) -> Figures:
    watched = dict.fromkeys("abc", EVERY_DAY)
    return figures(warnings, truth, watched, FAULTS, until=200 * DAY, appliance_years=2.0)


def test_a_warning_before_the_failure_is_a_catch_with_its_lead() -> None:
    """Told on day 60, failed on day 100: 40 days."""
    result = judged([Warned("a", "leak", 60 * DAY)], [fault()])

    assert result.recall == 1.0
    assert result.per_fault["leak"].lead_days == (40.0,)
    assert result.median_lead_days == 40.0


def test_the_first_of_two_warnings_counts_for_the_lead() -> None:
    """A closed and reopened episode does not make the first word later."""
    result = judged([Warned("a", "leak", 80 * DAY), Warned("a", "leak", 60 * DAY)], [fault()])

    assert result.per_fault["leak"].lead_days == (40.0,)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(Warned("b", "leak", 60 * DAY), id="another appliance"),
        pytest.param(Warned("a", "wear", 60 * DAY), id="another fault"),
        pytest.param(Warned("a", "leak", 40 * DAY), id="before it began"),
        pytest.param(Warned("a", "leak", 110 * DAY), id="long after the repair"),
    ],
)
def test_what_was_not_so_is_a_false_ticket(told: Warned) -> None:
    """It counts against the fault that was named."""
    result = judged([told], [fault()])

    assert result.per_fault[told.fault].false == 1
    assert result.recall == 0.0
    assert result.false_per_100_appliance_years == 50.0


def test_a_warning_after_the_failure_is_true_and_too_late() -> None:
    """Neither a catch nor a false ticket."""
    result = judged([Warned("a", "leak", 102 * DAY)], [fault()])

    assert (result.recall, result.per_fault["leak"].precision) == (0.0, 1.0)


def test_a_symptom_is_true_while_any_fault_is_under_way() -> None:
    """A rule such as not-cooling names no fault of the catalogue."""
    result = judged([Warned("a", "not-cooling", 60 * DAY), Warned("b", "not-cooling", 60 * DAY)], [fault()])

    assert result.per_fault["not-cooling"].false == 1


def test_recall_is_the_mean_over_faults() -> None:
    """Nine caught leaks do not hide a missed wear."""
    truth = [fault(), fault("b"), fault("c", "wear")]
    told = [Warned("a", "leak", 60 * DAY), Warned("b", "leak", 60 * DAY)]

    result = judged(told, truth)

    assert result.recall == 0.5
    assert result.recall_all == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("watched", "expected"),
    [
        pytest.param(EVERY_DAY, True, id="every day"),
        pytest.param(EVERY_DAY[EVERY_DAY > 50 * DAY], False, id="usual not known"),
        pytest.param(EVERY_DAY[EVERY_DAY < 57 * DAY], False, id="not used while the fault grew"),
    ],
)
def test_only_a_watched_appliance_can_be_foreseen(watched: np.ndarray, expected: bool) -> None:
    """Ten days before the first sign and five between it and the failure."""
    assert could_be_foreseen(fault(), {"a": watched}) is expected


def test_failures_after_the_end_ask_nothing() -> None:
    """The history ended before the fault came to its end."""
    result = judged([], [fault(fails=250)])

    assert result.recall is None


def test_calibration_meets_the_diagonal_for_honest_probabilities() -> None:
    """Of what is told with p, about p happens."""
    rng = np.random.default_rng(0)
    probability = rng.random(20_000)
    happened = rng.random(20_000) < probability

    for point in calibration(probability, happened):
        assert point["observed"] == pytest.approx(point["predicted"], abs=0.05)
    assert brier(probability, happened) == pytest.approx(1 / 6, abs=0.01)


def test_the_lead_time_curve_falls_from_the_recall() -> None:
    """Two of four caught, 10 and 40 days before."""
    assert lead_time_curve((10.0, 40.0), 4, (0, 14, 60)) == [0.5, 0.25, 0.0]


def test_cost_weighs_what_is_missed_against_needless_visits() -> None:
    """One missed at 10 and one false at 1."""
    result = judged([Warned("b", "leak", 60 * DAY)], [fault()])

    assert sum(spent({None: result}, CostsSettings()).values()) == 11


def test_coverage_counts_only_where_an_interval_was_told() -> None:
    """NaN is no interval."""
    days, low, high = np.array([5.0, 50.0, 9.0]), np.array([1.0, 1.0, np.nan]), np.array([9.0, 9.0, np.nan])

    assert interval_coverage(days, low, high) == 0.5
    assert interval_coverage(days[2:], low[2:], high[2:]) is None
