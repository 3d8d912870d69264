"""One check suite that every predictor passes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest
from numpy.typing import NDArray

from foremend.engine.fitted import FittedModel
from foremend.engine.lane import deviation_names, deviations
from foremend.learning.cold_start import borrowed
from foremend.vocabulary.ports import LearningPredictor, Predictor
from foremend.vocabulary.profiles import load_profiles
from models import predictors
from models.predictors.faults import FaultPredictor

LENDER, BORROWER = (load_profiles()[name] for name in ("ac-35f", "ac-26f"))
LENDERS = deviation_names(LENDER)
FAULTS = LENDER.faults[:3]
DAYS = ("days_low", "days_to_failure", "days_high")


def days_until(appliance: NDArray[np.int32], seed: int) -> NDArray[np.float64]:
    """Every fault is under way in a quarter of the appliances, the others are well."""
    days = np.full((len(appliance), len(FAULTS)), np.inf)
    for fault in range(len(FAULTS)):
        ill = appliance % 4 == fault
        days[ill, fault] = np.random.default_rng(seed).uniform(1, 80, ill.sum())
    return days


def learnt() -> FaultPredictor:
    """Each fault raises a column of its own, the more the nearer the failure."""
    appliance = np.repeat(np.arange(40, dtype=np.int32), 12)
    days, features = days_until(appliance, 1), np.random.default_rng(2).normal(0, 0.5, (480, len(LENDERS)))
    for fault in range(len(FAULTS)):
        features[:, fault] += 8.0 * np.exp(-days[:, fault] / 60.0)
    predictor = FaultPredictor(FAULTS, trees=10)
    predictor.learn(deviations(LENDER), features, days, appliance)
    return predictor


def lent() -> Predictor:
    return borrowed(BORROWER, FittedModel("1", LENDERS, (), learnt())).predictor


LEARNING: tuple[Callable[[], LearningPredictor], ...] = (learnt,)
PREDICTORS: tuple[tuple[Callable[[], Predictor], tuple[str, ...]], ...] = (
    (learnt, LENDERS),
    (lent, deviation_names(BORROWER)),
)


@pytest.fixture(scope="module", params=PREDICTORS, ids=["learnt", "borrowed"])
def predictor(request: pytest.FixtureRequest) -> tuple[Predictor, int]:
    """One of each kind, and how many columns it is asked about."""
    make, names = request.param
    return make(), len(names)


def rows(columns: int, seed: int = 3) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
    """Ten rows, one of them far out, one of which nothing is known."""
    features = np.random.default_rng(seed).normal(0, 2, (10, columns))
    features[4], features[7] = 1e9, np.nan
    return np.arange(10, dtype=np.int32), np.full(10, 86_400_000, np.int64), features


def test_a_prediction_has_a_number_for_each_row_and_fault(predictor: tuple[Predictor, int]) -> None:
    """Of its own faults, with the appliances and times that it was asked about."""
    one, columns = predictor
    appliance, time, features = rows(columns)

    said = one.score(appliance, time, features)

    assert said.faults == one.faults
    assert len(one.faults) > 0
    assert np.array_equal(said.appliance, appliance)
    assert np.array_equal(said.time, time)
    assert {getattr(said, name).shape for name in ("probability", *DAYS)} == {(10, len(one.faults))}
    assert said.horizon_days > 0


def test_a_probability_is_one_and_an_interval_is_in_order(predictor: tuple[Predictor, int]) -> None:
    """Between 0 and 1; the low end, the middle and the high end of days in rising order, where they are estimated."""
    one, columns = predictor

    said = one.score(*rows(columns))
    low, middle, high = (getattr(said, name)[np.isfinite(said.days_low)] for name in DAYS)

    assert ((said.probability >= 0) & (said.probability <= 1)).all()
    assert len(low) > 0
    assert ((low >= 0) & (low <= middle) & (middle <= high)).all()


def test_a_row_of_which_nothing_is_known_is_no_fault(predictor: tuple[Predictor, int]) -> None:
    """No probability out of nothing, and no estimate of days."""
    one, columns = predictor

    said = one.score(*rows(columns))

    assert (said.probability[7] == 0).all()
    assert np.isnan(said.days_to_failure[7]).all()


def test_no_rows_are_no_answer(predictor: tuple[Predictor, int]) -> None:
    """A day on which no appliance was seen."""
    one, columns = predictor

    said = one.score(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros((0, columns)))

    assert said.probability.shape == (0, len(one.faults))


@pytest.mark.parametrize("most", [1, 3])
def test_drivers_are_columns_of_the_row(predictor: tuple[Predictor, int], most: int) -> None:
    """No more than were asked for, each once, and always the same ones."""
    one, columns = predictor
    row = rows(columns)[2][0]

    found = [one.drivers(row, fault, most) for fault in range(len(one.faults))]

    assert all(len(some) <= most and len(set(some.tolist())) == len(some) for some in found)
    assert all(0 <= column < columns for some in found for column in some)
    assert all(np.array_equal(one.drivers(row, k, most), some) for k, some in enumerate(found))


@pytest.mark.parametrize("make", LEARNING)
def test_what_is_restored_says_the_same(make: Callable[[], LearningPredictor]) -> None:
    """Through a snapshot, to the last bit."""
    one, other = make(), FaultPredictor(())
    other.restore(one.snapshot())

    before, after = one.score(*rows(len(LENDERS))), other.score(*rows(len(LENDERS)))

    assert before.faults == after.faults
    for name in ("probability", *DAYS):
        assert np.array_equal(getattr(before, name), getattr(after, name), equal_nan=True)


def test_every_bundled_predictor_is_checked_here() -> None:
    """A class of `models.predictors` that scores and names drivers is in the list above."""
    modules = [import_module(f"models.predictors.{one.name}") for one in iter_modules(predictors.__path__)]
    classes = {kind for module in modules for kind in vars(module).values() if inspect.isclass(kind)}

    bundled = {kind for kind in classes if hasattr(kind, "score") and hasattr(kind, "drivers")}

    assert bundled == {type(make()) for make in LEARNING}
