"""A household's appliance is watched by its hours: odd first ones change nothing, and what lasts goes on scoring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.detectors import FirstHours, hour_watch
from models.detectors.first_hours import MOST_ODD, without_odd

Rows = NDArray[np.float64]
HOURS = 40 * 24
CHANGED = 28 * 24
RULE = 0.995
"""Of `not-itself`: three days in a row above it."""


def freezer(seed: int = 1, hours: int = HOURS) -> Rows:
    """(hours, 2) mean power, W, and duty of a freezer whose household is awake by day."""
    rng = np.random.default_rng(seed)
    day = 1.0 + 0.1 * np.sin(np.arange(hours) * 2 * np.pi / 24)
    duty = np.clip(0.35 * day * np.exp(rng.normal(0, 0.15, hours)), 0, 1)
    return np.stack([110.0 * duty, duty], axis=1)


def scores(rows: Rows, watch: FirstHours | None = None, unit: int = 0) -> Rows:
    watch = watch or begun()
    appliance = np.full(len(rows), unit, np.int32)
    return watch.score(appliance, 3_600_000 * np.arange(len(rows)), rows).value


def begun() -> FirstHours:
    watch = hour_watch()
    watch.learn(("power_mean", "duty"), np.empty((0, 2)))
    return watch


odd_hours = st.dictionaries(
    st.integers(0, 239),
    st.tuples(st.floats(0.0, 3_000.0), st.floats(0.0, 1.0)),
    max_size=MOST_ODD,
)


@settings(max_examples=60, deadline=None)
@given(odd=odd_hours, seed=st.integers(0, 30))
def test_any_odd_hours_among_the_first_neither_hide_a_dead_freezer_nor_make_a_well_one_suspect(
    odd: dict[int, tuple[float, float]], seed: int
) -> None:
    """Wherever 24 hours of the first ten days lie, and whatever they say, the dead one scores three days in a row."""
    well = freezer(seed)
    for hour, said in odd.items():
        well[hour] = said
    dead = well.copy()
    dead[CHANGED:] = 0.0

    quiet, told = scores(well), scores(dead)

    assert not _three_days_above(quiet[240:])
    assert (told[CHANGED + 24 :] > RULE).all()


@pytest.mark.parametrize("seed", [16, 26])
def test_a_dead_freezer_whose_days_are_alike_by_chance_goes_on_scoring(seed: int) -> None:
    """Looked at once a day it seemed to wander slowly: after a day of 0.9999 it had scored 0.97 for ever."""
    dead = freezer(seed)
    dead[:2], dead[CHANGED:] = 0.0, 0.0

    told = scores(dead)

    assert (told[CHANGED + 24 :] > RULE).all()


def test_a_whole_odd_day_of_running_on_hides_no_freezer_that_works_half_as_hard_again() -> None:
    """The plug was fitted and the freezer filled: it ran for a day. Weeks later it needs half as much again."""
    rows = freezer()
    rows[:MOST_ODD] = 110.0, 1.0
    rows[CHANGED:] *= 1.5

    told = scores(rows)

    assert _three_days_above(told[CHANGED:])


def test_a_change_that_lasts_goes_on_scoring_for_a_year() -> None:
    """It is never taken for usual by itself: a year later every hour says so still."""
    rows = freezer(hours=400 * 24)
    rows[CHANGED:] *= 1.6

    told = scores(rows)

    assert (told[CHANGED + 24 :] > RULE).mean() > 0.99


def test_a_change_that_ends_is_over() -> None:
    """Back at its usual it is quiet within two days."""
    rows = freezer()
    rows[CHANGED : CHANGED + 96] *= 1.6

    told = scores(rows)

    assert (told[CHANGED + 96 + 48 :] < RULE).all()


def test_what_somebody_called_usual_is_learnt_anew_in_ten_days() -> None:
    """The freezer stands in the kitchen now: from then on it is silent while it learns, and quiet for good."""
    watch, rows = begun(), freezer()
    scores(rows[:CHANGED], watch)
    assert (scores(rows[CHANGED:] * 1.6, watch)[48:] > RULE).all()

    watch.anew(0)
    after = scores(freezer(2) * 1.6, watch)

    assert (after[:240] == 0).all()
    assert not _three_days_above(after)


def test_what_one_appliance_learns_anew_is_nothing_to_another() -> None:
    """Of two freezers one is called usual: the other's score stays."""
    one, both = begun(), begun()
    for watch in (one, both):
        for unit in (0, 1):
            scores(freezer(unit), watch, unit)

    both.anew(0)

    np.testing.assert_array_equal(scores(freezer(3), one, 1), scores(freezer(3), both, 1))


@settings(max_examples=20, deadline=None)
@given(share=st.floats(0.08, 0.2), seed=st.integers(0, 1_000))
def test_the_work_of_a_machine_that_mostly_rests_is_nothing_odd(share: float, seed: int) -> None:
    """A washing machine, a dryer, a television: without the hours of its first wash each later one was a fault."""
    rng = np.random.default_rng(seed)
    works = rng.random(HOURS) < share
    duty = np.where(works, rng.uniform(0.2, 1.0, HOURS), 0.0)
    standby = 0.5 + 0.1 * rng.random(HOURS)

    score = scores(np.stack([standby + 700.0 * duty, duty], axis=1))

    assert not _three_days_above(score)


def test_a_machine_whose_hours_are_all_alike_loses_none() -> None:
    """Without any spread there is nothing to be odd against but what differs: the rest stays in its order."""
    rows = np.full((240, 2), 40.0)
    rows[7] = 41.0

    kept = without_odd(rows)

    np.testing.assert_array_equal(kept, np.full((239, 2), 40.0))


def test_more_odd_hours_than_a_day_are_how_the_machine_is() -> None:
    """Of fifty only the 24 farthest are left out."""
    rows = freezer(hours=240)
    rows[:50] = np.linspace(200.0, 300.0, 50)[:, None]

    kept = without_odd(rows)

    assert len(kept) == 240 - MOST_ODD


def _three_days_above(score: Rows) -> bool:
    above = np.convolve(score > RULE, np.ones(73), "valid")
    return bool((above == 73).any())
