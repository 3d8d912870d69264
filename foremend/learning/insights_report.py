"""A report of `foremend insights` once it is made: under which name it is kept, and what it says of what if."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.features import Feature
from models.effects import Effect

LEAD_DAYS = 60
"""A symptom shows so early before a failure: only what was before it counts."""


def report_name(appliance_model: str, fault: str | None) -> str:
    """Its name among the reports of the fleet."""
    return f"insights {appliance_model} {fault or '*'}"


def require_change(name: str, change: float, features: Mapping[str, Feature]) -> None:
    """Raises InputError for a feature that is none of `features`, and for a change that it cannot take."""
    if name not in features:
        raise InputError(f"{name}: no such feature; choose from {', '.join(features)}")
    if not math.isfinite(change):
        raise InputError(f"{name}: {change} is no change; write -0.33 for a third less")
    if features[name].scale is None and change <= -1.0:
        raise InputError(f"{name}: it cannot fall by {-change:.0%}; write -0.33 for a third less")


def otherwise(
    named: Sequence[Mapping[str, Any]], name: str, change: float, features: Mapping[str, Feature]
) -> dict[str, Any]:
    """Failures as a share of today's, and 95 times in 100 between which two, if the feature `name` were otherwise.

    `named` are rows of a report of insights. `change` is a share where the feature is compared as a ratio, else in its
    unit. Of a feature that is not among `named` nobody can say: then `along` is the one that stands for it, if any.
    """
    nobody = {"feature": name, "change": change, "failures": None, "failures_95": None}
    row = next((one for one in named if one["feature"] == name), None)
    if row is None:
        twin = next((one["feature"] for one in named if name in one["along"]), None)
        return {**nobody, "along": twin}
    step = math.log1p(change) if features[name].scale is None else change
    share, low, high = (round(one, 2) for one in Effect(name, **row["effect"]).times(step))
    return {"feature": name, "change": change, "failures": share, "failures_95": [low, high], "along": None}
