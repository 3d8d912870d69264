"""How many visits come in which week: those that open tickets will bring, and those that nobody foresees yet.

Of the first the time from ticket to visit tells, week by week of a ticket's age, with those closed without a visit as
the other way to end (cumulative incidence; Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data,
2002, 8.2). The second are counted as they were in the past at the same distance: visits of a week whose ticket was not
there so many weeks before. Their number follows what is expected by age, a season that all groups share (harmonics of a
year in a Poisson regression) and each group's own level of late, with a gamma prior that a group without visits is
like the others (Efron and Morris's shrinking; Clayton and Kaldor, Biometrics 1987). Counts vary more than chance alone
has it; how much more is measured (negative binomial, by moments).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import PoissonRegressor

from foremend.vocabulary.errors import InputError

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

NEVER = np.iinfo(np.int64).max
"""A week that did not come yet."""

FEWEST_WEEKS, FEWEST_VISITS = 26, 30
WEEKS_A_YEAR = 365.25 / 7

_AGES = 26  # weeks of a ticket; older ones are like the oldest
_HALF_LIFE = 26.0  # weeks, of what a group's level is learnt from
_LIKE_OTHERS = 2.0  # visits' worth of the prior that a group is like the others
_DRAWS = 2_000
_AT_ONCE = 100  # groups whose draws are in memory
_TENTHS = (0.1, 0.9)


@dataclass(frozen=True, slots=True)
class Visits:
    """n tickets and visits, each array (n,); weeks are counted from the first that is looked at, and may be before.

    >>> of_two = Visits(*np.array([[0, 0], [3, NEVER], [5, 9], [NEVER, NEVER]]))  # one was foreseen, both were visited
    >>> (of_two.foreseen < of_two.visited).tolist()
    [True, False]
    """

    group: Ints  # an area, or a part
    foreseen: Ints  # when its ticket was opened; NEVER of a visit without one
    visited: Ints  # NEVER of a ticket without one, so far
    closed: Ints  # when a ticket was closed without a visit


@dataclass(frozen=True, slots=True)
class Forecast:
    """(groups, horizon): visits a week; in eight of ten weeks there are `low` to `high`.

    >>> week = Forecast(np.array([[4.2]]), np.array([[2]]), np.array([[6]]))
    >>> f"{week.mean[0, 0]:.0f} visits, {week.low[0, 0]} to {week.high[0, 0]}"
    '4 visits, 2 to 6'
    """

    mean: Array
    low: Ints
    high: Ints


def forecast(visits: Visits, expected: Array, weeks: int, seed: int = 1) -> Forecast:
    """Visits of each group in each week behind the first `weeks`.

    `expected` is (groups, weeks + horizon): visits by the fleet's size and age alone, up to a factor. Raises InputError
    where there is too little to learn from.

    >>> rng, weeks = np.random.default_rng(1), 104
    >>> week = np.repeat(np.arange(weeks), rng.poisson(20, weeks))
    >>> none = np.full(len(week), NEVER)
    >>> found = forecast(Visits(np.zeros(len(week), np.int64), none, week, none), np.ones((1, weeks + 2)), weeks)
    >>> found.mean.round().tolist(), found.low.tolist(), found.high.tolist()
    ([[19.0, 19.0]], [[14, 14]], [[24, 24]])
    """
    _require_enough(visits, weeks)
    rng = np.random.default_rng(seed)
    groups, horizon = expected.shape[0], expected.shape[1] - weeks
    waiting, chance = _of_open_tickets(visits, groups, weeks, horizon)
    levels = [
        _levels(_unforeseen(visits, groups, weeks, ahead), expected[:, : weeks + ahead])
        for ahead in range(1, horizon + 1)
    ]
    found = Forecast(
        np.zeros(chance.shape), np.zeros(chance.shape, np.int64), np.zeros(chance.shape, np.int64)
    )
    for first in range(0, groups, _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        drawn = _drawn(rng, [one.of(some) for one in levels], waiting[some], chance[some])
        found.mean[some] = drawn.mean(axis=0)
        found.low[some], found.high[some] = _interval(drawn + rng.uniform(-0.5, 0.5, drawn.shape))
    return found


def _drawn(rng: np.random.Generator, levels: Sequence[_Level], waiting: Ints, chance: Array) -> Array:
    """(draws, groups, horizon) visits: those that nobody foresees yet, and those of the tickets that wait."""
    drawn = np.empty((_DRAWS, *chance.shape))
    for ahead, level in enumerate(levels):
        means = _gamma(rng, level.mean, level.spread)
        shocks = _gamma(rng, np.ones(len(waiting)), np.full(len(waiting), np.sqrt(level.more)))
        drawn[:, :, ahead] = rng.poisson(means * shocks)
        drawn[:, :, ahead] += rng.binomial(waiting, chance[:, ahead], (_DRAWS, len(waiting)))
    return drawn


def _interval(around: Array) -> tuple[Ints, Ints]:
    """Counts between the quantiles of counts that are spread over half of one either way.

    An end belongs to the interval where more than half of it is due: with all of both ends it would hold too often.
    """
    low, high = np.quantile(around, _TENTHS, axis=0)
    first = np.ceil(low).clip(min=0).astype(np.int64)
    return first, np.maximum(np.floor(high).astype(np.int64), first)


def _require_enough(visits: Visits, weeks: int) -> None:
    count = int(((visits.visited >= 0) & (visits.visited < weeks)).sum())
    if weeks < FEWEST_WEEKS or count < FEWEST_VISITS:
        raise InputError(
            f"{count} visits in {max(weeks, 0)} weeks are too few to tell of the next: it takes {FEWEST_VISITS} in "
            f"{FEWEST_WEEKS} weeks"
        )


def _of_open_tickets(visits: Visits, groups: int, weeks: int, horizon: int) -> tuple[Ints, Array]:
    """How many wait in each group (groups,), and the chance of one to be visited in each week (groups, horizon)."""
    seen = visits.foreseen < weeks
    foreseen, visited, closed = visits.foreseen[seen], visits.visited[seen], visits.closed[seen]
    end = np.minimum(visited, closed)
    is_open = end >= weeks
    came, went = _hazards(
        foreseen, np.minimum(end, weeks - 1), visited < weeks, ~is_open & (visited >= weeks)
    )
    ages = weeks - foreseen[is_open][:, None] + np.arange(horizon)[None, :]
    ages = np.minimum(ages, _AGES - 1)
    stays = np.cumprod(1 - came[ages] - went[ages], axis=1)
    chances = came[ages] * np.column_stack([np.ones(len(ages)), stays[:, :-1]])
    group = visits.group[seen][is_open]
    waiting = np.bincount(group, minlength=groups)
    sums = np.stack([np.bincount(group, one, minlength=groups) for one in chances.T], axis=1)
    return waiting, np.clip(sums / np.maximum(waiting, 1)[:, None], 0, 1)


def _hazards(
    foreseen: Ints, last: Ints, visited: NDArray[np.bool_], closed: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Chances that a ticket of each age in weeks (`_AGES`,) is visited, and is closed without."""
    age = np.clip(last - foreseen, 0, _AGES - 1)
    ended = [np.bincount(age[which], minlength=_AGES) for which in (visited, closed)]
    at_risk = np.bincount(age, minlength=_AGES)[::-1].cumsum()[::-1]
    came, went = (one / np.maximum(at_risk, 1) for one in ended)
    return came, np.minimum(went, 1 - came)


def _unforeseen(visits: Visits, groups: int, weeks: int, ahead: int) -> Array:
    """(groups, weeks): visits whose ticket was not there `ahead` weeks before."""
    new = visits.foreseen > np.where(visits.visited == NEVER, 0, visits.visited) - ahead
    counted = new & (visits.visited >= 0) & (visits.visited < weeks)
    cells = visits.group[counted] * weeks + visits.visited[counted]
    return np.bincount(cells, minlength=groups * weeks).reshape(groups, weeks).astype(np.float64)


class _Level(NamedTuple):
    """What is expected in a week: each group's mean and its uncertainty (groups,); `more` is the same for all, and the
    variance of a count is m + more * m**2."""

    mean: Array
    spread: Array
    more: float

    def of(self, some: slice) -> _Level:
        return _Level(self.mean[some], self.spread[some], self.more)


def _levels(counts: Array, expected: Array) -> _Level:
    """Of the last week in `expected`; `counts` may end earlier."""
    weeks = counts.shape[1]
    season = _season(counts.sum(axis=0), expected.sum(axis=0))
    usual = expected * season
    past = usual[:, :weeks]
    apart = 0.5 ** (np.abs(np.subtract.outer(np.arange(weeks), np.arange(weeks))) / _HALF_LIFE)
    weight = apart[-1]
    means = past * (counts @ apart) / np.maximum(past @ apart, 1e-12)
    more = max(float(((counts - means) ** 2 - means).sum() / max((means**2).sum(), 1e-12)), 0.0)
    seen, due = counts @ weight + _LIKE_OTHERS, past @ weight + _LIKE_OTHERS
    spread = (means + more * means**2) @ weight**2 + _LIKE_OTHERS
    return _Level(usual[:, -1] * seen / due, usual[:, -1] * np.sqrt(spread) / due, more)


def _season(counts: Array, expected: Array) -> Array:
    """Visits for each one expected, in every week of `expected`; `counts` are of its first weeks."""
    weeks = len(counts)
    harmonics = min(weeks // 52, 2)
    if harmonics == 0 or not counts.any():
        return np.full(len(expected), counts.sum() / max(expected[:weeks].sum(), 1e-12))
    turns = 2 * np.pi * np.arange(len(expected))[:, None] / WEEKS_A_YEAR * np.arange(1, harmonics + 1)
    features = np.concatenate([np.sin(turns), np.cos(turns)], axis=1)
    weights = np.maximum(expected[:weeks], 1e-12)
    fitted = PoissonRegressor(alpha=1e-3, max_iter=500).fit(features[:weeks], counts / weights, weights)
    rates: Array = fitted.predict(features)
    return rates


def _gamma(rng: np.random.Generator, mean: Array, spread: Array) -> Array:
    """(draws, n) of the gamma distributions with these means and standard deviations; just the mean without spread."""
    sure = (spread <= 0) | (mean <= 0)
    scale = np.where(sure, 1.0, spread**2 / np.where(sure, 1.0, mean))
    shape = np.where(sure, 1.0, mean / scale)
    drawn = rng.gamma(shape, scale, (_DRAWS, len(mean)))
    return np.where(sure, mean, drawn)
