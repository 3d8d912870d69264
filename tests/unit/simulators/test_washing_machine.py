"""The washing machine keeps its energy account and the orders of magnitude of test reports."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.base import Floats
from simulators.figures.behaviour import measure
from simulators.figures.twins import Setting, faulty, healthy
from simulators.washing_machine.appliance import WashingMachine
from simulators.washing_machine.kernel import DRAIN, FILL, HEAT, IDLE, PROGRAMME, SPIN, TUMBLING_RPM, WASH

WEEK = Setting(count=20, days=7)
MODELS = WashingMachine.models
SAMPLE_S = WashingMachine.sample_s


@pytest.mark.parametrize("appliance_model", MODELS)
def test_wash_takes_the_usual_time_and_energy(appliance_model: str) -> None:
    """1 to 2.5 hours, 0.3 to 1.3 kWh, a wash every second day to two a day (IEC 60456 reports, EU labels)."""
    signals = healthy(appliance_model, WEEK)
    phase = signals["programme_phase"]
    washes = _washes(phase)

    hours = _active(phase).sum() * SAMPLE_S / 3_600 / washes
    energy = np.nansum(np.where(_active(phase), signals["power"], 0.0)) * SAMPLE_S / 3.6e6 / washes

    assert 1.0 < hours < 2.5
    assert 0.3 < energy < 1.3
    assert 0.5 < washes / (WEEK.count * WEEK.days) < 2.0


@pytest.mark.parametrize("appliance_model", MODELS)
def test_phases_follow_the_programme(appliance_model: str) -> None:
    """Fill, heat, wash, drain, spin, then rinses; nothing is skipped."""
    phase = healthy(appliance_model, WEEK)["programme_phase"][0]
    active = phase[~np.isnan(phase) & (phase != IDLE)]
    seen = active[np.flatnonzero(np.diff(active, prepend=-1.0))]

    first = seen[: len(PROGRAMME) - 1]

    assert list(first) == list(PROGRAMME[1:])


def test_heater_pays_for_the_warmth_of_the_water() -> None:
    """Electricity in the heating phase covers the water's heat and at most 60 % more for laundry, tub and motor."""
    signals = healthy("wm-10", WEEK)
    heating = signals["programme_phase"] == HEAT
    litres = signals["water_level"] * 0.12

    electric = signals["power"][heating].sum() * SAMPLE_S
    rises = np.diff(signals["water_temp"], axis=1)[heating[:, 1:] & heating[:, :-1]]
    water = (rises * 4_186.0 * litres[:, 1:][heating[:, 1:] & heating[:, :-1]]).sum()

    assert water < electric < 1.6 * water


def test_water_comes_and_goes() -> None:
    """The level rises while filling, falls while draining, and the drum is dry in the spin."""
    signals = healthy("wm-7", WEEK)
    phase, change = signals["programme_phase"][:, 1:], np.diff(signals["water_level"], axis=1)

    assert np.nanmean(change[phase == FILL]) > 0.0
    assert np.nanmean(change[phase == DRAIN]) < 0.0
    assert np.all(signals["water_level"][signals["programme_phase"] == SPIN] == 0.0)


def test_drum_tumbles_slowly_and_spins_fast() -> None:
    """About 48 rpm in the wash, up to the rated speed in the last spin."""
    signals = healthy("wm-10", WEEK)
    phase, speed = signals["programme_phase"], signals["drum_speed"]

    assert speed[phase == WASH].max() <= TUMBLING_RPM
    assert np.nanmax(speed) == pytest.approx(1_400.0, rel=0.01)


def test_idle_machine_reports_every_half_hour() -> None:
    """Forty-eight readings a day at rest."""
    phase = healthy("wm-7", WEEK)["programme_phase"]

    idle = (phase == IDLE).sum() / (WEEK.count * WEEK.days)

    assert 35 < idle <= 48


def test_worn_dampers_shake_while_passing_the_resonance() -> None:
    """Vibration below 350 rpm doubles, while at full speed it hardly changes."""
    usual = healthy("wm-10", WEEK)

    worn = faulty("wm-10", "shock-absorber-wear", lambda _day: 0.8, WEEK)

    assert _vibration(worn, 100, 350) > 1.5 * _vibration(usual, 100, 350)
    assert _vibration(worn, 1_300, 1_500) == pytest.approx(_vibration(usual, 1_300, 1_500), rel=0.1)


def test_rough_bearing_shakes_most_at_full_speed() -> None:
    """The bearing adds at full speed several times what it adds at the resonance."""
    usual = healthy("wm-10", WEEK)

    rough = faulty("wm-10", "drum-bearing-wear", lambda _day: 0.8, WEEK)

    added = [_vibration(rough, *band) - _vibration(usual, *band) for band in ((100, 350), (1_300, 1_500))]
    assert added[1] > 3.0 * added[0]


def test_scale_stretches_heating_without_more_power() -> None:
    """The limiter cycles a scaled element: longer heating at the same peak power."""
    usual = healthy("wm-7", WEEK)

    scaled = faulty("wm-7", "heater-scale", lambda _day: 0.8, WEEK)

    times = [measure("washing-machine", "heat_time", signals, SAMPLE_S) for signals in (usual, scaled)]
    assert times[1] > 1.3 * times[0]
    assert np.nanmax(scaled["power"]) == pytest.approx(np.nanmax(usual["power"]), rel=0.02)


def _active(phase: Floats) -> np.ndarray:
    return ~np.isnan(phase) & (phase != IDLE)


def _washes(phase: Floats) -> int:
    active = _active(phase)
    return int(np.count_nonzero(active[:, 1:] & ~active[:, :-1]))


def _vibration(signals: dict[str, Floats], slow: float, fast: float) -> float:
    spinning = (
        (signals["programme_phase"] == SPIN) & (signals["drum_speed"] > slow) & (signals["drum_speed"] < fast)
    )
    return float(signals["vibration"][spinning].mean())
