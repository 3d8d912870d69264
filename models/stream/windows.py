"""Closing a window: accumulators become one row of features, and the hour is added to its day."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR
from models.stream import columns, cycles
from models.stream import stays as stream_stays
from models.stream.lean import LEAN
from models.stream.state import (
    CYCLE_FIELDS,
    DAY,
    GAUGE_FIELDS,
    HIGH,
    HOUR,
    INCREMENT,
    INSIDE,
    KNOWN,
    LONGEST,
    LOW,
    OFF,
    OFF_S,
    OFF_W,
    ON,
    ON_S,
    ON_W,
    PAUSE_S,
    PAUSE_SS,
    PAUSES,
    PEAKS,
    REF,
    RUN_S,
    RUN_SS,
    RUNNING,
    RUNS,
    S1,
    S2,
    SPAN,
    STARTS,
    Params,
    StreamState,
    W,
)


class ClosedWindows(NamedTuple):
    """Closed windows as the kernels write them; `filled[0]` rows are valid."""

    appliance: NDArray[np.int32]
    start: NDArray[np.int64]
    features: NDArray[np.float64]
    filled: NDArray[np.int64]


def room_for(capacity: int, features: int) -> ClosedWindows:
    """Room for `capacity` windows."""
    return ClosedWindows(
        np.empty(capacity, np.int32),
        np.empty(capacity, np.int64),
        np.empty((capacity, features)),
        np.zeros(1, np.int64),
    )


@njit(**LEAN)
def close(s: StreamState, p: Params, r: int, window: int, now: int, out: ClosedWindows) -> None:
    """Emit appliance `r`'s hour or day around `now` and empty it; a window in which nothing was seen is no row."""
    length = MS_PER_HOUR if window == HOUR else MS_PER_DAY
    start = now // length * length
    m = s.machine[r]
    if m.running == 1:
        cycles.note_run(m, min(start + length, s.seen[r, p.cycle] + p.max_gap), now)
    if window == HOUR:
        _add_hour_to_day(s, r)
    if m.cycle[window, SPAN] > 0.0:
        row = out.filled[0]
        out.filled[0] = row + 1
        out.appliance[row] = r
        out.start[row] = start
        at = _describe(s, p, r, window, length / 1000.0, out.features[row])
        if window == DAY and p.plan.signal >= 0:
            stream_stays.describe(s, p, r, out.features[row, at:])
    m.cycle[window].fill(0.0)
    s.gauge[r, window].fill(0.0)
    s.counter[r, window].fill(0.0)
    if window == DAY:
        stream_stays.clear(s, r)


@njit(**LEAN)
def _add_hour_to_day(s: StreamState, r: int) -> None:
    cycle = s.machine[r].cycle
    for field in range(CYCLE_FIELDS):
        if field not in (INSIDE, LONGEST):
            cycle[DAY, field] += cycle[HOUR, field]
    for g in range(s.gauge.shape[2]):
        if s.gauge[r, HOUR, g, W] > 0.0:
            _add_gauge(s.gauge[r, DAY, g], s.gauge[r, HOUR, g])


@njit(**LEAN)
def _add_gauge(day: NDArray, hour: NDArray) -> None:
    if day[W] == 0.0:
        for field in range(GAUGE_FIELDS):
            day[field] = hour[field]
        return
    shift = hour[REF] - day[REF]
    day[W] += hour[W]
    day[S1] += hour[S1] + shift * hour[W]
    day[S2] += hour[S2] + 2.0 * shift * hour[S1] + shift * shift * hour[W]
    day[LOW] = min(day[LOW], hour[LOW])
    day[HIGH] = max(day[HIGH], hour[HIGH])
    day[ON_W] += hour[ON_W]
    day[ON_S] += hour[ON_S] + shift * hour[ON_W]
    day[OFF_W] += hour[OFF_W]
    day[OFF_S] += hour[OFF_S] + shift * hour[OFF_W]


@njit(**LEAN)
def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else math.nan


@njit(**LEAN)
def _spread(count: float, total: float, squares: float) -> float:
    """Standard deviation from sums; NaN without data."""
    if count <= 0.0:
        return math.nan
    mean = total / count
    return math.sqrt(max(squares / count - mean * mean, 0.0))


@njit(**LEAN)
def _describe(
    s: StreamState, p: Params, r: int, window: int, seconds: float, out: NDArray[np.float64]
) -> int:
    """Write the features of one window of `seconds` in the order of `hour_features`; returns how many they are."""
    _describe_cycles(s, p, r, window, seconds, out)
    at = columns.RUNS
    for g in range(s.gauge.shape[2]):
        _describe_gauge(s.gauge[r, window, g], seconds, out[at : at + columns.GAUGE])
        at += columns.GAUGE
    for c in range(s.counter.shape[2]):
        if c != p.starts_counter:
            known = s.counter[r, window, c, KNOWN] > 0.0
            out[at] = s.counter[r, window, c, INCREMENT] if known else math.nan
            at += 1
    return at


@njit(**LEAN)
def _describe_cycles(
    s: StreamState, p: Params, r: int, window: int, seconds: float, out: NDArray[np.float64]
) -> None:
    m = s.machine[r]
    c = m.cycle[window]
    known = c[ON] + c[OFF]
    starts = c[INSIDE] if window == DAY else c[STARTS]
    starts = starts if known > 0.0 else math.nan
    if p.starts_counter >= 0 and s.counter[r, window, p.starts_counter, KNOWN] > 0.0:
        starts = s.counter[r, window, p.starts_counter, INCREMENT]
        known = c[SPAN]
    out[columns.COVERAGE] = c[SPAN] / seconds
    out[columns.STARTS] = starts
    out[columns.DUTY] = _ratio(c[ON], c[ON] + c[OFF])
    out[columns.STARTS_PER_HOUR] = _ratio(starts * 3600.0, known)
    out[columns.LONGEST_RUN] = c[LONGEST] if c[ON] + c[OFF] > 0.0 else math.nan
    out[columns.RUN_MEAN] = _ratio(c[RUN_S], c[RUNS])
    out[columns.RUN_STD] = _spread(c[RUNS], c[RUN_S], c[RUN_SS])
    out[columns.PAUSE_MEAN] = _ratio(c[PAUSE_S], c[PAUSES])
    out[columns.PAUSE_STD] = _spread(c[PAUSES], c[PAUSE_S], c[PAUSE_SS])
    out[columns.ON_LEVEL] = m.level[RUNNING]
    out[columns.INRUSH] = _ratio(c[PEAKS], c[STARTS])


@njit(**LEAN)
def _describe_gauge(a: NDArray, seconds: float, out: NDArray[np.float64]) -> None:
    unseen = a[W] <= 0.0
    out[columns.MEAN] = a[REF] + _ratio(a[S1], a[W])
    out[columns.STD] = _spread(a[W], a[S1], a[S2])
    out[columns.MIN] = math.nan if unseen else a[LOW]
    out[columns.MAX] = math.nan if unseen else a[HIGH]
    out[columns.ON_MEAN] = a[REF] + _ratio(a[ON_S], a[ON_W])
    out[columns.OFF_MEAN] = a[REF] + _ratio(a[OFF_S], a[OFF_W])
    out[columns.GAUGE_COVERAGE] = a[W] / seconds
