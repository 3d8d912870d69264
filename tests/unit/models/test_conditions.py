"""A machine that works harder because more is asked of it is not ill."""

import numpy as np

from foremend.vocabulary.features import Condition, Daily, Feature, Kind, Role, Statistic
from models.usual.conditions import Conditions
from models.usual.features import DailyFeatures

OUTSIDE = Feature("outside", "outdoor", Statistic.ON_MEAN, unit="degC", scale=1.0, role=Role.WEATHER)
HOT_GAS = Feature("hot gas", "discharge", Statistic.ON_MEAN, unit="degC", scale=1.0)
RUNNING = Daily((OUTSIDE, HOT_GAS), (Condition(OUTSIDE, 20.0, 10.0),))


def lived(days: int, outdoor: np.ndarray, fault: np.ndarray | None = None, fleet: int = 10) -> np.ndarray:
    """The last day's (fleet, 3) deviations of discharge, which follows outdoor in regions of different weather."""
    features, rows = DailyFeatures(RUNNING), np.arange(fleet, dtype=np.int32)
    for day in range(days):
        weather = outdoor[day] + rows * 1.5
        discharge = 50 + 0.8 * weather + rows + (0 if fault is None else fault[day])
        last = features.update(rows, day, np.column_stack([weather, discharge]))
    return last[:, :3]


def test_heat_explains_a_hot_compressor() -> None:
    """A heat wave after mild weeks moves the discharge temperature, and its deviation by a quarter of that at most."""
    outdoor = 15 + 5 * np.sin(np.arange(60) / 3)
    outdoor[-4:] += 8

    last = lived(60, outdoor)

    assert np.abs(last[:, 0]).max() < 1.6


def test_a_fault_shows_through_the_weather() -> None:
    """Five kelvin more than the weather explains stay visible, against the own usual and against siblings."""
    outdoor = 15 + 5 * np.sin(np.arange(60) / 3)
    fault = np.zeros((60, 10))
    fault[-10:, 3] = 5.0

    last = lived(60, outdoor, fault)

    assert last[3, 0] > 3.5
    assert last[3, 1] > 3.5
    assert np.abs(np.delete(last[:, 1], 3)).max() < 1.0


def test_the_fleet_teaches_a_machine_that_has_no_siblings() -> None:
    """Alone, it is compared with its own past under the same conditions."""
    outdoor = 15 + 5 * np.sin(np.arange(60) / 3)
    fault = np.zeros((60, 1))
    fault[-10:] = 5.0

    last = lived(60, outdoor, fault, fleet=1)

    assert last[0, 0] > 2.5


def test_a_day_at_rest_says_nothing() -> None:
    """A machine that did not run keeps what was known of it."""
    features, rows = DailyFeatures(RUNNING), np.arange(6, dtype=np.int32)
    for day in range(30):
        before = features.update(rows, day, np.tile([15.0, 60.0], (6, 1)))

    after = features.update(rows, 30, np.full((6, 2), np.nan))

    np.testing.assert_allclose(after, before, rtol=1e-6)


def visits(state: str) -> Feature:
    return Feature(f"{state}_visits", None, Statistic.VISITS, state)


def hot_gas(state: str | None = None, statistic: Statistic = Statistic.MEAN) -> Feature:
    return Feature(f"{state}_{statistic}_gas", "discharge", statistic, state, "degC", 1.0)


OUTSIDE_COOLING = Feature("cooling outside", "outdoor", state="cooling", scale=1.0, role=Role.WEATHER)
IN_STATES = Daily(
    (
        Feature("duty", statistic=Statistic.DUTY, scale=1.0),
        hot_gas(),
        hot_gas(statistic=Statistic.COVERAGE),
        visits("cooling"),
        OUTSIDE_COOLING,
        hot_gas("cooling"),
        visits("heating"),
        hot_gas("heating"),
    ),
    states={"cooling": (Condition(OUTSIDE_COOLING, 20.0, 10.0),)},
)
COOLING_GAS = f"siblings.{hot_gas('cooling').name}"


def lived_in_states(fault: float) -> np.ndarray:
    """The last day's deviations of eight machines that cool in changing weather; one is ill for the last ten days."""
    features, rows = DailyFeatures(IN_STATES), np.arange(8, dtype=np.int32)
    for day in range(60):
        weather = 25 + 5 * np.sin(day / 3) + rows * 1.5
        ill = fault * (rows == 3) * (day >= 50)
        discharge = 50 + 0.8 * weather + rows + ill
        unseen = np.full(8, np.nan)
        columns = [rows * 0.0, discharge + day, rows + 1.0, rows + 2.0, weather, discharge, unseen, unseen]
        last = features.update(rows, day, np.column_stack(columns))
    return last[:, features.names.index(COOLING_GAS)]


def test_a_state_is_explained_by_the_weather_while_in_it() -> None:
    """A hot day of cooling is no fault, three kelvin more than it explains are one."""
    healthy, ill = lived_in_states(0.0), lived_in_states(3.0)

    assert np.abs(healthy).max() < 1.0
    assert ill[3] > 2.0
    assert np.abs(np.delete(ill, 3)).max() < 1.2


def test_where_states_are_named_whole_days_of_gauges_are_not_compared() -> None:
    """How a day was shared between states differs from day to day, and is no fault; what is no gauge stays."""
    left_out = {hot_gas().name, hot_gas(statistic=Statistic.COVERAGE).name, OUTSIDE_COOLING.name}

    compared = {one.of for one in DailyFeatures(IN_STATES).columns if one.kind is not Kind.SHAPE}

    assert compared == {one.name for one in IN_STATES.features} - left_out


def test_individuality_is_not_taken_for_weather() -> None:
    """Machines in warmer regions have faster fans by chance: that teaches nothing of what warmth does to a fan."""
    features, rows, luck = DailyFeatures(IN_STATES), np.arange(8, dtype=np.int32), np.random.default_rng(5)
    for day in range(60):
        weather = 25 + rows * 1.5 + luck.normal(0, 4, 8)
        fan = 50 + 3.0 * rows
        unseen = np.full(8, np.nan)
        columns = [rows * 0.0, fan, rows + 1.0, rows + 2.0, weather, fan, unseen, unseen]
        last = features.update(rows, day, np.column_stack(columns))

    assert np.abs(last[:, features.names.index(COOLING_GAS)]).max() < 0.01


def test_a_holiday_is_no_fault_of_a_refrigerator() -> None:
    """With nobody to open the door a compressor does less: the fleet's doors explain that, all else is a fault."""
    opened = Feature("opened", "door", Statistic.RISE, role=Role.IMPOSED)
    kitchen = Feature("kitchen", "ambient", state="cooling", scale=1.0, role=Role.WEATHER)
    power = Feature("power", "power", state="cooling", unit="W")
    explain = (Condition(kitchen, 20.0, 10.0), Condition(opened, 20.0, 20.0))
    daily = Daily((opened, visits("cooling"), kitchen, power), (explain[1],), {"cooling": explain})
    features, rows, luck = DailyFeatures(daily), np.arange(12, dtype=np.int32), np.random.default_rng(3)
    for day in range(60):
        doors = luck.integers(10, 40, 12) * 1.0
        doors[0] *= day < 50  # away
        draws = np.exp(4.5 + 0.01 * doors + 0.1 * rows + 0.4 * ((rows == 1) & (day >= 50)))
        last = features.update(rows, day, np.column_stack([doors, rows * 0 + 20.0, rows + 20.0, draws]))

    deviation = last[:, features.names.index("siblings.power")]
    assert abs(deviation[0]) < 0.05
    assert deviation[1] > 0.15


def test_an_appliance_without_a_sensor_of_its_conditions_is_judged_without() -> None:
    """One that sends its outdoor temperature and ran at none did not run; one that never sends it may have."""
    outside = Feature("outdoor_on_mean", "outdoor", Statistic.ON_MEAN, unit="degC", scale=1.0)
    heard = Feature("outdoor_coverage", "outdoor", Statistic.COVERAGE)
    power = Feature("power_mean", "power")
    daily = Daily((outside, heard, power), day=(Condition(outside, typical=20.0, spread=10.0),))

    news = Conditions(daily, [power]).news(
        np.array([[30.0, 1.0, 90.0], [np.nan, 1.0, 2.0], [np.nan, np.nan, 90.0]])
    )

    assert news.tolist() == [True, False, True]
