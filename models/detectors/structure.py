"""Change of cycle structure: a motor that runs too long, pauses too long, or starts too often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from foremend.ports import Snapshot
from foremend.types import Score
from models.detectors.base import (
    Columns,
    Floats,
    evidence_to_score,
    fleet_size,
    grown,
    no_rows,
    packed,
    student_to_normal,
    unpacked,
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

_RESOLVED = 4.0
"""Rows that runs and pauses must last on average: shorter ones are noise about a threshold, not cycles."""


class RunModel(NamedTuple):
    """What normal rows taught, per column; the last axis is off, on. One row, the same for the fleet."""

    switching: NDArray[np.bool_]  # (d,)
    low: Floats  # (d,) a value below is off
    high: Floats  # (d,) a value above is on
    runs: Floats  # (d, 2) completed runs
    mean: Floats  # (d, 2) of the log of their length in rows
    square: Floats  # (d, 2) sum of squares about that mean


class RunState(NamedTuple):
    """One row per appliance."""

    state: NDArray[np.int8]  # (n, d) 1 on, 0 off, -1 unknown
    length: NDArray[np.int32]  # (n, d) rows of the run that goes on
    whole: NDArray[np.int8]  # (n, d) 1 if its beginning was seen
    recent: Floats  # (n, d, 2) EWMA of the log length of completed runs, NaN before the first


def _fresh(columns: int) -> RunState:
    return RunState(
        np.full((1, columns), -1, np.int8),
        np.zeros((1, columns), np.int32),
        np.zeros((1, columns), np.int8),
        np.full((1, columns, 2), np.nan),
    )


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


@njit(cache=True, error_model="numpy")
def _switch(value: float, state: int, low: float, high: float) -> int:
    if not np.isfinite(value):
        return state
    if value > high:
        return 1
    return 0 if value < low else state


@njit(cache=True, error_model="numpy")
def _learn_runs(values: Floats, column: int, model: RunModel) -> None:
    """Welford's update of the log run length for every run that begins and ends within `values`."""
    state, length, whole = -1, 0, False
    for value in values:
        now = _switch(value, state, model.low[column], model.high[column])
        if now == state:
            length += 1
            continue
        if whole:
            model.runs[column, state] += 1.0
            change = np.log(length) - model.mean[column, state]
            model.mean[column, state] += change / model.runs[column, state]
            model.square[column, state] += change * (np.log(length) - model.mean[column, state])
        whole = state >= 0
        state, length = now, 1


@njit(cache=True, error_model="numpy")
def _surprise(log_length: float, column: int, kind: int, model: RunModel) -> float:
    """Student's deviate of one log run length, as a normal one; for a mean of several it is conservative."""
    runs = model.runs[column, kind]
    if runs < _MIN_RUNS:
        return 0.0
    freedom = _PRIOR_RUNS + runs - 1.0
    variance = (_PRIOR_RUNS * _PRIOR_SPREAD**2 + model.square[column, kind]) / freedom
    t = (log_length - model.mean[column, kind]) / np.sqrt(variance * (1.0 + 1.0 / runs))
    return student_to_normal(t, freedom)


@njit(cache=True, error_model="numpy")
def _complete(fleet: RunState, at: tuple[int, int], kind: int) -> None:
    log_length = np.log(fleet.length[at])
    recent = fleet.recent[at[0], at[1], kind]
    fleet.recent[at[0], at[1], kind] = (
        log_length if np.isnan(recent) else recent + _GAIN * (log_length - recent)
    )


@njit(cache=True, error_model="numpy")
def _judge(fleet: RunState, at: tuple[int, int], model: RunModel) -> float:
    """The largest deviate among: this run is too long, recent runs too long or short, recent pauses likewise."""
    worst = 0.0
    if fleet.state[at] >= 0:
        worst = max(worst, _surprise(np.log(fleet.length[at]), at[1], fleet.state[at], model))
    for kind in range(2):
        recent = fleet.recent[at[0], at[1], kind]
        if np.isfinite(recent):
            worst = max(worst, abs(_surprise(recent, at[1], kind, model)))
    return worst


@njit(cache=True, error_model="numpy")
def _follow(
    appliance: NDArray[np.int32], rows: Floats, fleet: RunState, model: RunModel
) -> tuple[Floats, Floats]:
    largest = np.zeros(len(rows))
    looks = np.zeros(len(rows))
    for row in range(len(rows)):
        for column in range(rows.shape[1]):
            if not model.switching[column]:
                continue
            at = (appliance[row], column)
            now = _switch(rows[row, column], fleet.state[at], model.low[column], model.high[column])
            if now != fleet.state[at]:
                if fleet.whole[at]:
                    _complete(fleet, at, fleet.state[at])
                fleet.whole[at] = 1 if fleet.state[at] >= 0 else 0
                fleet.state[at], fleet.length[at] = now, 0
            fleet.length[at] += 1
            largest[row] = max(largest[row], _judge(fleet, at, model))
            looks[row] += 3.0
    return largest, looks


class CycleStructure(Columns):
    """Lengths of runs and pauses of every column that switches between two levels, per appliance, in rows.

    `learn` finds the columns that switch (Otsu's split) and the spread of their run lengths' logarithm; while scoring,
    the run that goes on and the mean of recent runs are compared with it. No column switches: silent.

    Guarantee: log run lengths are taken as normal and independent; a model, not a distribution-free bound.
    """

    name = "cycle-structure"

    def __init__(self) -> None:
        self._model: RunModel | None = None
        self._state = _fresh(0)

    def learn(self, names: Sequence[str], features: Floats) -> None:
        """Take (n, d) rows of one normal stretch, in time order. Raises InputError for misshapen rows."""
        rows = self._take_names(names, features)
        levels = [_two_levels(column) for column in rows.T]
        share, off, on = (np.array([level[i] for level in levels], dtype=np.float64) for i in range(3))
        empty = [np.zeros((len(names), 2)) for _ in range(3)]
        third = (on - off) / 3.0
        model = RunModel(share >= _SEPARATION, off + third, on - third, *empty)
        for column in np.flatnonzero(model.switching):
            _learn_runs(np.ascontiguousarray(rows[:, column]), int(column), model)
        resolved = (np.exp(model.mean) >= _RESOLVED).all(axis=1)
        model = model._replace(switching=model.switching & resolved)
        self._model = model
        self._state = no_rows(_fresh(len(names)))

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Floats) -> Score:
        """Score (n, d) rows, in time order per appliance. Raises InputError for other columns."""
        rows = self._rows(features)
        assert self._model is not None  # set together with the names that _rows checks
        self._state = grown(self._state, _fresh(rows.shape[1]), fleet_size(appliance))
        largest, looks = _follow(appliance, rows, self._state, self._model)
        return self._pack(appliance, time, evidence_to_score(largest, looks))

    def snapshot(self) -> Snapshot:
        """What was learnt and the fleet's runs, as arrays."""
        model = {} if self._model is None else packed(self._model)
        return {**self._identity(), "model": model, "state": packed(self._state)}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue where `snapshot` was taken; raises IntegrityError for another detector's."""
        self._check_identity(snapshot)
        self._model = unpacked(RunModel, snapshot["model"]) if snapshot["model"] else None
        self._state = unpacked(RunState, snapshot["state"])
