"""What is usual of a household: when its day begins, by when somebody is up, how late that may be.

All of it by the clock on the wall, us since its 1970-01-01 00:00. A household's day begins in the middle of its
quietest hours, wherever those are: who works at night sleeps at noon. First signs of life are compared with the median
of their kind of day (working day or weekend). Of n exchangeable mornings and one more, that one is the latest with
probability 1 / (n + 1) (order statistics, as `models.rhythm` reads gaps); half as late again, and not sooner than
some hours, is told.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.wellbeing.clock import US_PER_DAY, US_PER_HOUR

US_PER_MINUTE = US_PER_HOUR // 60
LEAST_DAYS = 14
"""So many mornings must be known before one is called late."""
LONGER = 1.5
"""So many times as late as the latest of the last mornings is told..."""
ONE_IN = 30
"""... of which so many are set aside: who left once without breakfast comes home at noon, which is no late morning."""
SOONEST = 150 * US_PER_MINUTE
"""Nobody is told sooner after the usual first sign: three hours are asked for, and a lie-in ends in them."""

_BIN = 15 * US_PER_MINUTE
_BINS = US_PER_DAY // _BIN
_QUIET_BINS = 20  # five hours
_AGAIN = (10 * US_PER_MINUTE, 120 * US_PER_MINUTE)  # between two signs of somebody who stays up
_EARLY = 0.1  # of mornings begin before the night is said to be over
_EVENING = 4 * US_PER_HOUR  # before the usual last sign
_DIFFERENT = 30 * US_PER_MINUTE  # weekends have a median of their own
_LEAST_WEEKENDS = 4
_MOST_NIGHTS_AWAY = 60 * US_PER_HOUR


class Habits(NamedTuple):
    """Of a household; all in us, clock times since its day began.

    >>> day = np.arange(20)[:, None] * US_PER_DAY
    >>> shown = (day + np.array([7, 7.5, 12, 18, 22]) * US_PER_HOUR).astype(np.int64).ravel()
    >>> habits = learn(shown, np.zeros((0, 2), np.int64))
    >>> habits.begins // US_PER_HOUR, (habits.begins + habits.usual[0]) // US_PER_HOUR
    (2, 7)
    """

    begins: int  # clock time of day at which the household's day begins
    up: int  # who does something after this is up: before it is the night
    evening: int  # of the day before: whoever did something after this came home
    usual: tuple[int, int]  # median first sign of working days and weekends
    often: int  # nine of ten first signs come by so much after the median
    late: int  # a first sign so much after the median is told
    night_away: (
        int  # the longest silence from before an evening to after a night, where there were two; else 0
    )

    def first_of(self, day: int) -> int:
        """The clock at which household day `day` begins."""
        return day * US_PER_DAY + self.begins

    def usual_on(self, day: int) -> int:
        """The clock at which a first sign is usual on household day `day`."""
        return (
            self.first_of(day) + self.usual[int(_weekend(np.array([day * US_PER_DAY + US_PER_DAY // 2]))[0])]
        )


def learn(shown: NDArray[np.int64], unknown: NDArray[np.int64]) -> Habits | None:
    """Habits of who did something at `shown` (n,), sorted; None while fewer than `LEAST_DAYS` mornings are known.

    `unknown` (m, 2), sorted and apart: from when to when nobody listened or all were said to be away.
    """
    if len(shown) < LEAST_DAYS:
        return None
    begins = _quietest(shown)
    day, since = np.divmod(shown - begins, US_PER_DAY)
    goes_on = _goes_on(shown)
    rises = _first_a_day(day[goes_on], since[goes_on])
    if len(rises) < LEAST_DAYS:
        return None
    up = int(np.quantile(rises, _EARLY))
    last = int(np.median(_last_a_day(day, since)))
    mornings = _mornings(shown, begins, up, last - _EVENING, unknown)
    if mornings.home.sum() < LEAST_DAYS:
        return None
    usual, late = _apart(mornings.day[mornings.home], mornings.first[mornings.home])
    away = mornings.silent[~mornings.home & (mornings.silent < _MOST_NIGHTS_AWAY)]
    night_away = int(away.max()) if len(away) > 1 else 0
    return Habits(
        begins, up, last - _EVENING, usual, int(np.quantile(late, 0.9)), _too_late(late), night_away
    )


class Mornings(NamedTuple):
    """Household days with a first sign, (m,) each.

    >>> Mornings(np.array([3]), np.array([1]), np.array([9]), np.array([True])).day
    array([3])
    """

    day: NDArray[np.int64]
    first: NDArray[np.int64]  # first sign since the day began, once the night is over
    silent: NDArray[np.int64]  # how long nothing was heard before it
    home: NDArray[np.bool_]  # somebody was there in the evening or the night before


def _mornings(
    shown: NDArray[np.int64], begins: int, up: int, evening: int, unknown: NDArray[np.int64]
) -> Mornings:
    first_day, last_day = (int(t - begins) // US_PER_DAY for t in (shown[0], shown[-1]))
    day = np.arange(first_day + 1, last_day + 1, dtype=np.int64)
    starts = day * US_PER_DAY + begins
    active = shown[is_up(shown, begins, up)]
    at = np.searchsorted(active, starts)
    there = at < len(active)
    day, starts, first = day[there], starts[there], active[at[there]]
    before = shown[np.searchsorted(shown, np.maximum(first - _AGAIN[1], starts)) - 1]
    keep = (first < starts + US_PER_DAY) & (unheard(unknown, starts, first) == 0)
    home = before >= starts - US_PER_DAY + evening
    return Mornings(day[keep], (first - starts)[keep], (first - before)[keep], home[keep])


def is_up(shown: NDArray[np.int64], begins: int, up: int) -> NDArray[np.bool_]:
    """(n,) signs of somebody who is up: after the night, or near its end and not the first within two hours."""
    since = (shown - begins) % US_PER_DAY
    before = shown[np.maximum(np.searchsorted(shown, shown - _AGAIN[1]), 0)]
    return np.asarray((since >= up) | ((since >= up - _AGAIN[1]) & (shown - before >= _AGAIN[0])))


def unheard(
    unknown: NDArray[np.int64], since: NDArray[np.int64], until: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(n,) how much of each time from `since` to `until` is in `unknown` (m, 2), us."""
    if not len(unknown):
        return np.zeros(len(since), np.int64)
    lengths = unknown[:, 1] - unknown[:, 0]
    so_far = np.stack([np.cumsum(lengths) - lengths, np.cumsum(lengths)], axis=1)
    edges, total = unknown.ravel() - unknown[0, 0], so_far.ravel()  # small numbers: floats hold them exactly
    before = [np.interp(t - unknown[0, 0], edges, total) for t in (since, until)]
    return np.asarray(np.rint(before[1] - before[0]), np.int64)


def nights(shown: NDArray[np.int64], begins: int, clock: int) -> NDArray[np.int64]:
    """(nights,) quarters of an hour with a sign in the quietest hours of each night, the last that began by `clock`."""
    quarter = np.unique(shown // _BIN) * _BIN
    night, into = np.divmod(quarter - begins + _QUIET_BINS // 2 * _BIN, US_PER_DAY)
    last = (clock - begins + _QUIET_BINS // 2 * _BIN) // US_PER_DAY
    first = int(night[0])
    return np.bincount(night[into < _QUIET_BINS * _BIN] - first, minlength=last - first + 1)


def _quietest(shown: NDArray[np.int64]) -> int:
    """The middle of the quietest five hours of the day, by the days on which a quarter of an hour had a sign."""
    quarter = np.unique(shown // _BIN) % _BINS
    days = np.bincount(quarter, minlength=_BINS)
    around = np.concatenate([[0], np.cumsum(np.tile(days, 2))])
    within = around[_QUIET_BINS : _QUIET_BINS + _BINS] - around[:_BINS]
    turn = np.exp(2j * np.pi * np.flatnonzero(within == within.min()) / _BINS).mean()
    middle = np.angle(turn) / (2 * np.pi) * _BINS + _QUIET_BINS / 2
    return int(round(middle) % _BINS) * _BIN


def _goes_on(shown: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Signs that are followed by another soon: somebody is up, and not only thirsty in the night."""
    following = np.append(shown, np.iinfo(np.int64).max)[np.searchsorted(shown, shown + _AGAIN[0])]
    return np.asarray(following <= shown + _AGAIN[1])


def _first_a_day(day: NDArray[np.int64], since: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(since[np.unique(day, return_index=True)[1]])


def _last_a_day(day: NDArray[np.int64], since: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(since[np.append(np.flatnonzero(np.diff(day)), len(day) - 1)])


def _weekend(clock: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray((clock // US_PER_DAY + 3) % 7 >= 5)  # day 0 was a Thursday


def _apart(day: NDArray[np.int64], first: NDArray[np.int64]) -> tuple[tuple[int, int], NDArray[np.int64]]:
    """Medians of working days and weekends, one where they hardly differ, and how late each day is against its own."""
    weekend = _weekend(day * US_PER_DAY + US_PER_DAY // 2)
    both = int(np.median(first))
    if min(weekend.sum(), (~weekend).sum()) < _LEAST_WEEKENDS:
        return (both, both), first - both
    work, free = int(np.median(first[~weekend])), int(np.median(first[weekend]))
    if abs(work - free) < _DIFFERENT:
        return (both, both), first - both
    return (work, free), first - np.where(weekend, free, work)


def _too_late(late: NDArray[np.int64]) -> int:
    """How late is too late against the latest morning, one in thirty set aside; never sooner than `SOONEST`."""
    return max(int(LONGER * latest(late)), SOONEST)


def latest(values: NDArray[np.int64]) -> int:
    """The largest of (n,) `values`, one in `ONE_IN` set aside."""
    return int(np.sort(values)[-1 - len(values) // ONE_IN])
