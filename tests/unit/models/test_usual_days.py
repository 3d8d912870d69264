"""For how long an appliance is not judged yet: no page calls it well meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from foremend.vocabulary.features import Daily, Feature
from models.usual.features import DailyFeatures

TEMP = Feature("cabinet_temp_mean", "cabinet_temp", unit="degC", scale=1.0)
FLEET = np.arange(6, dtype=np.int32)


def lived(days: int, rows: np.ndarray = FLEET, features: DailyFeatures | None = None) -> DailyFeatures:
    features = features or DailyFeatures(Daily((TEMP,)))
    rng = np.random.default_rng(1)
    for day in range(days):
        features.update(rows, day, rng.normal(4.0, 0.1, (len(rows), 1)))
    return features


def test_the_days_that_are_missing_fall_to_none() -> None:
    """Ten teach, the eleventh is the first that is judged; whoever had no day yet has all before it."""
    assert DailyFeatures(Daily((TEMP,))).days_missing(6).tolist() == [11] * 6
    assert lived(4).days_missing(7).tolist() == [7] * 6 + [11]
    assert lived(11).days_missing(6).tolist() == [0] * 6


@pytest.mark.parametrize(("fleet", "whole"), [(1, 45), (2, 21), (3, 14), (4, 11), (20, 11)])
def test_the_days_that_are_told_are_those_it_takes(fleet: int, whole: int) -> None:
    """A few are learnt for longer: to know how much they vary takes thirty appliance-days. Told from the first on."""
    rows = np.arange(fleet, dtype=np.int32)
    features, rng = DailyFeatures(Daily((TEMP,))), np.random.default_rng(1)
    for day in range(whole):
        assert features.days_missing(fleet).tolist() == [whole - day] * fleet
        judged = features.update(rows, day, rng.normal(4.0, 0.1, (fleet, 1)))
        assert np.isfinite(judged[:, 0]).all() == (day == whole - 1)
    assert features.days_missing(fleet).tolist() == [0] * fleet


def test_whoever_is_alone_and_sends_nothing_is_not_learning_for_ever() -> None:
    """Eleven days that cannot be compared, and nobody can say."""
    features = DailyFeatures(Daily((TEMP,)))
    for day in range(11):
        features.update(FLEET[:1], day, np.full((1, 1), np.nan))
    assert features.days_missing(1).tolist() == [-1]


def test_whoever_sends_nothing_that_can_be_compared_is_not_judged() -> None:
    """However many days it was heard: its siblings are known, and it is not."""
    features = DailyFeatures(Daily((TEMP,)))
    for day in range(30):
        values = np.random.default_rng(day).normal(4.0, 0.1, (6, 1))
        values[2] = np.nan
        features.update(FLEET, day, values)
    assert features.days_missing(6).tolist() == [0, 0, -1, 0, 0, 0]


def test_learnt_anew_it_is_learning_again() -> None:
    """Somebody said that it is another one now."""
    features = lived(20)
    features.anew(3)
    assert features.days_missing(6).tolist() == [0, 0, 0, 11, 0, 0]


def test_of_one_alone_its_own_days_fall_to_none_whatever_is_known_of_a_fleet() -> None:
    """So a lone plug, which its own hours judge, too, is not told of a month more on the day that it was told one."""
    assert lived(4, FLEET[:1]).own_days_missing(2).tolist() == [7, 11]
    assert lived(11, FLEET[:1]).own_days_missing(1).tolist() == [0]
