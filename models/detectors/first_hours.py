"""A household's appliance, watched by its hours: its own first ten days teach, and of those odd hours teach nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.detectors.base import Floats
from models.detectors.charts import ControlCharts
from models.detectors.first_rows import FirstRows
from models.detectors.settings import HOURLY

MOST_ODD = 24
"""Hours of the first ones that may be left out: a day, as of a plug that was fitted, a party, a visitor's holiday."""

_FENCE = 1.5
"""An hour is odd beyond so many distances between the quartiles outside of them (Tukey's fences, 1977).

Quartiles do not move far by a tenth of the hours, whatever these say."""


def without_odd(rows: Floats) -> Floats:
    """(n, d) rows in their order, without the `MOST_ODD` that lie farthest outside their columns' fences.

    All rows of a machine that rests (0 in a column) in three hours of four: its few other hours are its work.

    >>> power = np.array([40.0, 44.0, 38.0, 300.0, 41.0, 43.0, 39.0, 42.0])  # W
    >>> without_odd(power[:, None])[:, 0]
    array([40., 44., 38., 41., 43., 39., 42.])
    """
    far = _beyond(rows)
    odd = np.flatnonzero(far > _FENCE)
    odd = odd[np.argsort(-far[odd], kind="stable")][:MOST_ODD]
    return np.delete(rows, odd, axis=0)


def _beyond(rows: Floats) -> NDArray[np.float64]:
    """(n,) how far each row is outside the quartiles, by the distance between them, in its farthest column."""
    sent = np.isfinite(rows).any(axis=0)
    known = np.where(sent, rows, 0.0)
    low, high = np.nanquantile(known, [0.25, 0.75], axis=0)
    if (high[sent] <= 0.0).any():
        return np.zeros(len(rows))
    apart = np.maximum(high - low, 1e-9)
    return np.asarray(np.nan_to_num(np.maximum(low - known, known - high) / apart).max(axis=1, initial=0.0))


class FirstHours(FirstRows):
    """Charts of the last day against what is usual, which begins with an appliance's first `first_rows` hours.

    Any `MOST_ODD` of those may be as odd as they like. A change that lasts is never taken for usual: it scores until it
    ends, or `anew` is called as somebody said that this is how it is now. A slow one, as of the season, is followed.

    >>> watch = FirstHours()
    >>> watch.learn(["power_mean"], np.empty((0, 1)))
    >>> power = np.random.default_rng(3).normal(40.0, 5.0, (960, 1))  # W, of 40 days
    >>> power[:3] = 180.0  # it ran on when the plug was fitted
    >>> power[480:] += 20.0
    >>> watch.score(np.zeros(960, np.int32), 3_600_000 * np.arange(960), power).value[[239, 520, 959]].round(2)
    array([0., 1., 1.])
    """

    name = "hour-watch"

    def __init__(self) -> None:
        charts = ControlCharts(
            spans=HOURLY.spans,
            memory_rows=HOURLY.memory_rows,
            outlier_z=HOURLY.outlier_z,
            relearn_rows=HOURLY.relearn_rows,
            least_looks=HOURLY.least_looks,
        )
        super().__init__([charts], first_rows=HOURLY.first_rows)

    def _begin(self, unit: int, rows: Floats) -> None:
        super()._begin(unit, without_odd(rows))
