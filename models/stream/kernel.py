"""The compiled walk over readings: hold what was last seen up to now, then look at what is new.

Between two readings every signal keeps its last value, at most `max_gap` long; later time counts as not seen.
Each stretch of held time is cut at the hours, so a window is the same however its readings were delivered.
What runs for every reading is inlined: a call with the whole state hands over a dozen arrays.
"""

from __future__ import annotations

import math

from numba import njit
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR
from models.stream import cycles
from models.stream import stays as stream_stays
from models.stream.lean import LEAN
from models.stream.state import (
    DAY,
    EARLIER,
    HIGH,
    HOUR,
    INCREMENT,
    KNOWN,
    LOW,
    NEVER,
    OFF,
    OFF_S,
    OFF_W,
    ON,
    ON_S,
    ON_W,
    REF,
    S1,
    S2,
    SPAN,
    UNKNOWN,
    Params,
    StreamState,
    W,
)
from models.stream.windows import ClosedWindows, close

STILL = 0.9
"""A counter that falls to no less than this share was corrected, not reset, as Home Assistant takes it, too."""


@njit(inline="always", **LEAN)
def take(
    s: StreamState, p: Params, r: int, time: int, values: NDArray, hours: ClosedWindows, days: ClosedWindows
) -> None:
    """One reading of appliance `r`, not older than its last: values (s,), NaN where absent."""
    m = s.machine[r]
    if m.last_time != NEVER:
        _advance(s, p, r, time, hours, days)
        m.spacing = min(time - m.last_time, p.max_gap)
        if p.plan.signal >= 0:
            stream_stays.compare(s, p, r, time, values)
    m.last_time = time
    gauges = s.gauge.shape[2]
    for index in range(values.shape[0]):
        if math.isfinite(values[index]):
            if index >= gauges:
                _count(s, p, r, index, time, values[index])
            elif index == p.cycle:
                _watch_cycle(s, p, r, time, values[index])
            s.value[r, index] = values[index]
            s.seen[r, index] = time


@njit(**LEAN)
def finish(s: StreamState, p: Params, r: int, hours: ClosedWindows, days: ClosedWindows) -> None:
    """End of input: close the windows that appliance `r` has open.

    Its last reading stands as long as the one before it did, but not into the next day.
    """
    m = s.machine[r]
    if m.last_time == NEVER:
        return
    end = min(m.last_time + m.spacing, (m.last_time // MS_PER_DAY + 1) * MS_PER_DAY - 1)
    _advance(s, p, r, end, hours, days)
    m.last_time = end
    close(s, p, r, HOUR, end, hours)
    close(s, p, r, DAY, end, days)


@njit(inline="always", **LEAN)
def _advance(s: StreamState, p: Params, r: int, time: int, hours: ClosedWindows, days: ClosedWindows) -> None:
    """Hold the last values from the last reading to `time`, closing the windows that end on the way."""
    now = s.machine[r].last_time
    seen_until = min(time, now + p.max_gap)
    while now < seen_until:
        stop = min(seen_until, (now // MS_PER_HOUR + 1) * MS_PER_HOUR)
        _credit(s, p, r, now, stop)
        _close_between(s, p, r, now, stop, hours, days)
        now = stop
    _close_between(s, p, r, now, time, hours, days)


@njit(inline="always", **LEAN)
def _close_between(
    s: StreamState, p: Params, r: int, now: int, later: int, hours: ClosedWindows, days: ClosedWindows
) -> None:
    if now // MS_PER_HOUR != later // MS_PER_HOUR:
        close(s, p, r, HOUR, now, hours)
    if now // MS_PER_DAY != later // MS_PER_DAY:
        close(s, p, r, DAY, now, days)


@njit(inline="always", **LEAN)
def _credit(s: StreamState, p: Params, r: int, start: int, stop: int) -> None:
    """Add the held values from `start` to `stop` (ms, within one hour) to the hour."""
    m = s.machine[r]
    m.cycle[HOUR, SPAN] += (stop - start) / 1000.0
    steady = UNKNOWN
    if m.raw != UNKNOWN:
        if m.raw == m.running:
            steady = m.raw
        _credit_cycle(s, p, r, start, stop)
    for g in range(s.gauge.shape[2]):
        seconds = (min(stop, s.seen[r, g] + p.max_gap) - start) / 1000.0
        if seconds > 0.0 and not math.isnan(s.value[r, g]):
            _credit_gauge(s.gauge[r, HOUR, g], s.value[r, g], seconds, steady)
    if p.plan.signal >= 0:
        stream_stays.hold(s, p, r, start, stop)


@njit(**LEAN)
def _credit_cycle(s: StreamState, p: Params, r: int, start: int, stop: int) -> None:
    until = min(stop, s.seen[r, p.cycle] + p.max_gap)
    if until <= start:
        return
    m = s.machine[r]
    if m.running == 1:
        m.cycle[HOUR, ON] += (until - start) / 1000.0
    elif m.running == 0:
        m.cycle[HOUR, OFF] += (until - start) / 1000.0
    cycles.hold(m, start, until)


@njit(**LEAN)
def _credit_gauge(a: NDArray, value: float, seconds: float, steady: int) -> None:
    if a[W] == 0.0:
        a[REF] = value
        a[LOW] = value
        a[HIGH] = value
    difference = value - a[REF]
    a[W] += seconds
    a[S1] += seconds * difference
    a[S2] += seconds * difference * difference
    a[LOW] = min(a[LOW], value)
    a[HIGH] = max(a[HIGH], value)
    if steady == 1:
        a[ON_W] += seconds
        a[ON_S] += seconds * difference
    elif steady == 0:
        a[OFF_W] += seconds
        a[OFF_S] += seconds * difference


@njit(**LEAN)
def _watch_cycle(s: StreamState, p: Params, r: int, time: int, value: float) -> None:
    m = s.machine[r]
    last = s.seen[r, p.cycle] if m.raw != UNKNOWN else time
    if time - last > p.max_gap:
        cycles.lose_sight(m, last, last + p.max_gap, time)
        last = time
    cycles.observe(m, last, time, value)


@njit(**LEAN)
def _count(s: StreamState, p: Params, r: int, index: int, time: int, value: float) -> None:
    """A counter's rise since its last value; a fall is a reset, after which it counts from zero.

    One single wrong value, low or high, is known by the next: what it was credited with is taken back. Over a longer
    absence only the share of the time inside the window is credited to it.
    """
    before = s.value[r, index]
    if math.isnan(before):
        return
    last = s.seen[r, index]
    c = index - s.gauge.shape[2]
    wrong = _was_wrong(s.prior[r, c], before, value)
    rise = value - s.prior[r, c] if wrong else _rise(before, value)
    if not wrong and value != before:
        s.prior[r, c] = before
    for window in (HOUR, DAY):
        length = MS_PER_HOUR if window == HOUR else MS_PER_DAY
        start = time // length * length
        share = 1.0
        if last < start and time - last > p.max_gap:
            share = (time - start) / (time - last)
        if value != before and not wrong:
            s.counter[r, window, c, EARLIER] = s.counter[r, window, c, INCREMENT]
        if value != before:
            s.counter[r, window, c, INCREMENT] = s.counter[r, window, c, EARLIER] + rise * share
        s.counter[r, window, c, KNOWN] += 1


@njit(**LEAN)
def _rise(before: float, value: float) -> float:
    if value >= before:
        return value - before
    return 0.0 if value >= STILL * before else max(value, 0.0)


@njit(**LEAN)
def _was_wrong(prior: float, before: float, value: float) -> bool:
    """Whether `before` is out of line with the values around it: a fall that was none, or a peak."""
    return bool(value >= prior and (before < prior or value < before))  # NaN is not
