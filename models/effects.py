"""What a feature has to do with failures, as `models.hazards` finds it: light enough for whoever only shows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_MOST_LOG = 50.0  # of a ratio that is told, however far off a change is


@dataclass(frozen=True, slots=True)
class Effect:
    """How many times as often those fail that have one spread (standard deviation) more of a feature.

    >>> starts = Effect("starts_per_hour", ratio=1.8, low=1.5, high=2.2, p=1e-9, spread=0.3)
    >>> [round(one, 2) for one in starts.times(np.log(2 / 3))]  # a third less, of a feature compared as a ratio
    [0.45, 0.34, 0.58]
    """

    feature: str
    ratio: float
    low: float  # of the interval that holds the ratio 95 times in 100
    high: float
    p: float  # of no effect, 0..1, not yet corrected for how many were tried
    spread: float  # one standard deviation, in the feature's comparable unit
    along: tuple[str, ...] = ()  # features that hardly move apart from it: as well theirs

    def times(self, change: float) -> tuple[float, float, float]:
        """Ratio, low and high end of failures if the feature were `change` more, in its comparable unit."""
        by = change / self.spread
        logs = np.log([self.ratio, self.low, self.high]) * by
        times, low, high = np.exp(np.clip(logs, -_MOST_LOG, _MOST_LOG)).tolist()
        return times, min(low, high), max(low, high)
