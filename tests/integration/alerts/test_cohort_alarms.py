"""Cohort alarms: told once each level, by whichever process looks first, seen by somebody, closed with a reason."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from alerts import queries
from alerts.cohort_alarms import NoAlarmError
from alerts.consent import ConsentRecord
from alerts.database import reading
from alerts.nameplates import Firmware, Nameplate
from alerts.owners import OwnedAppliance
from alerts.tables import AuditRow, CohortAlarmRow, Resolution
from alerts.ticket_steps import NotNowError, Resolved, StaleError
from foremend.jobs.fleet_days import FleetDays
from foremend.learning.cohort_members import failed_members
from foremend.vocabulary.errors import InputError, UnavailableError
from foremend.vocabulary.levels import LEVELS
from foremend.vocabulary.types import Finding, Purpose

DAY = 86_400_000
HOOK = "webhook:platform"
BAD = {"appliance_model": "BCD-200", "batch": "b3"}


def alarm(level: str = "red", batch: str = "b3", day: str = "2026-01-05") -> dict[str, Any]:
    return {
        "day": day, "level": level, "definition": {"appliance_model": "BCD-200", "batch": batch}, "at_risk": 90,
        "failed": 12, "expected": 1.5, "ratio": 9.0, "ratio_95": [4.0, 20.0],
        "faults": [{"fault": "refrigerant-leak", "failed": 12, "others": 0}],
    "features": [{"feature": "starts_per_hour", "moved": "up", "failed": 9, "others": 1, "of_others": 40}],
    }  # fmt: skip


def told(stage: Any) -> list[dict[str, Any]]:
    """The data of what left for the receiver, oldest first."""
    stage.alerts.dispatcher.run_once()
    bodies = [json.loads(one.body) for one in stage.sent(HOOK)]
    return [one["data"] for one in bodies if one["type"] == "foremend.cohort.alarm"]


@pytest.fixture
def fleet(stage: Any, finding: Callable[..., Finding]) -> Any:
    """120 appliances in four batches whose owners agree; one of b3 fails on each of twelve days, all by a leak."""
    start = stage.clock.now
    ids = [f"rf-{number}" for number in range(120)]
    stage.alerts.owners.register_appliances([OwnedAppliance(one, "o-1", "BCD-200") for one in ids])
    stage.alerts.nameplates.put(
        [
            Nameplate(one, "refrigerator", "BCD-200", f"b{n % 4}", "north", start, (Firmware(start, "1.0"),))
            for n, one in enumerate(ids)
        ],
        "test",
    )
    stage.alerts.consent.record(
        ConsentRecord(one, "o-1", purpose, True, start, "1", "zh", "app")
        for one in ids
        for purpose in (Purpose.TICKET, Purpose.TRAINING)
    )
    for day, number in enumerate(range(3, 3 + 4 * 12, 4), 1):
        stage.clock.now = start + day * DAY
        fails(stage, finding(appliance_id=ids[number], episode_start=stage.clock.now, time=stage.clock.now))
    stage.clock.now += DAY
    return stage


def fails(stage: Any, finding: Finding) -> None:
    stage.alerts.effects.apply([finding], [], finding.time)
    (ticket,) = queries.tickets(stage.alerts.engine, appliance_id=finding.appliance_id).items
    step = Resolved(step="resolved", result=Resolution.CONFIRMED)
    stage.alerts.servicing.take(ticket["ticket_id"], step, "test")


def members(stage: Any) -> list[str]:
    found = failed_members(stage.alerts.engine, stage.alerts.nameplates, stage.clock, BAD)
    return [one.appliance_id for one in found]


def test_a_bad_batch_is_told_by_itself_with_what_it_rests_on(fleet: Any) -> None:
    """Red, freeze recommended, the fault that sets it apart, and a path to who failed in place of any appliance."""
    assert FleetDays(fleet.alerts, fleet.clock).round() == ["cohorts", "forecasts"]

    (event,) = told(fleet)  # and none of the same batch in its region, or with its firmware
    assert (event["definition"], event["level"], event["recommended"]) == (BAD, "red", "freeze")
    assert (event["failed"], event["at_risk"]) == (8, 23)  # on the day that it became red
    assert event["expected"] < 5 < event["ratio_95"][0]
    assert event["faults"] == [{"fault": "refrigerant-leak", "failed": 8, "others": 0}]
    assert event["members"] == f"/api/v1/cohort-alarms/{event['alarm_id']}/members"
    assert "rf-" not in json.dumps(event).replace("rf-260", "")


def test_a_day_is_looked_at_once_whoever_looks_and_however_often(fleet: Any) -> None:
    """By two processes and after a restart; a missed day is caught up, and what was told is not told again."""
    first, second = FleetDays(fleet.alerts, fleet.clock), FleetDays(fleet.alerts, fleet.clock)
    assert (first.round(), second.round(), first.round()) == (["cohorts", "forecasts"], [], [])
    before = told(fleet)

    fleet.clock.now += 5 * DAY
    assert FleetDays(fleet.alerts, fleet.clock).round() == ["cohorts", "forecasts"]

    assert len(before) == len(told(fleet)) > 0
    report = fleet.alerts.fleet_reports.one("cohorts")
    assert report.day == fleet.clock.now // DAY - 1
    assert report.content["cohorts"][0]["definition"] == BAD
    assert "takes 30" in fleet.alerts.fleet_reports.one("forecasts").trouble


def test_who_was_killed_at_it_leaves_it_to_the_next_after_an_hour(stage: Any) -> None:
    """And who could not make it leaves it at once."""
    reports = stage.alerts.fleet_reports
    assert reports.claim("cohorts", 7)
    assert not reports.claim("cohorts", 7)
    stage.clock.now += 3_600_000
    assert reports.claim("cohorts", 7)
    reports.release("cohorts")
    assert reports.claim("cohorts", 7)
    reports.keep("cohorts", 7, {"n": 1})
    assert not reports.claim("cohorts", 7)
    assert (reports.one("cohorts").content, reports.claim("cohorts", 8)) == ({"n": 1}, True)


def test_one_of_many_that_look_at_once_makes_it(stage: Any) -> None:
    """Eight at the same moment."""
    barrier, won = threading.Barrier(8), []

    def look() -> None:
        barrier.wait()
        try:
            won.append(stage.alerts.fleet_reports.claim("cohorts", 7))
        except UnavailableError:
            won.append(False)  # SQLite was busy for too long: it looks again later

    threads = [threading.Thread(target=look) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert sum(won) == 1


def test_a_report_that_could_not_be_made_is_tried_again(fleet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database went away in the middle: nothing is lost until the next look."""
    days = FleetDays(fleet.alerts, fleet.clock)

    def away(*_: Any) -> None:
        raise UnavailableError("away")

    with monkeypatch.context() as broken:
        broken.setattr(type(fleet.alerts.cohort_alarms), "tell", away)
        with pytest.raises(UnavailableError):
            days.round()

    assert days.round() == ["cohorts", "forecasts"]
    assert len([one for one in told(fleet) if one["definition"] == BAD]) == 1


def test_who_withdraws_or_is_erased_is_in_no_list_from_then_on(fleet: Any) -> None:
    """A withdrawal of either consent; nothing that is kept of the alarm names an appliance."""
    FleetDays(fleet.alerts, fleet.clock).round()
    everyone = members(fleet)
    assert everyone[:3] == ["rf-3", "rf-7", "rf-11"]

    fleet.say(Purpose.TRAINING, False, "rf-3")
    fleet.say(Purpose.TICKET, False, "rf-7")

    assert members(fleet) == everyone[2:]
    with reading(fleet.alerts.engine) as session:
        rows = session.scalars(select(CohortAlarmRow)).all()
        assert rows
        assert all("rf-" not in json.dumps([row.definition, row.content]) for row in rows)


def test_a_household_without_a_register_is_left_alone(stage: Any) -> None:
    """Nothing is made, told or kept."""
    assert FleetDays(stage.alerts, stage.clock).round() == []

    assert stage.alerts.fleet_reports.one("cohorts") is None
    assert (told(stage), stage.alerts.cohort_alarms.some()) == ([], [])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seen=st.lists(st.tuples(st.sampled_from(LEVELS[1:]), st.sampled_from(["x1", "x2"])), max_size=8))
def test_each_level_of_a_cohort_is_told_once_and_none_below_it(
    stage: Any, seen: list[tuple[str, str]]
) -> None:
    """Whatever days say, in whatever order: what leaves of a cohort rises, and ends at the highest that was seen."""
    tag = f"{stage.clock.now}"
    stage.clock.now += 1
    for level, batch in seen:
        stage.alerts.cohort_alarms.tell([alarm(level, f"{tag} {batch}")])

    for batch in ("x1", "x2"):
        levels = [LEVELS.index(level) for level, one in seen if one == batch]
        left = [
            LEVELS.index(one["level"])
            for one in told(stage)
            if one["definition"]["batch"] == f"{tag} {batch}"
        ]
        assert left == sorted(set(left))
        assert max(left, default=0) == max(levels, default=0)


def test_it_is_acknowledged_and_closed_by_name_and_the_audit_log_says_so(stage: Any) -> None:
    """With who and when; the reason is on the alarm and not in the log, which is kept for ever."""
    alarms = stage.alerts.cohort_alarms
    alarms.tell([alarm()])
    (one,) = alarms.some()
    stage.clock.now += 5_000
    seen = alarms.acknowledge(one["alarm_id"], "kim", one["version"])
    done = alarms.close(one["alarm_id"], "lee", " compressor changed ", seen["version"])

    assert (seen["state"], seen["acknowledged_by"], seen["acknowledged_at"]) == (
        "acknowledged",
        "kim",
        stage.clock.now,
    )
    assert (done["state"], done["closed_by"], done["reason"]) == ("closed", "lee", "compressor changed")
    assert alarms.one(one["alarm_id"]) == done
    with reading(stage.alerts.engine) as session:
        entries = session.scalars(
            select(AuditRow).where(AuditRow.subject == one["alarm_id"]).order_by(AuditRow.seq)
        )
        log = [(row.action, json.loads(row.details)) for row in entries]
    assert log == [
        ("cohort_alarm.told", {"level": "red"}),
        ("cohort_alarm.acknowledged", {"level": "red", "by": "kim"}),
        ("cohort_alarm.closed", {"level": "red", "by": "lee"}),
    ]


def test_a_step_on_another_version_or_from_elsewhere_changes_nothing(stage: Any) -> None:
    """Each refusal is a sentence of its own."""
    alarms = stage.alerts.cohort_alarms
    alarms.tell([alarm("blue")])
    (one,) = alarms.some()
    with pytest.raises(StaleError, match="version 1, not 0"):
        alarms.acknowledge(one["alarm_id"], "kim", 0)
    with pytest.raises(InputError, match="say in 1 to"):
        alarms.close(one["alarm_id"], "kim", " \n")
    with pytest.raises(NoAlarmError, match="no cohort alarm 'ca_x'"):
        alarms.close("ca_x", "kim", "why")
    assert alarms.some() == [one]

    alarms.close(one["alarm_id"], "kim", "why")
    with pytest.raises(NotNowError, match="the cohort alarm is closed"):
        alarms.acknowledge(one["alarm_id"], "kim")


def test_a_closed_alarm_that_becomes_surer_is_open_again(stage: Any) -> None:
    """Nobody has seen the new level; the same level again opens nothing."""
    alarms = stage.alerts.cohort_alarms
    alarms.tell([alarm("yellow")])
    (one,) = alarms.some()
    alarms.close(one["alarm_id"], "kim", "a wet spring")

    assert alarms.tell([alarm("yellow")]) == 0
    assert alarms.one(one["alarm_id"])["state"] == "closed"
    assert alarms.tell([alarm("red")]) == 1
    again = alarms.one(one["alarm_id"])
    assert (again["state"], again["level"], again["closed_by"], again["reason"]) == ("open", "red", None, "")
    assert [one["recommended"] for one in told(stage)] == [None, "freeze"]
