"""The sequential part of `ingest.reorder`, compiled: one reading after the other, in order of arrival.

`state` and `out` are the named tuples of `ingest.reorder`. A held list is sorted by (time, seq); as readings mostly
come in order, the place of a new one is searched from the tail.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from foremend.vocabulary.compiling import compiled

_END = -1
_HELD, _LATE, _REPEAT, _MERGED = 0, 1, 2, 3  # what becomes of a reading


@compiled()
def push(
    state: Any,
    lateness: int,
    max_held: int,
    appliance: Any,
    time: Any,
    seq: Any,
    values: Any,
    late: Any,
    out: Any,
) -> tuple[int, int, int]:
    """Hold each reading, or call it late, a repeat or merged; fill `late` and `out`.

    Returns (rows written to `out`, repeats, merged).
    """
    released = repeats = merged = 0
    for row in range(len(time)):
        unit = appliance[row]
        print_ = _fingerprint(time[row], seq[row])
        fate = _LATE
        if time[row] < max(state.newest[unit] - lateness, state.floor[unit]):
            fate = _REPEAT if _seen(state, unit, print_) else _LATE
        else:
            fate = _hold(state, unit, time[row], seq[row], values, row)
            state.newest[unit] = max(state.newest[unit], time[row])
            released = _release(state, unit, state.newest[unit] - lateness, max_held, out, released)
        late[row] = fate == _LATE
        repeats += fate == _REPEAT
        merged += fate == _MERGED
        if fate in (_HELD, _LATE):
            _remember(state, unit, print_)
    return released, repeats, merged


@compiled()
def flush(state: Any, out: Any) -> int:
    """Move everything held to `out` and close those times; returns the rows written."""
    released = 0
    for unit in range(len(state.head)):
        if state.head[unit] != _END:
            state.floor[unit] = max(state.floor[unit], state.newest[unit] + 1)
            released = _release(state, unit, state.newest[unit] + 1, 0, out, released)
    return released


@compiled()
def copy_held(state: Any, out: Any) -> None:
    """Copy everything held to `out`, in order of (appliance, time, seq)."""
    count = 0
    for unit in range(len(state.head)):
        slot = state.head[unit]
        while slot != _END:
            _write(state, unit, slot, out, count)
            count += 1
            slot = state.next[slot]


@compiled()
def hold_all(state: Any, out: Any) -> None:
    """Hold the rows of `out` (as `copy_held` wrote them) without judging them again."""
    for row in range(len(out.time)):
        unit = out.appliance[row]
        _insert(state, unit, state.tail[unit], out.time[row], out.seq[row], out.values, row)


@compiled(inline="always")
def _place(state: Any, unit: int, time: int, seq: int) -> int:
    """The last held slot that is not after (time, seq); _END if all are."""
    slot = state.tail[unit]
    while slot != _END and (state.time[slot] > time or (state.time[slot] == time and state.seq[slot] > seq)):
        slot = state.previous[slot]
    return slot


@compiled(inline="always")
def _hold(state: Any, unit: int, time: int, seq: int, values: Any, row: int) -> int:
    """Hold a reading, or merge it into the held one of its time, or find that it is there already."""
    fate = _HELD
    slot = _place(state, unit, time, seq)
    if slot != _END and state.time[slot] == time and state.seq[slot] == seq:
        fate = _MERGED if seq == -1 and _fill(state.values[slot], values[row]) else _REPEAT
    else:
        _insert(state, unit, slot, time, seq, values, row)
    return fate


@compiled(inline="always")
def _insert(state: Any, unit: int, after: int, time: int, seq: int, values: Any, row: int) -> None:
    """Link a new reading in behind slot `after` (_END: at the head)."""
    state.n_free[0] -= 1
    slot = state.free[state.n_free[0]]
    state.time[slot] = time
    state.seq[slot] = seq
    for column in range(values.shape[1]):
        state.values[slot, column] = values[row, column]
    follower = state.head[unit] if after == _END else state.next[after]
    state.previous[slot] = after
    state.next[slot] = follower
    if after == _END:
        state.head[unit] = slot
    else:
        state.next[after] = slot
    if follower == _END:
        state.tail[unit] = slot
    else:
        state.previous[follower] = slot
    state.held[unit] += 1


@compiled(inline="always")
def _release(state: Any, unit: int, before: int, max_held: int, out: Any, released: int) -> int:
    """Move readings older than `before`, and those too many, from the head to `out`; returns the rows in `out`."""
    slot = state.head[unit]
    while slot != _END and (state.time[slot] < before or state.held[unit] > max_held):
        if state.time[slot] >= before:
            state.floor[unit] = max(state.floor[unit], state.time[slot] + 1)
        _write(state, unit, slot, out, released)
        released += 1
        state.free[state.n_free[0]] = slot
        state.n_free[0] += 1
        state.held[unit] -= 1
        slot = state.next[slot]
    state.head[unit] = slot
    if slot == _END:
        state.tail[unit] = _END
    else:
        state.previous[slot] = _END
    return released


@compiled(inline="always")
def _write(state: Any, unit: int, slot: int, out: Any, row: int) -> None:
    out.appliance[row] = unit
    out.time[row] = state.time[slot]
    out.seq[row] = state.seq[slot]
    for column in range(out.values.shape[1]):
        out.values[row, column] = state.values[slot, column]


@compiled(inline="always")
def _fill(held: Any, values: Any) -> bool:
    """Put values where `held` has none; whether there was any such place."""
    filled = False
    for column in range(len(held)):
        if np.isnan(held[column]) and not np.isnan(values[column]):
            held[column] = values[column]
            filled = True
    return filled


@compiled(inline="always")
def _fingerprint(time: int, seq: int) -> np.uint32:
    """31 bits of (time, seq), mixed as in SplitMix64 (Steele et al., OOPSLA 2014); never 0, which means none yet."""
    mixed = np.uint64(time) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seq)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.uint32((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(32)) | np.uint32(1)


@compiled(inline="always")
def _seen(state: Any, unit: int, print_: np.uint32) -> bool:
    recent = state.recent[unit]
    found = False
    for index in range(len(recent)):
        found |= recent[index] == print_
    return found


@compiled(inline="always")
def _remember(state: Any, unit: int, print_: np.uint32) -> None:
    at = state.recent_at[unit]
    state.recent[unit, at] = print_
    state.recent_at[unit] = (at + 1) % state.recent.shape[1]
