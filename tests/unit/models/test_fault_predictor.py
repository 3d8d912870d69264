"""The fault predictor on synthetic deviations: separable faults, honest numbers, intervals that hold."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from foremend.vocabulary.features import Counterpart, Deviation, Kind
from foremend.vocabulary.types import Prediction
from models.predictors.days import COVERAGE, DaysToFailure, probability_within
from models.predictors.faults import FaultPredictor
from models.predictors.selection import dealt_folds, separating

FAULTS = ("leak", "wear")
COLUMNS = tuple(Deviation(Kind.OWN, f"f{k}") for k in range(12))


class Rows(NamedTuple):
    features: NDArray[np.float64]
    days: NDArray[np.float64]
    appliance: NDArray[np.int32]


def rows(seed: int, appliances: int = 60, each: int = 30) -> Rows:
    """Every third appliance has a leak that raises f0, the next one wear that lowers f1; noise elsewhere."""
    rng = np.random.default_rng(seed)
    appliance = np.repeat(np.arange(appliances, dtype=np.int32), each)
    ahead = np.tile(np.arange(each, 0, -1.0) * 2, appliances) * np.repeat(
        rng.uniform(0.7, 1.3, appliances), each
    )
    days = np.full((len(appliance), 2), np.inf)
    features = rng.normal(0, 0.5, (len(appliance), len(COLUMNS)))
    for fault, (column, sign) in enumerate([(0, 1.0), (1, -1.0)]):
        ill = appliance % 3 == fault
        days[ill, fault] = ahead[ill]
        features[ill, column] += sign * (4.0 - ahead[ill] / 25.0)
    return Rows(features, days, appliance)


@pytest.fixture(scope="module")
def predictor() -> FaultPredictor:
    learnt = FaultPredictor(FAULTS, trees=30)
    learnt.learn(COLUMNS, *rows(0))
    return learnt


def said(predictor: FaultPredictor, of: Rows) -> Prediction:
    return predictor.score(of.appliance, np.zeros(len(of.appliance), np.int64), of.features)


def test_appliances_never_seen_are_told_apart(predictor: FaultPredictor) -> None:
    """High where the fault is under way, low elsewhere."""
    new = rows(1)

    probability = said(predictor, new).probability

    for fault in range(2):
        ill = np.isfinite(new.days[:, fault])
        assert np.median(probability[ill, fault]) > 0.8
        assert np.quantile(probability[~ill, fault], 0.97) < 0.5


def test_the_interval_holds_about_as_often_as_promised(predictor: FaultPredictor) -> None:
    """Over appliances never seen, whose speeds differ."""
    new = rows(2, appliances=150)

    told = said(predictor, new)

    known = np.isfinite(new.days) & np.isfinite(told.days_low)
    inside = (told.days_low <= new.days) & (new.days <= told.days_high)
    assert inside[known].mean() > COVERAGE - 0.08
    assert np.all(told.days_low[known] <= told.days_to_failure[known])
    assert np.all(told.days_to_failure[known] <= told.days_high[known])


def test_nothing_known_is_no_fault(predictor: FaultPredictor) -> None:
    """An appliance in its first days gets probability 0 and no estimate."""
    unknown = Rows(np.full((3, len(COLUMNS)), np.nan), np.zeros((3, 2)), np.arange(3, dtype=np.int32))

    told = said(predictor, unknown)

    assert not told.probability.any()
    assert np.isnan(told.days_to_failure).all()


def test_the_same_seed_learns_the_same(predictor: FaultPredictor) -> None:
    """Training is reproducible."""
    again = FaultPredictor(FAULTS, trees=30)
    again.learn(COLUMNS, *rows(0))

    np.testing.assert_array_equal(said(again, rows(3)).probability, said(predictor, rows(3)).probability)


def test_a_restored_predictor_says_the_same(predictor: FaultPredictor) -> None:
    """Snapshot and restore change nothing."""
    copy = FaultPredictor(FAULTS)
    copy.restore(predictor.snapshot())

    np.testing.assert_array_equal(said(copy, rows(3)).days_high, said(predictor, rows(3)).days_high)


def test_drivers_name_what_the_fault_moves(predictor: FaultPredictor) -> None:
    """A leak is explained by f0, wear by f1."""
    new = rows(4)

    for fault in range(2):
        row = new.features[np.isfinite(new.days[:, fault])][-1]
        assert predictor.drivers(row, fault)[0] == fault


def test_faults_that_are_rarer_in_life_are_told_with_less_certainty() -> None:
    """The odds fall by the given factor; the order stays."""
    usual, rare = FaultPredictor(FAULTS, trees=30), FaultPredictor(FAULTS, trees=30, rarer=0.25)
    for one in (usual, rare):
        one.learn(COLUMNS, *rows(0))

    before, after = (said(one, rows(5)).probability for one in (usual, rare))

    assert np.all(after <= before)
    middle = (before > 0.3) & (before < 0.7)
    np.testing.assert_allclose(
        after[middle] / (1 - after[middle]), 0.25 * before[middle] / (1 - before[middle]), rtol=0.2
    )


def test_probabilities_grow_with_the_time_they_cover(predictor: FaultPredictor) -> None:
    """Within 7, 30 and 60 days, and at the horizon what was predicted."""
    told = said(predictor, rows(6))

    within = [probability_within(told, days) for days in (7, 30, 60, told.horizon_days)]

    for sooner, later in pairwise(within):
        assert np.all(sooner <= later + 1e-12)
    np.testing.assert_allclose(within[-1], told.probability)


def test_beyond_the_horizon_nothing_is_said(predictor: FaultPredictor) -> None:
    """The model knows nothing of it."""
    with pytest.raises(ValueError, match="from 0 to 90"):
        probability_within(said(predictor, rows(6, appliances=3)), 120)


def test_too_few_failures_teach_no_days() -> None:
    """No estimate is better than an invented one."""
    days = DaysToFailure()
    days.learn(np.zeros((20, 3)), np.ones(20), np.arange(20), np.zeros(20))

    assert np.isnan(days.estimate(np.zeros((2, 3)))).all()


def test_a_slow_fault_counts_by_its_days_and_not_by_its_rows() -> None:
    """Of ten days and of ninety, ten rows each were learnt from: half of all days have 41 or more left."""
    fast, slow = np.arange(1.0, 11.0), np.arange(5.0, 95.0, 9.0)
    due = np.concatenate([fast if appliance % 2 else slow for appliance in range(80)])
    appliance = np.repeat(np.arange(80), 10)
    days = DaysToFailure()

    days.learn(np.zeros((len(due), 2)), due, appliance, np.zeros(len(due)))

    low, middle, high = days.estimate(np.zeros((1, 2)))[:, 0]
    lived = np.concatenate([np.arange(1, 11), np.arange(1, 91)])
    assert middle == pytest.approx(41, abs=5)
    assert np.mean((low <= lived) & (lived <= high)) == pytest.approx(COVERAGE, abs=0.08)


def test_columns_are_chosen_that_separate_every_ill_appliance() -> None:
    """The column that a fault moves is chosen, not the habit of one ill appliance."""
    of = rows(7)
    of.features[of.appliance == 0, 11] += 50.0
    due = np.isfinite(of.days).astype(np.int8)

    chosen = separating(of.features, due, of.appliance, 1)

    assert chosen.tolist() == [0, 1]


def test_every_fold_has_ill_appliances_of_every_fault() -> None:
    """Also when every third appliance has the same fault; and no appliance is in two folds."""
    of = rows(8)
    due = np.isfinite(of.days).astype(np.int8)

    fold = dealt_folds(due, of.appliance, 5, seed=0)

    for number in range(5):
        assert due[fold == number].any(axis=0).all()
    assert all(len(np.unique(fold[of.appliance == one])) == 1 for one in range(60))


def test_names_must_match_the_columns() -> None:
    """A mix-up is told, not learnt."""
    with pytest.raises(ValueError, match="12 columns of features, but 2 deviations"):
        FaultPredictor(FAULTS).learn(COLUMNS[:2], *rows(0))


def test_a_fault_learnt_in_one_state_is_known_in_one_that_is_alike() -> None:
    """All leaks were learnt while cooling, where they raise the temperature; heating, they lower it."""
    learnt, new = rows(0), rows(1)
    columns = (Deviation(Kind.OWN, "cooling"), *COLUMNS[1:], Deviation(Kind.OWN, "heating"))
    unseen = np.full(len(learnt.features), np.nan)
    well = np.where(learnt.appliance % 3 == 2, learnt.features[:, 5], np.nan)
    predictor = FaultPredictor(FAULTS, trees=30, alike={"heating": Counterpart("cooling", -1)})
    predictor.learn(columns, np.column_stack([learnt.features, well]), learnt.days, learnt.appliance)
    cooling, rest = new.features[:, 0], new.features[:, 1:]

    heating = said(predictor, new._replace(features=np.column_stack([unseen, rest, -cooling])))

    ill = np.isfinite(new.days[:, 0])
    assert np.median(heating.probability[ill, 0]) > 0.8
    assert np.quantile(heating.probability[~ill, 0], 0.97) < 0.5


def test_a_fault_nobody_had_is_never_told() -> None:
    """Nothing was learnt of it, so nothing is said."""
    learnt = rows(0)
    days = np.column_stack([learnt.days, np.full(len(learnt.days), np.inf)])
    predictor = FaultPredictor((*FAULTS, "unheard-of"), trees=30)
    predictor.learn(COLUMNS, learnt.features, days, learnt.appliance)

    assert said(predictor, rows(1)).probability[:, 2].max() == 0
