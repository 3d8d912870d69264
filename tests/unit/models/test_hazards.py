"""Causes of failures: what makes appliances fail is named first, and what only goes along, or nothing, is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from foremend.vocabulary.errors import ConfigError
from models.hazards import Spells, causes

MONTHS, APPLIANCES = 12, 1_500


def spells(seed: int, ratio: float = 1.0, by_age: bool = False) -> Spells:
    """A year of months. `cause` makes fail `ratio` times as often a spread, `shadow` goes along with it by 0.8.

    `old` is worth what the appliance's age is, and nothing by itself.
    """
    rng = np.random.default_rng(seed)
    cause, other = rng.normal(size=(2, APPLIANCES))
    first_age = rng.uniform(0, 3_000, APPLIANCES)
    known = np.stack([cause, 0.8 * cause + 0.6 * rng.normal(size=APPLIANCES), other], axis=1)
    alive, parts = np.ones(APPLIANCES, np.bool_), []
    for month in range(MONTHS):
        age = first_age + 30.0 * month
        hazard = 0.008 * ratio**cause * (1 + month % 12 / 6) * ((age / 1_000) ** 2 if by_age else 1.0)
        fails = alive & (rng.random(APPLIANCES) < hazard)
        old = (age / 1_000 + rng.normal(0, 0.2, APPLIANCES))[:, None]
        row = (np.arange(APPLIANCES), age, np.full(APPLIANCES, 30.0), np.full(APPLIANCES, month), fails)
        parts.append([column[alive] for column in (*row, np.hstack([known, old]))])
        alive &= ~fails
    household, age, days, stratum, failed, features = (
        np.concatenate(one) for one in zip(*parts, strict=True)
    )
    return Spells(household, age, days, stratum, failed, ("cause", "shadow", "other", "old"), features)


def test_the_cause_is_named_and_its_interval_holds_what_was_planted() -> None:
    """Its shadow, which alone goes with failures as well, is not named beside it."""
    found = causes(spells(1, ratio=1.6))

    assert [one.feature for one in found.named] == ["cause"]
    assert found.named[0].low < 1.6 < found.named[0].high
    assert [one.feature for one in found.alone[:2]] == ["cause", "shadow"]
    assert found.alone[1].p < 1e-6


def test_where_nothing_makes_them_fail_nothing_is_named_but_by_chance() -> None:
    """Though old ones fail nine times as often, and one feature is worth as much as their age: 1 in 20 may be named."""
    named = [bool(causes(spells(seed, by_age=True)).named) for seed in range(20)]

    assert sum(named) <= 2


def test_two_features_that_hardly_move_apart_stand_as_one() -> None:
    """Which of them it is, nobody can say: either is named, and the other said beside it."""
    known = spells(1, ratio=1.6)
    features = known.features.copy()
    features[:, 2] = -features[:, 0] + 0.1 * np.random.default_rng(1).normal(size=len(features))

    (named,) = causes(replace(known, features=features)).named

    assert {named.feature, *named.along} == {"cause", "other"}


def test_a_change_is_told_as_failures_more_or_less() -> None:
    """Half a spread less of a thing that makes fail 1.6 times as often: 1.6 ** -0.5 of the failures, with its ends."""
    effect = causes(spells(1, ratio=1.6)).named[0]

    times, low, high = effect.times(-0.5 * effect.spread)

    assert low < times < high < 1.0
    assert times == pytest.approx(effect.ratio**-0.5)


def test_twins_in_one_home_do_not_count_twice() -> None:
    """Each appliance written down four times in one household: the interval stays about as wide as it was."""
    once = spells(2, ratio=1.6)
    often = replace(
        once,
        **{
            name: np.tile(getattr(once, name), 4)
            for name in ("household", "age", "days", "stratum", "failed")
        },
        features=np.tile(once.features, (4, 1)),
    )

    width, wide = (np.log(one.high / one.low) for one in (causes(once).named[0], causes(often).named[0]))

    assert wide == pytest.approx(width, rel=0.15)


def test_a_feature_hardly_known_or_everywhere_the_same_is_left_out_and_said() -> None:
    """Of a signal that one in ten reports, and of one that stands still."""
    known = spells(1, ratio=1.6)
    features = known.features.copy()
    features[np.arange(len(features)) % 10 > 0, 2] = np.nan
    features[:, 3] = 4.0

    found = causes(replace(known, features=features))

    assert found.unusable == ("other", "old")
    assert found.named[0].feature == "cause"


def test_a_fleet_of_one_day_is_compared_as_well() -> None:
    """All were installed together: then their age is the month, and takes nothing away."""
    known = spells(1, ratio=1.6)

    found = causes(replace(known, age=400.0 + 30.0 * known.stratum))

    assert [one.feature for one in found.named] == ["cause"]


def test_too_few_failures_are_refused_with_how_many_it_takes() -> None:
    """Nineteen of them name nothing."""
    known = spells(1, ratio=1.6)
    failed = known.failed & (np.cumsum(known.failed) <= 19)

    with pytest.raises(ConfigError, match=r"19 failures are too few .* it takes 20"):
        causes(replace(known, failed=failed))


def test_a_fleet_of_one_household_is_refused_with_a_sentence() -> None:
    """A column `household` with the same word in each row divided by nought."""
    known = spells(1, ratio=1.6)

    with pytest.raises(ConfigError, match="one household"):
        causes(replace(known, household=np.zeros_like(known.household)))


def test_who_is_alone_in_its_month_and_region_compares_nobody() -> None:
    """A region of its own for each appliance that failed: what is left is too few, and nothing divides by nought."""
    known = spells(1, ratio=1.6)
    alone = np.where(known.failed, 1_000 + np.arange(len(known.failed)), known.stratum)

    with pytest.raises(ConfigError, match=r"0 failures are too few .* beside others of its month and region"):
        causes(replace(known, stratum=alone))


def test_the_same_feature_in_other_words_is_not_named_beside_itself() -> None:
    """What is left of it is rounding, and rounding goes with anything."""
    known = spells(1, ratio=1.6)
    cause = known.features[:, 0]
    features = np.stack([cause, 24.0 * cause + 1.0, -cause, known.features[:, 2]], axis=1)

    (named,) = causes(replace(known, features=features)).named

    assert {named.feature, *named.along} == {"cause", "shadow", "other"}


def test_a_change_far_off_has_an_answer_still() -> None:
    """A million spreads: hardly a failure, or more than can be counted, and no overflow."""
    effect = causes(spells(1, ratio=1.6)).named[0]

    for change in (-1e6, 1e6):
        times, low, high = effect.times(change)
        assert 0 < low <= times <= high < np.inf


def test_a_month_in_which_nothing_failed_compares_nobody() -> None:
    """Its spells are not counted among those that were compared."""
    known = spells(1, ratio=1.6)
    quiet = known.stratum == 3

    found = causes(replace(known, failed=known.failed & ~quiet))

    assert found.failures == int((known.failed & ~quiet).sum())
    assert found.spells <= 21 * found.failures
