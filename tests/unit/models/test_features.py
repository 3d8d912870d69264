"""Daily features see change, not weather and not individuality."""

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.features import Condition, Daily, Feature, Role, Statistic
from models.usual.features import DailyFeatures
from models.usual.spread import LEAST_SPREAD

N, DAYS = 12, 40
ROWS = np.arange(N, dtype=np.int32)
EVAPORATOR = Feature("evaporator_mean", "evaporator", unit="degC", scale=1.0)
DUTY = Feature("duty", statistic=Statistic.DUTY, scale=1.0)


def weather(statistic: Statistic) -> Feature:
    return Feature(f"outside_{statistic}", "outside", statistic, unit="degC", scale=1.0, role=Role.WEATHER)


def run(
    levels: NDArray[np.float64], rows: NDArray[np.int32] = ROWS
) -> tuple[DailyFeatures, NDArray[np.float64]]:
    """Feed `levels` (days, appliances) of one feature; return the last day's (appliances, 5) columns."""
    features = DailyFeatures(Daily((EVAPORATOR,)))
    for day, level in enumerate(levels):
        last = features.update(rows, day, level[:, None])
    return features, last


def test_weather_that_all_siblings_feel_is_no_deviation_from_siblings() -> None:
    """A heat wave moves the own usual but not the comparison with siblings."""
    levels = np.full((DAYS, N), 4.0) + np.arange(N)
    levels[-5:] += 6

    _, last = run(levels)

    assert np.all(last[:, 0] > 3)
    np.testing.assert_allclose(last[:, 1], 0, atol=1e-4)


def test_a_lasting_individual_difference_is_no_deviation() -> None:
    """An appliance that always ran warmer than its siblings is itself, not faulty."""
    levels = np.full((DAYS, N), 4.0)
    levels[:, 3] += 5

    _, last = run(levels)

    np.testing.assert_allclose(last[3, :3], 0, atol=1e-3)


def test_an_appliance_that_drifts_stands_out_with_a_trend() -> None:
    """A slow drift of one appliance shows in its own, sibling and trend deviations, and in nobody else's."""
    levels = np.full((DAYS, N), 4.0)
    levels[20:, 3] += np.linspace(0, 4, DAYS - 20)

    _, last = run(levels)

    assert np.all(last[3, :3] > 0.5)
    np.testing.assert_allclose(np.delete(last, 3, axis=0)[:, 1], 0, atol=1e-4)


def test_nothing_is_said_before_the_own_usual_is_known() -> None:
    """The first ten days give no deviation, and so no finding."""
    _, last = run(np.random.default_rng(0).normal(size=(10, N)))

    assert np.isnan(last).all()


def test_a_day_without_the_feature_changes_nothing() -> None:
    """A gap leaves the state as it was."""
    levels = np.full((DAYS, N), 4.0)
    levels[30, 2] = np.nan

    _, last = run(levels)

    np.testing.assert_allclose(last[2, :3], 0, atol=1e-4)


def test_a_straggler_is_compared_with_the_siblings_of_its_day() -> None:
    """An appliance that reports a day late meets that day's median, not its own lonely one."""
    features, _ = run(np.full((DAYS, N), 4.0))
    features.update(ROWS[1:], DAYS, np.full((N - 1, 1), 10.0))
    features.update(ROWS[1:], DAYS + 1, np.full((N - 1, 1), 4.0))

    late = features.update(ROWS[:1], DAYS, np.full((1, 1), 10.0))

    np.testing.assert_allclose(late[0, 1], 0, atol=1e-4)


def test_a_restored_copy_goes_on_as_the_original() -> None:
    """Snapshot and restore change nothing."""
    levels = np.random.default_rng(1).normal(4, 1, size=(DAYS, N))
    original, _ = run(levels)
    copy = DailyFeatures(Daily((EVAPORATOR,)))
    copy.restore(original.snapshot())

    expected = original.update(ROWS, DAYS, levels[0][:, None])

    np.testing.assert_array_equal(copy.update(ROWS, DAYS, levels[0][:, None]), expected)


def test_evidence_speaks_in_plain_units() -> None:
    """A technician reads the value, the own usual and the siblings' median."""
    levels = np.full((DAYS, N), 4.0)
    levels[-1, 3] = 9.0
    features, _ = run(levels)

    (evidence,) = features.evidence(3, [1])

    assert evidence.feature == "evaporator_mean"
    assert (evidence.value, evidence.siblings, evidence.unit) == (9.0, 4.0, "degC")
    assert evidence.usual is not None
    assert abs(evidence.usual - 4.0) < 0.1


def test_a_value_that_is_seldom_seen_is_known_as_well_as_one_seen_every_day() -> None:
    """A state that is visited every fifth day (cooling in spring) has its own usual, though others are seen daily."""
    features, luck = DailyFeatures(Daily((DUTY, Feature("voltage", "voltage")))), np.random.default_rng(2)
    for day in range(120):
        voltage = 230 + ROWS + luck.normal(size=N)
        seen = np.where(day % 5 == 0, voltage, np.nan)
        last = features.update(ROWS, day, np.column_stack([luck.uniform(0.3, 0.4, N), seen]))

    spread = 1 / 230  # of a day, as a log ratio
    assert np.abs(last[:, features.names.index("siblings.voltage")]).max() < 3 * spread


def test_what_was_not_seen_for_three_weeks_is_forgotten() -> None:
    """A fault that cooling showed in August says nothing in November."""
    levels = np.full((60, N), 4.0)
    levels[30:35, 3] += 5
    levels[35:, 3] = np.nan

    _, last = run(levels[:54])
    assert last[3, 1] > 3
    _, last = run(levels)
    assert np.isnan(last[3, :3]).all()


def test_what_comes_and_goes_is_unsteady_and_what_stays_is_not() -> None:
    """Two faults of one size: one is there on every other day, one always."""
    levels = np.random.default_rng(3).normal(4, 0.1, size=(60, N))
    levels[30:, 3] += 5
    levels[30::2, 5] += 5

    features, last = run(levels)
    unsteady = last[:, features.names.index("shape.unsteady")]

    assert unsteady[3] < 0.1
    assert unsteady[5] > 0.4
    assert np.isnan(np.delete(unsteady, [3, 5])).sum() >= N - 4


def test_a_fault_that_just_began_grows() -> None:
    """Three days old it is far above its slow average, two months old it is not."""
    levels = np.random.default_rng(4).normal(4, 0.1, size=(90, N))
    levels[30:, 3] += 5
    levels[87:, 5] += 5

    features, last = run(levels)
    growth = last[:, features.names.index("shape.growth")]

    assert growth[5] > 0.5
    assert abs(growth[3]) < 0.1


def test_the_weather_itself_is_no_symptom() -> None:
    """It explains other features, and none of its own is compared."""
    outside = weather(Statistic.MEAN), weather(Statistic.MAX)

    columns = DailyFeatures(Daily((DUTY, *outside, EVAPORATOR))).columns

    assert {one.of for one in columns} == {"duty", "evaporator_mean", "unsteady", "growth"}


def test_a_repair_is_no_trend() -> None:
    """Back at its usual for three weeks, an appliance neither grows nor shrinks, however ill it was before."""
    levels = np.full((DAYS, N), 4.0)
    levels[15:20, 3] += 8

    _, last = run(levels[:32])

    np.testing.assert_allclose(last[3, 1:3], 0, atol=0.3)


def test_speeds_are_compared_no_more_finely_than_a_tacho_tells() -> None:
    """Three rpm more than usual are within the least spread that is told apart; the evidence is in rpm."""
    features = DailyFeatures(Daily((Feature("missing", "fan", unit="rpm", scale=5_000.0, minus="target"),)))
    for day in range(DAYS):
        last = features.update(ROWS, day, np.full((N, 1), 6.0) + 3.0 * (ROWS[:, None] == 3) * (day > 25))

    (evidence,) = features.evidence(3, [1])

    assert 0 < last[3, 1] < LEAST_SPREAD
    assert (evidence.value, evidence.siblings) == (9.0, 6.0)


def test_a_fault_that_is_over_is_not_taken_for_a_milder_one() -> None:
    """Two days after the repair nothing of an average that was far off is left; one good day between says nothing."""
    levels = np.full((DAYS, N), 4.0)
    levels[15:25, 3] += 8
    levels[20, 3] = 4.0

    _, ill = run(levels[:21])
    _, repaired = run(levels[:27])

    assert ill[3, 1] > 3
    np.testing.assert_allclose(repaired[3, :2], 0, atol=0.3)


def test_a_day_without_use_tells_nothing_new() -> None:
    """An air conditioner that stood still knows no conditions of running; a refrigerator's kitchen is always there."""
    running, always = weather(Statistic.ON_MEAN), weather(Statistic.MEAN)
    cooler = DailyFeatures(Daily((DUTY, running), (Condition(running, 20, 10),)))
    fridge = DailyFeatures(Daily((DUTY, always), (Condition(always, 20, 10),)))
    days = np.array([[0.0, np.nan], [0.4, np.nan], [0.4, 30.0], [0.0, 21.0]])

    assert cooler.news(days[:3]).tolist() == [False, True, True]
    assert fridge.news(days[3:]).tolist() == [True]
