"""How each machine usually runs and rests, and when it does neither any more: plain harm, which needs no statistics.

A thermostat's machine runs and pauses, some dozen times a day or more, for years. What is usual is the longest of its
own runs and pauses not long ago; much longer than that is harm under way: food thaws, a compressor wears out. Nothing
is compared with other machines, nothing is trained, and no score is waited for.

It is said of **regular** machines only: most of what was seen of them were runs and pauses of less than six hours, for
four days at least. So a washing machine, a television or a heater that people switch on is never called dead.

Of the longest three the first counts, but no more than three times the third: two odd stretches (the first run after a
plug was fitted, one defrosting by hand) teach nothing, and what comes back does. Half is forgotten in 60 days.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR
from models.stream.lean import LEAN
from models.stream.on_level import BINS, quantile
from models.stream.state import NEVER, UNKNOWN, Machine, Params

STOPPED, RUNS_ON, STARTS_OFTEN, STUCK = range(4)
HARMS = ("stopped", "runs-on", "starts-too-often", "stuck-meter")
"""What may be told of a machine, in the order of the columns."""

MUCH = 3.0
"""So many times the longest it ever did is much longer."""
STOPPED_S = 3 * 3600.0
RUNS_ON_S = 12 * 3600.0
STUCK_S = 3 * 3600.0
"""And at least so long, s: a freezer stays cold for hours, and a hot day or much fresh food is no fault."""
NEVER_PAUSED_S = 24 * 3600.0
"""One that never paused since it was first seen is told after so long, s."""
BOUT_MS = 2 * MS_PER_HOUR
OFTEN, OFTEN_LEAST = 2.0, 12.0
"""Starts within a bout: so many times the most ever, and no fewer than a hermetic compressor may make (6 an hour)."""

STEADY_S = 6 * 3600.0
"""Runs and pauses that are shorter are a thermostat's, s."""
REGULAR_S = 4 * 24 * 3600.0
REGULAR_SHARE = 0.8
"""So much of a regular machine's time was spent in those, s, and at least this share of all."""
LONGEST_STRETCH_S = 24 * 3600.0
"""A stretch counts for so much of all at most, s: one holiday does not make a freezer irregular."""
RESTS_S = 8 * 3600.0
"""What usually rests for longer, s, is switched off by people or a timer: nobody can say that it stopped."""
KEEP_A_DAY = 0.5 ** (1 / 60)

GAP_MS = 30 * 60_000
LONGEST_GAP_MS = 6 * MS_PER_HOUR
"""After a gap of this much, or of three times its second longest, nobody knows what went on in it; after the latter
never."""
ONE_LEVEL = 1.6
"""Between its 5 % and its 95 % quantile the draw of a machine at one level differs by no more than this factor."""
DRAWS = 0.45
"""Of standby: less is a router, not a machine that runs."""
TELL_MS = 5 * 60_000
"""So often, by event time, it is asked whether there is harm."""
LOOK_MS = MS_PER_HOUR
GOES_ON_MS = 12 * MS_PER_HOUR
"""While harm is told, and for so long after it, what there is to say is said again once in LOOK_MS."""


class Told(NamedTuple):
    """What there is to say, as the kernels write it; `filled[0]` rows are valid."""

    appliance: NDArray[np.int32]
    time: NDArray[np.int64]
    over: NDArray[np.float64]  # (n, harms) what is, in bounds: more than 1 is harm
    found: NDArray[np.float64]  # (n, harms) what is: s, or starts
    usual: NDArray[np.float64]  # (n, harms) the most that is usual, the same; NaN unknown
    filled: NDArray[np.int64]


def room_to_tell(capacity: int) -> Told:
    """Room for `capacity` rows."""
    many = (capacity, len(HARMS))
    return Told(
        np.empty(capacity, np.int32),
        np.empty(capacity, np.int64),
        np.empty(many),
        np.empty(many),
        np.empty(many),
        np.zeros(1, np.int64),
    )


@njit(inline="always", **LEAN)
def follow(
    m: Machine, p: Params, r: int, time: int, value: float, last: int, before: float, out: Told
) -> None:
    """A value of the cycle signal that the stream has taken; the one `before` it was read at `last` (ms, NEVER).

    Writes a row where what there is to say changed, or is to be said again: by event time, however blocks are cut.
    """
    if m.first == NEVER:
        m.first = m.turned = m.same_since = time
        return
    _pass_time(m, time, last)
    if value != before:
        _stood(m, time)
    if m.slot >= 0:  # what a run is, is not known yet
        return
    if m.running != UNKNOWN and m.running != m.side:
        _turn(m, time)
    if time // TELL_MS != last // TELL_MS:
        _tell(m, p, r, time, out)


@njit(**LEAN)
def _pass_time(m: Machine, time: int, last: int) -> None:
    """From the last value to this one: gaps, days, bouts."""
    gap = time - last
    if gap > max(GAP_MS, min(MUCH * m.gap[1], LONGEST_GAP_MS)):
        m.turned += gap
        m.first += gap
        m.same_since = time
        m.seen_whole = 0
    _rank(m.gap, float(gap))
    if time // BOUT_MS != last // BOUT_MS:
        _rank(m.busiest, float(m.starts))
        m.starts = 0
    days = time // MS_PER_DAY - last // MS_PER_DAY
    if days > 0:
        _forget(m, KEEP_A_DAY**days)


@njit(**LEAN)
def _forget(m: Machine, keep: float) -> None:
    m.steady *= keep
    m.passed *= keep
    for k in range(3):
        m.ran[k] *= keep
        m.paused[k] *= keep
        m.stood[k] *= keep
        m.busiest[k] *= keep
    for k in range(2):
        m.gap[k] *= keep


@njit(**LEAN)
def _rank(longest: NDArray[np.float32], value: float) -> None:
    """Put `value` among the longest, which fall."""
    for k in range(len(longest)):
        if value > longest[k]:
            longest[k], value = value, longest[k]


@njit(**LEAN)
def usual(longest: NDArray[np.float32]) -> float:
    """The longest that is usual: the first of three, but no more than three times the third."""
    return float(min(longest[0], MUCH * longest[2]))


@njit(**LEAN)
def _stood(m: Machine, time: int) -> None:
    """The value moved; how long a run's stood still is learnt."""
    if m.side == 1 and m.same_since > m.turned:
        _rank(m.stood, (time - m.same_since) / 1000.0)
    m.same_since = time


@njit(**LEAN)
def _turn(m: Machine, time: int) -> None:
    """A run or a pause began, and what was before it is over."""
    if m.side == UNKNOWN:
        m.paused_once = m.whole
        m.turned = max(m.since, m.first) if m.whole else m.first
    else:
        at = min(max(m.since, m.turned), time)
        seconds = (at - m.turned) / 1000.0
        if m.seen_whole:
            _rank(m.ran if m.side == 1 else m.paused, seconds)
            m.passed += min(seconds, LONGEST_STRETCH_S)
            m.steady += seconds if seconds <= STEADY_S else 0.0
        m.turned = at
        m.seen_whole = m.paused_once = 1
        m.starts += m.running
    m.side = m.running


@njit(**LEAN)
def _is_regular(m: Machine) -> bool:
    return bool(m.steady >= REGULAR_S and m.steady >= REGULAR_SHARE * m.passed)


@njit(**LEAN)
def _at_one_level(m: Machine, p: Params) -> bool:
    """Whether it draws what a running machine draws, and always about the same."""
    low = quantile(m.histogram, 0, BINS, 0.05)
    return bool(low > DRAWS * p.standby and quantile(m.histogram, 0, BINS, 0.95) < ONE_LEVEL * low)


@njit(**LEAN)
def _stopped(m: Machine, seconds: float) -> float:
    rests = usual(m.paused)
    if m.side != 0 or rests > RESTS_S or not _is_regular(m):
        return 0.0
    return seconds / max(STOPPED_S, MUCH * rests)


@njit(**LEAN)
def _runs_on(m: Machine, p: Params, seconds: float, time: int) -> float:
    if m.paused_once:
        if m.side != 1 or not _is_regular(m):
            return 0.0
        return seconds / max(RUNS_ON_S, MUCH * usual(m.ran))
    here = (time - m.first) / 1000.0
    return here / NEVER_PAUSED_S if here > NEVER_PAUSED_S and _at_one_level(m, p) else 0.0


@njit(**LEAN)
def _starts_often(m: Machine) -> float:
    if m.starts <= OFTEN_LEAST or not _is_regular(m):
        return 0.0
    return m.starts / max(OFTEN_LEAST, OFTEN * usual(m.busiest))


@njit(**LEAN)
def _stuck(m: Machine, time: int) -> float:
    seconds = (time - max(m.same_since, m.turned)) / 1000.0
    if m.side != 1 or seconds <= STUCK_S or not _is_regular(m):
        return 0.0
    return seconds / max(STUCK_S, MUCH * usual(m.stood))


@njit(**LEAN)
def _tell(m: Machine, p: Params, r: int, time: int, out: Told) -> None:
    """Write a row where harm began or ended, and once in a while as long as there is some."""
    seconds = (time - m.turned) / 1000.0
    calm = m.harm == 0 and m.starts <= OFTEN_LEAST and seconds <= STOPPED_S and m.paused_once == 1
    if calm and (time - m.looked < LOOK_MS or time - m.harmed > GOES_ON_MS):
        return  # nearly always
    over = (
        _stopped(m, seconds),
        _runs_on(m, p, seconds, time),
        _starts_often(m),
        _stuck(m, time),
    )
    harm = 0
    for k in range(len(over)):
        if over[k] > 1.0:
            harm += 1 << k
    if harm:
        m.harmed = time
    again = time - m.looked >= LOOK_MS and m.harmed != NEVER and time - m.harmed <= GOES_ON_MS
    if harm == m.harm and not again:
        return
    m.harm, m.looked = harm, time
    _write(m, r, time, seconds, over, out)


@njit(**LEAN)
def _write(m: Machine, r: int, time: int, seconds: float, over: tuple[float, ...], out: Told) -> None:
    n = out.filled[0]
    out.appliance[n], out.time[n] = r, time
    found, usually = out.found[n], out.usual[n]
    for k in range(len(over)):
        out.over[n, k] = over[k]
    found[STOPPED], usually[STOPPED] = seconds, usual(m.paused)
    found[RUNS_ON], usually[RUNS_ON] = seconds, usual(m.ran) if m.paused_once else math.nan
    found[STARTS_OFTEN], usually[STARTS_OFTEN] = m.starts, usual(m.busiest)
    found[STUCK], usually[STUCK] = (time - max(m.same_since, m.turned)) / 1000.0, usual(m.stood)
    out.filled[0] = n + 1
