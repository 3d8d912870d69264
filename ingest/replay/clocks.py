"""The times of a whole recording, in its rows' order: which hour of a doubled one, and whose clock is years off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_DAY
from ingest.replay.moments import NO_TIME, Times

_BACK_MS = 30 * 60_000
"""A step back by more than this, within an hour that comes twice, begins its second time."""
_JUMP_MS = 180 * MS_PER_DAY
_FEW = 3
_SHARE = 0.01
_CLOCK_UNSET_BEFORE_MS = 946_684_800_000  # 2000


def in_order_of_rows(times: Times) -> NDArray[np.int64]:
    """(n,) the first or the second time of each row in an hour that comes twice, as the order of the rows says.

    Where clocks go back, local time does; in a file whose newest row comes first it goes forward there.
    """
    time = times.first.copy()
    places = np.flatnonzero(times.first != times.second)
    if not len(places):
        return time
    known = times.first[times.first != NO_TIME]
    newest_first = len(known) > 1 and int(np.sign(np.diff(known)).sum()) < 0
    rank = np.cumsum(times.first != NO_TIME)[places]  # rows that are no time part nothing
    for rows in np.split(places, np.flatnonzero(np.diff(rank) > 1) + 1):
        step = np.diff(times.first[rows])
        turn = np.flatnonzero(step > _BACK_MS if newest_first else step < -_BACK_MS)
        if len(turn):
            later = rows[: turn[0] + 1] if newest_first else rows[turn[0] + 1 :]
            time[later] = times.second[later]
    return time


def years_off(time: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) rows whose clock cannot be right: a few that are half a year or more from those before and after them.

    At the ends of a recording, what is a year off, or of a clock that was never set.
    """
    off = np.zeros(len(time), np.bool_)
    rows = np.flatnonzero(time != NO_TIME)
    if len(rows) < 2:
        return off
    known = time[rows]
    cuts = np.flatnonzero(np.abs(np.diff(known)) > _JUMP_MS) + 1
    if not len(cuts):
        return off
    pieces = np.split(np.arange(len(rows)), cuts)
    few = max(_FEW, int(_SHARE * len(rows)))
    main = [piece for piece in pieces if len(piece) > few]
    for number, piece in enumerate(pieces):
        if len(piece) <= few and main and _is_odd(known, pieces, number, main):
            off[rows[piece]] = True
    return off


def _is_odd(
    known: NDArray[np.int64], pieces: list[NDArray[np.intp]], number: int, main: list[NDArray[np.intp]]
) -> bool:
    piece = pieces[number]
    if known[piece[-1]] < _CLOCK_UNSET_BEFORE_MS < known[main[0][0]]:
        return True
    if 0 < number < len(pieces) - 1:
        before, after = known[pieces[number - 1][-1]], known[pieces[number + 1][0]]
        return abs(int(after) - int(before)) <= _JUMP_MS
    nearest = min(abs(int(known[piece[0]]) - int(known[one[at]])) for one in main for at in (0, -1))
    return nearest > 2 * _JUMP_MS


def backwards(time: NDArray[np.int64], appliance: NDArray[np.int64]) -> bool:
    """Whether any appliance's rows are not in order of time."""
    if (time[1:] >= time[:-1]).all():
        return False
    order = np.argsort(appliance, kind="stable")
    steps, same = np.diff(time[order]), np.diff(appliance[order]) == 0
    return bool((steps[same] < 0).any())
