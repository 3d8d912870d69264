"""A model seen for the first time borrows what was learnt for another of its category, until it has a past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from foremend.engine.fitted import FittedModel
from foremend.engine.lane import deviation_names
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import Prediction

Array = NDArray[np.float64]
_LESS_SURE = 1.3
"""Times as wide, in log days: as they were, 80 % intervals held 57 to 77 % on fleets of development seeds."""


class BorrowedPredictor:
    """Another model's predictor, asked about the features and faults that both models have.

    Deviations are relative, so they carry over; a feature that only the lender measures counts as unknown, a fault that
    only the borrower can have is never predicted. Intervals of days are wider by `_LESS_SURE`.
    """

    def __init__(self, lender: FittedModel, names: tuple[str, ...], faults: tuple[str, ...]) -> None:
        self._lender = lender.predictor
        self._columns = np.array([names.index(n) if n in names else -1 for n in lender.names], np.intp)
        self.faults = tuple(fault for fault in lender.predictor.faults if fault in faults)
        self._kept = np.array([lender.predictor.faults.index(fault) for fault in self.faults], np.intp)

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Array) -> Prediction:
        """As the lender says, for the faults of the borrower."""
        lent = self._lender.score(appliance, time, self._as_lender(features))
        fields = ("probability", "days_to_failure", "days_low", "days_high")
        kept = {name: getattr(lent, name)[:, self._kept] for name in fields}
        low, middle, high = (np.log1p(kept[name]) for name in ("days_low", "days_to_failure", "days_high"))
        kept["days_low"] = np.maximum(np.expm1(middle - _LESS_SURE * (middle - low)), 0.0)
        kept["days_high"] = np.expm1(middle + _LESS_SURE * (high - middle))
        return replace(lent, faults=self.faults, **kept)

    def drivers(self, features: Array, fault: int, most: int = 3) -> NDArray[np.int64]:
        """Columns of the borrower's own features."""
        found = self._lender.drivers(self._as_lender(features[None])[0], int(self._kept[fault]), most)
        own = self._columns[found]
        return own[own >= 0]

    def _as_lender(self, features: Array) -> Array:
        return np.where(self._columns >= 0, features[:, self._columns], np.nan)


def borrowed(profile: Profile, lender: FittedModel) -> FittedModel:
    """What `lender` can say about appliances of `profile`; its detectors, which know its own features, stay behind."""
    names = deviation_names(profile)
    predictor = BorrowedPredictor(lender, names, profile.faults)
    return FittedModel(f"{lender.version} (borrowed)", names, (), predictor)


def borrowings(profiles: Mapping[str, Profile], fitted: Mapping[str, FittedModel]) -> dict[str, FittedModel]:
    """For every profile with faults and without a model of its own: one of its category, if there is one."""
    found = {}
    for name, profile in profiles.items():
        lender = None if name in fitted else lender_of(profile, {other: profiles[other] for other in fitted})
        if lender is not None:
            found[name] = borrowed(profile, fitted[lender])
    return found


def lender_of(profile: Profile, able: Mapping[str, Profile]) -> str | None:
    """Of the profiles that have a model, the one of its category that `profile` borrows from; None without faults.

    It is the one that measures most of the same signals, and among those the one that measures least beyond.
    """
    same = [name for name, other in able.items() if other.category == profile.category]
    return max(same, key=lambda name: _alike(profile, able[name])) if profile.faults and same else None


def _alike(borrower: Profile, lender: Profile) -> tuple[int, int]:
    """The more, the better: signals in common, and the fewer that only the lender has."""
    own, others = {*borrower.signals}, {*lender.signals}
    return len(own & others), -len(others - own)
