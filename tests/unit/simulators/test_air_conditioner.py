"""The air conditioner's physics keeps its energy account and the orders of magnitude that are published."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from simulators.air_conditioner.appliance import FixedSpeedAirConditioner, InverterAirConditioner
from simulators.air_conditioner.cycle import compress, saturation_pressure, vapour_density
from simulators.air_conditioner.parts import fan_speed, stalls, supplied_voltage, thermistor
from simulators.air_conditioner.types import COOL, DEFROST, HEAT, OFF, AirConditionerState, Parameters
from simulators.base import Floats, Span
from simulators.figures.behaviour import measure, running
from simulators.figures.twins import Setting, faulty, healthy

SUMMER = Setting(count=20, days=4)
WINTER = Setting(count=20, days=4, start=date(2026, 1, 12))


@pytest.mark.parametrize(
    ("temperature", "bar", "density"), [(0.0, 7.98, 30.6), (10.0, 10.85, 41.9), (20.0, 14.4, 56.5)]
)
def test_refrigerant_follows_its_tables(temperature: float, bar: float, density: float) -> None:
    """Pressure and vapour density of R410A within 3 % of Lemmon's tables."""
    assert saturation_pressure(temperature) == pytest.approx(bar, rel=0.03)
    assert vapour_density(temperature) == pytest.approx(density, rel=0.03)


@pytest.mark.parametrize("appliance_model", ["ac-26f", "ac-35f", "ac-35i", "ac-72i"])
def test_rated_point_has_a_sane_efficiency(appliance_model: str) -> None:
    """At the rated temperatures the cycle reaches its capacity with a COP of 2.5 to 4.5 (ISO 5151 T1 test reports)."""
    physics = FixedSpeedAirConditioner() if appliance_model.endswith("f") else InverterAirConditioner()
    values = physics.rated[appliance_model]

    heat, work, gas = compress(11.0, 48.0, 1.0, 0.0, values["swept"], values["efficiency"])

    assert heat == pytest.approx(100 * int(appliance_model[3:5]))
    assert 2.5 < heat / work < 4.5
    assert 65.0 < gas < 95.0


def test_a_fifth_less_charge_costs_capacity_and_overheats() -> None:
    """At 80 % charge: 5 to 25 % less heat, a coil further below the room, hotter gas (Kim and Braun 2012)."""
    physics = FixedSpeedAirConditioner()
    full = _alone(physics, window=60.0, cool_set=18.0)
    states = []

    for parameters in (full, full._replace(charge=0.8 * full.charge)):
        state = _cooling(physics, parameters)
        physics.run(parameters, state, _still(hours=1), np.random.default_rng(0))
        states.append(state)

    usual, low = states
    assert np.all((low.moved / usual.moved > 0.75) & (low.moved / usual.moved < 0.95))
    assert np.all(low.room - low.indoor_coil > usual.room - usual.indoor_coil + 1.0)
    assert np.all(low.discharge > usual.discharge + 3.0)


def test_rooms_heat_balance_closes() -> None:
    """What the coil takes out, the room loses: with the walls cut off, J for J within 2 %."""
    physics = FixedSpeedAirConditioner()
    parameters = _alone(physics, room_mass=5e6)
    state = _cooling(physics, parameters)
    before = state.room.copy()

    physics.run(parameters, state, _still(hours=1), np.random.default_rng(0))

    sensible = (before - state.room) * parameters.room_mass
    fan = parameters.indoor_fan_watts * 3_600.0
    assert np.all(sensible < state.moved)
    assert np.all(sensible > 0.58 * state.moved - fan)  # at most 40 % of it is condensation


@pytest.mark.parametrize("appliance_model", ["ac-26f", "ac-35f", "ac-35i", "ac-72i"])
def test_summer_days_look_like_summer_days(appliance_model: str) -> None:
    """Cooling homes stay within 3 K of their set point, run 10 to 60 % of the time and start 0.3 to 4 times an hour."""
    signals = healthy(appliance_model, SUMMER)
    on = running("air-conditioner", signals)

    duty = measure("air-conditioner", "duty", signals, 60)
    starts = measure("air-conditioner", "starts_per_day", signals, 60) / 24.0
    gap = np.abs(signals["room_temp"] - signals["set_point"])[on]

    assert 0.1 < duty < 0.6
    assert 0.1 < starts < 4.0
    assert np.median(gap) < 1.5
    assert np.median(signals["outdoor_coil_temp"][on]) > np.median(signals["outdoor_temp"][on])
    assert 3.0 < np.median(signals["indoor_coil_temp"][on]) < 18.0


@pytest.mark.parametrize("appliance_model", ["ac-26f", "ac-35f", "ac-35i", "ac-72i"])
def test_seasonal_efficiency_is_sane(appliance_model: str) -> None:
    """Heat moved over electricity used lies between 2.5 and 5.5 over summer days (SEER labels: 3 to 6)."""
    physics = FixedSpeedAirConditioner() if appliance_model.endswith("f") else InverterAirConditioner()
    parameters = _alone(physics, appliance_model, window=60.0, cool_set=25.0)
    state = _cooling(physics, parameters)
    state.moved[:] = state.used[:] = 0.0

    physics.run(parameters, state, _still(hours=4), np.random.default_rng(0))

    assert np.all((state.moved / state.used > 2.5) & (state.moved / state.used < 5.5))


def test_heating_frosts_and_defrosts() -> None:
    """In winter the coils change roles, the outdoor one frosts and is defrosted now and then."""
    signals = healthy("ac-35i", WINTER)
    heating = (signals["mode"] == HEAT) & (signals["power"] > 100.0)
    defrosting = signals["mode"] == DEFROST

    assert np.median(signals["indoor_coil_temp"][heating]) > 28.0
    assert np.median(signals["outdoor_coil_temp"][heating]) < np.median(signals["outdoor_temp"][heating])
    assert 0.0 < defrosting.sum() / heating.sum() < 0.1


def test_sensor_drift_outdoors_delays_the_defrost() -> None:
    """A coil sensor that reads too warm sees less frost than there is: fewer defrosts."""
    usual = healthy("ac-35i", WINTER)

    drifted = faulty("ac-35i", "outdoor-coil-sensor-drift", lambda _day: 1.0, WINTER)

    assert (drifted["mode"] == DEFROST).sum() < (usual["mode"] == DEFROST).sum()


def test_unit_at_rest_reports_every_ten_minutes() -> None:
    """A unit that is off sends six readings an hour, a running one sixty."""
    mode = healthy("ac-26f", SUMMER)["mode"]

    off = np.nan_to_num(mode, nan=OFF) == OFF

    assert np.isnan(mode[off]).mean() == pytest.approx(0.9, abs=0.01)
    assert not np.isnan(mode[~off]).any()


def test_leak_makes_a_thermistor_read_warm_most_of_all_in_the_cold() -> None:
    """A leakage path lowers the resistance, and weighs more where that is high."""
    assert thermistor(25.0, 0.0) == 25.0
    assert thermistor(0.0, 1e-5) - 0.0 > thermistor(25.0, 1e-5) - 25.0 > 0.5


def test_friction_slows_a_fan_until_it_stalls() -> None:
    """Bearing torque takes speed, and beyond the motor's torque all of it."""
    speeds = [fan_speed(1.0, 1.0, friction) for friction in (0.05, 0.8, 1.6, 4.0)]

    assert speeds[0] == pytest.approx(1.0)
    assert speeds == sorted(speeds, reverse=True)
    assert speeds[-1] == 0.0


def test_clogged_filter_unloads_the_fan() -> None:
    """With less air to move, the same motor turns faster."""
    assert fan_speed(1.0, 0.5, 0.05) > fan_speed(1.0, 1.0, 0.05)


@pytest.mark.parametrize("appliance_model", ["ac-26f", "ac-35i"])
def test_a_well_fan_turns_as_its_controller_asks(appliance_model: str) -> None:
    """At any stage, but for the tolerance of its motor; with worn bearings it does not."""
    well = healthy(appliance_model, SUMMER)
    worn = faulty(appliance_model, "indoor-fan-motor-wear", lambda day: 0.5, SUMMER)

    for target in (812.5, 1_025.0, 1_250.0):
        there = np.isclose(well["indoor_fan_target"], target, atol=10.0)
        assert np.abs(well["indoor_fan_speed"][there] / target - 1).max() < 0.12
        there = np.isclose(worn["indoor_fan_target"], target, atol=10.0)
        assert np.median(worn["indoor_fan_speed"][there] / target) < 0.9


def test_weak_capacitor_stalls_on_a_hot_day_first() -> None:
    """The start needs more torque against a higher pressure difference."""
    assert not stalls(0.5, 0.0, 228.0, 24.0, 28.0)
    assert stalls(0.5, 0.0, 228.0, 10.0, 60.0)


def test_bad_joint_drops_voltage_by_ohms_law() -> None:
    """1,000 W over 2 ohm from 230 V leaves the voltage that takes 1,000 W."""
    volts = supplied_voltage(230.0, 1_000.0, 1.0, 2.0)

    assert volts == pytest.approx(230.0 - 2.0 * 1_000.0 / volts)


def _alone(
    physics: FixedSpeedAirConditioner | InverterAirConditioner,
    appliance_model: str = "ac-26f",
    **changes: float,
) -> Parameters:
    """Four nominal units that cool a room without walls or windows, unless `changes` say otherwise."""
    drawn = physics.draw(np.random.default_rng(1), 4, appliance_model)
    values = {"wall": 0.0, "window": 0.0, "cool_set": 22.0, "tolerance": 0.5, "fan_stage": 3.0} | changes
    return drawn._replace(**{name: np.full(4, value) for name, value in values.items()})


def _cooling(
    physics: FixedSpeedAirConditioner | InverterAirConditioner, parameters: Parameters
) -> AirConditionerState:
    state = physics.begin(np.random.default_rng(1), parameters)
    state.room[:] = state.wall[:] = 29.0
    state.mode[:] = COOL
    return state


def _still(hours: int) -> Span:
    """Four homes at 32 degC outdoors, somebody at home, nobody giving off heat."""

    def hourly(value: float, columns: int) -> Floats:
        return np.full((4, columns), value)

    return Span(
        start=0,
        hours=hours,
        outdoor=hourly(32.0, hours + 1),
        indoor=hourly(29.0, hours + 1),
        humidity=hourly(0.6, hours + 1),
        voltage=hourly(230.0, hours + 1),
        presence=hourly(1.0, hours),
        activity=hourly(0.3, hours),
        people=np.zeros(4),
        mains_water=np.full(4, 15.0),
    )
