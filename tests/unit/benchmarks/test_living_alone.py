"""The people of the wellbeing benchmark: what they do is what their kitchens can show."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pytest

from benchmarks.living_alone import DAYS, Household, household
from benchmarks.wellbeing import emergency, heard_of

HOUR = 3_600_000_000


def person(seed: int) -> Household:
    return household(np.random.default_rng(seed))


def test_a_seed_is_the_same_person_every_time() -> None:
    np.testing.assert_array_equal(person(3).signs, person(3).signs)


@pytest.mark.parametrize("seed", range(3))
def test_an_empty_home_and_a_lost_network_show_nothing(seed: int) -> None:
    """Whether anybody was told of it or not."""
    home = person(seed)

    spans = home.spans(lambda one: (one.since, one.until) if one.gone or one.why == "outage" else None)

    assert len(spans) > 20
    for since, until in spans:
        assert not ((home.signs > since + 1_000) & (home.signs < until - 1_000)).any()


def test_people_get_up_by_the_clock_on_the_wall() -> None:
    """Its change in March moves the hour of day in UTC and leaves the one that they read."""
    home = person(5)
    home.zone = ZoneInfo("Europe/Berlin")

    january, july = home.instants(np.array([24 * 10 + 7.0, 24 * 190 + 7.0]))

    assert (january // HOUR % 24, july // HOUR % 24) == (6, 5)


def test_an_emergency_is_told_by_hours_from_a_usual_first_sign() -> None:
    """The last year of a punctual person; nothing is told before it began."""
    rng = np.random.default_rng((1, 1))
    home = household(rng)

    found = emergency(rng, home, heard_of(home), "stop")

    assert len(home.usual) == DAYS
    assert found["form"] == "stop"
    assert -24 < found["hours"] <= 72
