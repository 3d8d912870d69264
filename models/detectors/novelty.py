"""Novelty: a few values in a row that are unlike any the appliance ever sent.

The distance to the nearest other window finds oddities in a series (discords; Keogh, Lin and Fu, 2005). A rhythm, or a
second way of running, needs no model here: what was seen once is known. What is kept of the past is bounded, and how
far is far follows from the appliance's own distances (peaks over a threshold; Siffer and others, 2017).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.compiling import compiled
from foremend.vocabulary.types import Score
from models.detectors.base import Floats, Records, fleet_size, grown, no_rows, recorded
from models.detectors.settings import DEFAULTS
from models.detectors.tails import TAIL, bound_of, chance, count

_FORGOTTEN = 1024.0
"""Rows without being met after which a pattern is worth half as much, where one must go."""

_NOW_AND_THEN = 16
"""Readings after which what is unusually far is reckoned anew, where nothing was."""

_FAR = np.float32(3e38)

_REACH = 1e18
"""Values further than this from the first one count as this far: their squares must be numbers."""


Signal = Any
"""The record of one signal of one appliance, as the kernels see it."""


def _layout(values: int, patterns: int) -> np.dtype[Any]:
    """Of the record. One rather than an array for each: kernels take one pointer, and what belongs together is read
    together.
    """
    return np.dtype(
        [
            ("origin", np.float64),  # the first value: windows are kept as differences from it
            ("resolution", np.float64),  # the smallest change, inf before: a sensor's one step is no news
            ("bound", np.float64),  # a distance beyond this one is unusual; 0 before anything moved
            *TAIL,  # of the distances
            ("seen", np.int32),  # readings so far
            ("known", np.int32),  # patterns so far
            ("window", np.float32, (values,)),  # the last values, oldest first
            ("recent", np.int32, (values,)),  # what each of the last readings became, round about; -1 none
            ("pattern", np.float32, (values, patterns)),
            ("met", np.int32, (patterns,)),  # the last reading to which each was nearest
            ("apart", np.float32, (patterns,)),  # how far each was from all others when it came
        ],
        align=True,
    )


class NoveltyState(NamedTuple):
    """One row per appliance."""

    signal: NDArray[Any]  # (n, signals) records


def _cold(signals: int, values: int, patterns: int) -> NoveltyState:
    signal = np.zeros((1, signals), _layout(values, patterns))
    signal["resolution"], signal["recent"] = np.inf, -1
    return NoveltyState(signal)


@compiled(error_model="numpy")
def _take(s: Signal, value: float) -> bool:
    """One more value into the window; whether the window is full."""
    window = s.window
    if s.seen == 0:
        s.origin = value
    away = np.float32(min(max(value - s.origin, -_REACH), _REACH))
    change = abs(float(away) - float(window[-1]))
    if s.seen > 0 and change > 0.0:
        s.resolution = min(s.resolution, change)
    for place in range(len(window) - 1):
        window[place] = window[place + 1]
    window[-1] = away
    s.seen += 1
    s.recent[s.seen % len(window)] = -1
    return bool(s.seen >= len(window))


@compiled(error_model="numpy", fastmath=True)
def _nearest(s: Signal, square: Any, bits: Any) -> tuple[int, float]:
    """The pattern nearest to the window of those that do not overlap it, and its squared distance; -1 if none is.

    `square` (patterns,) is written on; `bits` are the same as integers, which order alike. All loops run over patterns,
    side by side in memory, without a branch: so a machine takes eight at once.
    """
    window, pattern, recent = s.window, s.pattern, s.recent
    for one in range(len(square)):
        square[one] = np.float32(0.0) if one < s.known else _FAR
    for reading in range(len(recent)):
        if recent[reading] >= 0:
            square[recent[reading]] = _FAR
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
def _place(s: Signal) -> int:
    """Where the next pattern goes: behind the others, or instead of one that is like another and was long not met."""
    if s.known < len(s.met):
        s.known += 1
        return int(s.known - 1)
    place, least = 0, np.inf
    for one in range(len(s.met)):
        absent = float(s.seen - s.met[one])
        worth = float(s.apart[one]) / (1.0 + absent / _FORGOTTEN)
        if worth < least:
            place, least = one, worth
    return place


@compiled(error_model="numpy")
def _keep(s: Signal, distance: float) -> None:
    place = _place(s)
    s.pattern[:, place] = s.window
    s.recent[s.seen % len(s.window)] = place
    s.met[place], s.apart[place] = s.seen, distance


@compiled(error_model="numpy")
def _judge(s: Signal, first: int, memory: float, scratch: Any) -> float:
    """The p-value of the window that ends now, 1 while the signal is being learnt; then learn it."""
    nearest, square = _nearest(s, *scratch)
    if nearest < 0:
        if s.known == 0:
            _keep(s, 0.0)
        return 1.0
    distance = math.sqrt(square / len(s.window))
    s.met[nearest] = s.seen
    judged, bound = s.seen > first, s.bound
    limit = max(bound, 2.0 * s.resolution)
    p_value = chance(s, distance, limit) if judged and bound > 0.0 and limit < distance else 1.0
    count(s, distance, bound, memory)
    if distance > (bound if judged else 0.0):
        _keep(s, distance)
    if distance > bound or s.seen % _NOW_AND_THEN == 0:
        s.bound = bound_of(s)
    return p_value


@compiled(error_model="numpy")
def _follow(
    appliance: NDArray[np.int32],
    rows: Floats,
    signals: NDArray[Any],
    first: int,
    memory: float,
    square: NDArray[np.float32],
) -> Floats:
    """(n,) the smallest p-value of each row, times the signals looked at; `square` (patterns,) is written on."""
    result = np.ones(len(rows))
    scratch = (square, square.view(np.int32))
    for row in range(len(rows)):
        for column in range(rows.shape[1]):
            s, value = signals[appliance[row], column], rows[row, column]
            if np.isfinite(value) and _take(s, value):
                result[row] = min(result[row], _judge(s, first, memory, scratch) * rows.shape[1])
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
        self._follow(np.zeros(len(rows), np.int32), rows, self._fresh)
        self._state = no_rows(self._fresh)

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Floats) -> Score:
        """Score (n, d) rows, in time order per appliance, and learn them. Raises InputError for other columns."""
        rows = self._rows(features)
        self._state = grown(self._state, self._fresh, fleet_size(appliance))
        p_value = self._follow(appliance, rows, self._state)
        return self._pack(appliance, time, np.maximum(1.0 - p_value, 0.0))

    def _follow(self, appliance: NDArray[np.int32], rows: Floats, state: NoveltyState) -> Floats:
        square = np.zeros(state.signal.dtype["met"].shape, np.float32)
        return _follow(appliance, rows, state.signal, self._first_rows, self._memory, square)

    def _of_today(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Arrays as records; an earlier version kept of each pattern the reading that ended it, as `born`."""
        if "born" in state:
            state = {**state, "recent": _recent(state["seen"], state["born"], state["window"].shape[2])}
        layout = _layout(state["window"].shape[2], state["met"].shape[2])
        return {"signal": recorded(state, layout)}


def _recent(seen: NDArray[np.int32], born: NDArray[np.int32], values: int) -> NDArray[np.int32]:
    """(n, signals, values) which patterns overlap a window that is still to come, by the readings that ended them."""
    recent = np.full((*seen.shape, values), -1, np.int32)
    for ago in range(values - 1):
        ended = seen - ago
        at = born == ended[..., None]
        place = np.where(at.any(axis=2), at.argmax(axis=2), -1)
        np.put_along_axis(recent, ended[..., None] % values, place[..., None], axis=2)
    return recent
