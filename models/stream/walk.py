"""The compiled entry point: a walk over sorted readings.

Only this entry point is kept on disk; the kernels that it calls are compiled with it.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from foremend.vocabulary.compiling import compiled
from models.stream.habits import Told, follow
from models.stream.kernel import finish, take
from models.stream.lean import LEAN
from models.stream.pool import Pool, wait
from models.stream.state import Params, StreamState
from models.stream.warmup import learn, ready, refit, rehearse, release
from models.stream.windows import ClosedWindows

MOST_WINDOWS = 32
"""One reading closes at most this many windows: those of a whole warm-up."""
END_OF_INPUT = -1
"""A time that says: no more readings of this appliance, close what it has open."""


@njit(inline="always", **LEAN)
def _take_or_wait(
    s: StreamState,
    pool: Pool,
    p: Params,
    r: int,
    time: int,
    values: NDArray[np.float64],
    early: ClosedWindows,
    hours: ClosedWindows,
    days: ClosedWindows,
) -> None:
    """A reading is followed at once, or waits until it is known what a run is."""
    m = s.machine[r]
    if p.cycle >= 0 and learn(m, p, time, values[p.cycle]):
        refit(m, p)
    if m.slot < 0:
        take(s, p, r, time, values, hours, days)
        return
    wait(pool, m.slot, time, values)
    rehearse(s, p, r, time, values, early, days)
    if ready(m, pool, p, time):
        release(s, pool, p, r, hours, days)


@njit(**LEAN)
def _end(s: StreamState, pool: Pool, p: Params, r: int, hours: ClosedWindows, days: ClosedWindows) -> None:
    """Decide by what is known, then close what is open."""
    if s.machine[r].slot >= 0:
        refit(s.machine[r], p)
        release(s, pool, p, r, hours, days)
    finish(s, p, r, hours, days)


@compiled(**LEAN)
def walk(
    s: StreamState,
    pool: Pool,
    p: Params,
    appliance: NDArray[np.int64],
    time: NDArray[np.int64],
    values: NDArray[np.float64],
    first: int,
    early: ClosedWindows,
    hours: ClosedWindows,
    days: ClosedWindows,
    told: Told,
) -> int:
    """Take the readings from row `first` on; returns the row to go on from once the outputs are emptied."""
    for i in range(first, len(time)):
        if max(hours.filled[0], early.filled[0], told.filled[0]) + MOST_WINDOWS > len(hours.start):
            return i
        if time[i] == END_OF_INPUT:
            _end(s, pool, p, appliance[i], hours, days)
            continue
        m = s.machine[appliance[i]]
        last, before = m.learnt, m.learnt_value
        _take_or_wait(s, pool, p, appliance[i], time[i], values[i], early, hours, days)
        if p.cycle >= 0 and math.isfinite(values[i, p.cycle]):
            follow(m, p, appliance[i], time[i], values[i, p.cycle], last, before, told)
    return len(time)
