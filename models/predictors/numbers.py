"""How far the numbers of a day that signatures speak of went: from the own usual and from siblings, the less of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.features import MINUS, Counterpart, Deviation, Feature, Kind, Statistic
from foremend.vocabulary.profiles.states import WHILE

Array = NDArray[np.float64]
PER = " / "
_SPREADS = 0.5  # of a day, that an average of days must move to be worth a word

_S = Statistic
_RATIOS = {
    _S.RUN_MEAN: 0.09,
    _S.PAUSE_MEAN: 0.09,
    _S.VISIT_MEAN: 0.1,
    _S.STARTS: 0.12,
    _S.STARTS_PER_HOUR: 0.06,
    _S.INRUSH: 0.06,
    _S.RISE: 0.2,
    _S.RATE: 0.1,
    _S.MEAN: 0.025,
    _S.ON_MEAN: 0.04,
}
_RATIO = 0.05
_VOLTS = 0.02
_DIFFERENCES = {"": 0.03, "degC": 1.0, "K": 1.0, "degC/min": 0.07, "K/min": 0.07, "rpm": 60.0}
"""The smallest change worth a word, as a log ratio or in the unit of what is compared as a difference: averages of
three days of the well appliances of fleet-a and of the own simulator depart further on few days."""


class _Columns(NamedTuple):
    """Where the deviations of some numbers are; of a ratio also those of what it is divided by, else -1."""

    own: NDArray[np.intp]
    apart: NDArray[np.intp]
    own_over: NDArray[np.intp]
    apart_over: NDArray[np.intp]

    def moved(self, features: Array) -> Array:
        """(n, c) the less of how far each went from the own usual, and from what siblings show that day."""
        own, apart = _less(features, self.own, self.own_over), _less(features, self.apart, self.apart_over)
        less = np.sign(apart) * np.minimum(np.abs(own), np.abs(apart))
        return np.where(np.isfinite(apart) & (own * apart <= 0), 0.0, less)


class Numbers:
    """Those of `wanted` that an appliance model has: as `written`, or two of them as `current / power while cooling`.

    A season moves all, and where it moves the others alone, siblings depart from one that stays as it was. `alike`:
    daily features that a fault moves as it moves others (heating as cooling); they stand for those where they are not
    known. A ratio is of two numbers that are compared as ratios.

    >>> current, power = Feature("current_mean", "current"), Feature("power_mean", "power")
    >>> columns = [Deviation(kind, one) for kind in (Kind.OWN, Kind.SIBLINGS) for one in ("current_mean", "power_mean")]
    >>> numbers = Numbers(["current / power mean"], columns, [current, power], {})
    >>> numbers.moved(np.array([[0.15, 0.08, 0.15, 0.08]])).round(2)  # more current for the same work
    array([[0.07]])
    """

    def __init__(
        self,
        wanted: Sequence[str],
        deviations: Sequence[Deviation],
        features: Sequence[Feature],
        alike: Mapping[str, Counterpart],
    ) -> None:
        of, at = {one.name: one for one in features}, _written_to_names(features)
        where = {(one.kind, one.of): k for k, one in enumerate(deviations)}
        parts = {what: at.get(what, ("",)) for what in wanted}
        self.names = [what for what in wanted if all((Kind.SIBLINGS, one) in where for one in parts[what])]
        mine = [parts[what] for what in self.names]
        self._mine = _columns(mine, where)
        self.columns = self._mine.apart
        self.least = np.array([_least(of[one[0]]) for one in mine])
        self.is_ratio = self._mine.apart_over >= 0
        stands: dict[str, tuple[str, int]] = {
            other.feature: (one, other.sign) for one, other in alike.items()
        }
        self._to = [
            k
            for k, one in enumerate(mine)
            if all((Kind.SIBLINGS, stands.get(p, ("", 0))[0]) in where for p in one)
        ]
        self._alike = _columns([[stands[part][0] for part in mine[k]] for k in self._to], where)
        self._sign = np.array([stands[mine[k][0]][1] for k in self._to])

    def moved(self, features: Array) -> Array:
        """(n, c) how far each number went on days `features` (n, d); NaN while not known."""
        moved = self._mine.moved(features)
        stand = self._sign * self._alike.moved(features)
        moved[:, self._to] = np.where(np.isfinite(moved[:, self._to]), moved[:, self._to], stand)
        return moved

    def worth_a_word(self, spread: Array) -> Array:
        """(c,) the smallest change of each; `spread` (d,) of each deviation from day to day, NaN while not known.

        What moves both parts of a ratio from day to day does not move the ratio.
        """
        return np.fmax(self.least, np.where(self.is_ratio, 0.0, _SPREADS * spread[self.columns]))


def _columns(numbers: Sequence[Sequence[str]], where: Mapping[tuple[Kind, str], int]) -> _Columns:
    def at(kind: Kind, part: int) -> NDArray[np.intp]:
        return np.array([where[kind, one[part]] if part < len(one) else -1 for one in numbers], np.intp)

    return _Columns(at(Kind.OWN, 0), at(Kind.SIBLINGS, 0), at(Kind.OWN, 1), at(Kind.SIBLINGS, 1))


def _less(features: Array, columns: NDArray[np.intp], over: NDArray[np.intp]) -> Array:
    return features[:, columns] - np.where(over < 0, 0.0, features[:, over])


def _written_to_names(features: Sequence[Feature]) -> dict[str, tuple[str, ...]]:
    """What signatures write -> the number itself, or the two of a ratio: means of the same, in the same state."""
    ratios = {
        written(one, over): (one.name, over.name)
        for one, over in permutations([one for one in features if one.signal and one.minus is None], 2)
        if (one.statistic, one.state) == (over.statistic, over.state)
    }
    return ratios | {written(one): (one.name,) for one in features}


def written(one: Feature, over: Feature | None = None) -> str:
    """How a signature writes it: 'duty', 'power on_mean', 'a - b while cooling', 'water_level rate while filling'.

    With `over` of the same statistic and state, their ratio: 'current / power while cooling'.
    """
    what = one.statistic.value if one.signal is None or one.statistic is _S.STARTS else one.signal
    if one.minus is not None:
        what = f"{what}{MINUS}{one.minus}"
    if over is not None:
        what = f"{what}{PER}{over.signal}"
    if (
        one.signal is not None
        and one.statistic is not _S.STARTS
        and not (one.state and one.statistic is _S.MEAN)
    ):
        what = f"{what} {one.statistic}"
    return f"{what}{WHILE}{one.state}" if one.state else what


def _least(one: Feature) -> float:
    if one.scale is None and one.unit == "V":
        return _VOLTS
    if one.scale is None:
        return _RATIOS.get(one.statistic, _RATIO)
    return _DIFFERENCES.get(one.unit, one.scale) / one.scale
