"""Compiled: follows the stays of an appliance in the states that its profile names, and what is measured in them.

A stay begins when the held values say so and ends when they say otherwise; it goes on over midnight, but not over a
time without readings. What is summed is a day's; nothing depends on how readings were cut into calls.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.stream import columns, cycles
from models.stream.lean import LEAN
from models.stream.state import (
    BASE,
    DAY,
    ELSEWHERE,
    IDLE,
    RUNNING,
    SHORTEST,
    SPAN,
    STAY,
    SUM,
    TOP,
    UNKNOWN,
    UNSEEN,
    WEIGHT,
    WHOLE,
    WHOLE_S,
    Params,
    StreamState,
    W,
)
from models.stream.states import LOW, MEAN, PEAK, RANGE, RATE

S_PER_MINUTE = 60.0


@njit(**LEAN)
def hold(s: StreamState, p: Params, r: int, start: int, stop: int) -> None:
    """The last values stood from `start` to `stop` (ms, within one hour): go to their state, measure in it."""
    m = s.machine[r]
    stop = min(stop, s.seen[r, _told_by(s, p, r)] + p.max_gap)
    if stop <= start:
        return
    now = _state_of(s, p, r)
    if now != m.state:
        _leave(s, p, r, start)
        m.stay_whole = m.state != UNSEEN
        m.state = now
        m.entered = start
    if now < 0:
        return
    s.stay[r, now, STAY] += (stop - start) / 1000.0
    _measure(s, p, r, start, stop)


@njit(**LEAN)
def compare(s: StreamState, p: Params, r: int, time: int, values: NDArray[np.float64]) -> None:
    """New `values` are at hand, the last ones still held: rates within a stay; an end of sight ends the stay."""
    m = s.machine[r]
    signal = _told_by(s, p, r)
    if time - s.seen[r, signal] > p.max_gap:
        _leave_unseen(s, p, r)
        return
    if m.state < 0 or (math.isfinite(values[signal]) and _changes(s, p, r, signal, values[signal])):
        return
    state = p.plan.states[m.state]
    for k in range(state.first, state.last):
        g = p.plan.measures[k].gauge
        last = s.seen[r, g]
        known = math.isfinite(values[g]) and math.isfinite(s.value[r, g]) and time - last <= p.max_gap
        if p.plan.measures[k].kind == RATE and known and last >= m.entered + state.settle:
            s.measure[r, k, WEIGHT] += (time - last) / 1000.0
            s.measure[r, k, SUM] += values[g] - s.value[r, g]


@njit(**LEAN)
def describe(s: StreamState, p: Params, r: int, out: NDArray[np.float64]) -> None:
    """Write a day's features in the order of `state_features`; NaN where nothing was seen."""
    span = s.machine[r].cycle[DAY, SPAN]
    seen = s.gauge[r, DAY, _told_by(s, p, r), W] > 0.0
    at = 0
    for number in range(len(p.plan.states)):
        stay = s.stay[r, number]
        out[at + columns.SHARE] = stay[STAY] / span if seen else math.nan
        out[at + columns.VISITS] = stay[WHOLE] if seen else math.nan
        out[at + columns.VISIT_MEAN] = stay[WHOLE_S] / stay[WHOLE] if stay[WHOLE] > 0.0 else math.nan
        out[at + columns.VISIT_LEAST] = stay[SHORTEST] if stay[WHOLE] > 0.0 else math.nan
        at += columns.STAYS
        enough = stay[STAY] >= p.plan.states[number].least
        for k in range(p.plan.states[number].first, p.plan.states[number].last):
            kind = p.plan.measures[k].kind
            out[at] = _value(s.measure[r, k], kind) if enough or kind in (PEAK, LOW) else math.nan
            at += 1


@njit(**LEAN)
def clear(s: StreamState, r: int) -> None:
    """Empty a day; the stay under way goes on."""
    s.stay[r].fill(0.0)
    for k in range(s.measure.shape[1]):
        s.measure[r, k, WEIGHT] = 0.0
        s.measure[r, k, SUM] = 0.0


@njit(**LEAN)
def _value(a: NDArray[np.float32], kind: int) -> float:
    if a[WEIGHT] <= 0.0:
        return math.nan
    if kind == RANGE:
        return float(a[SUM] - a[BASE])
    mean = a[SUM] / a[WEIGHT]
    if kind == MEAN:
        return float(a[BASE] + mean)
    return float(mean * S_PER_MINUTE) if kind == RATE else float(mean)


@njit(**LEAN)
def _told_by(s: StreamState, p: Params, r: int) -> int:
    """The gauge that tells the state: where its signal was never sent and runs stand for it, the one they show in."""
    own = math.isnan(p.plan.running) or not math.isnan(s.value[r, p.plan.signal])
    return p.plan.signal if own else p.cycle


@njit(**LEAN)
def _changes(s: StreamState, p: Params, r: int, signal: int, value: float) -> bool:
    """Whether a new `value` of what tells the state is another one than is held."""
    if signal == p.plan.signal:
        return bool(value != s.value[r, signal])
    m = s.machine[r]
    return bool(cycles.side(value, m.level[IDLE], m.level[RUNNING], m.raw) != m.raw)


@njit(**LEAN)
def _state_of(s: StreamState, p: Params, r: int) -> int:
    """The first state that the held values fulfil; a run stands for a signal that was never sent."""
    raw = s.machine[r].raw
    value = s.value[r, p.plan.signal]
    if math.isnan(value) and raw != UNKNOWN:
        value = p.plan.running if raw == 1 else p.plan.resting
    for number in range(len(p.plan.states)):
        state = p.plan.states[number]
        if value == state.code and (state.gate < 0 or _opens(s.value[r, state.gate], state.above, raw)):
            return number
    return ELSEWHERE


@njit(**LEAN)
def _opens(value: float, above: float, raw: int) -> bool:
    """Whether a gauge lets a state be: one that was never sent does while the appliance runs."""
    return bool(raw == 1 if math.isnan(value) else value > above)


@njit(**LEAN)
def _measure(s: StreamState, p: Params, r: int, start: int, stop: int) -> None:
    """Peak and low of the whole stay, since what cannot run never settles; all else once settled."""
    state = p.plan.states[s.machine[r].state]
    settled = max(start, s.machine[r].entered + state.settle)
    for k in range(state.first, state.last):
        measure, a = p.plan.measures[k], s.measure[r, k]
        value = s.value[r, measure.gauge]
        since = start if measure.kind in (PEAK, LOW) else settled
        until = min(stop, s.seen[r, measure.gauge] + p.max_gap)
        if measure.minus >= 0:
            less = s.value[r, measure.minus]
            if math.isnan(less):
                less = measure.unless_sent
            else:
                until = min(until, s.seen[r, measure.minus] + p.max_gap)
            value -= less
        if until <= since or math.isnan(value):
            continue
        if measure.kind == MEAN:
            _average(a, value, (until - since) / 1000.0)
        elif measure.kind == RANGE:
            _widen(a, value)
        elif (measure.kind == PEAK and not value <= a[TOP]) or (measure.kind == LOW and not value >= a[TOP]):
            a[TOP] = value


@njit(**LEAN)
def _average(a: NDArray[np.float32], value: float, seconds: float) -> None:
    if a[WEIGHT] == 0.0:
        a[BASE] = value
    a[WEIGHT] += seconds
    a[SUM] += seconds * (value - a[BASE])


@njit(**LEAN)
def _widen(a: NDArray[np.float32], value: float) -> None:
    """Lowest value in BASE, highest in SUM: a range is of the day, and TOP of a stay."""
    a[BASE] = value if a[WEIGHT] == 0.0 else min(a[BASE], value)
    a[SUM] = value if a[WEIGHT] == 0.0 else max(a[SUM], value)
    a[WEIGHT] = 1.0


@njit(**LEAN)
def _leave(s: StreamState, p: Params, r: int, time: int) -> None:
    """The stay ends at `time`, ms."""
    m = s.machine[r]
    if m.state < 0:
        return
    if m.stay_whole:
        stay, seconds = s.stay[r, m.state], (time - m.entered) / 1000.0
        stay[SHORTEST] = min(stay[SHORTEST], seconds) if stay[WHOLE] > 0.0 else seconds
        stay[WHOLE] += 1
        stay[WHOLE_S] += seconds
    for k in range(p.plan.states[m.state].first, p.plan.states[m.state].last):
        a = s.measure[r, k]
        if not math.isnan(a[TOP]):
            a[WEIGHT] += 1.0
            a[SUM] += a[TOP]
            a[TOP] = math.nan


@njit(**LEAN)
def _leave_unseen(s: StreamState, p: Params, r: int) -> None:
    """The stay was lost sight of: neither its length nor its highest value is known."""
    m = s.machine[r]
    if m.state >= 0:
        for k in range(p.plan.states[m.state].first, p.plan.states[m.state].last):
            s.measure[r, k, TOP] = math.nan
    m.state = UNSEEN
