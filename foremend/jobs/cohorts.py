"""`foremend cohorts`: which batch, firmware or model fails more than its siblings, by tables or by the register."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from alerts.desk import Alerts
from alerts.outcomes import known_since
from foremend.learning.members import Since, day_of, iso_day, of_register, read_appliances
from foremend.learning.outcomes import first_days, from_tickets, read_outcomes
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Purpose
from models.outcomes import Outcome
from rules.fleet_cohorts import CohortAlarm, Spells, cohort_alarms

_PAGE = 5_000


def watch_tables(
    appliances: Path, failures: Path, *, today: date, until: date | None, false_a_year: float
) -> dict[str, Any]:
    """`watch_cohorts` of a maker's tables: who is in the fleet, and outcomes as `train --outcomes` reads them."""
    fleet, outcomes = read_appliances(appliances), read_outcomes(failures)
    return watch_cohorts(fleet, outcomes, today=today, until=until, false_a_year=false_a_year)


def watch_own(desk: Alerts, clock: Clock, *, until: date | None, false_a_year: float) -> dict[str, Any]:
    """`watch_cohorts` of the register of nameplates and of what technicians found, where owners agree to tickets and
    training: of others nobody would know here that they failed. Raises ConfigError where the register is empty."""
    fleet, silent = own_fleet(desk, clock, (Purpose.TICKET, Purpose.TRAINING))
    outcomes = from_tickets(desk.engine, clock)
    today = datetime.fromtimestamp(clock.now_ms() / 1000, UTC).date()
    last = until or today
    found = watch_cohorts(fleet, outcomes, today=today, until=last, false_a_year=false_a_year)
    return found | {"appliances_without_consent": silent}


def own_fleet(
    desk: Alerts, clock: Clock, purposes: Collection[Purpose]
) -> tuple[dict[str, list[Since]], int]:
    """Registered appliances whose owners agree to `purposes`, each since they do; and how many others there are.

    Raises ConfigError where the register is empty, with how it is filled.
    """
    fleet: dict[str, list[Since]] = {}
    registered, after = 0, ""
    while plates := desk.nameplates.some(after, _PAGE):
        since = known_since(desk.engine, clock, [one.appliance_id for one in plates], purposes)
        fleet |= of_register(plates, since)
        registered, after = registered + len(plates), plates[-1].appliance_id
    if not registered:
        raise ConfigError(
            "the register of nameplates is empty: foremend nameplates import FILE takes a table of the fleet in; or"
            " name two tables of your own"
        )
    return fleet, registered - len(fleet)


def watch_cohorts(
    fleet: Mapping[str, Sequence[Since]],
    outcomes: Sequence[Outcome],
    *,
    today: date,
    until: date | None,
    false_a_year: float,
) -> dict[str, Any]:
    """Every alarm in the order of days, and how much of both was used; of an appliance the first outcome counts.

    `until` is the last day that is looked at: the day of the last failure where it is None, or `today` if that is
    sooner, as after a slip of the pen in a year.
    """
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
