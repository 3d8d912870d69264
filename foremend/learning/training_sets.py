"""Rows to learn from and rows to judge by, cut apart so that neither an appliance nor the future leaks across."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.outcomes import held_out


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Rows to learn from: one appliance on one day each."""

    names: tuple[str, ...]
    features: NDArray[np.float64]  # (n, d)
    days_to_failure: NDArray[np.float64]  # (n, faults); inf where that fault is not under way
    appliance: NDArray[np.int32]  # (n,)

    def take(self, rows: NDArray[Any] | slice) -> TrainingSet:
        """The same set with only `rows`, a mask, indices or a slice."""
        return TrainingSet(self.names, self.features[rows], self.days_to_failure[rows], self.appliance[rows])

    @property
    def healthy(self) -> NDArray[np.bool_]:
        """(n,) rows on which no fault is under way."""
        return np.asarray(np.isinf(self.days_to_failure).all(axis=1))

    @property
    def appliances(self) -> int:
        return len(np.unique(self.appliance))

    def fingerprint(self) -> str:
        """SHA-256 of everything that a model can learn from it."""
        digest = hashlib.sha256("\n".join(self.names).encode())
        for array in (self.features, self.days_to_failure, self.appliance):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Split:
    """What a model learns from, and what it and its rivals are judged by."""

    learn: TrainingSet
    judge: TrainingSet


def by_appliance(rows: TrainingSet) -> Split:
    """Cut simulated rows: one appliance in five is judged by."""
    apart = held_out(rows.appliance)
    return Split(rows.take(~apart), rows.take(apart))
