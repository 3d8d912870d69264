"""Causes: is the one that was planted among twenty features ranked first, and is none named where there is none?

    python -m benchmarks.insights --seeds 10 --json

Each seed is a fleet of its own for two years. Twenty features of an appliance move together (correlations of 0.3 to
0.8), differ from home to home, drift with age and swing with the season; failures, too, depend on age, season, region
and home. One feature, another one in every fleet, makes appliances fail 1.35 to 2 times as often for each spread. One
other is a symptom: it moves in the last weeks before a failure. Then the same fleet without a cause: whatever is
named in it is false.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks._common import by_seeds
from models.hazards import Causes, Spells, causes

APPLIANCES, MONTHS, FEATURES, REGIONS = 4_000, 24, 20, 4
LEAD = 2  # months
A_MONTH = 0.004
"""Of well-made appliances of middle age that fail."""

BETWEEN = (1.35, 2.0)
NAMES = tuple(f"feature-{k}" for k in range(FEATURES))

Array = NDArray[np.float64]


class Fleet(NamedTuple):
    """Who is watched; arrays are (appliances,) or (months, appliances, features)."""

    household: NDArray[np.int64]
    region: NDArray[np.int64]
    age: Array  # days, at the beginning
    frailty: Array
    features: Array


def fleet_of(rng: np.random.Generator) -> Fleet:
    """Homes with one to three appliances; features of a home, of the appliance, of age and of season."""
    household = np.sort(rng.integers(0, APPLIANCES * 2 // 3, APPLIANCES))
    region = rng.integers(0, REGIONS, household.max() + 1)[household]
    home = rng.normal(size=(household.max() + 1, FEATURES))[household]
    shared = rng.normal(size=(APPLIANCES, 2))
    weights = rng.uniform(0.4, 0.9, FEATURES)
    group = rng.integers(0, 2, FEATURES)
    own = rng.normal(size=(APPLIANCES, FEATURES))
    still = weights * shared[:, group] + np.sqrt(1 - weights**2) * (0.5 * home + 0.87 * own)
    month = np.arange(MONTHS)[:, None, None]
    season = rng.normal(0, 0.4, FEATURES) * np.sin(2 * np.pi * (month + rng.uniform(0, 12, FEATURES)) / 12)
    age = rng.uniform(0, 3_000, APPLIANCES)
    drift = rng.normal(0, 0.15, FEATURES) * (age[None, :, None] + 30.0 * month) / 1_000
    wander = rng.normal(0, 0.3, (MONTHS, APPLIANCES, FEATURES))
    homes = rng.gamma(4.0, 0.25, household.max() + 1)
    return Fleet(household, region, age, homes[household], still[None] + season + drift + wander)


def spells_of(rng: np.random.Generator, fleet: Fleet, cause: int | None, ratio: float) -> Spells:
    """What two years show: of each month what was known the month before, until the appliance fails."""
    symptom = int(rng.choice([k for k in range(FEATURES) if k != cause]))
    alive = np.ones(APPLIANCES, np.bool_)
    climate = rng.uniform(0.7, 1.4, REGIONS)
    parts: list[tuple[Any, ...]] = []
    for month in range(LEAD + 1, MONTHS):
        running = fleet.features[: month - LEAD].mean(axis=0)
        age = fleet.age + 30.0 * month
        hazard = A_MONTH * fleet.frailty * climate[fleet.region]
        hazard *= (1 + 0.5 * np.sin(2 * np.pi * month / 12)) * (
            1 + 2 * np.exp(-age / 60) + (age / 2_500) ** 2
        )
        if cause is not None:
            hazard *= ratio ** (running[:, cause] - running[:, cause].mean())
        fails = alive & (rng.random(APPLIANCES) < hazard)
        known = running.copy()
        shows = rng.uniform(30, 90, int(fails.sum()))  # days before the failure
        known[fails, symptom] += 2.0 * np.maximum(shows - 75, 0) / shows / (month - LEAD)
        stratum = month * REGIONS + fleet.region
        one = (fleet.household, age, np.full(APPLIANCES, 30.0), stratum, fails, known)
        parts.append(tuple(column[alive] for column in one))
        alive &= ~fails
    household, age, days, stratum, failed, features = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return Spells(household, age, days, stratum, failed, NAMES, features)


def a_seed(seed: int) -> dict[str, Any]:
    """A fleet with a cause, and without."""
    rng = np.random.default_rng(seed)
    fleet = fleet_of(rng)
    cause, ratio = int(rng.integers(FEATURES)), float(np.exp(rng.uniform(*np.log(BETWEEN))))
    found, none = (causes(spells_of(rng, fleet, which, ratio)) for which in (cause, None))
    first = found.named[0] if found.named else None
    return {
        "seed": seed,
        "failures": found.failures,
        "ratio": round(ratio, 2),
        "first": first is not None and first.feature == NAMES[cause],
        "told": None if first is None else [round(first.ratio, 2), round(first.low, 2), round(first.high, 2)],
        "named": len(found.named),
        "false": _named(none),
    }


def _named(found: Causes) -> list[str]:
    return [one.feature for one in found.named]


def summary(seeds: Iterable[int]) -> dict[str, Any]:
    """How often the cause came first, and one was named where there is none."""
    each = [a_seed(seed) for seed in seeds]
    return {
        "seeds": len(each),
        "first_of_10": round(10 * sum(one["first"] for one in each) / len(each), 1),
        "false_of_10": round(10 * sum(bool(one["false"]) for one in each) / len(each), 1),
        "by_seed": each,
    }


if __name__ == "__main__":
    by_seeds(__doc__, 10, summary)
