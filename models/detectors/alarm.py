"""From scores to alarms: one that opens, stays, is raised again only when it gets much worse, and closes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from foremend.ports import Snapshot
from foremend.types import Score
from models.detectors.base import Floats, fleet_size, grown, no_rows, packed, unpacked
from models.detectors.settings import DEFAULTS

QUIET, ALARM, CRITICAL = 0, 1, 2
_LONG_AGO = 1 << 40


class AlarmState(NamedTuple):
    """One row per appliance."""

    level: NDArray[np.int8]  # (n,) QUIET, ALARM or CRITICAL: of the alarm that is open now
    told: NDArray[np.int8]  # (n,) the highest level raised in this episode
    since: NDArray[np.int64]  # (n,) rows since the last alarm closed
    streak: NDArray[np.int64]  # (n, 2) consecutive rows at the alarm level and at the critical one


@dataclass(frozen=True, slots=True)
class Alarms:
    """What the latch made of each score."""

    active: NDArray[np.bool_]  # (n,) an alarm is open
    raised: NDArray[np.int8]  # (n,) ALARM or CRITICAL in the row that raises it, else QUIET


def _fresh() -> AlarmState:
    return AlarmState(
        np.zeros(1, np.int8), np.zeros(1, np.int8), np.full(1, _LONG_AGO), np.zeros((1, 2), np.int64)
    )


class Levels(NamedTuple):
    """When an alarm opens, closes and is raised again; scores 0..1 and rows."""

    clear: float
    alarm: float
    critical: float
    confirm: int
    quiet: int


@njit(cache=True)
def _reached(value: float, state: AlarmState, unit: int, levels: Levels) -> int:
    """The level after this score: confirmed above, hysteresis below, never falling while open."""
    state.streak[unit, 0] = state.streak[unit, 0] + 1 if value >= levels.alarm else 0
    state.streak[unit, 1] = state.streak[unit, 1] + 1 if value >= levels.critical else 0
    if state.streak[unit, 1] >= levels.confirm:
        return CRITICAL
    if state.streak[unit, 0] >= levels.confirm:
        return max(state.level[unit], ALARM)
    return state.level[unit] if value >= levels.clear else QUIET


@njit(cache=True)
def _latch(
    appliance: NDArray[np.int32], value: Floats, state: AlarmState, levels: Levels
) -> tuple[NDArray[np.bool_], NDArray[np.int8]]:
    active = np.zeros(len(value), np.bool_)
    raised = np.zeros(len(value), np.int8)
    for row in range(len(value)):
        unit = appliance[row]
        level = _reached(value[row], state, unit, levels)
        state.since[unit] = 0 if state.level[unit] > QUIET else state.since[unit] + 1
        if level > QUIET and state.since[unit] > levels.quiet:
            state.told[unit] = QUIET  # a new episode
        if level > max(state.level[unit], state.told[unit]):
            raised[row] = level
            state.told[unit] = level
        state.level[unit] = level
        active[row] = level > QUIET
    return active, raised


class AlarmLatch:
    """Opens at `alarm`, closes below `clear`, is raised once more at `critical`; scores are 0..1.

    confirm_rows: consecutive rows that a level must be held before it counts.
    quiet_rows: an alarm that returns within so many rows of closing is the same episode and is raised again only
    if it is worse than before.
    """

    def __init__(
        self,
        *,
        alarm: float = DEFAULTS.alarm,
        clear: float = DEFAULTS.clear,
        critical: float = DEFAULTS.critical,
        confirm_rows: int = DEFAULTS.confirm_rows,
        quiet_rows: int = DEFAULTS.quiet_rows,
    ) -> None:
        self._levels = Levels(clear, alarm, critical, confirm_rows, quiet_rows)
        self._state = no_rows(_fresh())

    def update(self, score: Score) -> Alarms:
        """Take scores in time order per appliance."""
        self._state = grown(self._state, _fresh(), fleet_size(score.appliance))
        active, raised = _latch(score.appliance, score.value, self._state, self._levels)
        return Alarms(active, raised)

    def snapshot(self) -> Snapshot:
        """Open alarms as arrays."""
        return packed(self._state)

    def restore(self, snapshot: Snapshot) -> None:
        """Continue where `snapshot` was taken."""
        self._state = unpacked(AlarmState, snapshot)
