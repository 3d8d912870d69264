"""A machine that works harder because more is asked of it is not ill."""

import numpy as np

from models.usual.features import DailyFeatures

NAMES = ("outdoor_temp_on_mean", "discharge_temp_on_mean")


def lived(days: int, outdoor: np.ndarray, fault: np.ndarray | None = None, fleet: int = 10) -> np.ndarray:
    """The last day's (fleet, 3) deviations of discharge, which follows outdoor in regions of different weather."""
    features, rows = DailyFeatures(NAMES), np.arange(fleet, dtype=np.int32)
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
    features, rows = DailyFeatures(NAMES), np.arange(6, dtype=np.int32)
    for day in range(30):
        before = features.update(rows, day, np.tile([15.0, 60.0], (6, 1)))

    after = features.update(rows, 30, np.full((6, 2), np.nan))

    np.testing.assert_allclose(after, before, rtol=1e-6)


STATE_NAMES = (
    "duty",
    "discharge_temp_mean",
    "discharge_temp_coverage",
    "cooling_visits",
    "cooling_outdoor_temp",
    "cooling_discharge_temp",
    "heating_visits",
    "heating_discharge_temp",
)


def lived_in_states(fault: float) -> np.ndarray:
    """The last day's deviations of eight machines that cool in changing weather; one is ill for the last ten days."""
    features, rows = DailyFeatures(STATE_NAMES), np.arange(8, dtype=np.int32)
    for day in range(60):
        weather = 25 + 5 * np.sin(day / 3) + rows * 1.5
        ill = fault * (rows == 3) * (day >= 50)
        discharge = 50 + 0.8 * weather + rows + ill
        unseen = np.full(8, np.nan)
        columns = [rows * 0.0, discharge + day, rows + 1.0, rows + 2.0, weather, discharge, unseen, unseen]
        last = features.update(rows, day, np.column_stack(columns))
    return last[:, features.names.index("siblings.cooling_discharge_temp")]


def test_a_state_is_explained_by_the_weather_while_in_it() -> None:
    """A hot day of cooling is no fault, three kelvin more than it explains are one."""
    healthy, ill = lived_in_states(0.0), lived_in_states(3.0)

    assert np.abs(healthy).max() < 1.0
    assert ill[3] > 2.0
    assert np.abs(np.delete(ill, 3)).max() < 1.2


def test_where_states_are_named_whole_days_of_gauges_are_not_compared() -> None:
    """How a day was shared between states differs from day to day, and is no fault; what is no gauge stays."""
    names = {name.partition(".")[2] for name in DailyFeatures(STATE_NAMES).names if "shape" not in name}
    weather = "cooling_outdoor_temp"

    assert names == {*STATE_NAMES} - {"discharge_temp_mean", "discharge_temp_coverage", weather}


def test_individuality_is_not_taken_for_weather() -> None:
    """Machines in warmer regions have faster fans by chance: that teaches nothing of what warmth does to a fan."""
    features, rows, luck = DailyFeatures(STATE_NAMES), np.arange(8, dtype=np.int32), np.random.default_rng(5)
    for day in range(60):
        weather = 25 + rows * 1.5 + luck.normal(0, 4, 8)
        fan = 50 + 3.0 * rows
        unseen = np.full(8, np.nan)
        columns = [rows * 0.0, fan, rows + 1.0, rows + 2.0, weather, fan, unseen, unseen]
        last = features.update(rows, day, np.column_stack(columns))

    assert np.abs(last[:, features.names.index("siblings.cooling_discharge_temp")]).max() < 0.01


def test_a_holiday_is_no_fault_of_a_refrigerator() -> None:
    """With nobody to open the door a compressor does less: the fleet's doors explain that, all else is a fault."""
    names = ("door_openings", "cooling_visits", "cooling_ambient_temp", "cooling_power")
    features, rows, luck = DailyFeatures(names), np.arange(12, dtype=np.int32), np.random.default_rng(3)
    for day in range(60):
        doors = luck.integers(10, 40, 12) * 1.0
        doors[0] *= day < 50  # away
        power = np.exp(4.5 + 0.01 * doors + 0.1 * rows + 0.4 * ((rows == 1) & (day >= 50)))
        last = features.update(rows, day, np.column_stack([doors, rows * 0 + 20.0, rows + 20.0, power]))

    deviation = last[:, features.names.index("siblings.cooling_power")]
    assert abs(deviation[0]) < 0.05
    assert deviation[1] > 0.15
