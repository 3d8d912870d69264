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
def may_begin(
    appliance: NDArray[np.int32],
    value: NDArray[np.float64],
    news: NDArray[np.bool_],
    spells: Spells,
    limits: Limits,
) -> int:
    """How many of the windows could be the first of something, each counted, also of one appliance."""
    count = 0
    for i in range(len(appliance)):
        if news[i] and value[i] > limits.opens_at and spells.place[appliance[i]] < 0:
            count += 1
    return count


@compiled()
def _begins(a: int, now: int, spells: Spells) -> int:
    """The place of an appliance whose condition holds from now on."""
    spells.left[0] -= 1
    at = spells.free[spells.left[0]]
    spells.place[a], spells.whose[at] = at, a
    spells.last[at] = spells.since[at] = now
    spells.untold[at] = 0
    spells.held[at] = spells.severe[at] = False
    return int(at)


@compiled()
def _ends(a: int, at: int, spells: Spells) -> None:
    spells.place[a], spells.whose[at] = -1, -1
    spells.free[spells.left[0]] = at
    spells.left[0] += 1


@compiled()
def _while_idle(at: int, now: int, value: float, news: bool, spells: Spells, limits: Limits) -> int:
    if not value > limits.opens_at:
        spells.since[at] = NEVER
        return 0
    if not news:
        if spells.since[at] != NEVER:
            spells.untold[at] += now - spells.last[at]
        return 0
    if spells.since[at] == NEVER:
        spells.since[at] = now
        spells.untold[at] = 0
    if now - spells.since[at] - spells.untold[at] < limits.sustained_for:
        return 0
    spells.held[at] = True
    spells.calm[at] = NEVER
    return OPENS


@compiled()
def _while_held(at: int, now: int, value: float, severe: bool, spells: Spells, limits: Limits) -> int:
    if value <= limits.clears_at:
        if spells.calm[at] == NEVER:
            spells.calm[at] = now
        if now - spells.calm[at] < limits.clear_after:
            return 0
        spells.held[at] = spells.severe[at] = False
        spells.since[at] = NEVER
        return RELEASES
    spells.calm[at] = NEVER
    if severe and not spells.severe[at]:
        return ESCALATES
    moved = abs(value - spells.level[at]) >= limits.change
    age = now - spells.spoken[at]
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
    """Follow `value` (n,) of windows in order; NaN is unknown and passes. Moves `spells` on, with room for `may_begin`.

    Windows that were not `news` (n,) repeat what is known: they neither begin a run nor open an episode, and their time
    does not count. Windows at or before `not_before` (fleet,), the end of the last episode, cannot start another one.
    """
    rows = np.empty(len(appliance), np.int64)
    codes = np.empty(len(appliance), np.int8)
    since = np.empty(len(appliance), np.int64)
    count = 0
    for i in range(len(appliance)):
        a, now = appliance[i], time[i]
        at = spells.place[a]
        held = at >= 0 and spells.held[at]
        if np.isnan(value[i]) or (not held and now <= not_before[a]):
            continue
        if at < 0:
            if not (news[i] and value[i] > limits.opens_at):
                continue
            at = _begins(a, now, spells)
        if now - spells.last[at] > limits.max_gap:
            spells.calm[at] = NEVER
            if not held:
                spells.since[at] = NEVER
        if held:
            code = _while_held(at, now, value[i], severe[i], spells, limits)
        else:
            code = _while_idle(at, now, value[i], news[i], spells, limits)
        spells.last[at] = now
        if code != 0:
            rows[count], codes[count], since[count] = i, code, spells.since[at]
            count += 1
            if code != RELEASES:
                spells.spoken[at], spells.level[at] = now, value[i]
                spells.severe[at] |= severe[i]
        if spells.since[at] == NEVER and not spells.held[at]:
            _ends(a, at, spells)
    return Events(rows[:count], codes[:count], since[:count])
