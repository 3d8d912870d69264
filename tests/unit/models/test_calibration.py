"""Conformal p-values: the promise, and what lies beyond it."""

from __future__ import annotations

import numpy as np
import pytest

from models.calibration import ConformalPValues, split_rows


def calibrated(count: int, seed: int) -> ConformalPValues:
    values = ConformalPValues()
    values.learn(np.random.default_rng(seed).standard_cauchy(count))
    return values


@pytest.mark.parametrize("a", [0.2, 0.05, 0.01])
def test_false_alarms_are_as_rare_as_promised_on_exchangeable_rows(a: float) -> None:
    """Over many draws of calibration and new row, P(p <= a) <= a within binomial bounds, whatever the distribution."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(4_000):
        values, draws = ConformalPValues(), rng.standard_cauchy(200)
        values.learn(draws[:-1])
        hits += int(values.p_value(draws[-1:])[0] <= a)

    assert hits <= 4_000 * a + 3 * np.sqrt(4_000 * a * (1 - a))
    assert hits >= 4_000 * a - 5 * np.sqrt(4_000 * a * (1 - a))


def test_a_p_value_is_within_0_and_1_and_falls_with_strangeness() -> None:
    """Stranger is never likelier, also beyond everything seen."""
    p_value = calibrated(500, seed=2).p_value(np.linspace(-1e3, 1e6, 2_000))

    assert ((p_value > 0) & (p_value <= 1) | (p_value == 0)).all()
    assert (np.diff(p_value) <= 0).all()


def test_beyond_the_strangest_row_worse_still_ranks_as_worse() -> None:
    """The tail continues the rank 1/(n + 1) instead of stopping there."""
    values = ConformalPValues()
    values.learn(np.arange(99.0))

    at_most, beyond = values.p_value(np.array([98.5, 150.0]))

    assert at_most == pytest.approx(0.01, rel=0.2)
    assert beyond < 1e-4


def test_unknown_and_uncalibrated_are_no_evidence() -> None:
    """NaN, or nothing to compare with, gives p = 1."""
    assert ConformalPValues().p_value(np.array([5.0])).tolist() == [1.0]
    assert calibrated(50, seed=3).p_value(np.array([np.nan])).tolist() == [1.0]


def test_a_snapshot_brings_the_calibration_back() -> None:
    """The restored p-values are the same."""
    values, other = calibrated(100, seed=4), ConformalPValues()

    other.restore(values.snapshot())

    asked = np.linspace(-5, 5, 11)
    np.testing.assert_array_equal(other.p_value(asked), values.p_value(asked))


def test_a_split_uses_every_row_once_and_depends_on_the_seed_alone() -> None:
    """Fit and calibration rows are disjoint and together all."""
    fit, rest = split_rows(101, 0.5, seed=5)

    assert sorted([*fit, *rest]) == list(range(101))
    np.testing.assert_array_equal(fit, split_rows(101, 0.5, seed=5)[0])
