"""Silence and stuck sensors: no reading where one was due, and a value that stands still for too long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

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
    student_to_normal,
)

_NEVER = np.iinfo(np.int64).min
_LEAST_SPREAD = 0.7
"""However regular an appliance was, its next interval may well be twice as long: one lost message is no silence."""

_MEMORY = 512.0
"""Intervals after which an appliance's usual interval has forgotten the oldest ones."""

_MIN_GAPS = 8.0
_MIN_SPELLS = 32.0
_SHORT_SPELL = 8
"""Rows: fewer equal values in a row than this prove nothing, whatever was seen before."""

_TAIL_POWER = 2.0


class SilenceState(NamedTuple):
    """One row per appliance."""

    last: NDArray[np.int64]  # (n,) ms of the newest reading
    gaps: Floats  # (n,) intervals that the usual one stands on
    gap_mean: Floats  # (n,) of the log of the interval in ms
    gap_var: Floats  # (n,)
    value: Floats  # (n, d) the last known value, NaN none
    spell: NDArray[np.int32]  # (n, d) rows that it stands still
    spells: Floats  # (n, d) spells completed
    longest: NDArray[np.int32]  # (n, d) rows of the longest of them


def _cold(columns: int) -> SilenceState:
    per_column = (1, columns)
    return SilenceState(
        last=np.full(1, _NEVER),
        gaps=np.zeros(1),
        gap_mean=np.zeros(1),
        gap_var=np.zeros(1),
        value=np.full(per_column, np.nan),
        spell=np.zeros(per_column, np.int32),
        spells=np.zeros(per_column),
        longest=np.zeros(per_column, np.int32),
    )


@compiled(error_model="numpy")
def _silence(state: SilenceState, unit: int, time: int) -> float:
    """How surprising it is to hear nothing until `time`; only longer than usual counts."""
    gap = time - state.last[unit]
    if state.gaps[unit] < _MIN_GAPS or gap <= 0:
        return 0.0
    spread = np.sqrt(_LEAST_SPREAD**2 + state.gap_var[unit])
    longer = (np.log(gap) - state.gap_mean[unit]) / spread
    return max(student_to_normal(longer, state.gaps[unit] - 1.0), 0.0)


@compiled(error_model="numpy")
def _hear(state: SilenceState, unit: int, time: int) -> None:
    """Learn the interval that this reading ends; an outage counts once, like any interval."""
    gap = time - state.last[unit]
    if state.last[unit] != _NEVER and gap > 0:
        state.gaps[unit] = min(state.gaps[unit] + 1.0, _MEMORY)
        gain = 1.0 / state.gaps[unit]
        change = np.log(gap) - state.gap_mean[unit]
        state.gap_mean[unit] += gain * change
        state.gap_var[unit] += gain * ((1.0 - gain) * change * change - state.gap_var[unit])
    state.last[unit] = max(state.last[unit], time)


@compiled(error_model="numpy")
def _stand(state: SilenceState, at: tuple[int, int], value: float) -> None:
    """Count how long the column stands still; a spell that ends is learnt."""
    if not np.isfinite(value):
        return
    if value == state.value[at]:
        state.spell[at] += 1
        return
    if state.spell[at] > 0:
        state.spells[at] += 1.0
        state.longest[at] = max(state.longest[at], state.spell[at])
    state.value[at], state.spell[at] = value, 1


def _habit(rows: Floats) -> SilenceState:
    """One row of state that knows how long the columns of `rows` stand still."""
    habit = _cold(rows.shape[1])
    for column in range(rows.shape[1]):
        _stand_all(np.ascontiguousarray(rows[:, column]), column, habit)
    habit.value[:], habit.spell[:] = np.nan, 0
    return habit


@compiled(error_model="numpy")
def _stand_all(values: Floats, column: int, state: SilenceState) -> None:
    for value in values:
        _stand(state, (0, column), value)


@compiled(error_model="numpy")
def _stuck(state: SilenceState, at: tuple[int, int]) -> float:
    """p-value of this spell: that it is the longest of all so far, with a power-law tail beyond; 1 if it is not."""
    usual = max(state.longest[at], _SHORT_SPELL)
    if state.spells[at] < _MIN_SPELLS or state.spell[at] <= usual:
        return 1.0
    return (usual / state.spell[at]) ** _TAIL_POWER / (state.spells[at] + 1.0)


@compiled(error_model="numpy")
def _follow(
    appliance: NDArray[np.int32], time: NDArray[np.int64], rows: Floats, state: SilenceState
) -> tuple[Floats, Floats]:
    """The silence deviate and the smallest stuck p-value of every row, (n,) each."""
    silence = np.zeros(len(rows))
    stuck = np.ones(len(rows))
    for row in range(len(rows)):
        unit = appliance[row]
        heard = False
        for column in range(rows.shape[1]):
            value = rows[row, column]
            heard = heard or np.isfinite(value)
            _stand(state, (unit, column), value)
            stuck[row] = min(stuck[row], _stuck(state, (unit, column)))
        if heard:
            _hear(state, unit, time[row])
        else:
            silence[row] = _silence(state, unit, time[row])
    return silence, stuck


class SilenceAndStuck(Records[SilenceState]):
    """Finds appliances that fall silent and columns that stand still, compared with each appliance's own habit.

    A row without any known value is a look at the clock: the score says how unusual it is to have heard nothing until
    then. The reading that ends a silence scores 0 for it: coming back is no event. A column must have changed 32 times
    before it can be called stuck.

    Guarantee: where the times that a value stands still are exchangeable, one longer than the n before it has p <= 1 /
    (n + 1). How much longer, and silence (log-normal intervals), are models.

    >>> temp, minute = np.random.default_rng(1).normal(4.0, 0.3, (460, 1)).round(1), 60_000
    >>> detector = SilenceAndStuck()
    >>> detector.learn(["cabinet_temp"], temp[:400])
    >>> heard = detector.score(np.zeros(60, np.int32), minute * np.arange(60), temp[400:])  # for an hour, then no more
    >>> looks = detector.score(np.int32([0, 0]), minute * np.int64([60, 180]), np.full((2, 1), np.nan))
    >>> looks.value.round(2)
    array([0., 1.])
    """

    name = "silence-and-stuck"

    def __init__(self) -> None:
        self._fresh = self._state = _cold(0)

    def learn(self, names: Sequence[str], features: Floats) -> None:
        """Take (n, d) rows of one normal stretch, in time order: how long do values stand still?

        The usual interval is learnt from each appliance's own times. Raises InputError for misshapen rows.
        """
        self._fresh = _habit(self._take_names(names, features))
        self._state = no_rows(self._fresh)

    def begin(self, unit: int, features: Floats) -> None:
        """Take (n, d) normal rows of fleet row `unit`, in time order, as its own habit."""
        self._state = grown(self._state, self._fresh, unit + 1)
        put(self._state, unit, _habit(self._rows(features)))

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Floats) -> Score:
        """Score (n, d) rows at `time` (ms), in time order per appliance. Raises InputError for other columns."""
        rows = self._rows(features)
        self._state = grown(self._state, self._fresh, fleet_size(appliance))
        silence, stuck = _follow(appliance, np.ascontiguousarray(time), rows, self._state)
        still = np.maximum(1.0 - 2.0 * stuck * max(rows.shape[1], 1), 0.0)
        quiet = evidence_to_score(silence, np.where(silence > 0, 1.0, 0.0))
        return self._pack(appliance, time, np.maximum(quiet, still))
