"""Sensors: what they add to the truth, and what they never do to it."""

from __future__ import annotations

import numpy as np
import pytest

from foremend.vocabulary.types import MS_PER_DAY
from simulators.base import Floats, Measured, Signal
from simulators.fleet.sensors import Imperfections, Sensors, draw_offline, draw_sensors, quantised

PERFECT = Imperfections(
    noise=0,
    drift_per_year=0,
    jitter_ms=0,
    missing=0,
    reboots_per_month=0,
    offline_per_month=0,
    duplicates=0,
    skew_ms=0,
)
TEMPERATURE = Signal("cabinet_temp", "degC", 0.1, noise=0.1, drifts=True)
STARTS = Signal("compressor_starts", "count", 1.0, counter=True)
POWER = Signal("power", "W", 0.1, noise=1.0)
SIGNALS = (TEMPERATURE, STARTS, POWER)
N, READINGS, SAMPLE_MS = 40, 360, 60_000


def truth_of_a_span() -> Measured:
    counted = np.cumsum(np.ones((N, READINGS)), axis=1)
    return Measured(
        {
            "cabinet_temp": np.full((N, READINGS), 4.0),
            "compressor_starts": counted,
            "power": np.full((N, READINGS), 0.2),
        }
    )


def measured_with(
    settings: Imperfections, start: int = 0
) -> tuple[np.ndarray, dict[str, Floats], np.ndarray, Sensors]:
    sensors = draw_sensors(np.random.default_rng(1), settings, SIGNALS, N, start=0)
    time, reported, kept = sensors.measure(truth_of_a_span(), start, SAMPLE_MS, np.random.default_rng(2))
    return time, reported, kept, sensors


def test_perfect_sensors_report_the_truth() -> None:
    """Without imperfections only the counter's starting point differs."""
    time, reported, kept, _ = measured_with(PERFECT)

    np.testing.assert_array_equal(time[0], SAMPLE_MS * np.arange(1, READINGS + 1))
    assert kept.all()
    assert (reported["cabinet_temp"] == 4.0).all()
    assert (np.diff(reported["compressor_starts"], axis=1) == 1).all()


def test_noise_has_the_signals_own_size() -> None:
    """One standard deviation is what the signal declares, times the fleet's factor."""
    _, reported, _, _ = measured_with(PERFECT.model_copy(update={"noise": 2.0}))

    assert reported["cabinet_temp"].std() == pytest.approx(0.2, rel=0.1)
    assert (reported["compressor_starts"] % 1 == 0).all()


def test_only_temperatures_go_below_nothing() -> None:
    """A meter's noise near zero does not become negative power."""
    _, reported, _, _ = measured_with(PERFECT.model_copy(update={"noise": 3.0}))

    assert reported["power"].min() == 0.0


def test_values_come_in_whole_steps() -> None:
    """Decimal resolutions come out as the shortest decimals, so they survive JSON unchanged."""
    assert quantised(np.array([4.26, -0.04]), 0.1).tolist() == [4.3, -0.0]
    assert quantised(np.array([4.26]), 0.5).tolist() == [4.5]
    assert quantised(np.array([129.0]), 50.0).tolist() == [150.0]


def test_thermistors_drift_apart_over_a_year() -> None:
    """The spread between units after a year is what the settings say."""
    _, reported, _, _ = measured_with(
        PERFECT.model_copy(update={"drift_per_year": 2.0}), start=365 * MS_PER_DAY
    )

    assert 1.0 < reported["cabinet_temp"].mean(axis=1).std() < 4.0


def test_a_reboot_resets_the_counter_and_loses_two_minutes() -> None:
    """After it the counter starts at nought; it never goes down otherwise."""
    _, reported, kept, _ = measured_with(PERFECT.model_copy(update={"reboots_per_month": 300.0}))

    drops = np.diff(reported["compressor_starts"], axis=1) < 0
    rebooted = drops.any(axis=1)
    assert rebooted.any()
    assert (drops.sum(axis=1)[rebooted] == 1).all()
    row = int(np.flatnonzero(rebooted)[0])
    at = int(np.argmax(drops[row])) + 1
    assert reported["compressor_starts"][row, at] == 0
    assert not kept[row, at : at + 2].any()


def test_clocks_are_wrong_by_a_constant() -> None:
    """Every reading of one appliance is off by the same time."""
    time, _, _, sensors = measured_with(PERFECT.model_copy(update={"skew_ms": 5_000.0}))

    nominal = SAMPLE_MS * np.arange(1, READINGS + 1)
    np.testing.assert_array_equal(time - nominal, np.repeat(sensors.skew[:, None], READINGS, axis=1))
    assert np.abs(sensors.skew).max() > 5_000


def test_jitter_never_swaps_readings() -> None:
    """Sampling moments wander but stay in order."""
    time, _, _, _ = measured_with(PERFECT.model_copy(update={"jitter_ms": 30_000.0}))

    assert (np.diff(time, axis=1) > 0).all()


def test_missing_readings_are_as_many_as_said() -> None:
    """The share of readings never made."""
    _, _, kept, _ = measured_with(PERFECT.model_copy(update={"missing": 0.1}))

    assert 1.0 - kept.mean() == pytest.approx(0.1, abs=0.01)


def test_offline_spells_have_a_median_of_hours_and_a_long_tail() -> None:
    """Per month and appliance about as many as said; none above three days."""
    settings = PERFECT.model_copy(update={"offline_per_month": 2.0, "offline_hours": 5.0})

    spells = [s for mine in draw_offline(np.random.default_rng(1), settings, 300, 0, 60) for s in mine]

    hours = np.array([last - first for first, last in spells]) / 3_600_000
    assert len(spells) / 300 == pytest.approx(4.0, rel=0.1)
    assert np.median(hours) == pytest.approx(5.0, rel=0.2)
    assert 24 < hours.max() <= 72.0 + 1e-6
