"""Visits by area and week, eight weeks ahead: do eight of ten come within the interval that says so?

    python -m benchmarks.forecasts --seeds 20 --json

Each seed is a service organisation of its own: six to ten areas of different size, two kinds of appliances that are
sold steadily and fail young and by wear (Weibull), one of them mostly in summer, a level of its own in each area that
wanders over the years, weeks that are worse everywhere (heat, holidays), three in five faults foreseen by a ticket 3
to 60 days before, tickets that are closed without a visit, visits that take a week or two to come. It is asked at six
moments after two to four years. None of that is how `models.visits` thinks of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._common import by_seeds
from models.visits import NEVER, Visits, forecast

WEEKS, HORIZON = 208, 8
ORIGINS = (104, 120, 141, 157, 178, 199)
AREAS = (6, 10)


Array = NDArray[np.float64]
Ints = NDArray[np.int64]


def organisation(seed: int) -> tuple[Visits, Array]:
    """Everything that happens in four years, and what age alone expects (areas, WEEKS + HORIZON)."""
    rng = np.random.default_rng(seed)
    areas, all_weeks = int(rng.integers(*AREAS, endpoint=True)), WEEKS + HORIZON
    week = np.arange(all_weeks)
    everywhere = rng.gamma(40, 1 / 40, all_weeks)
    groups, weeks_of, expected = [], [], np.zeros((areas, all_weeks))
    for kind in range(2):
        shape, scale = (0.8, 900.0) if kind else (1.6, 700.0)
        peak = (
            np.exp(1.1 * np.cos(2 * np.pi * (week - rng.uniform(24, 32)) / 52.18))
            if kind
            else np.ones(all_weeks)
        )
        for area in range(areas):
            before = rng.integers(500, 6_000)
            installs = np.concatenate([np.full(260, before / 260), rng.poisson(before / 200, all_weeks)])
            age = week[:, None] + 260 - np.arange(260 + all_weeks)[None, :]
            hazard = np.where(age >= 0, shape / scale * (np.maximum(age, 0.5) / scale) ** (shape - 1), 0.0)
            due = hazard @ installs
            level = np.exp(np.cumsum(rng.normal(0, 0.01, all_weeks)) + rng.normal(0, 0.3))
            count = rng.poisson(due * level * peak * everywhere * 0.3)
            expected[area] += due
            groups.append(np.full(count.sum(), area))
            weeks_of.append(np.repeat(week, count))
    group, fault = np.concatenate(groups), np.concatenate(weeks_of)
    return _told(rng, group, fault * 7 + rng.integers(0, 7, len(fault))), expected


def _told(rng: np.random.Generator, group: Ints, day: Ints) -> Visits:
    """When each fault was foreseen and visited, and tickets that came to nothing."""
    n, false = len(day), len(day) // 12
    foreseen = np.where(rng.random(n) < 0.6, day - rng.gamma(2.0, 12.0, n).clip(3, 60), np.inf)
    visited = np.where(np.isfinite(foreseen), foreseen, day) + rng.gamma(2.0, 5.0, n)
    opened = rng.uniform(0, (WEEKS + HORIZON) * 7, false)
    return Visits(
        np.concatenate([group, rng.integers(0, group.max() + 1, false)]),
        _weeks(np.concatenate([foreseen, opened])),
        _weeks(np.concatenate([visited, np.full(false, np.inf)])),
        _weeks(np.concatenate([np.full(n, np.inf), opened + rng.gamma(2.0, 10.0, false)])),
    )


def _weeks(days: Array) -> Ints:
    finite = np.isfinite(days)
    weeks = np.floor(np.where(finite, days, 0) / 7).astype(np.int64)
    return np.where(finite, weeks, NEVER)


def asked_at(visits: Visits, weeks: int) -> Visits:
    """What is known when so many weeks are over."""
    known = np.minimum(visits.foreseen, visits.visited) < weeks
    columns = (visits.foreseen[known], visits.visited[known], visits.closed[known])
    return Visits(visits.group[known], *(np.where(one < weeks, one, NEVER) for one in columns))


def coverage(seeds: range) -> dict[str, Any]:
    """Of all areas, moments and weeks the share within the interval; the same for each week ahead, and mean errors."""
    within, error, width, usual = [], [], [], []
    for seed in seeds:
        visits, expected = organisation(seed)
        truth = np.zeros_like(expected)
        came = visits.visited < expected.shape[1]
        np.add.at(truth, (visits.group[came], visits.visited[came]), 1)
        for weeks in ORIGINS:
            found = forecast(asked_at(visits, weeks), expected[:, : weeks + HORIZON], weeks)
            real = truth[:, weeks : weeks + HORIZON]
            last = truth[:, weeks - 4 : weeks].mean(axis=1, keepdims=True)
            within.append((real >= found.low) & (real <= found.high))
            error.append(np.abs(real - found.mean))
            usual.append(np.abs(real - last))
            width.append(found.high - found.low)
    inside = np.concatenate(within)
    return {
        "coverage": round(float(inside.mean()), 3),
        "coverage_by_week": [round(float(one), 3) for one in inside.mean(axis=0)],
        "cells": inside.size,
        "mean_error": round(float(np.concatenate(error).mean()), 2),
        "mean_error_of_last_four_weeks": round(float(np.concatenate(usual).mean()), 2),
        "mean_width": round(float(np.concatenate(width).mean()), 2),
        "seeds": [seeds.start, seeds.stop - 1],
    }


if __name__ == "__main__":
    by_seeds(__doc__, 20, coverage)
