"""Remaining life: accuracy and intervals on units never seen, and no look into the future."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from foremend.vocabulary.errors import ConfigError, InputError, IntegrityError
from models.remaining_life import RemainingLife
from models.trajectories import Lives

NAMES = ("wear", "noise")


def simulated(units: int, seed: int) -> tuple[Lives, NDArray[np.float64]]:
    """Units that wear exponentially until they fail after 60 to 140 rows, in two operating conditions."""
    rng = np.random.default_rng(seed)
    unit, features, remaining = [], [], []
    for number in range(units):
        life = int(rng.integers(60, 140))
        left = np.arange(life)[::-1]
        wear = np.exp(-left / 30.0) + rng.normal(0, 0.05, life)
        unit.append(np.full(life, number))
        features.append(np.stack([wear, rng.normal(size=life)], axis=1))
        remaining.append(left)
    stacked, rows = np.concatenate(features), len(np.concatenate(unit))
    condition = rng.integers(0, 2, rows)
    stacked[:, 0] += 100.0 * condition
    lives = Lives(NAMES, np.concatenate(unit), condition, stacked)
    return lives, np.concatenate(remaining).astype(np.float64)


@pytest.fixture(scope="module")
def learnt() -> RemainingLife:
    model = RemainingLife(cap=60.0, trees=20)
    model.learn(*simulated(40, seed=1))
    return model


def test_units_never_seen_are_estimated_close_to_the_truth(learnt: RemainingLife) -> None:
    """The error is a small part of the cap, also with two operating conditions mixed."""
    lives, remaining = simulated(30, seed=2)

    estimate = learnt.score(lives)

    error = estimate.remaining - np.minimum(remaining, 60.0)
    assert np.sqrt(np.mean(error**2)) < 12.0


def test_intervals_cover_units_never_seen_about_as_often_as_they_say(learnt: RemainingLife) -> None:
    """Nine in ten hold the truth, give or take what 60 units allow."""
    lives, remaining = simulated(60, seed=3)

    estimate = learnt.score(lives)

    true = np.minimum(remaining, 60.0)
    covered = np.mean((estimate.low <= true) & (true <= estimate.high))
    assert 0.83 <= covered <= 0.97
    assert (estimate.low <= estimate.high).all()


def test_an_estimate_does_not_depend_on_later_rows(learnt: RemainingLife) -> None:
    """Cutting a life short leaves the estimates before the cut as they were: no look into the future."""
    lives, _ = simulated(3, seed=4)
    cut = np.concatenate([np.arange(s.stop - s.start) < 30 for s in lives.spans()])

    whole, part = learnt.score(lives), learnt.score(lives.take(cut))

    np.testing.assert_allclose(part.remaining, whole.remaining[cut])


def test_an_estimate_does_not_depend_on_other_units(learnt: RemainingLife) -> None:
    """A unit asked about alone gets the same answer."""
    lives, _ = simulated(3, seed=5)
    second = lives.unit == 1

    alone = learnt.score(lives.take(second))

    np.testing.assert_allclose(alone.remaining, learnt.score(lives).remaining[second])


def test_unknown_values_and_conditions_are_tolerated(learnt: RemainingLife) -> None:
    """NaN and an operating condition never learnt still give a number within 0..cap."""
    lives, _ = simulated(2, seed=6)
    lives.features[::3, 0], lives.condition[:] = np.nan, 7

    remaining = learnt.score(lives).remaining

    assert ((remaining >= 0) & (remaining <= 60.0)).all()


def test_a_snapshot_gives_the_same_estimates_without_pickle(learnt: RemainingLife) -> None:
    """Arrays alone bring the model back."""
    lives, _ = simulated(2, seed=7)
    other = RemainingLife()

    other.restore(learnt.snapshot())

    expected, estimate = learnt.score(lives), other.score(lives)
    np.testing.assert_array_equal(estimate.remaining, expected.remaining)
    np.testing.assert_array_equal(estimate.low, expected.low)


def test_another_predictors_snapshot_is_refused(learnt: RemainingLife) -> None:
    """Restoring state of another kind is an integrity error."""
    with pytest.raises(IntegrityError, match="faults"):
        RemainingLife().restore({**learnt.snapshot(), "predictor": "faults"})


def test_what_cannot_be_learnt_or_asked_is_refused(learnt: RemainingLife) -> None:
    """Too few units, other columns, rows of a unit apart and asking too early are named errors."""
    lives, remaining = simulated(3, seed=8)
    with pytest.raises(InputError, match="at least 5 units"):
        RemainingLife().learn(lives, remaining)
    with pytest.raises(InputError, match="learnt the columns"):
        learnt.score(Lives(("a", "b"), lives.unit, lives.condition, lives.features))
    with pytest.raises(InputError, match="stand together"):
        Lives(("a",), np.array([1, 2, 1]), np.zeros(3, np.int64), np.zeros((3, 1)))
    with pytest.raises(InputError, match="do not fit"):
        Lives(("a",), np.array([1, 1]), np.zeros(2, np.int64), np.zeros((3, 1)))
    with pytest.raises(ConfigError, match="call learn first"):
        RemainingLife().score(lives)
