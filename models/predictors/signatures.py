"""Faults named by their physics alone: which numbers of a day move, which way and about how far.

Where nothing was trained, or what was trained knows other appliances, the catalogue still says how a fault shows. A
day's deviations are compared with every fault's signature at several severities, with no change at all and with a
change that no signature explains; the answer is Bayes' rule over those hypotheses with normal errors. Sizes are drawn
in (`_drawn_in`), so that what grows on keeps its name: direction counts, and how far only at first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.features import Counterpart, Deviation, Feature
from foremend.vocabulary.types import Prediction
from models.predictors.numbers import Numbers

Array = NDArray[np.float64]
Signature = Mapping[str, float]
"""What moves -> by how much at the failure: as a log ratio, or in the unit of what is compared as a difference. What
comes first must be seen to move: a fault is never told without it."""
_NOTHING_ALIKE: Mapping[str, Counterpart] = {}
UNKNOWN = "abnormal-behaviour"
"""Something lasting is wrong, and no signature says what."""

ASKED_LESS: Signature = {
    "duty": -0.1,
    "run_mean_s": -0.3,
    "pause_mean_s": 0.35,
    "starts_per_hour": -0.1,
    "compressor_starts": -0.1,
}
"""People are away, the room is cool: what a thermostat runs does so less. No fault: few ask less of a machine."""

WORKS_HARDER: Signature = {
    "power while cooling": 0.5,
    "current while cooling": 0.5,
    "compressor_speed while cooling": 0.4,
    "outdoor_coil_temp - outdoor_temp while cooling": 2.5,
    "indoor_coil_temp - room_temp while cooling": -2.5,
    "discharge_temp - outdoor_coil_temp while cooling": 3,
    "module_temp - outdoor_temp while cooling": 4,
}
"""It is hot: an inverter turns faster, and moves more heat through the same coils. No fault raises its power so far."""

_WELL = (ASKED_LESS, WORKS_HARDER)
_SEVERITIES = np.array([0.2, 0.4, 0.7, 1.0, 1.5, 2.5])  # of a signature; 1 is the failure
_ERROR = 0.33  # standard deviation of a drawn-in number from its signature
_SHOWN = 0.5  # drawn in, that the first number of a signature must have moved
_PRIOR = 0.003  # that an appliance is ill of something, on a day
_UNEXPLAINED = 0.1  # of the prior, for what no signature knows
_ODD = 1.5  # drawn-in standard deviation of what no signature knows
_NAMED = 0.6  # from here on a fault has a name


class Signatures:
    """Names faults by their signatures; needs no training, and no more of an appliance than moves in one of them.

    `deviations` say what the columns of a day's row are, `features` what each of them is of. Days to failure are not
    estimated. Besides the faults it says how likely it is that something is wrong which none of them explains.

    >>> from foremend.vocabulary.features import Kind, Statistic
    >>> duty = Feature("duty", statistic=Statistic.DUTY, scale=1.0)
    >>> columns = [Deviation(kind, duty.name) for kind in (Kind.OWN, Kind.SIBLINGS)]
    >>> predictor = Signatures({"refrigerant-leak": [{"duty": 0.3}]}, columns, [duty])
    >>> days = np.array([[0.3, 0.3], [0.01, 0.01]])  # 30 % and 1 % of the time more than usual, and than siblings
    >>> found = predictor.predict(np.int32([0, 1]), np.zeros(2, np.int64), days, spread=np.zeros(2))
    >>> dict(zip(found.faults, found.probability.T.round(1).tolist()))
    {'refrigerant-leak': [1.0, 0.0], 'abnormal-behaviour': [0.0, 0.0]}
    """

    def __init__(
        self,
        signatures: Mapping[str, Sequence[Signature]],
        deviations: Sequence[Deviation],
        features: Sequence[Feature],
        *,
        horizon_days: float = 90.0,
        names_alone: bool = False,
        alike: Mapping[str, Counterpart] = _NOTHING_ALIKE,
    ) -> None:
        """`names_alone`: nothing is said of what no signature explains, where people's use changes what a day shows.

        `alike`: daily features that a fault moves as it moves others (heating as cooling); they stand for those.
        """
        self._names_alone = names_alone
        self.horizon_days = horizon_days
        every = [(fault, one) for fault, ways in signatures.items() for one in ways]
        wanted = list(dict.fromkeys(what for _, one in every for what in one))
        self._numbers = Numbers(wanted, deviations, features, alike)
        moved = self._numbers.names
        ways = [(fault, one) for fault, one in every if _first(one) in moved and one[_first(one)]]
        self.faults = (*dict.fromkeys(fault for fault, _ in ways), UNKNOWN)
        self._shows = np.array([self.faults.index(fault) for fault, _ in ways], np.intp)  # by each way
        self._first = np.array([moved.index(_first(one)) for _, one in ways], np.intp)
        sizes = [[one.get(what, 0.0) for what in moved] for one in (*(one for _, one in ways), *_WELL)]
        self._sizes = np.array(sizes).reshape(len(sizes), len(moved))

    def predict(
        self,
        appliance: NDArray[np.int32],
        time: NDArray[np.int64],
        features: Array,
        spread: Array,
        hidden: NDArray[np.bool_] | None = None,
    ) -> Prediction:
        """`spread` (d,): how much each column of `features` (n, d) varies from day to day; NaN while not known.

        Rows in which nothing is known get probability 0. `hidden` (n,): nobody sees how fast a compressor turns that
        answers the weather by turning faster: then that it works harder may explain a day. None: nowhere.
        """
        moved, unit = self._numbers.moved(features), self._numbers.worth_a_word(spread)
        probability = self._probability(moved, unit, _none(moved) if hidden is None else hidden)
        days = np.full(probability.shape, np.nan)
        return Prediction(
            self.faults, self.horizon_days, appliance, time, probability, days, days.copy(), days.copy()
        )

    def explains(
        self, features: Array, spread: Array, hidden: NDArray[np.bool_] | None = None
    ) -> NDArray[np.bool_]:
        """(n, faults) whether each fault explains a day no worse than no change, or people who ask less, would.

        `hidden` (n,) as in `predict`.

        Never where what it cannot do without is not known, nor where that is a ratio and has not moved: what changes
        both its parts alike is load. What has no name is no explanation.
        """
        moved, unit = self._numbers.moved(features), self._numbers.worth_a_word(spread)
        known = np.isfinite(moved)
        said = _drawn_in(np.nan_to_num(moved) / unit)
        apart = self._nearest(said, known.astype(np.float64), unit)
        well = self._well(said, apart, _none(moved) if hidden is None else hidden)
        good = (apart[:, : -len(_WELL)] < well[:, None]) & known[:, self._first]
        good &= self._shown(said) | ~self._numbers.is_ratio[self._first]
        each = [good[:, self._shows == fault].any(axis=1) for fault in range(len(self.faults))]
        return np.column_stack(each)

    def drivers(self, features: Array, fault: int, most: int = 3) -> NDArray[np.int64]:
        """Columns of one row (d,) that speak most for `fault`; for what has no name, those that moved most."""
        z = np.nan_to_num(features[self._numbers.columns] / self._numbers.least)
        ways = np.flatnonzero(self._shows == fault)
        push = np.abs(z) if not len(ways) else (z * self._sizes[ways]).max(axis=0)
        return self._numbers.columns[np.argsort(-push)[:most]]

    def _shown(self, said: Array) -> NDArray[np.bool_]:
        """(n, w) whether days `said` (n, c), drawn in, show what each way cannot do without."""
        sizes = self._sizes[np.arange(len(self._first)), self._first]
        return np.asarray(said[:, self._first] * np.sign(sizes) > _SHOWN)

    def _probability(self, moved: Array, unit: Array, hidden: NDArray[np.bool_]) -> Array:
        """(n, faults + 1) of days that moved so far (n, c), in `unit` (c,) each; NaN where not known."""
        known = np.isfinite(moved).astype(np.float64)
        logs = self._log_likelihoods(_drawn_in(np.nan_to_num(moved) / unit), known, unit, hidden)
        share = np.exp(logs - logs.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        named = share[:, :-1]
        has_name = named[:, :-1].max(axis=1, initial=0.0) > _NAMED
        named[:, -1] = np.where(has_name | self._names_alone, 0.0, 1.0 - share[:, -1])
        return np.where(known.sum(axis=1, keepdims=True) > 0, named, 0.0)

    def _log_likelihoods(self, said: Array, known: Array, unit: Array, hidden: NDArray[np.bool_]) -> Array:
        """(n, faults + 2) of days `said` (n, c), drawn in: each fault, what none explains, nothing; with priors."""
        still = (said**2).sum(axis=1)
        odd = _ERROR**2 + _ODD**2
        odd_logs = -still / (2 * odd) - known.sum(axis=1) * np.log(odd / _ERROR**2) / 2
        apart = self._nearest(said, known, unit)
        way = -apart[:, : -len(_WELL)] / (2 * _ERROR**2)
        way[~self._shown(said)] = -np.inf
        faults = range(len(self.faults) - 1)
        each = [way[:, self._shows == fault].max(axis=1) for fault in faults]
        well = -self._well(said, apart, hidden) / (2 * _ERROR**2)
        return np.column_stack(
            [
                *(one + np.log(_PRIOR * (1 - _UNEXPLAINED) / len(each)) for one in each),
                np.full(len(said), -np.inf)
                if self._names_alone
                else odd_logs + np.log(_PRIOR * _UNEXPLAINED),
                well + np.log(1 - _PRIOR),
            ]
        )

    def _well(self, said: Array, apart: Array, hidden: NDArray[np.bool_]) -> Array:
        """(n,) squared distance of days `said` (n, c) from what is no fault; `apart` as `_nearest` gives it."""
        less, harder = apart[:, -len(_WELL) :].T
        still = np.minimum((said**2).sum(axis=1), less)
        return np.where(hidden, np.minimum(still, harder), still)

    def _nearest(self, said: Array, known: Array, unit: Array) -> Array:
        """(n, ways) squared distance of days `said` (n, c), where `known`, from each way at its nearest severity."""
        shown = _drawn_in(self._sizes[:, None] / unit * _SEVERITIES[:, None])  # (ways, severities, c)
        flat = shown.reshape(-1, len(unit))
        apart = (said**2).sum(axis=1)[:, None] - 2 * said @ flat.T + known @ (flat**2).T
        nearest: Array = apart.reshape(len(said), *shown.shape[:2]).min(axis=2, initial=np.inf)
        return nearest


def _none(rows: Array) -> NDArray[np.bool_]:
    return np.zeros(len(rows), np.bool_)


def _first(signature: Signature) -> str:
    """What a fault cannot do without."""
    return next(iter(signature), "")


def _drawn_in(values: Array) -> Array:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))
