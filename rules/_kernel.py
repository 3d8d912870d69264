"""The state machine of one condition on many appliances: compiled, since it looks at every window."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

NEVER = -(2**62)  # far enough in the past, and differences with real times still fit int64
OPENS, CHANGES, ESCALATES, RELEASES = 1, 2, 3, 4


class Spells(NamedTuple):
    """Where each appliance stands with one condition; every array is (fleet,). Times are event time, ms UTC."""

    last: NDArray[np.int64]  # newest window with a known value
    since: NDArray[np.int64]  # first window of the unbroken run that held; NEVER where it does not hold
    untold: NDArray[np.int64]  # ms of it in which there was nothing to see
    calm: NDArray[np.int64]  # first window of the unbroken run that was clear; NEVER where it is not
    held: NDArray[np.bool_]  # the condition keeps an episode open
    severe: NDArray[np.bool_]  # it has escalated
    spoken: NDArray[np.int64]  # when it was last reported
    level: NDArray[np.float64]  # the value then


class Limits(NamedTuple):
    """A condition turned so that high values are bad. Levels in its own unit, times in ms."""

    opens_at: float  # holds strictly above this
    clears_at: float  # clear at or below this
    sustained_for: int
    clear_after: int
    max_gap: int  # a longer silence breaks runs: nobody knows what happened meanwhile
    change: float  # a difference worth reporting
    every: int  # and how rarely
    refresh: int  # an estimate this old is told anew, changed or not


class Events(NamedTuple):
    """What happened: at which row of the windows, what, and since when the condition held."""

    row: NDArray[np.int64]
    code: NDArray[np.int8]
    since: NDArray[np.int64]


def no_spells(fleet: int) -> Spells:
    """Spells of appliances that nothing is known about."""
    return Spells(
        last=np.full(fleet, NEVER, np.int64),
        since=np.full(fleet, NEVER, np.int64),
        untold=np.zeros(fleet, np.int64),
        calm=np.full(fleet, NEVER, np.int64),
        held=np.zeros(fleet, np.bool_),
        severe=np.zeros(fleet, np.bool_),
        spoken=np.full(fleet, NEVER, np.int64),
        level=np.full(fleet, np.nan, np.float64),
    )


@njit(cache=True)
def fresh(
    appliance: NDArray[np.int32], time: NDArray[np.int64], latest: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which windows are newer than all before them from the same appliance; moves `latest` (fleet,) on."""
    result = np.zeros(len(appliance), np.bool_)
    for i in range(len(appliance)):
        if time[i] > latest[appliance[i]]:
            latest[appliance[i]] = time[i]
            result[i] = True
    return result


@njit(cache=True)
def _while_idle(a: int, now: int, value: float, told: bool, spells: Spells, limits: Limits) -> int:
    if not value > limits.opens_at:
        spells.since[a] = NEVER
        return 0
    if not told:
        if spells.since[a] != NEVER:
            spells.untold[a] += now - spells.last[a]
        return 0
    if spells.since[a] == NEVER:
        spells.since[a] = now
        spells.untold[a] = 0
    if now - spells.since[a] - spells.untold[a] < limits.sustained_for:
        return 0
    spells.held[a] = True
    spells.calm[a] = NEVER
    return OPENS


@njit(cache=True)
def _while_held(a: int, now: int, value: float, severe: bool, spells: Spells, limits: Limits) -> int:
    if value <= limits.clears_at:
        if spells.calm[a] == NEVER:
            spells.calm[a] = now
        if now - spells.calm[a] < limits.clear_after:
            return 0
        spells.held[a] = spells.severe[a] = False
        spells.since[a] = NEVER
        return RELEASES
    spells.calm[a] = NEVER
    if severe and not spells.severe[a]:
        return ESCALATES
    moved = abs(value - spells.level[a]) >= limits.change
    age = now - spells.spoken[a]
    return CHANGES if (moved and age >= limits.every) or age >= limits.refresh else 0


@njit(cache=True)
def advance(
    appliance: NDArray[np.int32],
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    severe: NDArray[np.bool_],
    told: NDArray[np.bool_],
    not_before: NDArray[np.int64],
    spells: Spells,
    limits: Limits,
) -> Events:
    """Follow `value` (n,) of windows in order; NaN is unknown and passes. Moves `spells` on.

    Windows that were not `told` (n,) repeat what is known: they neither begin a run nor open an episode, and their time
    does not count. Windows at or before `not_before` (fleet,), the end of the last episode, cannot start another one.
    """
    rows = np.empty(len(appliance), np.int64)
    codes = np.empty(len(appliance), np.int8)
    since = np.empty(len(appliance), np.int64)
    count = 0
    for i in range(len(appliance)):
        a, now = appliance[i], time[i]
        if np.isnan(value[i]) or (not spells.held[a] and now <= not_before[a]):
            continue
        if now - spells.last[a] > limits.max_gap:
            spells.calm[a] = NEVER
            if not spells.held[a]:
                spells.since[a] = NEVER
        if spells.held[a]:
            code = _while_held(a, now, value[i], severe[i], spells, limits)
        else:
            code = _while_idle(a, now, value[i], told[i], spells, limits)
        spells.last[a] = now
        if code == 0:
            continue
        rows[count], codes[count], since[count] = i, code, spells.since[a]
        count += 1
        if code != RELEASES:
            spells.spoken[a], spells.level[a] = now, value[i]
            spells.severe[a] |= severe[i]
    return Events(rows[:count], codes[:count], since[:count])
