"""`foremend cohorts`: which batch, firmware or appliance model fails more than its siblings, by a maker's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from foremend.learning.members import Since, day_of, iso_day, read_appliances
from foremend.learning.outcomes import first_days, read_outcomes
from rules.fleet_cohorts import CohortAlarm, Spells, cohort_alarms


def watch_cohorts(
    appliances: Path, failures: Path, *, today: date, until: date | None, false_a_year: float
) -> dict[str, Any]:
    """Every alarm in the order of days, and how much of both tables was used.

    `failures` is a table of outcomes as `foremend train --outcomes` reads it; of an appliance the first one counts.
    `until` is the last day that is looked at: the day of the last failure where it is None, or `today` if that is
    sooner, as after a slip of the pen in a year.
    """
    fleet, outcomes = read_appliances(appliances), read_outcomes(failures)
    failed = first_days(outcomes)
    last = min(max(failed.values(), default=day_of(today)), day_of(today)) if until is None else day_of(until)
    spells, names = _spells(fleet, failed, last)
    alarms = [_alarm(one, names) for one in cohort_alarms(spells, false_a_year=false_a_year)]
    return {
        "appliances": len(fleet),
        "appliances_left_out": len(fleet) - len(np.unique(spells.appliance)),
        "failures": int(spells.failed.sum()),
        "failures_left_out": len(outcomes) - int(spells.failed.sum()),
        "until": iso_day(last),
        "false_a_year": false_a_year,
        "alarms": alarms,
    }


def _spells(
    fleet: Mapping[str, Sequence[Since]], failed: Mapping[str, int], last: int
) -> tuple[Spells, dict[str, list[str]]]:
    """The fleet as spells until `last`, and what the numbers of each column stand for."""
    rows: list[tuple[Any, ...]] = []
    for number, (appliance, history) in enumerate(fleet.items()):
        end = failed.get(appliance, last)
        for one, after in zip(history, [*history[1:], None], strict=True):
            stop = min(end + 1, last + 1) if after is None else min(after.day, end + 1, last + 1)
            fails = appliance in failed and stop == end + 1
            if one.day < stop:
                rows.append((number, one, stop, fails))
    numbered = {
        "category": [one.category for _, one, _, _ in rows],
        "model": [one.model for _, one, _, _ in rows],
        "batch": [f"{one.model} {one.batch}" for _, one, _, _ in rows],
        "region": [one.region for _, one, _, _ in rows],
        "firmware": [f"{one.model} {one.firmware}" for _, one, _, _ in rows],
    }
    uniques = {key: np.unique(words, return_inverse=True) for key, words in numbered.items()}
    columns = {key: codes.astype(np.int64) for key, (_, codes) in uniques.items()}
    spells = Spells(
        appliance=np.array([number for number, _, _, _ in rows], np.int64),
        installed=np.array([one.installed for _, one, _, _ in rows], np.int64),
        start=np.array([one.day for _, one, _, _ in rows], np.int64),
        stop=np.array([stop for _, _, stop, _ in rows], np.int64),
        failed=np.array([fails for _, _, _, fails in rows], np.bool_),
        **columns,
    )
    return spells, {key: words.tolist() for key, (words, _) in uniques.items()}


def _alarm(one: CohortAlarm, names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    cohort = {by: names[by][number] for by, number in zip(one.by, one.cohort, strict=True)}
    return {
        "day": iso_day(one.day),
        "level": one.level.value,
        "cohort": cohort,
        "at_risk": one.at_risk,
        "failed": one.failed,
        "expected": round(one.expected, 1),
        "ratio": round(one.ratio, 1),
        "ratio_95": [round(one.low, 1), round(one.high, 1)],
    }
