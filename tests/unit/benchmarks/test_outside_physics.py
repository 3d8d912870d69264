"""The three physics of benchmarks.outside: plausible, untouched by a fault of severity 0, each fault its own way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.outside import air_conditioner, washing_machine, water_heater
from benchmarks.outside.nature import GROWTHS, Array, Course, clock, outdoor

HOURS = 3600


def cooled(
    fault: str | None, severity: float, inverter: bool = False, dead: bool = False, days: float = 0.5
) -> Array:
    """Days of cooling at 33 degC outside; columns as `air_conditioner.live` says."""
    seconds = clock(7, air_conditioner.STEP_S)[: round(days * 86_400 / air_conditioner.STEP_S)]
    same = np.ones(len(seconds))
    machine = air_conditioner.Machine(inverter)
    return air_conditioner.live(machine, 33 * same, same, 25 * same, severity * same, dead * same, fault)


def heated(fault: str | None, severity: float, dead: bool = False) -> Array:
    """Three days of a water heater with showers; columns as `water_heater.live` says."""
    seconds = clock(3, water_heater.STEP_S)
    same, machine = np.ones(len(seconds)), water_heater.Machine()
    taken = np.where(seconds % (8 * HOURS) < 600, 4.0, 0.0)
    return water_heater.live(
        machine, taken, 12 * same, 20 * same, 230 * same, severity * same, dead * same, fault
    )


def washed(fault: str | None, severity: float, dead: bool = False) -> Array:
    """One programme; columns as `washing_machine.wash` says."""
    chosen = washing_machine.Wash(load_kg=5.0, wanted_c=60.0)
    return washing_machine.wash(washing_machine.Machine(), chosen, severity, dead, fault)


def running(made: Array) -> Array:
    """Rows of the later half in which the compressor turned."""
    return made[len(made) // 2 :][made[len(made) // 2 :, 5] > 0]


def minutes(made: Array, phase: int) -> float:
    """How long a programme spent in a phase."""
    return float((made[:, 5] == phase).sum() * washing_machine.STEP_S / 60)


def starts_a_day(made: Array) -> float:
    """Of the element of a water heater, in the last two days."""
    return float((np.diff((made[len(made) // 3 :, 0] > 0).astype(int)) > 0).sum() / 2)


def spinning(made: Array, column: int) -> Array:
    """One column while spinning."""
    return np.asarray(made[made[:, 5] == washing_machine.SPIN, column])


def rises(values: list[float], by: float) -> bool:
    """Whether values never fall, and by so much from the first to the last, relative to the first."""
    return bool((np.diff(values) >= -1e-6 * abs(values[0])).all() and values[-1] >= values[0] * (1 + by))


SYMPTOMS: dict[str, tuple[Callable[[float], float], int]] = {
    "refrigerant-undercharge": (lambda s: running(cooled("refrigerant-undercharge", s))[:, 4].mean(), 1),
    "filter-clog": (lambda s: running(cooled("filter-clog", s))[:, 2].mean() + 20, -1),
    "outdoor-coil-fouling": (lambda s: running(cooled("outdoor-coil-fouling", s))[:, 0].mean(), 1),
    "outdoor-fan-bearing-wear": (lambda s: running(cooled("outdoor-fan-bearing-wear", s))[:, 3].mean(), 1),
    "compressor-valve-wear": (lambda s: float((cooled("compressor-valve-wear", s)[:, 5] > 0).mean()), 1),
    "run-capacitor-degradation": (lambda s: running(cooled("run-capacitor-degradation", s))[:, 0].mean(), 1),
    "inverter-board-overheating": (
        lambda s: float(np.percentile(cooled("inverter-board-overheating", s, inverter=True)[:, 9], 90)),
        1,
    ),
    "element-scale": (lambda s: starts_a_day(heated("element-scale", s)), 1),
    "element-degradation": (lambda s: float(heated("element-degradation", s)[:, 0].max()), -1),
    "thermostat-stuck": (lambda s: float(heated("thermostat-stuck", s)[:, 1].max()), 1),
    "safety-valve-leak": (lambda s: float(heated("safety-valve-leak", s)[:, 0].mean()), 1),
    "drum-bearing-wear": (lambda s: float(spinning(washed("drum-bearing-wear", s), 0).mean()), 1),
    "drain-pump-clog": (lambda s: minutes(washed("drain-pump-clog", s), washing_machine.DRAIN), 1),
    "heater-scale": (lambda s: minutes(washed("heater-scale", s), washing_machine.HEAT), 1),
    "belt-slip": (lambda s: float(spinning(washed("belt-slip", s), 2).max()), -1),
    "inlet-valve-clog": (lambda s: minutes(washed("inlet-valve-clog", s), washing_machine.FILL), 1),
    "shock-absorber-wear": (lambda s: float(spinning(washed("shock-absorber-wear", s), 3).max()), 1),
}
LIVES: dict[str, Callable[[str | None, float], Array]] = {
    **dict.fromkeys(air_conditioner.FIXED_FAULTS, cooled),
    "inverter-board-overheating": lambda fault, s: cooled(fault, s, inverter=True),
    **dict.fromkeys(water_heater.FAULTS, heated),
    **dict.fromkeys(washing_machine.FAULTS, washed),
}


@pytest.mark.parametrize("fault", LIVES)
def test_a_fault_of_severity_0_changes_nothing_at_all(fault: str) -> None:
    """To the last bit."""
    np.testing.assert_array_equal(LIVES[fault](fault, 0.0), LIVES[fault](None, 0.0))


@pytest.mark.parametrize("fault", SYMPTOMS)
def test_a_fault_s_symptom_goes_its_textbook_way_the_further_the_worse_it_is(fault: str) -> None:
    """By at least three percent altogether, and never back."""
    symptom, way = SYMPTOMS[fault]

    values = [way * symptom(severity) for severity in (0.0, 0.35, 0.7, 1.0)]

    assert rises(values, 0.03 * way), values


@pytest.mark.parametrize("inverter", [False, True], ids=["fixed", "inverter"])
def test_an_air_conditioner_moves_two_to_seven_times_the_heat_that_it_draws(inverter: bool) -> None:
    """What the room loses over what is drawn, from the balance of a room that stays as warm as it is."""
    made = cooled(None, 0.0, inverter, days=7)[-7200:]  # a day, once the walls have settled
    machine = air_conditioner.Machine(inverter)
    # through the walls from an outside that the sun warms to 39 degC, with the air, and what the room gives off
    room = made[:, 1].mean()
    through = 1 / (1 / machine.wall_w_k + 1 / machine.outside_w_k) * (39 - room)
    moved = through + machine.airing_w_k * (33 - room) + machine.gain_w

    assert 2 < moved / made[:, 0].mean() < 7
    assert abs(room - 25) < 1.5


def test_a_water_heater_draws_what_its_water_took_and_what_it_lost() -> None:
    """Within a tenth, over three days that begin and end alike."""
    made = heated(None, 0.0)
    drawn_j = made[:, 0].sum() * water_heater.STEP_S
    litres = made[:, 2].sum() / 60 * water_heater.STEP_S
    took_j = litres * 4186 * (made[:, 1].mean() - 12)
    lost_j = 1.5 * (made[:, 1].mean() - 20) * 3 * 86_400

    assert drawn_j == pytest.approx(took_j + lost_j, rel=0.1)


def test_a_washing_machine_draws_little_more_than_its_water_warms() -> None:
    """The heater takes most of a wash at 60 degC; the drum some tens of watts."""
    made = washed(None, 0.0)
    heat = made[made[:, 5] == washing_machine.HEAT]
    litres = 11.0 + 1.1 * 5.0
    warmed_j = 4186 * litres * (heat[-1, 4] - heat[0, 4])

    assert heat[:, 0].sum() * washing_machine.STEP_S == pytest.approx(warmed_j, rel=0.25)
    assert set(np.unique(made[:, 5])) == set(range(1, 7))


@pytest.mark.parametrize("fault", ["element-scale", "element-degradation", "thermostat-stuck"])
def test_a_water_heater_that_failed_stays_cold(fault: str) -> None:
    """The element is open, or the cut-out is."""
    made = heated(fault, 1.0, dead=True)

    assert made[-1000:, 0].max() == 0
    assert made[-1, 1] < 40


def test_a_washing_machine_whose_pump_failed_does_not_spin() -> None:
    """It stops in a full tub."""
    made = washed("drain-pump-clog", 1.0, dead=True)

    assert washing_machine.SPIN not in made[:, 5]
    assert made[-1, 1] > 20


@pytest.mark.parametrize("fault", ["compressor-valve-wear", "run-capacitor-degradation"])
def test_an_air_conditioner_whose_compressor_failed_cools_no_more(fault: str) -> None:
    """It does not turn, and the room warms up."""
    made = cooled(fault, 1.0, dead=True)

    assert made[-500:, 5].max() == 0
    assert made[-1, 1] > 30


@pytest.mark.parametrize("growth", GROWTHS)
def test_a_fault_grows_from_0_at_its_onset_to_1_at_its_failure(growth: str) -> None:
    """Whatever the law; nothing before, all of it after."""
    course = Course("belt-slip", 20.0, 60.0, growth, seed=3)
    days = np.linspace(0, 100, 2_001)

    severity = course.severity(days)

    assert severity[days <= 20].max() == 0
    assert severity[days >= 60].min() == 1
    assert 0.15 < severity[(days > 20) & (days < 60)].mean() < 0.6
    np.testing.assert_array_equal(course.failed(days), days >= 60)


def test_the_weather_is_warmest_in_july_afternoons_and_the_same_by_seed() -> None:
    """A yearly wave, a daily one, and days that differ."""
    seconds = clock(365, 3600.0)

    warm = outdoor(seconds, 1, np.random.default_rng(5))

    days = warm.reshape(365, 24)
    assert days[190:220].mean() > days[0:30].mean() + 15
    assert days[:, 15].mean() > days[:, 4].mean() + 5
    np.testing.assert_array_equal(warm, outdoor(seconds, 1, np.random.default_rng(5)))
