"""The clock on a household's wall, for many instants at once: habits keep to it through summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

US_PER_HOUR = 3_600_000_000
US_PER_DAY = 24 * US_PER_HOUR
_US_PER_WEEK = 7 * US_PER_DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def wall(times: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """(n,) us that the clock of `zone` shows since its 1970-01-01 00:00, of (n,) instants, us UTC.

    >>> midnight = np.array([0])
    >>> wall(midnight, ZoneInfo("Asia/Shanghai")) // US_PER_HOUR
    array([8])
    """
    if not len(times):
        return times.astype(np.int64)
    changes, offsets = _offsets(int(times.min()), int(times.max()), zone)
    return np.asarray(times + offsets[np.searchsorted(changes, times, side="right")])


def instant(shown: int, zone: ZoneInfo) -> int:
    """The instant, us UTC, at which the clock of `zone` shows `shown`; the first of two, and one for an hour left out.

    >>> instant(8 * US_PER_HOUR, ZoneInfo("Asia/Shanghai"))
    0
    """
    local = (_EPOCH + timedelta(microseconds=shown)).replace(tzinfo=zone)
    return (local - _EPOCH) // timedelta(microseconds=1)


def _offsets(first: int, last: int, zone: ZoneInfo) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Instants (c,) at which the clock is changed in between, and the offsets (c + 1,) around them, us."""
    at, offsets = [], [_offset(first, zone)]
    for week in range(first, last, _US_PER_WEEK):  # no zone changes its clock there and back within one
        until = min(week + _US_PER_WEEK, last)
        if (then := _offset(until, zone)) != offsets[-1]:
            at.append(_change(week, until, zone))
            offsets.append(then)
    return np.array(at, np.int64), np.array(offsets, np.int64)


def _change(before: int, after: int, zone: ZoneInfo) -> int:
    old = _offset(before, zone)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(middle, zone) == old else (before, middle)
    return after


def _offset(time: int, zone: ZoneInfo) -> int:
    offset = (_EPOCH + timedelta(microseconds=time)).astimezone(zone).utcoffset() or timedelta()
    return offset // timedelta(microseconds=1)
