"""A cohort that fails more than its siblings is found; one that does not is left in peace, however often one looks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foremend.vocabulary.levels import LEVELS, Level
from rules.cohorts import Cells, CohortWatch, levels
from rules.fleet_cohorts import CohortAlarm, Spells, cohort_alarms

SMALL, REST = 0, 1
BESIDE = Cells(np.array([SMALL, REST]), np.array([0, 0]))


def fleet(size: int = 4_000, days: int = 200, **columns: Any) -> Spells:
    """`size` appliances of two models, in two regions, ten batches and with one firmware, that never fail."""
    number = np.arange(size)
    plain = {
        "appliance": number,
        "category": np.zeros(size, np.int64),
        "model": number % 2,
        "batch": number % 20,
        "region": number // 20 % 2,
        "firmware": number % 2,
        "installed": np.full(size, -400),
        "start": np.zeros(size, np.int64),
        "stop": np.full(size, days),
        "failed": np.zeros(size, np.bool_),
    }
    return Spells(**(plain | columns))


def failing(spells: Spells, rate: np.ndarray[Any, Any], seed: int = 1) -> Spells:
    """`spells` with failures at `rate` (n,) a day, from day 0 on."""
    rng = np.random.default_rng(seed)
    fails = np.floor(rng.exponential(1 / np.maximum(rate, 1e-12))).astype(np.int64) + spells.start
    failed = fails < spells.stop
    return spells._replace(stop=np.where(failed, fails + 1, spells.stop), failed=failed)


def red(spells: Spells) -> list[CohortAlarm]:
    return [one for one in cohort_alarms(spells) if one.level is Level.RED]


def test_a_bad_batch_is_red_and_none_of_its_siblings_is() -> None:
    """Its failures, what would have been expected and how many times as often are told with it."""
    spells = fleet()

    found = red(failing(spells, np.where(spells.batch == 7, 2e-3, 1e-4)))

    assert [(one.by, one.cohort) for one in found] == [(("batch",), (7,))]
    assert found[0].low < 20 < found[0].high
    assert found[0].failed > 4 * found[0].expected


def test_where_no_sibling_failed_half_a_one_is_counted() -> None:
    """How many times as often would be endless: what is told is a number that a person can read."""
    spells = fleet()

    told = red(failing(spells, np.where(spells.batch == 7, 2e-3, 0.0)))
    (found,) = (one for one in told if one.by == ("batch",))

    siblings = found.failed / found.expected - 1
    assert found.ratio == pytest.approx(2 * found.failed * siblings)
    assert 5 < found.low < found.ratio <= found.high < 1_000


def test_of_a_red_batch_no_part_is_told() -> None:
    """Its part in a region, or with a firmware, is not news of its own afterwards."""
    spells = fleet()

    alarms = list(cohort_alarms(failing(spells, np.where(spells.batch == 7, 2e-3, 1e-4))))

    since = next(number for number, one in enumerate(alarms) if one.level is Level.RED)
    assert [one for one in alarms[since + 1 :] if 7 in one.cohort and "batch" in one.by] == []


def test_a_fleet_that_fails_alike_has_no_red_cohort() -> None:
    """However much fails, and whatever the season does to all of it."""
    spells = fleet(size=20_000)

    assert red(failing(spells, np.full(20_000, 1e-3))) == []


def test_what_a_whole_region_suffers_is_no_cohorts_fault() -> None:
    """A heat wave that makes one region fail eight times as often names neither its batches nor its models."""
    spells = fleet()

    assert red(failing(spells, np.where(spells.region == 1, 8e-4, 1e-4))) == []


def test_the_young_are_compared_with_the_young() -> None:
    """A batch that is installed last fails more because it is young, as the first weeks of another one do."""
    spells = fleet(installed=np.where(np.arange(4_000) % 20 < 4, -10, -400))

    assert red(failing(spells, np.where(spells.installed == -10, 1e-3, 1e-4))) == []


def test_one_day_proves_nothing() -> None:
    """What an outage or a new rule tells of a cohort at once is not red; the same failures on several days are."""
    at_risk, burst = np.array([100, 900]), np.array([40, 0])
    once, daily = CohortWatch(BESIDE), CohortWatch(BESIDE)

    of_once = once.day(at_risk, burst)
    for _ in range(8):
        of_daily = daily.day(at_risk, burst // 8)

    assert LEVELS[levels(of_once.evidence, watched=2)[SMALL]] is not Level.RED
    assert LEVELS[levels(of_daily.evidence, watched=2)[SMALL]] is Level.RED


def test_newer_firmware_that_harms_is_found_among_those_who_took_it() -> None:
    """Half of a model takes it on day 100, and fails from then on."""
    size = 4_000
    before = fleet(size, days=100)
    takes = (np.arange(size) // 2 % 2 == 0) & (before.model == 0)
    after = fleet(size, days=300, start=np.full(size, 100), firmware=np.where(takes, 2, before.model))
    after = failing(after, np.where(takes, 2e-3, 1e-4))

    both = Spells(*(np.concatenate(pair) for pair in zip(before, after, strict=True)))

    assert [(one.by, one.cohort) for one in red(both)][:1] == [(("firmware",), (2,))]


def test_where_nothing_failed_nothing_is_told_however_long_it_lasts() -> None:
    """Sixty years of two appliances."""
    assert list(cohort_alarms(fleet(2, days=22_000))) == []


def test_a_fleet_without_appliances_has_no_alarm() -> None:
    """Nobody is at risk."""
    assert list(cohort_alarms(fleet(0))) == []


@pytest.mark.parametrize("tolerated", [1.25, 2.0])
def test_who_fails_as_often_as_is_tolerated_gains_no_evidence_on_average(tolerated: float) -> None:
    """The evidence of a day is at most 1 on average: exact, over every number of failures that a day may have."""
    at_risk, n = np.array([300, 700]), 6
    share = tolerated * 0.3 / (1 + (tolerated - 1) * 0.3)
    k = np.arange(n + 1)
    chance = np.array([_choose(n, int(one)) for one in k]) * share**k * (1 - share) ** (n - k)

    gained = [_gain(at_risk, int(one), n, tolerated) for one in k]

    assert float(chance @ gained) <= 1.0 + 1 / 365  # what a day adds for troubles that begin on it


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30))
@settings(max_examples=50)
def test_days_are_counted_whole(days: list[tuple[int, int]]) -> None:
    """No failure is lost or counted twice, and what is expected of all cohorts together is what came."""
    watch = CohortWatch(BESIDE)

    for small, rest in days:
        standing = watch.day(np.array([100, 900]), np.array([small, rest]))

    assert standing.failed.tolist() == [sum(one[0] for one in days), sum(one[1] for one in days)]
    assert standing.expected.sum() == pytest.approx(standing.failed.sum())


def _gain(at_risk: np.ndarray[Any, Any], mine: int, n: int, tolerated: float) -> float:
    watch = CohortWatch(BESIDE, tolerated=tolerated)
    before = watch.standing().evidence[SMALL]
    return float(np.exp(watch.day(at_risk, np.array([mine, n - mine])).evidence[SMALL] - before))


def _choose(n: int, k: int) -> float:
    return float(np.prod([(n - i) / (i + 1) for i in range(k)]))
