"""What is usual of a household: when its day begins, by when somebody is up, how late that may be.

All of it by the clock on the wall, us since its 1970-01-01 00:00. A household's day begins in the middle of its
quietest hours, wherever those are: who works at night sleeps at noon. First signs of life are compared with the median
of their kind of day (working day or weekend), and how late is too late is read from the latest tenth of them: an
exponential tail over a threshold (peaks over threshold, Pickands 1975; Coles, An Introduction to Statistical Modeling
of Extreme Values, 2001, ch. 4, with shape 0), so that ten times as rare is always the same time later.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.wellbeing.clock import US_PER_DAY, US_PER_HOUR

US_PER_MINUTE = US_PER_HOUR // 60
LEAST_DAYS = 14
"""So many mornings must be known before one is called late."""
A_YEAR = 0.3
"""So many late mornings a year may be told of somebody who is well."""

_BIN = 15 * US_PER_MINUTE
_BINS = US_PER_DAY // _BIN
_QUIET_BINS = 20  # five hours
_AGAIN = (
    10 * US_PER_MINUTE,
    120 * US_PER_MINUTE,
)  # after a first sign the next comes so soon, unless one lies down again
_EARLY = 0.1  # of mornings begin before the night is said to be over
_EVENING = 4 * US_PER_HOUR  # before the usual last sign
_TAIL = 0.1
_LEAST_TAIL = 3
_LEAST_SCALE = 10 * US_PER_MINUTE
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
    scale: int  # so much more is e times as rare
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
    rises = _first_a_day(day[_goes_on(shown)], since[_goes_on(shown)])
    if len(rises) < LEAST_DAYS:
        return None
    up = int(np.quantile(rises, _EARLY))
    last = int(np.median(_last_a_day(day, since)))
    mornings = _mornings(shown, begins, up, last - _EVENING, unknown)
    if mornings.home.sum() < LEAST_DAYS:
        return None
    usual, late = _apart(mornings.day[mornings.home], mornings.first[mornings.home])
    beyond, scale, often = _tail(late)
    away = mornings.silent[~mornings.home & (mornings.silent < _MOST_NIGHTS_AWAY)]
    night_away = int(away.max()) if len(away) > 1 else 0
    return Habits(begins, up, last - _EVENING, usual, often, beyond, scale, night_away)


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
    at = np.searchsorted(shown, starts + up)
    there = at < len(shown)
    day, starts, at = day[there], starts[there], at[there]
    first, before = shown[at] - starts, shown[at - 1]
    known = unheard(unknown, starts, shown[at]) == 0
    keep = (first < US_PER_DAY) & known
    home = before >= starts - US_PER_DAY + evening
    return Mornings(day[keep], first[keep], (shown[at] - before)[keep], home[keep])


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


def _tail(late: NDArray[np.int64]) -> tuple[int, int, int]:
    """How late is told, how much later is e times as rare, and how late nine of ten are."""
    sorted_late = np.sort(late)
    most = max(_LEAST_TAIL, int(len(late) * _TAIL))
    threshold = int(sorted_late[-most - 1])
    scale = max(int(sorted_late[-most:].mean()) - threshold, _LEAST_SCALE)
    rarer = np.log(most / len(late) * 365 / A_YEAR)
    return int(threshold + scale * rarer), scale, int(np.quantile(late, 0.9))
