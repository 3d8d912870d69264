"""A household that falls silent is noticed after a night, and not for summer time, holidays or a device that is off."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foremend.vocabulary.wellbeing import Level
from models.wellbeing import Quiet, judged

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3_600_000_000
DAY = 24 * HOUR
LEVELS = list(Level)


def at(day: int, hour: float, month: int = 5) -> int:
    """us UTC of a clock in Berlin; days of 2026 count on from the month's first."""
    midnight = datetime(2026, month, 1, tzinfo=BERLIN) + timedelta(days=day - 1, hours=hour)
    return round(midnight.timestamp() * 1e6)


def days(first: int, last: int, month: int = 5, seed: int = 1) -> np.ndarray:
    """Up at about seven, in bed at about half past ten, something every half hour."""
    rng = np.random.default_rng(seed)
    signs = []
    for day in range(first, last + 1):
        hours = np.cumsum([rng.normal(7, 0.5), *rng.exponential(0.5, 60)])
        signs += [at(day, float(hour), month) for hour in hours if hour < 22.5]
    return np.array(sorted(signs), np.int64)


def told(signs: np.ndarray, now: int, **said) -> Quiet | None:
    return judged(signs, now, BERLIN, **said)


def test_a_morning_without_a_sign_is_told_and_becomes_more_urgent() -> None:
    """Within three hours of the usual first sign, then as the silence goes on."""
    signs = days(1, 40)

    levels = [told(signs, at(41, hour)) for hour in (7.0, 10.0, 13.0, 17.0)]

    assert [one and one.level for one in levels] == [None, Level.LOOK, Level.CALL, Level.GO]
    assert levels[1] is not None
    assert levels[1].last_sign == signs[-1]
    assert at(41, 7.0) < levels[1].usual_by < at(41, 8.5)
    assert levels[1].why == "stopped"


def test_a_sign_ends_the_silence() -> None:
    """Whoever slept until noon is up."""
    signs = np.append(days(1, 40), at(41, 12.0))

    assert told(signs, at(41, 12.1)) is None
    assert told(signs, at(41, 23.0)) is None


def test_who_went_out_by_day_is_not_missed_before_the_next_morning() -> None:
    """Nobody can tell a day out from a fall by day; a night away from home is told."""
    signs = days(1, 40)
    signs = signs[signs < at(40, 10.0)]

    assert told(signs, at(40, 23.5)) is None
    assert told(signs, at(41, 7.0)) is None
    assert told(signs, at(41, 12.0)) is not None


def test_a_rhythm_is_learnt_before_anything_is_told() -> None:
    """Two weeks of mornings; before them nothing is unlike."""
    assert told(days(1, 10), at(12, 20.0)) is None
    assert told(days(1, 16), at(18, 20.0)) is not None


def test_no_signs_at_all_are_no_silence() -> None:
    """A household whose appliances show nothing is not judged."""
    assert told(np.zeros(0, np.int64), at(20, 12.0)) is None


@pytest.mark.parametrize(("month", "day"), [(2, 57), (9, 55)], ids=["summer time", "winter time"])
def test_a_changed_clock_alarms_nobody(month: int, day: int) -> None:
    """People get up by the clock on the wall: the hour that is left out or comes twice is none of silence."""
    signs = days(1, day + 1, month)

    mornings = [
        told(signs[signs < at(day, 7.2, month) + k * DAY], at(day, 7.1, month) + k * DAY) for k in (0, 1)
    ]

    assert mornings == [None, None]
    assert told(signs, at(day + 2, 10.0, month)) is not None


def test_who_said_to_be_away_is_not_missed() -> None:
    """Neither meanwhile nor on the evening of coming home; a morning after that is."""
    signs, away = days(1, 40), [(at(40, 23.0), at(50, 18.0))]

    assert told(signs, at(45, 12.0), away=away) is None
    assert told(signs, at(50, 23.0), away=away) is None
    assert told(signs, at(51, 13.0), away=away) is not None


def test_a_word_that_all_is_well_counts_as_a_sign_of_life() -> None:
    """Until the next morning."""
    signs = days(1, 40)

    assert told(signs, at(41, 20.0), well_since=at(41, 10.0)) is None
    assert told(signs, at(42, 12.0), well_since=at(41, 10.0)) is not None


def test_time_in_which_nobody_listened_is_no_silence() -> None:
    """While devices are off nothing is told, and afterwards only what was missing while they spoke."""
    signs = days(1, 40)
    seen = [(at(1, 0), at(40, 23.0)), (at(41, 20.0), at(45, 0.0))]

    assert told(signs, at(41, 12.0), seen=seen) is None
    assert told(signs, at(41, 20.5), seen=seen) is None
    assert told(signs, at(42, 12.0), seen=seen) is not None


def test_nights_away_that_are_usual_are_not_told() -> None:
    """Every second weekend with the children, from Saturday morning to Sunday evening."""
    signs = days(1, 61)
    for saturday in (2, 16, 30, 44):
        signs = signs[(signs < at(saturday, 9.0)) | (signs > at(saturday + 1, 17.0))]

    gone = signs[signs < at(58, 9.0)]

    assert told(gone, at(59, 16.0)) is None
    assert told(gone, at(60, 10.0)) is not None


def test_who_had_breakfast_early_and_left_is_not_missed() -> None:
    """Two signs before the usual hour are somebody who is up; one is a thirsty night."""
    signs = days(1, 40)
    night, breakfast = [at(41, 5.2)], [at(41, 5.2), at(41, 5.6)]

    assert told(np.append(signs, night), at(41, 12.0)) is not None
    assert told(np.append(signs, breakfast), at(41, 12.0)) is None


def test_a_night_that_is_lived_like_a_day_is_told_as_a_shift() -> None:
    """Something every half hour until the morning, of somebody who sleeps at night."""
    awake = np.array([at(40, 23.0 + half / 2) for half in range(20)])

    signs = np.append(days(1, 40), awake)
    one = told(signs, at(41, 9.0))

    assert one is not None
    assert (one.level, one.why) == (Level.LOOK, "shifted")
    assert told(signs, at(41, 9.0), well_since=at(41, 8.0)) is None


def test_an_appliance_at_rest_that_speaks_once_an_hour_is_listening() -> None:
    """What it has not said since its last word is silence; after a longer one nobody knows."""
    signs = days(1, 40)

    one, nobody_knows = (told(signs, at(41, 10.0), seen=[(at(1, 0), at(41, hour))]) for hour in (9.0, 8.0))

    assert one is not None
    assert nobody_knows is None


def test_it_goes_on_being_told_through_an_outage() -> None:
    """What was missed before the devices fell silent was missed."""
    signs, seen = days(1, 40), [(at(1, 0), at(41, 11.0)), (at(41, 15.0), at(45, 0))]

    assert told(signs, at(41, 15.5), seen=seen) is not None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3 * 24 * 4), st.integers(0, 3 * 24 * 4))
def test_one_more_sign_never_makes_a_silence_more_urgent(quarter: int, more: int) -> None:
    """Whatever somebody does after the last sign."""
    signs = days(1, 40)
    end = int(signs[-1])
    now = end + quarter * HOUR // 4

    without = told(signs, now)
    with_it = told(np.append(signs, end + more * HOUR // 4), now)

    assert rank(with_it) <= rank(without)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 60))
def test_signs_later_than_now_are_not_looked_at(hours: int) -> None:
    """So the past can be judged again."""
    signs, now = days(1, 42), at(40, 23.0) + hours * HOUR

    assert told(signs, now) == told(signs[signs <= now], now)


def rank(one: Quiet | None) -> int:
    return 0 if one is None else 1 + LEVELS.index(one.level)
