"""Control charts for every signal: EWMAs of several spans against each appliance's own slow baseline.

A plain EWMA chart (Roberts, 1959) assumes independent readings; a compressor's are anything but. Here each chart
measures how slowly its signal wanders and lets a wandering signal count as the few independent looks it is.
"""

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
from models.detectors.settings import DEFAULTS

_TINY = 1e-12


class ChartState(NamedTuple):
    """One row per appliance; (n, signals) or (n, signals, spans)."""

    seen: NDArray[np.int64]  # readings so far
    ewma: Floats  # the fast average, in the signal's unit
    mean: Floats  # its baseline
    var: Floats  # its variance about the baseline
    step: Floats  # mean square of its change over one span
    before: Floats  # its value at the last step
    weight: Floats  # rows that the baseline stands on
    stretch: Floats  # standard deviations of a heavy-tailed signal that count as one
    outside: NDArray[np.int32]  # consecutive outlying rows


class ChartParams(NamedTuple):
    """What the kernel needs to know, in rows and standard deviations."""

    spans: NDArray[np.int64]
    memory: float
    outlier: float
    relearn: int
    warm: int


def _cold(signals: int, spans: int) -> ChartState:
    many = (1, signals, spans)
    return ChartState(
        seen=np.zeros((1, signals), np.int64),
        ewma=np.zeros(many),
        mean=np.zeros(many),
        var=np.zeros(many),
        step=np.zeros(many),
        before=np.zeros(many),
        weight=np.zeros(many),
        stretch=np.ones(many),
        outside=np.zeros(many, np.int32),
    )


@njit(cache=True)
def _effective(state: ChartState, at: tuple[int, int, int], span: int) -> float:
    """How many independent looks the baseline stands on, at least 1 (Bayley and Hammersley, 1946).

    The correlation time, in spans, follows from the von Neumann ratio of the EWMA taken once a span, as of an AR(1).
    """
    correlation = max(4.0 * (state.var[at] + _TINY) / (state.step[at] + _TINY) - 1.0, 1.0)
    return max(state.weight[at] / (span * correlation), 1.0)


@njit(cache=True)
def _stretch(rows: Floats, state: ChartState, spans: NDArray[np.int64]) -> None:
    """Measure tails: `n` normal looks reach about sqrt(2 ln n) standard deviations; a signal in bursts further."""
    for signal in range(rows.shape[1]):
        for level in range(len(spans)):
            at = (0, signal, level)
            ewma, seen, reach = 0.0, 0, 0.0
            for value in rows[:, signal]:
                if np.isfinite(value):
                    seen += 1
                    ewma += max(2.0 / (spans[level] + 1.0), 1.0 / seen) * (value - ewma)
                    if seen > spans[level]:
                        reach = max(reach, abs(ewma - state.mean[at]))
            usual = np.sqrt((state.var[at] + _TINY) * 2.0 * np.log(max(seen, np.e)))
            state.stretch[at] = max(reach / usual, 1.0)


@njit(cache=True)
def _deviation(state: ChartState, at: tuple[int, int, int], span: int) -> float:
    """How far the EWMA is from its baseline, in standard deviations of a prediction from that baseline."""
    effective = _effective(state, at, span)
    deviation = np.sqrt((state.var[at] + _TINY) * (1.0 + 1.0 / effective)) * state.stretch[at]
    return (state.ewma[at] - state.mean[at]) / deviation


@njit(cache=True)
def _trust(state: ChartState, at: tuple[int, int, int], z: float, params: ChartParams) -> float:
    """How much this row may teach the baseline, 0..1: Tukey's biweight, so that a fault is never learnt."""
    if abs(z) < params.outlier:
        state.outside[at] = 0
        return (1.0 - (z / params.outlier) ** 2) ** 2
    state.outside[at] += 1
    return 1.0 if state.outside[at] > params.relearn else 0.0


@njit(cache=True)
def _learn(state: ChartState, at: tuple[int, int, int], trust: float, span: int, memory: float) -> None:
    """The weighted running mean and variance of West (1979), and the mean square step over one span."""
    if trust > 0.0:
        state.weight[at] = min(state.weight[at] + trust, memory)
        gain = trust / state.weight[at]
        change = state.ewma[at] - state.mean[at]
        state.mean[at] += gain * change
        state.var[at] += gain * ((1.0 - gain) * change * change - state.var[at])
    if state.seen[at[:2]] % span == 0:
        change = state.ewma[at] - state.before[at]
        if trust > 0.0 and state.seen[at[:2]] > span:
            gain = min(trust * span / state.weight[at], 1.0)
            state.step[at] += gain * (change * change - state.step[at])
        state.before[at] = state.ewma[at]


@njit(cache=True)
def _follow(
    appliance: NDArray[np.int32], features: Floats, state: ChartState, params: ChartParams
) -> tuple[Floats, Floats]:
    """Every row in turn: update, judge, then learn. Returns the largest deviate and the looks, (n,) each."""
    largest = np.zeros(len(features))
    looks = np.zeros(len(features))
    for row in range(len(features)):
        unit = appliance[row]
        for signal in range(features.shape[1]):
            value = features[row, signal]
            known = np.isfinite(value)
            if known:
                state.seen[unit, signal] += 1
            for level in range(len(params.spans)):
                at = (unit, signal, level)
                span = params.spans[level]
                if known:
                    gain = max(2.0 / (span + 1.0), 1.0 / state.seen[unit, signal])
                    state.ewma[at] += gain * (value - state.ewma[at])
                z = _deviation(state, at, span)
                warm = state.weight[at] >= params.warm * span
                if warm:
                    looks[row] += 1.0
                    if abs(z) > largest[row]:  # a Student deviate is never further out than z itself
                        freedom = max(_effective(state, at, span) - 1.0, 1.0)
                        largest[row] = max(largest[row], student_to_normal(abs(z), freedom))
                if known:
                    trust = _trust(state, at, z, params) if warm else 1.0
                    _learn(state, at, trust, span, params.memory)
    return largest, looks


class ControlCharts(Columns):
    """EWMA control charts of several spans for every column, per appliance, for rows in time order.

    Feed readings or windows; each appliance's rows in order, blocks cut anywhere. A NaN leaves its chart as it is.
    A new appliance starts from the baseline that `learn` found for its model and then grows its own; with nothing
    learnt a chart is silent until it has seen `warm_spans` spans.

    spans: rows each EWMA averages. memory_rows: rows until a baseline has forgotten. outlier_z: standard deviations
    beyond which a row is not learnt. relearn_rows: outlying rows in a row after which the baseline follows.

    Guarantee: the score exceeds 1 - a on at most about a of a healthy appliance's rows while each signal's average
    behaves as an AR(1) about a constant level; it is a model, not a distribution-free bound.
    """

    name = "control-charts"

    def __init__(
        self,
        *,
        spans: Sequence[int] = DEFAULTS.spans,
        memory_rows: int = DEFAULTS.memory_rows,
        outlier_z: float = DEFAULTS.outlier_z,
        relearn_rows: int = DEFAULTS.relearn_rows,
        warm_spans: int = DEFAULTS.warm_spans,
    ) -> None:
        self._params = ChartParams(
            np.array(spans, np.int64), float(memory_rows), outlier_z, relearn_rows, warm_spans
        )
        self._fresh = self._state = _cold(0, len(spans))

    def learn(self, names: Sequence[str], features: Floats) -> None:
        """Take (n, d) rows of one normal stretch, in time order, as every appliance's first baseline.

        Raises InputError where the rows do not have one column per name.
        """
        rows = self._take_names(names, features)
        fresh = _cold(len(names), len(self._params.spans))
        everything = self._params._replace(outlier=np.inf, memory=np.inf)
        _follow(np.zeros(len(rows), np.int32), rows, fresh, everything)
        np.minimum(fresh.weight, self._params.memory, out=fresh.weight)
        _stretch(rows, fresh, self._params.spans)
        self._fresh = fresh
        self._state = no_rows(fresh)

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Floats) -> Score:
        """Score (n, d) rows, in time order per appliance, and learn from those that look normal.

        Raises InputError for another number of columns, ConfigError before `learn`.
        """
        rows = self._rows(features)
        self._state = grown(self._state, self._fresh, fleet_size(appliance))
        largest, looks = _follow(appliance, rows, self._state, self._params)
        return self._pack(appliance, time, evidence_to_score(largest, looks))

    def snapshot(self) -> Snapshot:
        """Baselines and the fleet's state as arrays."""
        return {**self._identity(), "fresh": packed(self._fresh), "state": packed(self._state)}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue where `snapshot` was taken; raises IntegrityError for another detector's."""
        self._check_identity(snapshot)
        self._fresh = unpacked(ChartState, snapshot["fresh"])
        self._state = unpacked(ChartState, snapshot["state"])
