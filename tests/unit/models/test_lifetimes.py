"""Lives by age: whoever is watched late counts from then on, and whoever is watched no longer until then."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.lifetimes import nelson_aalen, weibull


def lives(shape: float, seed: int, late: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ages in days at which watching begins and ends, and whether by failure; `late` ones are met at any age."""
    rng = np.random.default_rng(seed)
    life = 1_500 * rng.weibull(shape, 6_000)
    entry = rng.uniform(0, 1_500, 6_000) if late else np.zeros(6_000)
    there = life > entry
    ends = np.minimum(life, entry + 700)
    return entry[there], ends[there], (life <= entry + 700)[there]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("shape", [0.7, 1.0, 3.0])
def test_the_shape_that_was_drawn_is_inside_the_interval(shape: float, late: bool) -> None:
    """Early failures, chance and wear; also where most are met only later in their lives."""
    told = weibull(*lives(shape, 1, late))

    assert told is not None
    assert told.low < shape < told.high
    assert told.scale == pytest.approx(1_500, rel=0.1)


def test_the_curve_of_those_met_late_is_that_of_all() -> None:
    """Left out of the account until they are met: else old ones would look better than they are."""
    early, late = nelson_aalen(*lives(3.0, 2)), nelson_aalen(*lives(3.0, 3, late=True))
    at = 690.0

    of_early, of_late = (np.interp(at, one.age, one.hazard) for one in (early, late))

    assert of_early == pytest.approx((at / 1_500) ** 3, rel=0.1)
    assert of_late == pytest.approx(of_early, rel=0.35)


@settings(max_examples=50, deadline=None)
@given(ages=st.lists(st.integers(1, 1_000), min_size=1, max_size=40), data=st.data())
def test_a_curve_never_falls_and_lies_between_its_ends(ages: list[int], data: st.DataObject) -> None:
    """Whatever fails when."""
    failed = np.array(data.draw(st.lists(st.booleans(), min_size=len(ages), max_size=len(ages))))
    curve = nelson_aalen(np.zeros(len(ages)), np.array(ages, float), failed)

    assert (np.diff(curve.hazard) > 0).all()
    assert (curve.low <= curve.hazard).all()
    assert (curve.hazard <= curve.high).all()


def test_four_failures_have_no_shape() -> None:
    """Five have."""
    ages, failed = np.arange(10.0, 110.0, 10.0), np.arange(10) < 4

    assert weibull(np.zeros(10), ages, failed) is None
    assert weibull(np.zeros(10), ages, np.arange(10) < 5) is not None
