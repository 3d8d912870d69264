"""Labels from confirmed outcomes: what nobody could know at the time teaches nothing."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.vocabulary.types import MS_PER_DAY
from models.outcomes import Labels, Outcome, held_out, label_rows
from models.registry.gate import costlier, gate_metrics, not_worth_it, worse

DAYS = 100
FAULTS = ("refrigerant-leak", "dirty-condenser")
REPAIRED = Outcome("b", "refrigerant-leak", 70 * MS_PER_DAY, 72 * MS_PER_DAY)
GONE = Outcome("b", "refrigerant-leak", 70 * MS_PER_DAY)


def grown(onset: int = 40, failure: int = 70, repaired: int = 72) -> np.ndarray:
    """(2 DAYS, 3) how far appliances a and b are from the usual: b's second column grows from onset to failure."""
    rng, day = np.random.default_rng(1), np.arange(DAYS)
    away = rng.normal(0.0, 0.2, (2 * DAYS, 3))
    away[DAYS:, 1] += np.where(
        day < repaired, np.clip((day - onset) / (failure - onset), 0.0, 1.0) * 5.0, 0.0
    )
    return away


def labels(
    outcomes: Sequence[Outcome],
    known_until: int = DAYS,
    settle_days: float = 14.0,
    away: np.ndarray | None = None,
) -> Labels:
    """Of appliances a and b, a row each for every day from 0."""
    appliance = np.repeat(np.arange(2, dtype=np.int32), DAYS)
    time = np.tile(np.arange(DAYS, dtype=np.int64) * MS_PER_DAY, 2)
    return label_rows(
        ("a", "b"),
        appliance,
        time,
        grown() if away is None else away,
        outcomes,
        FAULTS,
        known_until=known_until * MS_PER_DAY,
        settle_days=settle_days,
    )


def test_days_to_the_confirmation_are_counted_for_that_fault_alone() -> None:
    """From where the appliance's own course shows it; the other appliance is well."""
    found = labels([REPAIRED])
    mine = found.days_to_failure[DAYS:]

    assert mine[60].tolist() == [10.0, np.inf]
    assert mine[71].tolist() == [0.0, np.inf]
    assert np.isinf(mine[:40]).all()
    assert np.isinf(mine[73:]).all()
    assert np.isinf(found.days_to_failure[:DAYS]).all()


@given(onset=st.integers(20, 60))
def test_since_when_it_showed_is_found_in_the_appliances_own_course(onset: int) -> None:
    """Within a third of its course, whatever a catalogue says of such faults."""
    found = labels([REPAIRED], away=grown(onset)).days_to_failure[DAYS:, 0]

    first = int(np.flatnonzero(np.isfinite(found))[0])
    assert onset < first < onset + (70 - onset) / 2 + 2


def test_the_time_in_which_a_fault_may_have_begun_is_left_out() -> None:
    """Two weeks before it showed are in doubt; before them the appliance was well."""
    found = labels([REPAIRED])
    first = int(np.flatnonzero(np.isfinite(found.days_to_failure[DAYS:, 0]))[0])
    usable = found.usable[DAYS:]

    assert usable[: first - 16].all()
    assert not usable[first - 14 : first].any()
    assert usable[first:72].all()


def test_a_fault_that_nothing_shows_teaches_nothing() -> None:
    """Neither that the appliance was ill nor that it was well."""
    found = labels([REPAIRED], away=np.zeros((2 * DAYS, 3)))

    assert np.isinf(found.days_to_failure).all()
    assert not found.usable[DAYS : DAYS + 72].any()


def test_what_has_failed_is_known_as_failed() -> None:
    """Days after the failure, as far away as before it, are the same fault's; once they are nearer, nobody knows."""
    found = labels([GONE], away=grown(repaired=80))

    assert (found.days_to_failure[DAYS + 71 : DAYS + 80, 0] == 0.0).all()
    assert np.isinf(found.days_to_failure[DAYS + 71 : DAYS + 80, 1]).all()
    assert not found.usable[DAYS + 80 :].any()


def test_a_healthy_row_must_have_stood_for_a_while() -> None:
    """In the last two weeks nobody knows yet."""
    usable = labels([]).usable[:DAYS]

    assert usable[:87].all()
    assert not usable[87:].any()


@pytest.mark.parametrize("known_until", [50, 69])
def test_what_is_confirmed_later_changes_nothing(known_until: int) -> None:
    """Labels of that moment are those of somebody who has not heard of it."""
    before, after = labels([], known_until), labels([REPAIRED], known_until)

    np.testing.assert_array_equal(before.usable, after.usable)
    np.testing.assert_array_equal(before.days_to_failure, after.days_to_failure)
    assert not after.usable[DAYS + known_until + 1 :].any()


def test_one_appliance_in_five_is_always_held_out() -> None:
    """By its number, whatever the seed."""
    assert held_out(np.arange(10, dtype=np.int32)).tolist() == [True, *4 * [False]] * 2


def test_the_gate_lets_the_better_one_pass() -> None:
    """Sure and right beats unsure; unsure does not beat sure."""
    days = np.array([[5.0], [np.inf], [np.inf], [20.0]])
    sure = gate_metrics(np.array([[0.9], [0.0], [0.1], [0.8]]), days, 60.0)
    unsure = gate_metrics(np.array([[0.4], [0.5], [0.3], [0.2]]), days, 60.0)

    assert worse(sure, unsure) == []
    assert [reason.split()[0] for reason in worse(unsure, sure)] == ["average_precision", "brier"]


def test_without_a_fault_to_find_only_false_alarms_decide() -> None:
    """Precision is unknown then, and refuses nobody."""
    healthy = np.full((3, 2), np.inf)
    quiet = gate_metrics(np.zeros((3, 2)), healthy, 60.0)
    loud = gate_metrics(np.full((3, 2), 0.5), healthy, 60.0)

    assert worse(quiet, loud) == []
    assert [reason.split()[0] for reason in worse(loud, quiet)] == ["brier"]


def judged(**but: float) -> dict[str, float]:
    """Figures of a version that is worth it, but for some."""
    good = {
        "ill": 15,
        "told": 0.9,
        "named": 0.8,
        "false": 0,
        "false_per_100": 0.0,
        "misnamed": 1,
        "well_years": 7.0,
    }
    return {**good, **but}


@pytest.mark.parametrize(
    ("but", "sentence"),
    [
        ({"ill": 3}, "3 confirmed failures to judge by, and 5 are needed"),
        ({"named": 0.1}, "of 15 failures on appliances it had not seen 10% were named"),
        ({"false": 4, "false_per_100": 57.0}, "4 false warnings in 7.0 appliance-years"),
    ],
)
def test_a_version_that_is_not_worth_it_is_refused_even_as_the_first(
    but: dict[str, float], sentence: str
) -> None:
    """Each mark says what was reached and what is asked."""
    assert not_worth_it(judged()) == []
    assert [reason for reason in not_worth_it(judged(**but)) if reason.startswith(sentence)]


def test_a_challenger_may_not_cost_more_than_chance() -> None:
    """One missed failure is chance; two are not, nor is a dozen of false warnings."""
    champion = judged(well_years=150.0)  # fifteen failures in life's own density

    assert costlier(judged(well_years=150.0, told=0.9 - 0.9 / 15), champion) == []
    assert costlier(judged(well_years=150.0, told=0.9 - 2 / 15), champion)
    assert costlier(judged(well_years=150.0, false=12), champion)
    assert costlier(judged(well_years=150.0, told=1.0, false=3), champion) == []


def test_where_failures_were_collected_false_warnings_weigh_more() -> None:
    """Thirteen failures in twelve years are ten times life's: ten false warnings are no price for two of them."""
    loud = judged(ill=13, told=0.46, named=0.46, false=10, well_years=12.0)
    quiet = judged(ill=13, told=0.31, named=0.31, false=1, well_years=12.0)

    assert costlier(quiet, loud) == []
    assert costlier(loud, quiet)
