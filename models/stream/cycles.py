"""Compressor and motor cycles: from a level crossed back and forth to runs and pauses.

A value above half way between idle and on-level is on, below a quarter off, between them unchanged (hysteresis).
A machine is *running* once that has held for a minute: evidence is the time spent on the other side, minus the
time spent back on this one, so that a dropout of a second delays a verdict by two seconds and no more. Under
sparse sampling one reading is no evidence of a minute: there must be two, or one that stood for two minutes.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR
from models.stream.lean import LEAN
from models.stream.state import (
    DAY,
    HOUR,
    IDLE,
    INSIDE,
    LONGEST,
    PAUSE_S,
    PAUSE_SS,
    PAUSES,
    PEAKS,
    RUN_S,
    RUN_SS,
    RUNNING,
    RUNS,
    STARTS,
    UNKNOWN,
    Machine,
)

ON_SHARE = 0.5
OFF_SHARE = 0.25
MIN_HOLD_MS = 60_000
HALF_MINUTE_MS = 30_000
LONE_HOLD_MS = 150_000
"""Evidence that a single reading must give: 30 s before it and two minutes after."""
MIDNIGHT_MS = 60_000
"""A start in the first minute of a day may be a run already going at midnight: no daily count takes it."""


@njit(**LEAN)
def off_threshold(idle: float, on: float) -> float:
    """The value below which a machine with these levels is off."""
    return idle + OFF_SHARE * (on - idle)


@njit(**LEAN)
def side(value: float, idle: float, on: float, before: int) -> int:
    """1 on, 0 off: the hysteresis of `value` after state `before` (-1 unknown: the nearer threshold decides)."""
    if value >= idle + ON_SHARE * (on - idle):
        return 1
    if value < off_threshold(idle, on):
        return 0
    if before == UNKNOWN:
        return 1 if value >= idle + 0.5 * (ON_SHARE + OFF_SHARE) * (on - idle) else 0
    return before


@njit(**LEAN)
def observe(m: Machine, last: int, time: int, value: float) -> None:
    """A new value of an appliance's cycle signal, the one before it read at `last` (ms).

    A change is dated half way between the two readings around it, at most 30 s before the later one. The first
    value of all decides at once.
    """
    m.raw = side(value, m.level[IDLE], m.level[RUNNING], m.raw)
    if m.running == UNKNOWN:
        m.running = m.raw
        m.since = time
    if m.raw == m.running:
        return
    if m.doubt_count == 0:
        m.doubt = min((time - last) // 2, HALF_MINUTE_MS)
        m.doubt_since = time - m.doubt
        m.peak = value
    m.doubt_count += 1
    m.peak = max(m.peak, value)
    _judge(m, time)


@njit(**LEAN)
def hold(m: Machine, start: int, end: int) -> None:
    """The last value stood from `start` to `end` (ms, inside one hour): weigh it as evidence."""
    if m.raw != m.running:
        m.doubt += end - start
        _judge(m, start)
    elif m.doubt_count > 0:
        m.doubt -= end - start
        if m.doubt <= 0:
            _dismiss(m)


@njit(**LEAN)
def _dismiss(m: Machine) -> None:
    """Drop the evidence that something changed."""
    m.doubt = 0
    m.doubt_count = 0


@njit(**LEAN)
def _judge(m: Machine, now: int) -> None:
    """If the evidence suffices, end this run or pause where it began, and begin the other."""
    if m.doubt < MIN_HOLD_MS or (m.doubt_count < 2 and m.doubt < LONE_HOLD_MS):
        return
    if m.running == 1:
        _end_run(m, m.doubt_since, now)
    else:
        _end_pause(m, m.doubt_since, now)
    m.whole = 1
    m.running = m.raw
    m.since = m.doubt_since
    _dismiss(m)


@njit(**LEAN)
def _end_run(m: Machine, at: int, now: int) -> None:
    note_run(m, at, now)
    seconds = (at - m.since) / 1000.0
    if m.whole:
        m.cycle[HOUR, RUNS] += 1
        m.cycle[HOUR, RUN_S] += seconds
        m.cycle[HOUR, RUN_SS] += seconds * seconds


@njit(**LEAN)
def _end_pause(m: Machine, at: int, now: int) -> None:
    seconds = (at - m.since) / 1000.0
    if m.whole:
        m.cycle[HOUR, PAUSES] += 1
        m.cycle[HOUR, PAUSE_S] += seconds
        m.cycle[HOUR, PAUSE_SS] += seconds * seconds
    m.cycle[HOUR, STARTS] += 1
    m.cycle[HOUR, PEAKS] += m.peak
    if at >= now // MS_PER_DAY * MS_PER_DAY + MIDNIGHT_MS:
        m.cycle[DAY, INSIDE] += 1


@njit(**LEAN)
def note_run(m: Machine, until: int, now: int) -> None:
    """Credit the run that lasted until `until` to the windows of `now`, each with the part inside it."""
    hour = now // MS_PER_HOUR * MS_PER_HOUR
    day = now // MS_PER_DAY * MS_PER_DAY
    in_hour = np.float32((until - max(m.since, hour)) / 1000.0)
    in_day = np.float32((until - max(m.since, day)) / 1000.0)
    m.cycle[HOUR, LONGEST] = max(m.cycle[HOUR, LONGEST], in_hour)
    m.cycle[DAY, LONGEST] = max(m.cycle[DAY, LONGEST], in_day)


@njit(**LEAN)
def lose_sight(m: Machine, last: int, until: int, now: int) -> None:
    """No value since `last`, which stood until `until`; the next one is at `now`.

    The run or pause is kept, but its length will not be known. Over midnight even the state is: a run
    found in the morning began on an unknown day.
    """
    if m.running == 1:
        note_run(m, until, now)
    _dismiss(m)
    m.since = now
    m.whole = 0
    if last // MS_PER_DAY != now // MS_PER_DAY:
        m.running = UNKNOWN
