"""What a day asked of an appliance: weather, room, set point, mode, speed.

A machine that works harder because it is hot outside is not ill. Where a profile measures such conditions (the roles of
its signals), they explain every other daily feature by quadratic terms, as the fleet itself shows day by day
(`expected`): a model seen for the first time needs no fitted parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.features import Daily, Feature, Statistic

Array = NDArray[np.float64]


class Terms(NamedTuple):
    """The conditions of k days as the terms of a regression.

    >>> from foremend.vocabulary.features import Condition
    >>> outside, power = Feature("outdoor_mean", "outdoor", unit="degC", scale=1.0), Feature("power_mean", "power")
    >>> daily = Daily((outside, power), day=(Condition(outside, typical=20.0, spread=10.0),))
    >>> terms = Conditions(daily, [power]).of(np.array([[35.0, 120.0], [np.nan, 2.0]]))
    >>> terms.news
    array([ True, False])
    """

    values: Array  # (k, b)
    news: NDArray[
        np.bool_
    ]  # (k,) False on a day without any of them, though they are sent: the appliance did not run


class Conditions:
    """The features of the whole day, or of one state, with what may explain them.

    `daily` has all daily features (F) and what explains them, `wanted` those to be explained and `state` the state's
    name, or None for the whole day. `columns` are the indices in `wanted` of what it is about; `masks` (b, columns)
    says which terms may explain which; the first `plain` terms are the conditions themselves.

    >>> from foremend.vocabulary.features import Condition
    >>> outside, power = Feature("outdoor_mean", "outdoor", unit="degC", scale=1.0), Feature("power_mean", "power")
    >>> daily = Daily((outside, power), day=(Condition(outside, typical=20.0, spread=10.0),))
    >>> conditions = Conditions(daily, [power])
    >>> conditions.of(np.array([[35.0, 120.0], [10.0, 80.0]])).values[:, :2]  # in spreads of 10 K, and squared
    array([[ 1.5 ,  2.25],
           [-1.  ,  1.  ]])
    """

    def __init__(self, daily: Daily, wanted: Sequence[Feature], state: str | None = None) -> None:
        at = {one.name: k for k, one in enumerate(daily.features)}
        self.columns = np.array([k for k, one in enumerate(wanted) if one.measured_in == state], np.intp)
        self.explaining = daily.explains(state)
        self._from = [at[one.feature.name] for one in self.explaining]
        self._centre = np.array([one.typical for one in self.explaining])
        self._spread = np.array([one.spread for one in self.explaining])
        self.direction = daily.direction if state is None else None
        signals = {one.feature.signal for one in self.explaining}
        self._heard = [
            k
            for k, one in enumerate(daily.features)
            if one.statistic is Statistic.COVERAGE and one.signal in signals
        ]
        self._turns_by = at[self.direction.feature.name] if self.direction else None
        self._pairs = np.triu_indices(len(self.explaining))
        self.plain = len(self.explaining)
        self.masks = np.array([self._may_use(wanted[k]) for k in self.columns], bool).T

    def of(self, values: Array) -> Terms:
        """The conditions of days `values` (k, F). One that an appliance does not measure counts as at its centre."""
        z = np.clip(np.nan_to_num((values[:, self._from] - self._centre) / self._spread), -3, 3)
        turned = self._turned(values)
        first, second = self._pairs
        return Terms(np.hstack([z, z[:, first] * z[:, second], turned, turned * z]), self.news(values))

    def news(self, values: Array) -> NDArray[np.bool_]:
        """(k,) whether days `values` (k, F) had any condition; all had where none is, or none was heard of all day.

        An appliance that sends its outdoor temperature, but ran at none, did not run. One that has no such sensor is
        judged without.
        """
        if not self._from:
            return np.ones(len(values), np.bool_)
        unheard = ~(values[:, self._heard] > 0).any(axis=1)
        return np.asarray(np.isfinite(values[:, self._from]).any(axis=1) | (unheard & bool(self._heard)))

    def _turned(self, values: Array) -> Array:
        """(k, 1) 0 on a day of cooling, 1 on one of heating, between where it did both; 0 without such a thing."""
        if self.direction is None or self._turns_by is None:
            return np.zeros((len(values), 1))
        way = (values[:, [self._turns_by]] - self.direction.one) / (self.direction.other - self.direction.one)
        return np.clip(np.nan_to_num(way), 0.0, 1.0)

    def _may_use(self, feature: Feature) -> list[bool]:
        """Which terms may explain a feature: none what is imposed, and only what is imposed that which is chosen."""
        mine = next((one for one in self.explaining if _is_own(one.feature, feature)), None)
        free = [mine is None or (mine.chosen and not one.chosen) for one in self.explaining]
        shows_direction = self.direction is not None and feature.signal == self.direction.feature.signal
        turned = feature.measured_in is None and (mine is None or mine.chosen) and not shows_direction
        return self._terms(free, turned)

    def _terms(self, free: list[bool], turned: bool) -> list[bool]:
        first, second = self._pairs
        pairs = [free[i] and free[j] for i, j in zip(first, second, strict=True)]
        return [*free, *pairs, turned, *(turned and f for f in free)]


def measured_states(wanted: Sequence[Feature]) -> list[str]:
    """The states in which features measure something, in the order of the profile."""
    return list(dict.fromkeys(one.measured_in for one in wanted if one.measured_in is not None))


def _is_own(condition: Feature, feature: Feature) -> bool:
    """Whether a feature is of the condition's own signal; in a state its mean explains its highest and lowest."""
    if feature.measured_in is not None:
        return feature == condition
    return feature.signal is not None and feature.signal == condition.signal
