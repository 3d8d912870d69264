"""Turning 'how strange' into a false-alarm rate: conformal p-values.

Guarantee: let the calibration rows and the new row be exchangeable (any order of them equally likely; independent
rows of one distribution are). Then for every a >= 1/(n + 1), P(p <= a) <= a, whatever the distribution and whatever
the detector (Vovk, Gammerman and Shafer, 2005). Readings of one appliance in a row are not exchangeable; daily rows
of many appliances nearly are. Below 1/(n + 1) no such promise is possible: there the tail is a model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.ports import Snapshot

Floats = NDArray[np.float64]
_TAIL = 0.1


class ConformalPValues:
    """Turns strangeness (larger is stranger) into p-values, by comparing it with that of rows known to be normal.

    >>> calibrate = ConformalPValues()
    >>> calibrate.learn(np.random.default_rng(1).exponential(1.0, 199))  # how strange healthy rows are
    >>> calibrate.p_value(np.array([0.1, 3.0, 8.0, np.nan])).round(3)
    array([0.935, 0.045, 0.01 , 1.   ])
    """

    def __init__(self) -> None:
        self._calibration: Floats = np.empty(0)

    def learn(self, strangeness: Floats) -> None:
        """Take the strangeness of (n,) normal rows that the detector was not fitted on; NaN are left out."""
        self._calibration = np.sort(strangeness[np.isfinite(strangeness)])

    def p_value(self, strangeness: Floats) -> Floats:
        """How often a normal row is at least so strange, (m,) 0..1; 1 for what is not finite, and with nothing learnt.

        Beyond the strangest calibration row the rank stays 1/(n + 1) and is continued by an exponential tail of the
        calibration's mean excess over its upper tenth, so that worse still ranks as worse.
        """
        count = len(self._calibration)
        if count == 0:
            return np.ones(len(strangeness))
        at_least = count - np.searchsorted(self._calibration, strangeness, side="left")
        rank = (1.0 + at_least) / (count + 1.0)
        beyond = np.maximum(strangeness - self._calibration[-1], 0.0)
        return np.where(np.isfinite(strangeness), rank * np.exp(-beyond / self._tail_scale()), 1.0)

    def _tail_scale(self) -> float:
        start = np.quantile(self._calibration, 1.0 - _TAIL)
        upper = self._calibration[self._calibration >= start]
        return max(float(np.mean(upper - start)), 1e-12)

    def snapshot(self) -> Snapshot:
        """The calibration rows' strangeness."""
        return {"calibration": self._calibration.copy()}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue where `snapshot` was taken."""
        self._calibration = np.array(snapshot["calibration"])


def split_rows(count: int, share: float, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Row numbers to fit on and to calibrate on, drawn without looking at them; `share` of `count` is fitted on."""
    order = np.random.default_rng(seed).permutation(count)
    cut = round(count * share)
    return np.sort(order[:cut]), np.sort(order[cut:])
