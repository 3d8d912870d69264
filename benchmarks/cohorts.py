"""Cohort alarms: how many are false in a year over ten thousand cohorts, and how soon a bad batch is found.

    python -m benchmarks.cohorts --seeds 20 --json

Each seed is a fleet of its own for a year: 400,000 appliances of 16 models in 8 regions, 864 batches that are installed
all along, firmware that comes with a batch or as an update. What is no cohort's fault is in it: early failures, wear,
seasons, heat waves of a region, an outage whose failures are all reported on one day, a rule that speaks of one model
on one day, batches and models that are not quite alike. Then the same fleet with one batch that is bad, and with one
that is mildly so; `found_at_share` is how much of it had failed when it was called red (1 where it never was).
`plain_rule` is what "at least 5 % of a cohort failed within 3 days" does with the same days.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks._common import by_seeds
from foremend.vocabulary.levels import Level
from rules.fleet_cohorts import KINDS, CohortAlarm, Spells, cohort_alarms

APPLIANCES, MODELS, REGIONS, BATCHES = 400_000, 16, 8, 54  # batches of each model
DAYS = 365
BAD = {"bad": (6.0, 30.0), "mild": (3.0, 6.0)}  # times as often as others, drawn evenly in the logarithm
BAD_AFTER = 30  # days since installation
A_YEAR = 0.03  # of well-made appliances of middle age that fail
SHARE, WITHIN = 0.05, 3  # the plain rule


class Fleet(NamedTuple):
    """Appliances by number; each array is (appliances,), days are counted from the first of the year."""

    model: NDArray[np.int64]
    batch: NDArray[np.int64]
    region: NDArray[np.int64]
    installed: NDArray[np.int64]
    frailty: NDArray[np.float64]  # of model, batch and region
    updated: NDArray[np.int64]  # day of the newer firmware
    firmware: NDArray[np.int64]


def fleet_of(rng: np.random.Generator) -> Fleet:
    """Who is in it; batches are made over three years, the last of them in the year that is watched."""
    model = rng.integers(0, MODELS, APPLIANCES)
    number = rng.integers(0, BATCHES, APPLIANCES)
    batch, region = model * BATCHES + number, rng.choice(REGIONS, APPLIANCES, p=_weights(rng, REGIONS))
    made = np.linspace(-900, 300, BATCHES)[number] + rng.normal(0, 5, APPLIANCES)
    installed = (made + rng.gamma(2.0, 30.0, APPLIANCES)).astype(np.int64)
    alike = [
        rng.gamma(1 / spread**2, spread**2, size)
        for spread, size in ((0.25, MODELS), (0.15, MODELS * BATCHES))
    ]
    frailty = alike[0][model] * alike[1][batch] * rng.uniform(0.7, 1.4, REGIONS)[region]
    rollout = rng.integers(60, 300, MODELS)[model]
    takes = rng.random(APPLIANCES) < 0.6
    updated = np.where(takes, rollout + rng.integers(0, 45, APPLIANCES), 10**6)
    return Fleet(model, batch, region, installed, frailty, updated, model * 4 + np.minimum(number // 17, 2))


def failures_of(rng: np.random.Generator, fleet: Fleet, bad: int | None, times: float) -> NDArray[np.int64]:
    """(appliances,) day of each failure, 10**6 without one."""
    failed = np.full(APPLIANCES, 10**6)
    waves = [(rng.integers(120, 240), rng.integers(0, REGIONS)) for _ in range(3)]
    outage, where = int(rng.integers(30, 330)), int(rng.integers(0, REGIONS))
    ruled, of = int(rng.integers(30, 330)), int(rng.integers(0, MODELS))
    for day in range(DAYS):
        age = day - fleet.installed
        hazard = A_YEAR / 365 * fleet.frailty * (1 + 0.4 * np.sin(2 * np.pi * (day - 100) / 365))
        hazard *= 1 + 3 * np.exp(-np.maximum(age, 0) / 25) + np.maximum(age - 700, 0) / 500
        for begins, region in waves:
            hazard[(fleet.region == region) & (begins <= day < begins + 7)] *= 4
        if day == ruled:
            hazard[fleet.model == of] += 0.005
        if bad is not None:
            hazard[(fleet.batch == bad) & (age >= BAD_AFTER)] *= times
        falls = (rng.random(APPLIANCES) < hazard) & (age >= 0) & (failed > DAYS)
        failed[falls] = day
    late = (fleet.region == where) & (failed >= outage) & (failed < outage + 3)
    failed[late] = outage + 3
    return failed


def spells_of(fleet: Fleet, failed: NDArray[np.int64]) -> Spells:
    """Two spells for whoever takes newer firmware before it fails."""
    begins, ends = np.maximum(fleet.installed, 0), np.minimum(failed + 1, DAYS)
    took = np.clip(fleet.updated, begins, ends)
    newer = fleet.model * 4 + 3
    parts = []
    for firmware, start, stop in ((fleet.firmware, begins, took), (newer, took, ends)):
        keep = start < stop
        one = (np.arange(APPLIANCES), fleet.model // 2, fleet.model, fleet.batch, fleet.region, firmware)
        columns = (*one, fleet.installed, start, stop, (failed < DAYS) & (stop == failed + 1))
        parts.append([column[keep] for column in columns])
    return Spells(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def by_plain_rule(spells: Spells, cohort: NDArray[np.int64]) -> NDArray[np.int64]:
    """(cohorts,) first day on which at least 5 % of those at risk failed within 3 days; 10**6 never."""
    size = int(cohort.max()) + 1
    at_risk, failed = np.zeros((size, DAYS + 1), np.int64), np.zeros((size, DAYS + 1), np.int64)
    np.add.at(at_risk, (cohort, spells.start), 1)
    np.add.at(at_risk, (cohort, spells.stop), -1)
    np.add.at(failed, (cohort[spells.failed], spells.stop[spells.failed] - 1), 1)
    at_risk, total = np.cumsum(at_risk, axis=1)[:, :DAYS], np.cumsum(failed, axis=1)[:, :DAYS]
    total[:, WITHIN:] -= total[:, :-WITHIN].copy()
    over = (total > 0) & (total >= SHARE * np.maximum(at_risk, 1))
    return np.where(over.any(axis=1), over.argmax(axis=1), 10**6)


def plain_false(spells: Spells) -> int:
    """Cohorts that the plain rule calls bad in a year in which none is."""
    false = 0
    for kind in KINDS:
        code = np.zeros(len(spells.start), np.int64)
        for by in kind.by:
            code = code * (int(getattr(spells, by).max()) + 1) + getattr(spells, by)
        false += int((by_plain_rule(spells, np.unique(code, return_inverse=True)[1]) < DAYS).sum())
    return false


def a_seed(seed: int) -> dict[str, Any]:
    """A fleet for a year, without and with a bad batch."""
    rng = np.random.default_rng(seed)
    fleet = fleet_of(rng)
    well = spells_of(fleet, failures_of(rng, fleet, None, 1.0))
    alarms = list(cohort_alarms(well))
    return {
        "seed": seed,
        "cohorts": _cohorts(well),
        "false": {level.value: sum(one.level is level for one in alarms) for level in Level},
        "plain_false": plain_false(well),
        **{name: _search(rng, fleet, times) for name, times in BAD.items()},
    }


def _search(rng: np.random.Generator, fleet: Fleet, between: tuple[float, float]) -> dict[str, Any]:
    bad, times = int(rng.integers(MODELS) * BATCHES + rng.integers(15, 45)), _drawn(rng, between)
    ill = spells_of(fleet, failures_of(rng, fleet, bad, times))
    found = next((one.day for one in cohort_alarms(ill) if _is_of(one, bad)), None)
    plain = int(by_plain_rule(ill, np.where(ill.batch == bad, 0, 1))[0])
    return {
        "times": round(times, 1),
        "size": int((fleet.batch == bad).sum()),
        "failed_in_the_year": _failed(ill, bad, DAYS),
        "found_on": found,
        "found_at_share": None if found is None else _failed(ill, bad, found),
        "plain_found_at_share": None if plain >= DAYS else _failed(ill, bad, plain),
    }


def _drawn(rng: np.random.Generator, between: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(*np.log(between))))


def _is_of(alarm: CohortAlarm, batch: int) -> bool:
    return alarm.level is Level.RED and "batch" in alarm.by and alarm.cohort[alarm.by.index("batch")] == batch


def _failed(spells: Spells, batch: int, day: int) -> float:
    mine = spells.batch == batch
    there = np.unique(spells.appliance[mine & (spells.start <= day)])
    return round(int((spells.failed & mine & (spells.stop - 1 <= day)).sum()) / max(len(there), 1), 4)


def _cohorts(spells: Spells) -> int:
    columns = [np.stack([getattr(spells, by) for by in kind.by], axis=1) for kind in KINDS]
    return sum(len(np.unique(column, axis=0)) for column in columns)


def _weights(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    return rng.dirichlet(np.full(size, 8.0))


def _summary(seeds: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "seeds": len(seeds),
        "cohorts": int(np.median([one["cohorts"] for one in seeds])),
        "false_red_a_year": float(np.mean([one["false"]["red"] for one in seeds])),
        "false_yellow_a_year": float(np.mean([one["false"]["yellow"] for one in seeds])),
        **_found([one["bad"] for one in seeds], "found_at_share"),
        "mild": _found([one["mild"] for one in seeds], "found_at_share"),
        "plain_rule": {
            "false_a_year": float(np.mean([one["plain_false"] for one in seeds])),
            **_found([one["bad"] for one in seeds], "plain_found_at_share"),
        },
        "by_seed": seeds,
    }


def _found(batches: list[dict[str, Any]], key: str) -> dict[str, Any]:
    shares = [one[key] for one in batches if one[key] is not None]
    missed = [1.0] * (len(batches) - len(shares))
    return {"found": len(shares), "found_at_share": round(float(np.median([*shares, *missed])), 4)}


if __name__ == "__main__":
    by_seeds(__doc__, 20, lambda seeds: _summary([a_seed(seed) for seed in seeds]))
