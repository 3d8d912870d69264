"""Raw scores become probabilities that hold, fault by fault, and one fault explains another away."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.predictors.odds import Odds

FAULTS = 3


def drawn(rows: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Scores (rows, faults), uniform, and whether the fault came: as often as the square of the score says."""
    luck = np.random.default_rng(seed)
    scores = luck.uniform(size=(rows, FAULTS))
    return scores, (luck.uniform(size=scores.shape) < scores**2).astype(np.int8)


def learnt(rarer: float = 1.0) -> Odds:
    odds = Odds(rarer)
    odds.learn(*drawn(3_000))
    return odds


def test_probabilities_hold() -> None:
    """Where about 0.5 is said, about half come true."""
    scores, due = drawn(20_000, seed=1)

    said = learnt().probability(scores)

    for low in (0.1, 0.3, 0.5, 0.7):
        there = (said > low) & (said < low + 0.1)
        assert due[there].mean() == pytest.approx(low + 0.05, abs=0.07)


def test_a_higher_score_is_never_less_likely() -> None:
    """There are no plateaus either: every step up counts."""
    scores = np.full((50, FAULTS), 0.1)
    scores[:, 1] = np.linspace(0.01, 0.99, 50)

    assert np.all(np.diff(learnt().probability(scores)[:, 1]) > 0)


def test_a_strong_rival_makes_a_fault_less_likely() -> None:
    """Where only one of two that look alike is ever there."""
    luck = np.random.default_rng(0)
    which = luck.integers(0, 2, 2_000)
    scores = np.column_stack([luck.uniform(0.2, 0.8, 2_000), luck.uniform(0.2, 0.8, 2_000)])
    scores[np.arange(2_000), which] += 0.15
    odds = Odds(1.0)
    odds.learn(scores, np.eye(2, dtype=np.int8)[which])

    alone, beside = odds.probability(np.array([[0.6, 0.2], [0.6, 0.8]]))

    assert alone[0] > beside[0] + 0.2


def test_a_fault_that_few_had_borrows_the_curve_of_the_others() -> None:
    """Two rows alone would give a step; together with other faults they give a slope."""
    scores, due = drawn(3_000)
    due[:, 2] = 0
    due[np.argsort(-scores[:, 2])[:2], 2] = 1
    odds = Odds(1.0)
    odds.learn(scores, due)

    low, high = odds.probability(np.array([[0.1, 0.1, 0.3], [0.1, 0.1, 0.95]]))[:, 2]

    assert low < 0.01 < high < 0.9


def test_odds_in_life_are_lower_where_faults_are_rarer() -> None:
    """Half the odds."""
    scores = np.full((1, FAULTS), 0.6)
    fair, rare = (learnt(rarer).probability(scores)[0, 0] for rarer in (1.0, 0.5))

    assert rare / (1 - rare) == pytest.approx(0.5 * fair / (1 - fair))


def test_nothing_learnt_from_few_rows_is_certain() -> None:
    """Not even where every row that was learnt from had the fault."""
    odds = Odds(1.0)
    odds.learn(np.full((5, 1), 0.9), np.ones((5, 1), np.int8))

    assert odds.probability(np.array([[0.9]])) == 0.995


def test_a_restored_copy_says_the_same() -> None:
    """Three numbers a fault are all there is."""
    original, copy = learnt(), Odds(1.0)
    copy.restore(original.snapshot())

    np.testing.assert_array_equal(copy.probability(drawn(9)[0]), original.probability(drawn(9)[0]))
