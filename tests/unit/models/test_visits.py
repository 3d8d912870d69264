"""Visits of the next weeks: what open tickets bring, what nobody foresees, and how sure that is."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from foremend.vocabulary.errors import InputError
from models.visits import NEVER, Forecast, Visits, forecast

WEEKS, HORIZON = 104, 8


def visits(*columns: tuple[list[int], list[int], list[int], list[int]]) -> Visits:
    return Visits(*(np.array([week for one in columns for week in one[k]], np.int64) for k in range(4)))


def unforeseen(counts: np.ndarray, group: int = 0) -> tuple[list[int], list[int], list[int], list[int]]:
    """So many visits without a ticket in each week."""
    week = np.repeat(np.arange(len(counts)), counts)
    return [group] * len(week), [NEVER] * len(week), week.tolist(), [NEVER] * len(week)


def tickets(opened: list[int], visited: list[int], closed: list[int]) -> tuple[list[int], ...]:
    return [0] * len(opened), opened, visited, closed


def found(told: Visits, groups: int = 1) -> Forecast:
    return forecast(told, np.ones((groups, WEEKS + HORIZON)), WEEKS)


def test_what_comes_every_week_goes_on() -> None:
    rng = np.random.default_rng(3)

    once = found(visits(unforeseen(rng.poisson(30, WEEKS))))

    assert np.allclose(once.mean, 30, rtol=0.1)
    assert ((once.low > 15) & (once.high < 45)).all()


def test_open_tickets_bring_visits_after_the_time_that_they_used_to_take() -> None:
    """Each was visited in the third week; forty are one week old."""
    opened = [week for week in range(90) for _ in range(4)]
    past = tickets(opened, [week + 2 for week in opened], [NEVER] * len(opened))
    waiting = tickets([WEEKS - 1] * 40, [NEVER] * 40, [NEVER] * 40)

    now = found(visits(past, waiting)).mean[0]
    before = found(visits(past)).mean[0]

    assert np.allclose((now - before).round(), [0, 40, 0, 0, 0, 0, 0, 0], atol=2)


def test_tickets_that_used_to_be_closed_bring_few() -> None:
    """Three of four were closed in their second week; the fourth was visited then."""
    opened = [week for week in range(90) for _ in range(4)]
    ends = [week + 1 for week in opened]
    came = [end if n % 4 == 0 else NEVER for n, end in enumerate(ends)]
    went = [NEVER if n % 4 == 0 else end for n, end in enumerate(ends)]
    waiting = tickets([WEEKS - 1] * 40, [NEVER] * 40, [NEVER] * 40)

    now = found(visits(tickets(opened, came, went), waiting)).mean[0]
    before = found(visits(tickets(opened, came, went))).mean[0]

    assert now[0] - before[0] == pytest.approx(10, abs=2)
    assert np.allclose((now - before)[1:], 0, atol=1)


def test_a_season_comes_again() -> None:
    """Twice as many in summer: eight weeks ahead from spring there are more than now."""
    rng = np.random.default_rng(4)
    mean = 40 * np.exp(0.7 * np.cos(2 * np.pi * (np.arange(WEEKS) - 8) / 52.18))

    once = found(visits(unforeseen(rng.poisson(mean)))).mean[0]

    assert np.allclose(
        once, 40 * np.exp(0.7 * np.cos(2 * np.pi * (WEEKS + np.arange(8) - 8) / 52.18)), rtol=0.15
    )


def test_weeks_that_differ_more_than_by_chance_have_a_wider_interval() -> None:
    rng = np.random.default_rng(5)
    calm = found(visits(unforeseen(rng.poisson(60, WEEKS))))
    wild = found(visits(unforeseen(rng.poisson(60 * rng.gamma(6, 1 / 6, WEEKS)))))

    assert (wild.high - wild.low).mean() > 1.5 * (calm.high - calm.low).mean()


def test_an_area_without_visits_is_like_the_others_until_it_shows_otherwise() -> None:
    """Not for ever: after two years without one, few are expected."""
    rng = np.random.default_rng(6)

    once = found(visits(unforeseen(rng.poisson(20, WEEKS))), groups=2)

    assert (once.mean[1] > 0).all()
    assert (once.mean[1] < 1).all()


def test_the_same_tables_give_the_same_figures() -> None:
    told = visits(unforeseen(np.full(WEEKS, 5)))

    assert np.array_equal(found(told).mean, found(told).mean)


def test_too_little_is_refused_with_how_much_it_takes() -> None:
    with pytest.raises(InputError, match="10 visits in 104 weeks are too few"):
        found(visits(unforeseen(np.array([10] + [0] * (WEEKS - 1)))))


def test_a_group_for_each_appliance_takes_little_memory() -> None:
    """As where somebody writes addresses in place of areas: all draws of 1,000 at once were 260 MB."""
    rng, groups = np.random.default_rng(7), 1_000
    week = rng.integers(0, WEEKS, 5_000)
    never = np.full(len(week), NEVER)
    told = Visits(rng.integers(0, groups, len(week)), never, week, never)
    tracemalloc.start()
    try:
        many = found(told, groups)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 100e6
    assert many.mean.sum() == pytest.approx(8 * 5_000 / WEEKS, rel=0.1)
