"""Control charts for every signal: EWMAs of several spans against each appliance's own slow baseline.

A plain EWMA chart (Roberts, 1959) assumes independent readings; a compressor's are anything but. Here each chart
measures how slowly its signal wanders and lets a wandering signal count as the few independent looks it is. What a
wandering signal's level cannot tell, a change within one span may.
"""

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
    fleet_size,
    grown,
    no_rows,
    put,
)
from models.detectors.chart_statistics import independent_looks, kept_variance, odds_against_chance
from models.detectors.settings import DEFAULTS, NEVER

_CHANGE_WEIGHT = 0.25
"""A change over one span counts as so much of a chart: what matters most is the level."""

_CHANGE_LOOKS = 5.0
"""Changes of machines are heavy-tailed, however many were seen: Student's with 4 degrees of freedom."""

_ALARMING = 100.0
"""Odds against chance of an alarming row: a score above 0.99."""

_CONSTANT = 1e-12
"""A signal whose variance is at most this share of its squared level has not moved."""


class ChartState(NamedTuple):
    """One row per appliance; (n, signals) or (n, signals, spans)."""

    seen: NDArray[np.int64]  # readings so far
    ewma: Floats  # the fast average, in the signal's unit
    mean: Floats  # its baseline
    var: Floats  # its variance about the baseline
    step: Floats  # mean square of its change over one span
    before: Floats  # its value at the last step
    weight: Floats  # rows that the baseline stands on
    stretch: Floats  # standard deviations that count as one: more than 1 for a signal in bursts
    alarmed: NDArray[np.int32]  # (n,) consecutive rows that were alarming


class ChartParams(NamedTuple):
    """What the kernel needs to know, in rows and standard deviations."""

    spans: NDArray[np.int64]
    memory: float
    outlier: float
    kept: float
    relearn: int
    warm: int
    least_looks: float


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
        alarmed=np.zeros(1, np.int32),
    )


@compiled(error_model="numpy")
def _deviations(values: Floats, mean: float, span: int) -> Floats:
    """How far the EWMA of known values is from `mean` at every row after the first `span`."""
    away = np.zeros(max(len(values) - span, 0))
    ewma = 0.0
    for row in range(len(values)):
        ewma += max(2.0 / (span + 1.0), 1.0 / (row + 1.0)) * (values[row] - ewma)
        if row >= span:
            away[row - span] = abs(ewma - mean)
    return away


def _find_bursts(rows: Floats, state: ChartState, params: ChartParams) -> None:
    """Where rows known to be normal lie beyond the outlier bound, the signal comes in bursts and they are its scale.

    Else every burst would be an outlier, never be learnt, and the shrinking baseline would make the next one worse.
    """
    for signal, level in np.ndindex(state.stretch.shape[1:]):
        at, span = (0, signal, level), int(params.spans[level])
        values = rows[np.isfinite(rows[:, signal]), signal]
        if len(values) > span and state.var[at] > 0:
            reach = _deviations(values, state.mean[at], span).max() / np.sqrt(state.var[at])
            state.stretch[at] = reach if reach > params.outlier else 1.0


@compiled(error_model="numpy")
def _update(state: ChartState, at: tuple[int, int, int], value: float, seen: int, span: int) -> None:
    """Average one more reading; the first ones count in full."""
    state.ewma[at] += max(2.0 / (span + 1.0), 1.0 / seen) * (value - state.ewma[at])


@compiled(error_model="numpy")
def _judge(
    state: ChartState, at: tuple[int, int, int], span: int, params: ChartParams, least: float
) -> tuple[bool, float, float]:
    """Whether the chart may speak yet, its deviation squared, and its independent looks, at least `least`.

    The deviation is in standard deviations of a prediction from the baseline. A signal that never moved has no scale:
    its chart is silent.
    """
    var, mean, weight = state.var[at], state.mean[at], state.weight[at]
    if weight < params.warm * span or var <= _CONSTANT * mean * mean:
        return False, 0.0, 1.0
    looks = max(independent_looks(var, state.step[at], weight, span), least)
    change = (state.ewma[at] - mean) / state.stretch[at]
    return True, change * change / (var * (1.0 + 1.0 / looks)), looks


@compiled(error_model="numpy")
def _changed(state: ChartState, at: tuple[int, int, int], span: int) -> float:
    """The odds of the change since the last step; it is at most one span old, so that `step` errs on the safe side."""
    if state.step[at] <= 0.0:
        return 1.0
    steps = max(state.weight[at] / span - 1.0, 1.0)
    change = (state.ewma[at] - state.before[at]) / state.stretch[at]
    square = change * change / (state.step[at] * (1.0 + 1.0 / steps))
    return odds_against_chance(square, min(steps, _CHANGE_LOOKS))


@compiled(error_model="numpy")
def _trust(state: ChartState, at: tuple[int, int, int], square: float, params: ChartParams) -> float:
    """How much this row may teach the baseline, 0..1: Tukey's biweight, so that a fault is never learnt."""
    inside = 1.0 - square / (params.outlier * params.outlier)
    if inside > 0.0:
        return inside * inside
    return 0.0


@compiled(error_model="numpy")
def _begin_anew(state: ChartState, unit: int, alarming: bool, params: ChartParams) -> None:
    """All baselines of an appliance forget, once it was alarming for so long that this is how it now runs."""
    state.alarmed[unit] = state.alarmed[unit] + 1 if alarming else 0
    if state.alarmed[unit] >= params.relearn:
        state.alarmed[unit] = 0
        state.weight[unit] = 0.0


@compiled(error_model="numpy")
def _learn(state: ChartState, at: tuple[int, int, int], trust: float, params: ChartParams) -> None:
    """The weighted running mean and variance of West (1979); `kept` undoes what trusting the middle more takes."""
    weight = min(state.weight[at] + trust, params.memory)
    gain = trust / weight
    change = state.ewma[at] - state.mean[at]
    state.weight[at] = weight
    state.mean[at] += gain * change
    state.var[at] += gain * ((1.0 - gain) * change * change / params.kept - state.var[at])


@compiled(error_model="numpy")
def _learn_step(state: ChartState, at: tuple[int, int, int], trust: float, span: int, first: bool) -> None:
    """Once a span: the mean square change of the average since the last time."""
    if trust > 0.0 and not first:
        change = state.ewma[at] - state.before[at]
        gain = trust / max(state.weight[at] / span - 1.0, 1.0)  # one step less than spans
        state.step[at] += gain * (change * change - state.step[at])
    state.before[at] = state.ewma[at]


@compiled(error_model="numpy")
def _follow(
    appliance: NDArray[np.int32], features: Floats, state: ChartState, params: ChartParams
) -> tuple[Floats, Floats, Floats]:
    """Every row in turn: update, judge, then learn.

    Returns (n,) the odds against chance, the sum over the charts that spoke of one over the p-value; (n,) how many
    spoke; (n, signals) the shortest one's baseline.
    """
    odds, spoke, usual = np.zeros(len(features)), np.zeros(len(features)), np.full(features.shape, np.nan)
    for row in range(len(features)):
        unit = appliance[row]
        for signal in range(features.shape[1]):
            value = features[row, signal]
            known = np.isfinite(value)
            state.seen[unit, signal] += known
            seen = state.seen[unit, signal]
            least = params.least_looks  # what was independent after longer averaging was so before
            for level in range(len(params.spans) - 1, -1, -1):
                at, span = (unit, signal, level), params.spans[level]
                if known:
                    _update(state, at, value, seen, span)
                speaks, square, looks = _judge(state, at, span, params, least)
                if speaks:
                    least = looks
                    spoke[row] += _CHANGE_WEIGHT
                    odds[row] += _CHANGE_WEIGHT * _changed(state, at, span)
                    usual[row, signal] = state.mean[at]
                    spoke[row] += 1.0
                    odds[row] += odds_against_chance(square, looks)
                if known:
                    trust = _trust(state, at, square, params) if speaks else 1.0
                    if trust > 0.0:
                        _learn(state, at, trust, params)
                    if seen % span == 0:
                        _learn_step(state, at, trust, span, seen == span)
        _begin_anew(state, unit, odds[row] > _ALARMING * spoke[row], params)
    return odds, spoke, usual


class ControlCharts(Records[ChartState]):
    """Finds columns whose level shifts: EWMA control charts of several spans, of every column of each appliance.

    Feed readings or windows; each appliance's rows in time order, cut into blocks anywhere. A NaN leaves its chart as
    it is.
    A new appliance starts from the baseline that `learn` found for its model and then grows its own; with nothing
    learnt a chart says nothing, which is score 0, until it has seen `warm_spans` spans.

    spans: rows that each EWMA averages. memory_rows: rows after which a baseline has forgotten the oldest ones.
    outlier_z: standard deviations beyond which a row is not learnt. relearn_rows: so many alarming rows one after
    another, and all baselines of the appliance begin anew. least_looks: independent looks that a baseline stands on at
    the least.

    Every chart also looks at the change of its average within one span. All p-values are joined by their harmonic mean
    (Wilson, 2019), which holds for small values whatever their dependence and does not punish charts for agreeing.

    Guarantee: the score exceeds 1 - a on at most about a of a healthy appliance's rows while each signal's average
    behaves as an AR(1) about a constant level; it is a model, not a distribution-free bound.

    >>> rng = np.random.default_rng(1)
    >>> charts = ControlCharts()
    >>> charts.learn(["power"], rng.normal(120.0, 5.0, (2_000, 1)))
    >>> appliance, time = np.repeat(np.int32([0, 1]), 200), np.tile(60_000 * np.arange(200), 2)
    >>> power = rng.normal(120.0, 5.0, (400, 1)) + 10.0 * appliance[:, None]  # the second draws 10 W more
    >>> charts.score(appliance, time, power).value[[199, 399]].round(2)
    array([0., 1.])
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
        least_looks: float = DEFAULTS.least_looks,
    ) -> None:
        self._params = ChartParams(
            np.array(spans, np.int64),
            float(memory_rows),
            outlier_z,
            kept_variance(outlier_z),
            relearn_rows,
            warm_spans,
            least_looks,
        )
        self._fresh = self._state = _cold(0, len(spans))

    def learn(self, names: Sequence[str], features: Floats) -> None:
        """Take (n, d) rows of one normal stretch, in time order, as every appliance's first baseline.

        Raises InputError where the rows do not have one column per name.
        """
        self._fresh = self._learnt(self._take_names(names, features))
        self._state = no_rows(self._fresh)

    def begin(self, unit: int, features: Floats) -> None:
        """Take (n, d) normal rows of fleet row `unit`, in time order, as its first baseline."""
        self._state = grown(self._state, self._fresh, unit + 1)
        put(self._state, unit, self._learnt(self._rows(features)))

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Floats) -> Score:
        """Score (n, d) rows, in time order per appliance, and learn from those that look normal.

        Raises InputError for another number of columns, ConfigError before `learn`.
        """
        rows = self._rows(features)
        self._state = grown(self._state, self._fresh, fleet_size(appliance))
        odds, spoke, usual = _follow(appliance, rows, self._state, self._params)
        p_value = spoke / np.maximum(odds, 1.0)
        value = np.where(spoke > 0, 1.0 - np.minimum(p_value, 1.0), 0.0)
        return self._pack(appliance, time, value, usual)

    def _learnt(self, rows: Floats) -> ChartState:
        """One row of state that has seen `rows` and trusted all of them."""
        fresh = _cold(rows.shape[1], len(self._params.spans))
        everything = self._params._replace(outlier=np.inf, kept=1.0, memory=np.inf, relearn=NEVER)
        _follow(np.zeros(len(rows), np.int32), rows, fresh, everything)
        np.minimum(fresh.weight, self._params.memory, out=fresh.weight)
        _find_bursts(rows, fresh, self._params)
        return fresh

    def _of_today(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """An earlier version, which counted otherwise, did not know who is alarming."""
        return {"alarmed": np.zeros(len(state["seen"]), np.int32), **state}
