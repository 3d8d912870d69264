"""Runs and pauses of machines nobody described beforehand, counted from their power alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from foremend.vocabulary.types import Rows
from models.stream.stream import SignalStream

MIDNIGHT = 1_600_041_600_000
MINUTE = 60_000
Power = NDArray[np.float64]


def cycling(
    on: float,
    idle: float,
    run_min: int,
    pause_min: int,
    *,
    days: int = 1,
    level: tuple[float, ...] = (1.0,),
) -> Power:
    """Power (W) at every 10 s: first a pause, then runs with an inrush peak; `level` scales `on` day by day."""
    period = 6 * (run_min + pause_min)
    step = np.arange(8640 * days)
    phase = step % period
    scale = np.resize(np.array(level), days)[step // 8640]
    power = np.where(phase >= 6 * pause_min, on * scale, idle)
    power[phase == 6 * pause_min] *= 6
    return power


def wobble(power: Power, watts: float) -> Power:
    """The same with measuring noise, in whole watts."""
    noise = np.random.default_rng(0).normal(0, watts, len(power))
    return np.maximum(np.round(power + noise), 0)


def days_of(power: Power, step_ms: int = 10_000, above: float = 0.0) -> Rows:
    """The daily windows of one machine, all of them."""
    stream = SignalStream(["power"], "power", standby=45.0, above=above)
    time = MIDNIGHT + step_ms * np.arange(len(power))
    seen = np.isfinite(power)
    closed = stream.update(np.zeros(seen.sum(), np.int32), time[seen], power[seen, None])
    return Rows.joined([closed.days, stream.flush().days])


def starts(power: Power, step_ms: int = 10_000) -> list[int]:
    """Compressor starts of each day."""
    return [int(count) for count in days_of(power, step_ms).column("compressor_starts")]


@pytest.mark.parametrize("thin", [1, 6], ids=["10 s", "60 s"])
@pytest.mark.parametrize(("on", "idle"), [(19, 0), (40, 2), (64, 0), (113, 15), (120, 40), (565, 75)])
@pytest.mark.parametrize(("run_min", "pause_min"), [(6, 30), (5, 95), (57, 10), (30, 30)])
def test_any_level_and_any_duty_is_learnt(
    on: float, idle: float, run_min: int, pause_min: int, thin: int
) -> None:
    """From 19 W to 565 W and from 5 % to 85 % duty, with noise: every start counts, duty is right."""
    power = wobble(cycling(on, idle, run_min, pause_min), 1.0)[::thin]

    day = days_of(power, 10_000 * thin)

    period = run_min + pause_min
    began = [minute for minute in range(pause_min, 1440, period) if minute <= 1438]
    assert day.column("compressor_starts").tolist() == [len(began)]
    assert day.column("duty")[0] == pytest.approx(run_min / period, abs=0.03)


def test_a_daily_defrost_heater_does_not_shift_the_on_level() -> None:
    """25 minutes a day at three times the level are one more run, and the compressor's runs still count."""
    power = cycling(100, 5, 15, 25, days=3)
    for day in range(3):
        power[day * 8640 + 6 * 641 : day * 8640 + 6 * 655] = 300  # inside a pause

    windows = days_of(power)

    assert windows.column("compressor_starts").tolist() == [37, 37, 37]
    assert windows.column("on_power") == pytest.approx([100] * 3, rel=0.13)


def test_a_fan_that_runs_on_after_the_compressor_is_no_run() -> None:
    """The upper of two idle levels counts as off, even above a quarter of the on-level."""
    power = cycling(100, 0, 15, 45)
    phase = np.arange(len(power)) % 360
    power[(phase < 90) & (np.arange(len(power)) > 360)] = 35

    assert starts(power) == [24]


@pytest.mark.parametrize("share", [0.005, 0.02])
def test_dropouts_of_a_second_split_no_run(share: float) -> None:
    """Zeros within a run do not end it, spikes within a pause do not begin one."""
    power = cycling(80, 5, 20, 40)
    lost = np.random.default_rng(1).random(len(power)) < share
    spikes = np.random.default_rng(2).random(len(power)) < share
    power[lost] = 0
    power[spikes & (power < 10)] = 600

    assert starts(power) == [24]


def test_one_lost_reading_at_sixty_seconds_splits_no_run() -> None:
    """Under sparse sampling a single zero is a dropout: no machine pauses for one reading."""
    power = cycling(80, 5, 20, 40)[::6]
    power[50::60] = 0

    assert starts(power, MINUTE) == [24]


def test_a_run_of_less_than_a_minute_is_no_run() -> None:
    """A load of half a minute between two runs is not a start."""
    power = cycling(100, 5, 15, 45)
    power[np.isin(np.arange(len(power)) % 360, [100, 101, 102])] = 100

    assert starts(power) == [24]


def test_a_run_already_going_at_midnight_is_no_start_of_the_day() -> None:
    """Data that begin in a run, and the part after midnight of a run that began before it, add nothing."""
    power = np.roll(cycling(100, 5, 30, 30, days=2), -6 * 45)  # runs from a quarter to until a quarter past

    assert starts(power) == [24, 24]


def test_a_start_in_the_first_minute_of_a_day_is_not_counted() -> None:
    """It cannot be told from a run already going at midnight."""
    power = np.roll(cycling(100, 5, 30, 30, days=2), -6 * 30 + 3)

    assert starts(power) == [23, 23]


def test_a_machine_that_never_runs_has_no_starts_and_no_duty() -> None:
    """12 W of electronics, all day, are no run."""
    day = days_of(wobble(np.full(8640, 12.0), 2.0))

    assert day.column("compressor_starts").tolist() == [0]
    assert day.column("duty").tolist() == [0]


def test_a_signal_without_a_known_standby_is_off_at_nothing() -> None:
    """A flow that stays at zero is no run, and its first run counts."""
    stream = SignalStream(["flow"], "flow")
    flow = np.concatenate([np.zeros(2 * 1440), np.where(np.arange(1440) % 60 >= 40, 6.0, 0.0)])
    time = MIDNIGHT + MINUTE * np.arange(len(flow))
    closed = stream.update(np.zeros(len(flow), np.int32), time, flow[:, None]).days

    last = stream.flush().days

    assert closed.column("duty").tolist() == [0, 0]
    assert last.column("compressor_starts").tolist() == [24]


def test_a_machine_that_never_stops_has_no_starts_and_full_duty() -> None:
    """A single level above what such a machine may draw in standby is one long run."""
    day = days_of(wobble(np.full(8640, 95.0), 3.0))

    assert day.column("compressor_starts").tolist() == [0]
    assert day.column("duty").tolist() == [1]
    assert day.column("longest_run_s")[0] == pytest.approx(86_400, abs=120)


def test_a_machine_that_stops_stopping_is_still_seen_running() -> None:
    """After three weeks in which it only ran, between 60 and 110 W, its levels are not split anew."""
    healthy = cycling(90, 3, 20, 40, days=3)[::6]
    stuck = np.where(np.arange(1440 * 21) // 30 % 2 == 0, 60.0, 110.0)

    days = days_of(np.concatenate([healthy, stuck]), MINUTE)

    assert days.column("duty")[4:] == pytest.approx(np.ones(20), abs=1e-3)
    assert days.column("compressor_starts")[4:].tolist() == [0] * 20


def test_a_machine_idle_for_days_is_seen_when_it_starts() -> None:
    """An air conditioner in standby for two days counts from its first run on."""
    power = np.concatenate([np.full(8640 * 2, 3.0), cycling(800, 3, 20, 40)])

    assert starts(power) == [0, 0, 24]


def test_a_fan_alone_is_no_run_however_long_it_is_all_there_is() -> None:
    """Two weeks of nothing but the fan's 22 W teach no new level where what runs is said to draw 200 W at least."""
    fan = np.where(np.arange(1440 * 14) // 600 % 2 == 0, 22.0, 2.0)
    power = np.concatenate([cycling(800, 2, 20, 40)[::6], fan, cycling(800, 2, 20, 40)[::6]])

    days = days_of(power, MINUTE, above=200.0)

    assert days.column("compressor_starts").tolist() == [24, *([0] * 14), 24]
    assert days.column("duty")[2:-1].tolist() == [0] * 13
    assert days_of(power, MINUTE).column("duty")[10] > 0.3


def test_a_level_that_drifts_from_day_to_day_is_followed() -> None:
    """A compressor that draws half or half as much again on other days loses no start."""
    power = cycling(90, 3, 15, 45, days=6, level=(1.0, 0.8, 0.5, 0.8, 1.2, 1.5))

    assert starts(power) == [24] * 6


def test_a_start_in_a_gap_of_the_same_day_counts_once_and_a_running_machine_does_not_restart() -> None:
    """Off before an hour without readings and on after it is a start; on before and after is none."""
    power = cycling(100, 5, 60, 60)
    lost = np.arange(len(power)) % (8640 // 4)
    power[(lost >= 2 * 360 - 30) & (lost < 2 * 360 + 30)] = math.nan  # over the end of every second run
    begins = power.copy()
    begins[5 * 360 - 100 : 5 * 360 + 100] = math.nan  # over a start

    assert starts(power) == [12]
    assert starts(begins) == [12]


def test_runs_over_a_gap_have_no_length() -> None:
    """A run of unknown length is left out of the mean run, the longest seen stretch is kept."""
    power = cycling(100, 5, 60, 60)
    power[360 + 60 : 360 + 240] = math.nan

    day = days_of(power)

    assert day.column("run_mean_s")[0] == pytest.approx(3600, abs=1)
    assert day.column("run_std_s")[0] < 1
    assert day.column("coverage")[0] == pytest.approx(1 - (1800 - 900) / 86_400, abs=1e-3)


def test_run_and_pause_lengths_are_those_of_the_machine() -> None:
    """Mean, spread and longest of runs and pauses in seconds, and the inrush peak."""
    day = days_of(cycling(100, 5, 20, 40))

    assert day.column("run_mean_s")[0] == pytest.approx(1200, abs=1)
    assert day.column("pause_mean_s")[0] == pytest.approx(2400, abs=1)
    assert day.column("longest_run_s")[0] == pytest.approx(1200, abs=10)
    assert day.column("starts_per_hour")[0] == pytest.approx(1, abs=0.01)
    assert day.column("inrush_peak")[0] == pytest.approx(600)
    assert day.column("power_on_mean")[0] == pytest.approx(100, abs=0.5)
    assert day.column("power_off_mean")[0] == pytest.approx(5, abs=0.5)


def test_a_run_is_split_between_the_days_it_touches() -> None:
    """The longest run of a window is what of it lies inside the window."""
    power = np.roll(cycling(100, 5, 120, 240, days=2), -6 * 300)  # runs from 23:00 to 01:00

    longest = days_of(power).column("longest_run_s")

    assert longest == pytest.approx([7200, 7200], abs=10)
