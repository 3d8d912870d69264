"""Labels from confirmed outcomes: what nobody could know at the time teaches nothing."""

from collections.abc import Sequence

import numpy as np
import pytest

from foremend.vocabulary.types import MS_PER_DAY
from models.outcomes import Labels, Outcome, held_out, label_rows
from models.registry.gate import gate_metrics, worse

DAYS = 100
SPANS = {"refrigerant-leak": (16.0, 36.0), "dirty-condenser": (4.0, 9.0)}
REPAIRED = Outcome("b", "refrigerant-leak", 70 * MS_PER_DAY, 72 * MS_PER_DAY)


def labels(outcomes: Sequence[Outcome], known_until: int = DAYS, settle_days: float = 14.0) -> Labels:
    """Of appliances a and b, a row each for every day from 0."""
    appliance = np.repeat(np.arange(2, dtype=np.int32), DAYS)
    time = np.tile(np.arange(DAYS, dtype=np.int64) * MS_PER_DAY, 2)
    return label_rows(
        ("a", "b"),
        appliance,
        time,
        outcomes,
        SPANS,
        known_until=known_until * MS_PER_DAY,
        settle_days=settle_days,
    )


def test_days_to_the_confirmation_are_counted_for_that_fault_alone() -> None:
    """24 days before (the middle of 16 and 36) it surely shows; the other appliance is well."""
    found = labels([REPAIRED])
    mine = found.days_to_failure[DAYS:]

    assert mine[60].tolist() == [10.0, np.inf]
    assert mine[71].tolist() == [0.0, np.inf]
    assert np.isinf(mine[:46]).all()
    assert np.isinf(mine[73:]).all()
    assert np.isinf(found.days_to_failure[:DAYS]).all()


def test_the_time_in_which_a_fault_may_have_begun_is_left_out() -> None:
    """Neither healthy nor ill: between 24 and 36 days ahead; before that, healthy."""
    usable = labels([REPAIRED]).usable[DAYS:]

    assert usable[:34].all()
    assert not usable[34:46].any()
    assert usable[46:73].all()


def test_a_healthy_row_must_have_stood_for_a_while() -> None:
    """In the last two weeks nobody knows yet."""
    usable = labels([]).usable[:DAYS]

    assert usable[:87].all()
    assert not usable[87:].any()


def test_after_an_outcome_without_a_repair_nothing_is_known() -> None:
    """The technician may have come later, or never."""
    found = labels([Outcome("b", "refrigerant-leak", 70 * MS_PER_DAY)])

    assert not found.usable[DAYS + 71 :].any()


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
