"""Homes and weather: seasons, days, habits, and people who go away without alarming anyone."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from foremend.vocabulary.types import MS_PER_DAY
from simulators.fleet.fleet import Fleet
from simulators.fleet.household import CLIMATES, Weather, draw_absences, draw_homes
from simulators.fleet.scenario import Absence, Scenario


def at(month: int, day: int) -> int:
    return int(datetime(2026, month, day, tzinfo=UTC).timestamp()) * 1_000


@pytest.mark.parametrize("region", CLIMATES)
def test_july_is_warmer_than_january_by_about_the_normals(region: str) -> None:
    """Twice the yearly amplitude, give or take the weather (WMO normals 1991-2020, rounded)."""
    weather = Weather(np.random.default_rng(1), [region], at(1, 1), 365)

    january, july = (
        np.mean([weather.daily_mean(at(month, day))[0] for day in range(5, 28)]) for month in (1, 7)
    )

    assert july - january == pytest.approx(2 * CLIMATES[region].yearly, abs=4.0)


def test_afternoons_are_warmer_than_nights() -> None:
    """The hottest hour is at three in the local afternoon."""
    weather = Weather(np.random.default_rng(1), ["beijing"], at(7, 1), 5)

    outdoor, _ = weather.outdoor(at(7, 2), 24)

    assert (int(np.argmax(outdoor[0, :24])) + 8) % 24 in range(13, 18)


def test_weather_does_not_depend_on_how_it_is_asked_for() -> None:
    """Six hours at a time give the same day as twenty-four."""
    weather = Weather(np.random.default_rng(1), ["berlin"], at(7, 1), 5)

    whole, _ = weather.outdoor(at(7, 2), 24)
    parts = [weather.outdoor(at(7, 2) + k * MS_PER_DAY // 4, 6)[0][:, :6] for k in range(4)]

    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole[:, :24])


def test_nobody_moves_in_an_empty_home() -> None:
    """Presence and activity are nought from the evening of leaving to the evening of return."""
    homes = draw_homes(np.random.default_rng(1), np.zeros(3, dtype=np.int32), ["berlin"])
    away = ((), ((at(7, 3), at(7, 5)),), ())
    weather = Weather(np.random.default_rng(1), ["berlin"], at(7, 1), 10)

    span = homes.with_absences(away).span(weather, at(7, 4), 24, np.random.default_rng(2))

    assert span.activity[1].sum() == 0.0
    assert span.presence[1].sum() == 0.0
    assert (span.activity[[0, 2]].sum(axis=1) > 0).all()


def test_activity_averages_about_a_third() -> None:
    """So that rates given at activity 1 mean what their comments say."""
    homes = draw_homes(np.random.default_rng(1), np.zeros(200, dtype=np.int32), ["berlin"])
    weather = Weather(np.random.default_rng(1), ["berlin"], at(7, 1), 10)

    week = [homes.span(weather, at(7, 1) + k * MS_PER_DAY, 24, np.random.default_rng(k)) for k in range(7)]

    assert np.mean([span.activity.mean() for span in week]) == pytest.approx(0.35, abs=0.12)


def test_weekends_away_begin_on_friday_evening() -> None:
    """And last two days."""
    spells = draw_absences(np.random.default_rng(1), 50, at(1, 1), 28, weekends=0.5, weeks=0.0)

    firsts = [datetime.fromtimestamp(first / 1_000, UTC) for mine in spells for first, _ in mine]
    assert {(day.weekday(), day.hour) for day in firsts} == {(4, 18)}
    assert all(last - first == 2 * MS_PER_DAY for mine in spells for first, last in mine)


def test_a_weekend_away_does_not_look_like_a_fault() -> None:
    """The duty of a refrigerator nobody opens falls, by less than a fifth: every fault that grows raises it."""
    quiet = {"weekends_away": 0.0, "holidays_per_year": 0.0, "regions": {"berlin": 1.0}}
    at_home = Scenario(days=6, appliances={"rf-260": 30}, **quiet)
    gone = at_home.model_copy(update={"holidays": (Absence(from_day=4, to_day=6, share=1.0),)})

    duty = [
        np.mean(list(Fleet(scenario, 5).telemetry())[-1].signals["power"] > 40)
        for scenario in (at_home, gone)
    ]

    assert 0.8 * duty[0] < duty[1] <= duty[0]


def test_an_unused_water_heater_only_keeps_its_water_warm() -> None:
    """Its power falls to what the walls lose, and the tank stays at its set point: no fault does both."""
    quiet = {"weekends_away": 0.0, "holidays_per_year": 0.0, "regions": {"berlin": 1.0}}
    gone = Absence(from_day=3, to_day=6, share=1.0)
    fleet = Fleet(Scenario(days=6, appliances={"wh-60": 20}, holidays=(gone,), **quiet), 5)

    days = list(fleet.telemetry())

    assert days[5].signals["power"].mean() < 0.4 * days[1].signals["power"].mean()
    assert np.abs(days[5].signals["tank_temp"] - days[5].signals["set_point"]).max() < 12.0
