"""How long appliances last: the cumulative hazard by age of a group, and a Weibull life that fits it.

Whoever is watched from a later age on counts from that age on (left truncation), and until nobody watches it any more
(right censoring).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Array = NDArray[np.float64]
_NORMAL_95 = 1.959964
_SHAPES = (0.05, 50.0)
_STEP = 1e-3  # of the logarithm of a shape
_FEWEST = 5  # failures, before a shape means anything


class Curve(NamedTuple):
    """Failures that an appliance would have had until each age, (k,) each; the ends hold the truth 95 times in 100.

    >>> curve = nelson_aalen(np.zeros(50), np.arange(1.0, 51.0), np.arange(50) < 10)
    >>> bool((curve.low < curve.hazard).all() and (curve.hazard < curve.high).all())
    True
    """

    age: Array  # days, at which somebody failed
    hazard: Array
    low: Array
    high: Array


class Weibull(NamedTuple):
    """A life: `shape` below 1 early failures, 1 chance, above 1 wear; `scale`: the age, days, by which 63 % failed.

    >>> worn = 900.0 * np.random.default_rng(1).weibull(3.0, 400)  # days
    >>> life = weibull(np.zeros(400), worn, np.ones(400, np.bool_))
    >>> round(life.shape, 1), round(life.scale, -2)
    (3.0, 900.0)
    """

    shape: float
    low: float  # of the shape, 95 times in 100
    high: float
    scale: float


def nelson_aalen(entry: Array, leaves: Array, failed: NDArray[np.bool_]) -> Curve:
    """Nelson's (1972) and Aalen's (1978) estimate from ages in days, with Aalen's variance, (n,) each.

    >>> curve = nelson_aalen(np.zeros(4), np.array([10.0, 20.0, 20.0, 30.0]), np.array([True, True, False, False]))
    >>> curve.age.tolist(), curve.hazard.round(3).tolist()
    ([10.0, 20.0], [0.25, 0.583])
    """
    age, deaths = np.unique(leaves[failed], return_counts=True)
    ins, outs = np.sort(entry), np.sort(leaves)
    at_risk = np.searchsorted(ins, age, side="left") - np.searchsorted(outs, age, side="left")
    hazard = np.cumsum(deaths / at_risk)
    spread = np.sqrt(np.cumsum(deaths / at_risk**2)) / hazard
    by = np.exp(_NORMAL_95 * spread)
    return Curve(age, hazard, hazard / by, hazard * by)


def weibull(entry: Array, leaves: Array, failed: NDArray[np.bool_]) -> Weibull | None:
    """The likeliest Weibull life of ages in days, (n,) each.

    None with fewer than five failures, or where ages are too much alike to tell a shape.
    """
    deaths = int(failed.sum())
    if deaths < _FEWEST:
        return None
    unit = float(leaves.max())
    begins, ends = entry / unit, np.maximum(leaves / unit, 1e-9)
    log_ends = np.log(ends[failed]).sum()

    def exposure(shape: float) -> float:
        """Of a shape the likeliest scale, in units and to the power of the shape."""
        return float((ends**shape - begins**shape).sum() / deaths)

    def against(log_shape: float) -> float:
        """Minus the log likelihood of a shape with its likeliest scale."""
        shape = np.exp(log_shape)
        return float(deaths * (np.log(exposure(shape)) - log_shape) - (shape - 1.0) * log_ends)

    best = float(minimize_scalar(against, bounds=np.log(_SHAPES), method="bounded").x)
    bend = (against(best + _STEP) - 2.0 * against(best) + against(best - _STEP)) / _STEP**2
    shape = float(np.exp(best))
    if bend <= 0.0 or not _SHAPES[0] * 1.01 < shape < _SHAPES[1] / 1.01:
        return None
    by = float(np.exp(_NORMAL_95 / np.sqrt(bend)))
    return Weibull(shape, shape / by, shape * by, exposure(shape) ** (1.0 / shape) * unit)
