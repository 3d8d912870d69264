"""The statistics of a control chart: how much it has seen, and how unlikely a deviation is."""

from __future__ import annotations

import math

import numpy as np

from foremend.vocabulary.compiling import compiled
from models.detectors.base import student_to_normal

_LEAST_P = 1e-30


def kept_variance(outlier: float) -> float:
    """The share of a normal's variance that Tukey's biweight leaves, 0..1."""
    z = np.linspace(-outlier, outlier, 2_001)
    weight = (1.0 - (z / outlier) ** 2) ** 2 * np.exp(-(z**2) / 2.0)
    return float((weight * z**2).sum() / weight.sum())


@compiled(error_model="numpy")
def independent_looks(var: float, step: float, weight: float, span: int) -> float:
    """How many independent looks a baseline stands on, at least 1 (Bayley and Hammersley, 1946).

    The correlation time, in spans, follows from the von Neumann ratio of the EWMA taken once a span, as of an AR(1).
    """
    correlation = max(4.0 * var / step - 1.0, 1.0) if step > 0.0 else np.inf
    return max(weight / (span * correlation), 1.0)


@compiled(error_model="numpy")
def odds_against_chance(square: float, looks: float) -> float:
    """One over the two-sided p-value of a deviation, at least 1; small deviations are not worth the logarithm."""
    if square < 1.0:
        return 1.0
    deviate = student_to_normal(math.sqrt(square), max(looks - 1.0, 1.0))
    return 1.0 / max(math.erfc(deviate / math.sqrt(2.0)), _LEAST_P)
