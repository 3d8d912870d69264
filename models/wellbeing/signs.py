"""When a person did something, as an appliance shows it: doors that open, machines that somebody starts.

A refrigerator's compressor, a water heater or an air conditioner starts by itself. So power is a sign of life only
where a person must be there for it to rise, which the appliance's category says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

US_PER_MINUTE = 60_000_000

OPERATED = frozenset(
    {"coffee-machine", "cooker", "dishwasher", "kettle", "microwave", "toaster", "washing-machine"}
)
"""Categories that draw power because somebody pressed a button just now."""
SIGNALS = ("door_openings", "programme_phase", "power")
"""That show signs of life, the first that an appliance has."""
RUNNING_W = 20.0
"""Above what a display and a radio draw."""
REST_US = 20 * US_PER_MINUTE
"""A machine that was off for less is still in the same run: a microwave at half power, a wash that soaks."""
_LONGER_REST_US = {"dishwasher": 45 * US_PER_MINUTE}
"""Of categories that rest for longer within a run: a real one dries for half an hour (tracebase, 2011)."""
STALE_US = 120 * US_PER_MINUTE
"""What changed between readings further apart happened nobody knows when."""


def signs_of_life(
    times_us: NDArray[np.int64], signals: Mapping[str, NDArray[np.float64]], category: str | None = None
) -> NDArray[np.int64]:
    """Instants at which a person did something, us UTC, sorted, each once, from one appliance's readings.

    `times_us` (n,) us UTC in any order, `signals` name -> (n,), NaN where a reading has none. Doors count
    (`door_openings`) wherever they are counted; else the start of a programme (`programme_phase`) or power that rises
    out of rest, both only of categories that a person operates (`OPERATED`): of any other, or of none, they show
    nothing. A sign has the time of the reading that shows it; a counter that falls back was restarted.

    >>> minutes = np.arange(5) * US_PER_MINUTE
    >>> signs_of_life(minutes, {"door_openings": np.array([7.0, 7.0, 8.0, 8.0, 10.0])}) // US_PER_MINUTE
    array([2, 4])
    """
    order = np.argsort(times_us, kind="stable")
    rest = _LONGER_REST_US.get(category or "", REST_US)
    for name in SIGNALS:
        if name not in signals or not (name == "door_openings" or category in OPERATED):
            continue
        value = signals[name][order]
        there = np.isfinite(value)
        if there.any():
            times = times_us[order][there].astype(np.int64)
            value = value[there]
            shown = (
                _rises(times, value)
                if name == "door_openings"
                else _starts(times, value > (RUNNING_W if name == "power" else 0.0), rest)
            )
            return np.unique(times[shown])
    return np.zeros(0, np.int64)


def heard(times_us: NDArray[np.int64], apart: int = STALE_US) -> list[tuple[int, int]]:
    """Spans (from, to), us UTC, in which an appliance spoke: its readings no further `apart` than that, us.

    >>> heard(np.array([0, 30, 300]) * US_PER_MINUTE, apart=60 * US_PER_MINUTE)
    [(0, 1800000000), (18000000000, 18000000000)]
    """
    if not len(times_us):
        return []
    times = np.sort(times_us)
    breaks = np.flatnonzero(np.diff(times) > apart)
    begins, ends = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(times) - 1]])
    return [(int(times[a]), int(times[b])) for a, b in zip(begins, ends, strict=True)]


def merged(spans: Iterable[tuple[int, int]], apart: int = 0) -> list[tuple[int, int]]:
    """Spans (from, to), sorted, those joined that overlap, touch, or are no further than `apart` from each other.

    >>> merged([(0, 10), (500, 600), (20, 30)], apart=10)
    [(0, 30), (500, 600)]
    """
    found: list[tuple[int, int]] = []
    for since, until in sorted(spans):
        if found and since <= found[-1][1] + apart:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return found


def _rises(times: NDArray[np.int64], count: NDArray[np.float64]) -> NDArray[np.bool_]:
    return _fresh(times) & (np.diff(count, prepend=count[0]) > 0)


def _starts(times: NDArray[np.int64], on: NDArray[np.bool_], rest: int) -> NDArray[np.bool_]:
    """Readings at which a machine is on that was off at the one before, and had been for `rest`, us."""
    before = np.concatenate([[True], on[:-1]])
    last_on = np.maximum.accumulate(np.where(on, times, times[0] - rest))
    rested = times - np.concatenate([times[:1], last_on[:-1]]) >= rest
    return on & ~before & rested & _fresh(times)


def _fresh(times: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.diff(times, prepend=times[0]) <= STALE_US
