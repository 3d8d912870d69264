"""May a challenger take the champion's place? Both are judged on the same rows, which neither learnt from."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

Floats = NDArray[np.float64]
TOLERANCE = 0.005
"""A difference below it is taken as none."""
_BETTER_IS = {"average_precision": 1, "brier": -1}


def gate_metrics(probability: Floats, days_to_failure: Floats, horizon_days: float) -> dict[str, float]:
    """What promotion is decided by, over all faults together; both arguments are (n, faults).

    `average_precision`: area under precision and recall, 0..1, higher is better; NaN where no row has a fault.
    `brier`: mean squared error of the probabilities summed over faults, 0 and more, lower is better; it punishes
    wrong calibration (Brier, 1950).
    """
    due = days_to_failure <= horizon_days
    precision = average_precision_score(due.ravel(), probability.ravel()) if due.any() else math.nan
    brier = np.square(probability - due).sum(axis=1).mean() if len(due) else math.nan
    return {
        "average_precision": float(precision),
        "brier": float(brier),
        "rows": float(len(due)),
        "rows_with_fault": float(due.any(axis=1).sum()),
    }


def worse(challenger: Mapping[str, float], champion: Mapping[str, float]) -> list[str]:
    """A sentence for every gate metric on which the challenger is worse; empty: it may be promoted.

    A metric that could not be measured on both (NaN) decides nothing.
    """
    return [
        f"{name} {challenger[name]:.3f} against the champion's {champion[name]:.3f}"
        for name, sign in _BETTER_IS.items()
        if sign * (challenger[name] - champion[name]) < -TOLERANCE
    ]
