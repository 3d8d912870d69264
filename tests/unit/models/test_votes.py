"""Raw scores of faults."""

import numpy as np

from models.predictors.votes import Votes


def test_a_single_fault_is_learnt_like_several() -> None:
    """An appliance model whose profile names one fault: its ill rows score higher than all that are well."""
    due = np.repeat(np.array([[1], [0]], np.int8), (40, 160), axis=0)
    inputs = np.random.default_rng(1).normal(4.0 * due, 1.0)
    votes = Votes(trees=20, seed=1)

    votes.learn(inputs, due)

    score = votes.score(np.array([[4.0], [0.0]]))
    assert score.shape == (2, 1)
    assert score[0, 0] > 0.5 > score[1, 0]
