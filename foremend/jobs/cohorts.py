"""`foremend cohorts`: which batch, firmware or model fails more than its siblings, by tables or by the register."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from alerts.desk import Alerts
from alerts.outcomes import known_since
from alerts.queries import AlarmState
from alerts.wording import iso
from foremend.jobs.tokens import by_account
from foremend.learning.cohort_signs import Sign, Signs, kept_signs, unknown
from foremend.learning.members import (
    Failure,
    Since,
    day_of,
    definition_of,
    first_failures,
    is_in,
    iso_day,
    name_of,
    of_register,
    read_appliances,
)
from foremend.learning.outcomes import first_days, from_tickets, read_outcomes
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.levels import rank_of
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Purpose
from models.outcomes import Outcome
from rules.apart import set_apart
from rules.fleet_cohorts import CohortAlarm, CohortStanding, FleetWatch, Spells

_PAGE = 5_000
_MOST_STANDINGS = 100
_MOST_FAULTS = _MOST_FEATURES = 5
_TIMES = ("told_at", "acknowledged_at", "closed_at")


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
    signs = partial(kept_signs, desk.engine)
    found = watch_cohorts(fleet, outcomes, today=today, until=last, false_a_year=false_a_year, signs=signs)
    return found | {"appliances_without_consent": silent}


def worth_telling(alarms: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The last, and so the highest, alarm of each cohort of `watch_cohorts`, but for parts of a cohort that is as sure:
    who hears of a batch need not hear of the same batch in each region."""
    last = {_name(one["cohort"]): one for one in alarms}
    ranks = {name: rank_of(one["level"]) for name, one in last.items()}

    def told_by_the_whole(name: frozenset[tuple[str, str]]) -> bool:
        return any(ranks.get(frozenset({part}), 0) >= ranks[name] for part in name if len(name) > 1)

    return [one for name, one in last.items() if not told_by_the_whole(name)]


def _name(cohort: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(cohort.items())


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
    signs: Signs = unknown,
) -> dict[str, Any]:
    """Every alarm in the order of days, where the surest hundred cohorts stand, and how much of both was used; of an
    appliance the first outcome counts. `signs` says how failures showed; it is asked where there is an alarm.

    `until` is the last day that is looked at: the day of the last failure where it is None, or `today` if that is
    sooner, as after a slip of the pen in a year.
    """
    failed = first_days(outcomes)
    last = min(max(failed.values(), default=day_of(today)), day_of(today)) if until is None else day_of(until)
    spells, names = _spells(fleet, failed, last)
    watch = FleetWatch(spells, false_a_year=false_a_year)
    failures = first_failures(fleet, outcomes)
    came = list(watch.alarms())
    shown = signs(failures) if came else []
    alarms = [
        {"day": iso_day(one.day)} | _told(one, names) | _apart(one, names, failures, shown) for one in came
    ]
    return {
        "appliances": len(fleet),
        "appliances_left_out": len(fleet) - len(np.unique(spells.appliance)),
        "failures": int(spells.failed.sum()),
        "failures_left_out": len(outcomes) - int(spells.failed.sum()),
        "until": iso_day(last),
        "false_a_year": false_a_year,
        "alarms": alarms,
        "cohorts": [_told(one, names) for one in watch.standings(_MOST_STANDINGS)],
    }


def _spells(
    fleet: Mapping[str, Sequence[Since]], failed: Mapping[str, int], last: int
) -> tuple[Spells, dict[str, list[Since]]]:
    """The fleet as spells until `last`, and for each number of a column one of those that it stands for."""
    rows: list[tuple[Any, ...]] = []
    for number, (appliance, history) in enumerate(fleet.items()):
        end = failed.get(appliance, last)
        for one, after in zip(history, [*history[1:], None], strict=True):
            stop = min(end + 1, last + 1) if after is None else min(after.day, end + 1, last + 1)
            fails = appliance in failed and stop == end + 1
            if one.day < stop:
                rows.append((number, one, stop, fails))
    words = {"category": [one.category for _, one, _, _ in rows]}
    words |= {
        by: [name_of(by, one) for _, one, _, _ in rows] for by in ("model", "batch", "region", "firmware")
    }
    uniques = {by: np.unique(each, return_index=True, return_inverse=True) for by, each in words.items()}
    columns = {by: codes.astype(np.int64) for by, (_, _, codes) in uniques.items()}
    spells = Spells(
        appliance=np.array([number for number, _, _, _ in rows], np.int64),
        installed=np.array([one.installed for _, one, _, _ in rows], np.int64),
        start=np.array([one.day for _, one, _, _ in rows], np.int64),
        stop=np.array([stop for _, _, stop, _ in rows], np.int64),
        failed=np.array([fails for _, _, _, fails in rows], np.bool_),
        **columns,
    )
    return spells, {by: [rows[n][1] for n in first] for by, (_, first, _) in uniques.items()}


def _told(one: CohortStanding, names: Mapping[str, Sequence[Since]]) -> dict[str, Any]:
    return {
        "level": None if one.level is None else one.level.value,
        "cohort": {by: name_of(by, of) for by, of in _of(one, names)},
        "definition": _definition(one, names),
        "at_risk": one.at_risk,
        "failed": one.failed,
        "expected": round(one.expected, 1),
        "ratio": round(one.ratio, 1),
        "ratio_95": [round(one.low, 1), round(one.high, 1)],
    }


def _of(one: CohortStanding, names: Mapping[str, Sequence[Since]]) -> list[tuple[str, Since]]:
    return [(by, names[by][number]) for by, number in zip(one.by, one.cohort, strict=True)]


def _definition(one: CohortStanding, names: Mapping[str, Sequence[Since]]) -> dict[str, str]:
    return {part: value for by, of in _of(one, names) for part, value in definition_of(by, of).items()}


def _apart(
    one: CohortAlarm,
    names: Mapping[str, Sequence[Since]],
    failures: Sequence[Failure],
    shown: Sequence[frozenset[Sign]],
) -> dict[str, Any]:
    """What was found on the cohort until the day of the alarm, beside how often on the others of its category; and
    features by which its failures showed more often than the others' did."""
    definition, (_, like) = _definition(one, names), _of(one, names)[0]
    until = [
        (each, signs)
        for each, signs in zip(failures, shown, strict=True)
        if each.day <= one.day and each.since.category == like.category
    ]
    mine = [(each, signs) for each, signs in until if is_in(definition, each.since)]
    others = [(each, signs) for each, signs in until if not is_in(definition, each.since)]
    faults, elsewhere = (Counter(each.fault for each, _ in some) for some in (mine, others))
    found = sorted(faults.items(), key=lambda each: (-each[1], each[0]))[:_MOST_FAULTS]
    signs = set_apart([each for _, each in mine], [each for _, each in others])[:_MOST_FEATURES]
    return {
        "faults": [{"fault": name, "failed": n, "others": elsewhere[name]} for name, n in found],
        "features": [
            {**each.trait._asdict(), "failed": each.mine, "others": each.others, "of_others": len(others)}
            for each in signs
        ],
    }


def told_alarms(desk: Alerts, state: str | None) -> list[dict[str, Any]]:
    """Alarms that were told, in a state or all, the newest first."""
    return [_shown(one) for one in desk.cohort_alarms.some(None if state is None else AlarmState(state))]


def told_alarm(desk: Alerts, alarm_id: str) -> dict[str, Any]:
    """Raises NoAlarmError."""
    return _shown(desk.cohort_alarms.one(alarm_id))


def acknowledge_alarm(desk: Alerts, alarm_id: str) -> dict[str, Any]:
    """By the account that this runs under. Raises as `CohortAlarms.acknowledge`."""
    return _shown(desk.cohort_alarms.acknowledge(alarm_id, by_account()))


def close_alarm(desk: Alerts, alarm_id: str, reason: str) -> dict[str, Any]:
    """By the account that this runs under. Raises as `CohortAlarms.close`."""
    return _shown(desk.cohort_alarms.close(alarm_id, by_account(), reason))


def _shown(one: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: None if one[name] is None else iso(one[name]) for name in _TIMES}
    return {**one, **times}
