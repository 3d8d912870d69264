"""The state machine of one condition on many appliances: compiled, since it looks at every window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.compiling import compiled
from rules.spells import CHANGES, ESCALATES, NEVER, OPENS, RELEASES, Events, Limits, Spells


@compiled()
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


@compiled()
def _while_idle(a: int, now: int, value: float, news: bool, spells: Spells, limits: Limits) -> int:
    if not value > limits.opens_at:
        spells.since[a] = NEVER
        return 0
    if not news:
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


@compiled()
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


@compiled()
def advance(
    appliance: NDArray[np.int32],
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    severe: NDArray[np.bool_],
    news: NDArray[np.bool_],
    not_before: NDArray[np.int64],
    spells: Spells,
    limits: Limits,
) -> Events:
    """Follow `value` (n,) of windows in order; NaN is unknown and passes. Moves `spells` on.

    Windows that were not `news` (n,) repeat what is known: they neither begin a run nor open an episode, and their time
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
            code = _while_idle(a, now, value[i], news[i], spells, limits)
        spells.last[a] = now
        if code == 0:
            continue
        rows[count], codes[count], since[count] = i, code, spells.since[a]
        count += 1
        if code != RELEASES:
            spells.spoken[a], spells.level[a] = now, value[i]
            spells.severe[a] |= severe[i]
    return Events(rows[:count], codes[:count], since[:count])
