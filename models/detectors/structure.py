"""Change of cycle structure: a motor that runs too long, pauses too long, or starts too often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.compiling import compiled
from foremend.vocabulary.types import Score
from models.detectors.base import (
    Floats,
    Records,
    evidence_to_score,
    fleet_size,
    grown,
    no_rows,
    put,
    recorded,
    student_to_normal,
)

_SEPARATION = 0.8
"""Share of the variance between two levels above which a column counts as switching (a normal one reaches 0.64)."""

_RARE = 0.01
"""Share of rows that each level must hold."""

_PRIOR_SPREAD = 0.35
_PRIOR_RUNS = 8.0
"""Before anything is known, the log of run lengths spreads by a factor of 1.4, as sure as after 8 runs."""

_GAIN = 2.0 / 9.0
"""Completed runs are averaged over about 8."""

_MIN_RUNS = 2.0

_GAP = 8.0
"""Usual intervals without a row after which nobody knows whether a run went on."""

_RESOLVED = 4.0
"""Rows that runs and pauses must last on average: shorter ones are noise about a threshold, not cycles."""


_USUAL = 3.0
"""A completed run further off than so many deviations teaches nothing: a fault is never learnt."""

_MEMORY = 512.0
"""Runs after which the usual length has forgotten the oldest ones."""


Runs = Any
"""The record of one signal of one appliance, as the kernels see it."""

RUNS = np.dtype(
    [
        ("low", np.float64),  # a value below is off
        ("high", np.float64),  # a value above is on
        ("runs", np.float64, (2,)),  # completed runs; this axis is off, on
        ("mean", np.float64, (2,)),  # of the log of their length in rows
        ("square", np.float64, (2,)),  # sum of squares about that mean
        ("recent", np.float64, (2,)),  # EWMA of the log length of completed runs, NaN before the first
        ("length", np.int32),  # rows of the run that goes on
        ("switching", np.bool_),
        ("state", np.int8),  # 1 on, 0 off, -1 unknown
        ("whole", np.int8),  # 1 if its beginning was seen
    ],
    align=True,
)


class RunState(NamedTuple):
    """One row per appliance: what is usual for it, and where it stands."""

    signal: NDArray[Any]  # (n, d) RUNS
    last: NDArray[np.int64]  # (n,) ms of the newest row
    interval: Floats  # (n,) usual interval between rows, ms; 0 before the first


def _cold(columns: int) -> RunState:
    signal = np.zeros((1, columns), RUNS)
    signal["low"] = signal["high"] = signal["recent"] = np.nan
    signal["state"] = -1
    return RunState(signal, np.zeros(1, np.int64), np.zeros(1))


def _two_levels(values: Floats) -> tuple[float, float, float]:
    """Otsu's split (1979) of a column: the share of variance between the levels, and the two levels."""
    ordered = np.sort(values[np.isfinite(values)])
    edge = max(1, int(np.ceil(_RARE * len(ordered))))
    if len(ordered) <= 2 * edge or ordered[0] == ordered[-1]:
        return 0.0, np.nan, np.nan
    below = np.arange(1, len(ordered))
    total = np.cumsum(ordered)
    lower = total[:-1] / below
    upper = (total[-1] - total[:-1]) / (len(ordered) - below)
    between = below * (len(ordered) - below) / len(ordered) ** 2 * (upper - lower) ** 2
    best = edge - 1 + int(np.argmax(between[edge - 1 : len(ordered) - edge]))
    return float(between[best] / ordered.var()), float(lower[best]), float(upper[best])


@compiled(error_model="numpy")
def _switch(value: float, state: int, low: float, high: float) -> int:
    if not np.isfinite(value):
        return state
    if value > high:
        return 1
    return 0 if value < low else state


@compiled(error_model="numpy")
def _learn_run(s: Runs, kind: int, log_length: float) -> None:
    """Welford's update with one completed run; the oldest are forgotten."""
    if s.runs[kind] >= _MEMORY:
        s.square[kind] *= 1.0 - 1.0 / _MEMORY
    else:
        s.runs[kind] += 1.0
    change = log_length - s.mean[kind]
    s.mean[kind] += change / s.runs[kind]
    s.square[kind] += change * (log_length - s.mean[kind])


@compiled(error_model="numpy")
def _learn_runs(values: Floats, s: Runs) -> None:
    """Learn every run that begins and ends within `values`, all of them usual."""
    state, length, whole = -1, 0, False
    for value in values:
        now = _switch(value, state, s.low, s.high)
        if now == state:
            length += 1
            continue
        if whole:
            _learn_run(s, state, np.log(length))
        whole = state >= 0
        state, length = now, 1


def _habit(rows: Floats) -> RunState:
    """One row of state that knows which columns of `rows` switch, and how long their runs are."""
    habit = _cold(rows.shape[1])
    for column in range(rows.shape[1]):
        share, off, on = _two_levels(rows[:, column])
        if share < _SEPARATION:
            continue
        s = habit.signal[0, column]
        s["low"], s["high"] = off + (on - off) / 3.0, on - (on - off) / 3.0
        _learn_runs(np.ascontiguousarray(rows[:, column]), s)
        s["switching"] = (np.exp(s["mean"]) >= _RESOLVED).all()
    return habit


@compiled(error_model="numpy")
def _surprise(log_length: float, s: Runs, kind: int) -> float:
    """Student's deviate of one log run length, as a normal one; for a mean of several it is conservative."""
    runs = s.runs[kind]
    if runs < _MIN_RUNS:
        return 0.0
    freedom = _PRIOR_RUNS + runs - 1.0
    variance = (_PRIOR_RUNS * _PRIOR_SPREAD**2 + s.square[kind]) / freedom
    t = (log_length - s.mean[kind]) / np.sqrt(variance * (1.0 + 1.0 / runs))
    return student_to_normal(t, freedom)


@compiled(error_model="numpy")
def _complete(s: Runs, kind: int) -> None:
    log_length = np.log(s.length)
    recent = s.recent[kind]
    s.recent[kind] = log_length if np.isnan(recent) else recent + _GAIN * (log_length - recent)
    if abs(_surprise(log_length, s, kind)) < _USUAL:
        _learn_run(s, kind, log_length)


@compiled(error_model="numpy")
def _judge(s: Runs) -> float:
    """The largest deviate among: this run is too long, recent runs too long or short, recent pauses likewise."""
    worst = 0.0
    if s.state >= 0:
        worst = max(worst, _surprise(np.log(s.length), s, s.state))
    for kind in range(2):
        recent = s.recent[kind]
        if np.isfinite(recent):
            worst = max(worst, abs(_surprise(recent, s, kind)))
    return worst


@compiled(error_model="numpy")
def _mind_gap(fleet: RunState, unit: int, time: int) -> None:
    """After a gap a run counts only once its beginning was seen."""
    interval, usual = time - fleet.last[unit], fleet.interval[unit]
    fleet.last[unit] = time
    if usual == 0.0:
        fleet.interval[unit] = 0.0 if interval == time else max(interval, 0)
    elif interval > _GAP * usual:
        for column in range(fleet.signal.shape[1]):
            s = fleet.signal[unit, column]
            s.state, s.length, s.whole = -1, 0, 0
    else:
        fleet.interval[unit] += (interval - usual) / _MEMORY


@compiled(error_model="numpy")
def _follow(
    appliance: NDArray[np.int32], time: NDArray[np.int64], rows: Floats, fleet: RunState
) -> tuple[Floats, Floats]:
    """The largest deviate of every row and the looks that it is the largest of, (n,) each."""
    largest = np.zeros(len(rows))
    looks = np.zeros(len(rows))
    for row in range(len(rows)):
        _mind_gap(fleet, appliance[row], time[row])
        for column in range(rows.shape[1]):
            s = fleet.signal[appliance[row], column]
            if not s.switching:
                continue
            now = _switch(rows[row, column], s.state, s.low, s.high)
            if now != s.state:
                if s.whole:
                    _complete(s, s.state)
                s.whole = 1 if s.state >= 0 else 0
                s.state, s.length = now, 0
            s.length += 1
            largest[row] = max(largest[row], _judge(s))
            looks[row] += 3.0
    return largest, looks


class CycleStructure(Records[RunState]):
    """Finds runs and pauses of unusual length, in every column that switches between two levels.

    Lengths are counted in rows, for each appliance on its own. The normal rows that it learns from tell which columns
    switch (Otsu's split) and how long their runs and pauses are. While scoring, the run that goes on and the mean of
    recent runs are compared with that, and completed runs that were not unusual are learnt. Where no column switches,
    all scores are 0. A run or pause that a gap between rows cuts is not counted.

    The logarithms of run lengths are taken as normal and independent: a model, not a distribution-free bound.

    >>> minute = np.arange(1_200)
    >>> cycles = CycleStructure()
    >>> cycles.learn(["power"], 90.0 * (minute % 60 < 20)[:, None])  # 20 minutes of every hour
    >>> never_stops = np.full((60, 1), 90.0)
    >>> score = cycles.score(np.zeros(60, np.int32), 60_000 * np.arange(60), never_stops)
    >>> score.value[[19, 59]].round(2)
    array([0., 1.])
    """

    name = "cycle-structure"

    def __init__(self) -> None:
        self._fresh = self._state = _cold(0)

    def learn(self, names: Sequence[str], features: Floats) -> None:
        """Take (n, d) rows of one normal stretch, in time order. Raises InputError for misshapen rows."""
        self._fresh = _habit(self._take_names(names, features))
        self._state = no_rows(self._fresh)

    def begin(self, unit: int, features: Floats) -> None:
        """Take (n, d) normal rows of fleet row `unit`, in time order, as its own habit."""
        self._state = grown(self._state, self._fresh, unit + 1)
        put(self._state, unit, _habit(self._rows(features)))

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Floats) -> Score:
        """Score (n, d) rows, in time order per appliance. Raises InputError for other columns."""
        rows = self._rows(features)
        self._state = grown(self._state, self._fresh, fleet_size(appliance))
        largest, looks = _follow(appliance, np.ascontiguousarray(time), rows, self._state)
        return self._pack(appliance, time, evidence_to_score(largest, looks))

    def _of_today(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Arrays as records."""
        return {**state, "signal": recorded(state, RUNS)}
