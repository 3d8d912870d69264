"""Until an appliance's on-level is known its readings wait here, so that its first hours count as well.

The wait is at least `Params.warmup` and at most a day. A full buffer is thinned by time: the least spacing doubles.

What the level does not decide must not wait that long: a cabinet is warm whatever its compressor does. So each
reading that waits is also rehearsed: the same walk, with a level that is only supposed. The hours that it closes are
told early; everything else of it is forgotten when the level is known and the readings go through for good.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR
from models.stream import cycles
from models.stream.cycles import ON_SHARE
from models.stream.kernel import take
from models.stream.lean import LEAN
from models.stream.on_level import BINS, believable, bin_of, one_level, two_levels
from models.stream.pool import NOBODY, Pool, give_back, time_of, values_of
from models.stream.state import (
    IDLE,
    LEARNT,
    NEVER,
    RUNNING,
    TOP,
    UNKNOWN,
    UNSEEN,
    Machine,
    Params,
    StreamState,
)
from models.stream.windows import ClosedWindows

FIT_EVERY_MS = MS_PER_HOUR
KEEP_PER_FIT = np.float32(0.5 ** (1.0 / 72.0))
"""Half of what was learnt is forgotten in 72 fits, hours with readings; an absence forgets nothing."""


@njit(**LEAN)
def learn(m: Machine, p: Params, time: int, value: float) -> bool:
    """Tell an appliance's histogram a new value of the cycle signal; True when a fit is due.

    Each value counts for the time it stood, as the median of itself and its neighbours: one reading of an inrush,
    held for a minute under sparse sampling, would outweigh the minutes of running after it.
    """
    if not math.isfinite(value):
        return False
    if m.learnt == NEVER:
        m.learnt_before = value
        m.next_fit = time + FIT_EVERY_MS
    else:
        held = min(time - m.learnt, p.max_gap)
        low = min(m.learnt_before, value)
        high = max(m.learnt_before, value)
        m.histogram[bin_of(min(max(m.learnt_value, low), high))] += held / 1000.0
        m.learnt_before = m.learnt_value
    m.learnt = time
    m.learnt_value = value
    return bool(time >= m.next_fit)


@njit(**LEAN)
def refit(m: Machine, p: Params) -> None:
    """Look at the levels again and forget a little, unless the profile says what running is."""
    if p.above > 0.0:
        _set_limit(m, p.above)
    else:
        _learn_levels(m, p)
    m.next_fit = m.learnt + FIT_EVERY_MS


@njit(**LEAN)
def _learn_levels(m: Machine, p: Params) -> None:
    idle, on = two_levels(m.histogram, p.standby)
    if not math.isnan(idle):
        known = cycles.off_threshold(m.level[IDLE], m.level[RUNNING])
        if m.slot >= 0 or believable(m.histogram, idle, known, p.standby):
            m.level[IDLE] = idle
            m.level[RUNNING] = on
    for index in range(BINS):
        m.histogram[index] *= KEEP_PER_FIT


@njit(**LEAN)
def _set_limit(m: Machine, above: float) -> None:
    """Levels with which `models.stream.cycles` says on from `above` and off below half of it."""
    m.level[IDLE] = 0.0
    m.level[RUNNING] = above / ON_SHARE


@njit(**LEAN)
def rehearse(
    s: StreamState,
    p: Params,
    r: int,
    time: int,
    values: NDArray[np.float64],
    early: ClosedWindows,
    days: ClosedWindows,
) -> None:
    """Let a reading that waits through as if the level were known: what draws more than standby runs.

    The hours that it closes go to `early`; its days are of no use, for they are told once the level is known.
    """
    m = s.machine[r]
    idle, on, closed = m.level[IDLE], m.level[RUNNING], days.filled[0]
    if math.isnan(idle):
        _set_limit(m, p.above if p.above > 0.0 else p.standby)
    take(s, p, r, time, values, early, days)
    m.level[IDLE], m.level[RUNNING] = idle, on
    days.filled[0] = closed


@njit(**LEAN)
def _forget_rehearsal(s: StreamState, r: int) -> None:
    """Back to an appliance of which nothing was seen, but for what was learnt of its levels."""
    m = s.machine[r]
    m.last_time = NEVER
    m.spacing = m.since = m.doubt = m.doubt_since = m.entered = 0
    m.doubt_count = m.whole = m.stay_whole = 0
    m.peak = 0.0
    m.raw = m.running = UNKNOWN
    m.state = UNSEEN
    m.cycle.fill(0.0)
    s.value[r].fill(math.nan)
    s.seen[r].fill(0)
    s.gauge[r].fill(0.0)
    s.counter[r].fill(0.0)
    s.prior[r].fill(math.nan)
    s.stay[r].fill(0.0)
    s.measure[r].fill(0.0)
    for k in range(s.measure.shape[1]):
        s.measure[r, k, TOP] = math.nan


@njit(**LEAN)
def ready(m: Machine, pool: Pool, p: Params, time: int) -> bool:
    waited = time - time_of(pool, m.slot, 0)
    return bool(waited >= MS_PER_DAY or (waited >= p.warmup and not math.isnan(m.level[IDLE])))


@njit(**LEAN)
def release(s: StreamState, pool: Pool, p: Params, r: int, hours: ClosedWindows, days: ClosedWindows) -> None:
    """The levels are as known as they will be: let the waiting readings through and give the buffer back."""
    m = s.machine[r]
    _forget_rehearsal(s, r)
    if p.above > 0.0:
        _set_limit(m, p.above)
    elif math.isnan(m.level[IDLE]):
        idle, on = one_level(m.histogram, p.standby)
        m.level[IDLE] = idle
        m.level[RUNNING] = on
    k = m.slot
    m.slot = LEARNT
    for i in range(pool.buffer[k].count):
        take(s, p, r, time_of(pool, k, i), values_of(pool, k, i), hours, days)
    give_back(pool, k, 0)
    pool.buffer[k].owner = NOBODY
    pool.buffer[k].spacing = 0
