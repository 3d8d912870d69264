"""What there is to say of plain harm, as rows for the rules and numbers for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.types import Evidence, Rows
from models.stream.habits import HARMS, RUNS_ON, STARTS_OFTEN, STOPPED, STUCK, Told

_NUMBERS = {
    STOPPED: ("resting_for", 3600.0, "h"),
    RUNS_ON: ("running_for", 3600.0, "h"),
    STARTS_OFTEN: ("starts_in_two_hours", 1.0, ""),
    STUCK: ("value_unmoved_for", 3600.0, "h"),
}
"""What a number behind each is called, in which part of its unit it comes, and that unit."""


@dataclass(frozen=True, slots=True)
class Harm:
    """Machines of which there is something to say, in the order of readings.

    >>> rows = Rows(np.int32([0]), np.int64([0]), HARMS, np.array([[1.2, 0.0, 0.0, 0.0]]))
    >>> harm = Harm(rows, np.array([[11_000.0, 0.0, 0.0, 0.0]]), np.array([[1_900.0, 0.0, 0.0, 0.0]]))
    >>> [(one.feature, round(one.value, 1), round(one.usual, 1), one.unit) for one in harm.evidence(0, STOPPED)]
    [('resting_for', 3.1, 0.5, 'h')]
    """

    rows: Rows  # a column each of HARMS: more than 1 is harm, and the more, the longer it lasts
    found: NDArray[np.float64]  # (n, harms) s, or starts
    usual: NDArray[np.float64]  # (n, harms) the same, NaN where unknown

    def evidence(self, row: int, column: int) -> Sequence[Evidence]:
        """What was seen, beside the most that is usual for the machine itself."""
        name, scale, unit = _NUMBERS[column]
        usual = self.usual[row, column]
        known = float(usual) / scale if usual > 0 else None
        return (Evidence(name, float(self.found[row, column]) / scale, known, unit=unit),)


def harm_of(parts: Sequence[Told]) -> Harm:
    """What the kernel wrote of `parts`; nearly always nothing."""
    if not any(part.filled[0] for part in parts):
        return _NOTHING
    used = [(part, slice(0, int(part.filled[0]))) for part in parts]
    appliance, time = (
        np.concatenate([getattr(part, name)[rows] for part, rows in used]) for name in ("appliance", "time")
    )
    over, found, usual = (
        np.concatenate([getattr(part, name)[rows] for part, rows in used])
        for name in ("over", "found", "usual")
    )
    return Harm(Rows(appliance, time, HARMS, over), found, usual)


_NOTHING = Harm(
    Rows(np.empty(0, np.int32), np.empty(0, np.int64), HARMS, np.empty((0, len(HARMS)))),
    np.empty((0, len(HARMS))),
    np.empty((0, len(HARMS))),
)
