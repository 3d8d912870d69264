"""Novelty: a few values in a row that are unlike any the appliance ever sent.

The distance to the nearest other window finds oddities in a series (discords; Keogh, Lin and Fu, 2005). A rhythm, or a
second way of running, needs no model here: what was seen once is known. What is kept of the past is bounded, and how
far is far follows from the appliance's own distances (peaks over a threshold; Siffer and others, 2017).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.compiling import compiled
from foremend.vocabulary.types import Score
from models.detectors.base import Floats, Records, fleet_size, grown, no_rows
from models.detectors.settings import DEFAULTS
from models.detectors.tails import BINS, Tail, bound_of, chance, count

_FORGOTTEN = 1024.0
"""Rows without being met after which a pattern is worth half as much, where one must go."""

_NOW_AND_THEN = 16
"""Readings after which what is unusually far is reckoned anew, where nothing was."""

_FAR = np.float32(3e38)

_NEVER = np.iinfo(np.int32).max

_REACH = 1e18
"""Values further than this from the first one count as this far: their squares must be numbers."""


class NoveltyState(NamedTuple):
    """One row per appliance; (n, signals), and with a further axis the values of a window or the patterns."""

    seen: NDArray[np.int32]  # readings so far
    origin: Floats  # the first value: windows are kept as differences from it
    window: NDArray[np.float32]  # the last values, oldest first
    resolution: Floats  # the smallest change so far, inf before the first: one step of a sensor is no news
    known: NDArray[np.int32]  # patterns so far
    pattern: NDArray[np.float32]  # (n, signals, values, patterns)
    born: NDArray[np.int32]  # (n, signals, patterns) the reading that ended it
    met: NDArray[np.int32]  # (n, signals, patterns) the last reading to which it was nearest
    apart: NDArray[np.float32]  # (n, signals, patterns) how far it was from all others when it came
    lowest: NDArray[np.int32]  # of the distances: see `Tail`
    counts: NDArray[np.float32]  # (n, signals, bins)
    total: Floats
    squares: Floats
    bound: Floats  # a distance beyond this one is unusual; 0 before anything moved


def _cold(signals: int, values: int, patterns: int) -> NoveltyState:
    each, many = (1, signals), (1, signals, patterns)
    return NoveltyState(
        seen=np.zeros(each, np.int32),
        origin=np.zeros(each),
        window=np.zeros((1, signals, values), np.float32),
        resolution=np.full(each, np.inf),
        known=np.zeros(each, np.int32),
        pattern=np.zeros((1, signals, values, patterns), np.float32),
        born=np.full(many, _NEVER, np.int32),
        met=np.zeros(many, np.int32),
        apart=np.zeros(many, np.float32),
        lowest=np.zeros(each, np.int32),
        counts=np.zeros((1, signals, BINS), np.float32),
        total=np.zeros(each),
        squares=np.zeros(each),
        bound=np.zeros(each),
    )


@compiled(error_model="numpy")
def _take(state: NoveltyState, at: tuple[int, int], value: float) -> bool:
    """One more value into the window; whether the window is full."""
    window = state.window[at]
    if state.seen[at] == 0:
        state.origin[at] = value
    away = np.float32(min(max(value - state.origin[at], -_REACH), _REACH))
    change = abs(float(away) - float(window[-1]))
    if state.seen[at] > 0 and change > 0.0:
        state.resolution[at] = min(state.resolution[at], change)
    for place in range(len(window) - 1):
        window[place] = window[place + 1]
    window[-1] = away
    state.seen[at] += 1
    return bool(state.seen[at] >= len(window))


@compiled(error_model="numpy", fastmath=True)
def _nearest(window: Any, pattern: Any, born: Any, before: int, square: Any, bits: Any) -> tuple[int, float]:
    """The pattern nearest to `window` of those that ended by reading `before`, and its squared distance; -1 if none is.

    `square` (patterns,) is written on; `bits` are the same as integers, which order alike. All loops run over patterns,
    side by side in memory, without a branch: so a machine takes eight at once.
    """
    for one in range(len(square)):
        square[one] = np.float32(0.0) if born[one] <= before else _FAR
    for place in range(len(window)):
        value, column = window[place], pattern[place]
        for one in range(len(square)):
            apart = value - column[one]
            square[one] += apart * apart
    least = bits[0]
    for one in range(len(bits)):
        least = min(least, bits[one])
    nearest = np.int32(-1)
    for one in range(len(bits)):
        nearest = max(nearest, np.int32(one) if bits[one] == least else np.int32(-1))
    return (int(nearest), float(square[nearest])) if square[nearest] < _FAR else (-1, 0.0)


@compiled(error_model="numpy")
def _place(state: NoveltyState, at: tuple[int, int]) -> int:
    """Where the next pattern goes: behind the others, or instead of one that is like another and was long not met."""
    if state.known[at] < state.born.shape[2]:
        state.known[at] += 1
        return int(state.known[at] - 1)
    place, least = 0, np.inf
    for one in range(state.born.shape[2]):
        absent = float(state.seen[at] - state.met[at][one])
        worth = float(state.apart[at][one]) / (1.0 + absent / _FORGOTTEN)
        if worth < least:
            place, least = one, worth
    return place


@compiled(error_model="numpy")
def _keep(state: NoveltyState, at: tuple[int, int], distance: float) -> None:
    place, seen = _place(state, at), state.seen[at]
    state.pattern[at][:, place] = state.window[at]
    state.born[at][place] = state.met[at][place] = seen
    state.apart[at][place] = distance


@compiled(error_model="numpy")
def _judge(
    state: NoveltyState, tail: Tail, at: tuple[int, int], first: int, memory: float, scratch: Any
) -> float:
    """The p-value of the window that ends now, 1 while the signal is being learnt; then learn it."""
    seen, values = state.seen[at], state.window.shape[2]
    nearest, square = _nearest(state.window[at], state.pattern[at], state.born[at], seen - values, *scratch)
    if nearest < 0:
        if state.known[at] == 0:
            _keep(state, at, 0.0)
        return 1.0
    distance = math.sqrt(square / values)
    state.met[at][nearest] = seen
    judged = seen > first
    bound = state.bound[at]
    limit = max(bound, 2.0 * state.resolution[at])
    p_value = chance(tail, at, distance, limit) if judged and bound > 0.0 and limit < distance else 1.0
    count(tail, at, distance, bound, memory)
    if distance > (bound if judged else 0.0):
        _keep(state, at, distance)
    if distance > bound or seen % _NOW_AND_THEN == 0:
        state.bound[at] = bound_of(tail, at)
    return p_value


@compiled(error_model="numpy")
def _follow(
    appliance: NDArray[np.int32], rows: Floats, state: NoveltyState, first: int, memory: float
) -> Floats:
    """(n,) the smallest p-value of each row, times the signals that are looked at."""
    result = np.ones(len(rows))
    square = np.zeros(state.born.shape[2], np.float32)
    scratch = (square, square.view(np.int32))
    tail = Tail(state.lowest, state.counts, state.total, state.squares)
    for row in range(len(rows)):
        for signal in range(rows.shape[1]):
            at = (appliance[row], signal)
            if np.isfinite(rows[row, signal]) and _take(state, at, rows[row, signal]):
                p_value = _judge(state, tail, at, first, memory, scratch) * rows.shape[1]
                result[row] = min(result[row], p_value)
    return result


class Novelty(Records[NoveltyState]):
    """Finds windows of `rows` readings of one signal that are unlike all earlier ones of the same appliance.

    Of each signal up to `patterns` windows are kept: one that is unusually far from all of them is added, and one that
    is like another and was long not met goes. A window's distance is the root mean square to its nearest pattern that
    does not overlap it. The distances of the past, of which the oldest are forgotten after some `memory_rows`, say how
    unlikely it is: how many were greater, and beyond those a Pareto tail. All are learnt, also unlikely ones, so that
    what happens again is no news. The first `first_rows` readings of a signal are only learnt from. With d signals
    p-values are multiplied by d.

    Guarantee: where distances are exchangeable, the score exceeds 1 - a on about a of the rows; since they shrink
    as more is known, on fewer. A signal that rises for ever is always new: its distances are then what is usual.

    >>> minute = np.arange(2_000)
    >>> power = 60.0 * (minute % 50 < 20) + np.random.default_rng(1).normal(2.0, 0.5, 2_000)  # W: off or on
    >>> power[1_500:1_520] = 30.0  # in between
    >>> novelty = Novelty()
    >>> novelty.learn(["power"], np.empty((0, 1)))
    >>> novelty.score(np.zeros(2_000, np.int32), 60_000 * minute, power[:, None]).value[[1_400, 1_502]].round(2)
    array([0., 1.])
    """

    name = "novelty"

    def __init__(
        self,
        *,
        rows: int = DEFAULTS.novelty_rows,
        patterns: int = DEFAULTS.novelty_patterns,
        first_rows: int = DEFAULTS.novelty_first_rows,
        memory_rows: int = DEFAULTS.memory_rows,
    ) -> None:
        self._shape, self._first_rows, self._memory = (rows, patterns), first_rows, float(memory_rows)
        self._fresh = self._state = _cold(0, *self._shape)

    def learn(self, names: Sequence[str], features: Floats) -> None:
        """Take (n, d) rows of one normal stretch, in time order, as the past of every appliance; none is a past, too.

        Raises InputError where the rows do not have one column per name.
        """
        rows = self._take_names(names, features)
        self._fresh = _cold(len(names), *self._shape)
        _follow(np.zeros(len(rows), np.int32), rows, self._fresh, self._first_rows, self._memory)
        self._state = no_rows(self._fresh)

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Floats) -> Score:
        """Score (n, d) rows, in time order per appliance, and learn them. Raises InputError for other columns."""
        rows = self._rows(features)
        self._state = grown(self._state, self._fresh, fleet_size(appliance))
        p_value = _follow(appliance, rows, self._state, self._first_rows, self._memory)
        return self._pack(appliance, time, np.maximum(1.0 - p_value, 0.0))
