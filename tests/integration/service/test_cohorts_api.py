"""Cohort alarms and what is found of the fleet once a day, over HTTP, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine as Database

from alerts.access.access import open_access
from alerts.cohort_alarms import CohortAlarms
from alerts.fleet_reports import FleetReports
from alerts.outbox import Outbox
from alerts.settings import AlertsSettings
from alerts.vault import Vault
from foremend.learning.members import Failure, Since, is_in
from foremend.runtimes.clock import SystemClock
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.guard.door import Door
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.service.v1.cohorts import CohortDesk
from foremend.vocabulary.rights import Role

ALARM = {
    "day": "2026-01-05", "level": "red", "definition": {"appliance_model": "rf-260", "batch": "b3"}, "at_risk": 90,
    "failed": 12, "expected": 1.5, "ratio": 9.0, "ratio_95": [4.0, 20.0],
    "faults": [{"fault": "refrigerant-leak", "failed": 12, "others": 0}],
    "features": [{"feature": "starts_per_hour", "moved": "up", "failed": 9, "others": 1, "of_others": 40}],
}  # fmt: skip
STEPS = "/api/v1/cohort-alarms/{}/steps"


@dataclass
class World:
    """Asks as quality, or as another role."""

    http: httpx.Client
    access: Any
    alarms: CohortAlarms
    reports: FleetReports

    def ask(
        self, method: str, path: str, role: Role = Role.QUALITY, version: str | None = None, **more: Any
    ) -> httpx.Response:
        token = self.access.tokens.create("kim", role, 1, "test", None, None)[1]
        headers = {"Authorization": f"Bearer {token}"} | ({} if version is None else {"If-Match": version})
        return self.http.request(method, path, headers=headers, **more)


@pytest.fixture
def world(tables: Database) -> Iterator[World]:
    """One red alarm of batch b3, of which rf-3 failed; rf-4 of another batch failed, too."""
    clock = SystemClock()
    alarms, reports = (
        CohortAlarms(tables, Outbox(AlertsSettings()), clock, lambda: None),
        FleetReports(tables, clock),
    )
    alarms.tell([ALARM])
    since = {
        batch: Since("refrigerator", "rf-260", batch, "north", "1.0", 20_000, 20_000)
        for batch in ("b3", "b4")
    }
    failures = [
        Failure(one, "refrigerant-leak", 20_458, since[batch])
        for one, batch in (("rf-3", "b3"), ("rf-4", "b4"))
    ]
    desk = CohortDesk(alarms, reports, lambda named: [one for one in failures if is_in(named, one.since)])
    access = open_access(tables, Vault(Fernet.generate_key().decode()), clock)
    model = ReadModel(tables, SharedPipeline(tables, (), clock, 60_000), {}, {}, {})
    app = create_app(model, door=Door(access, False, Buckets(1e6), Buckets(1e6)), desks=Desks(cohorts=desk))
    with Server(app, "127.0.0.1", 0) as address, httpx.Client(base_url=address, timeout=60) as http:
        yield World(http, access, alarms, reports)


def test_an_alarm_is_acknowledged_and_closed_on_the_version_that_was_read(world: World) -> None:
    """By name, each with its new ETag; what is listed by state follows."""
    (alarm,) = world.ask("GET", "/api/v1/cohort-alarms").json()
    path = f"/api/v1/cohort-alarms/{alarm['alarm_id']}"
    read = world.ask("GET", path)
    assert (read.headers["etag"], read.json()) == ('"1"', alarm)
    assert (alarm["level"], alarm["state"], alarm["recommended"]) == ("red", "open", "freeze")

    seen = world.ask("POST", f"{path}/steps", version='"1"', json={"step": "acknowledged"})
    assert (seen.status_code, seen.headers["etag"], seen.json()["state"]) == (200, '"2"', "acknowledged")
    assert seen.json()["acknowledged_by"].startswith("token:")
    done = world.ask("POST", f"{path}/steps", version="*", json={"step": "closed", "reason": "recalled"})
    assert (done.status_code, done.json()["reason"]) == (200, "recalled")
    assert world.ask("GET", "/api/v1/cohort-alarms?state=open").json() == []
    assert world.ask("GET", "/api/v1/cohort-alarms?state=closed").json() == [done.json()]


@pytest.mark.parametrize(
    ("version", "step", "status"),
    [
        (None, {"step": "acknowledged"}, 428),
        ('"7"', {"step": "acknowledged"}, 412),
        ("7", {"step": "acknowledged"}, 412),
        ("*", {"step": "closed"}, 422),
        ("*", {"step": "closed", "reason": "  "}, 422),
        ("*", {"step": "closed", "reason": "x" * 1_001}, 422),
        ("*", {"step": "reopened"}, 422),
        ("*", {"step": "acknowledged", "by": "lee"}, 422),
    ],
)
def test_a_step_that_is_none_is_refused_in_a_sentence_and_changes_nothing(
    world: World, version: str | None, step: dict[str, str], status: int
) -> None:
    """Without a version, on another one, without a reason, or with what nobody asked for."""
    (alarm,) = world.alarms.some()
    answer = world.ask("POST", STEPS.format(alarm["alarm_id"]), version=version, json=step)

    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)
    assert world.alarms.some() == [alarm]


def test_what_is_closed_is_not_closed_again_and_what_is_not_there_is_not_found(world: World) -> None:
    (alarm,) = world.alarms.some()
    world.alarms.close(alarm["alarm_id"], "lee", "recalled")

    again = world.ask(
        "POST", STEPS.format(alarm["alarm_id"]), version="*", json={"step": "closed", "reason": "x"}
    )
    assert again.status_code == 409
    for method, path in (
        ("GET", "/api/v1/cohort-alarms/x"),
        ("GET", "/api/v1/cohort-alarms/x/members"),
        ("POST", STEPS.format("x")),
    ):
        body = {"json": {"step": "acknowledged"}} if method == "POST" else {}
        assert world.ask(method, path, version="*", **body).status_code == 404


@pytest.mark.parametrize("role", [Role.QUALITY, Role.DATA_SCIENTIST, Role.ADMIN])
def test_members_are_pseudonyms_for_everybody(world: World, role: Role) -> None:
    """Of the cohort alone, the same one each time, and no id."""
    (alarm,) = world.alarms.some()
    first = world.ask("GET", f"/api/v1/cohort-alarms/{alarm['alarm_id']}/members", role)

    assert first.json() == [
        {
            "appliance": world.access.pseudonyms.of("appliance", "rf-3"),
            "fault": "refrigerant-leak",
            "day": "2026-01-05",
        }
    ]
    assert "rf-3" not in first.text


def test_who_may_look_alone_changes_nothing(world: World) -> None:
    """A data scientist reads; an agent does not even read."""
    (alarm,) = world.alarms.some()
    path = STEPS.format(alarm["alarm_id"])

    refused = world.ask("POST", path, Role.DATA_SCIENTIST, "*", json={"step": "acknowledged"})
    assert (refused.status_code, refused.json()["right"]) == (403, "cohorts.change")
    assert world.ask("GET", "/api/v1/cohort-alarms", Role.DATA_SCIENTIST).status_code == 200
    assert world.ask("GET", "/api/v1/cohort-alarms", Role.AGENT).json()["right"] == "cohorts"
    assert world.alarms.some() == [alarm]


def test_reports_say_of_which_day_they_are_or_why_there_is_none(world: World) -> None:
    """Before the first there is nothing; one that could not be made says why."""
    assert world.ask("GET", "/api/v1/cohorts").json() == {
        "until": None, "made_at": None, "trouble": "", "appliances": 0, "appliances_without_consent": 0,
        "failures": 0, "cohorts": [],
    }  # fmt: skip
    figures = {
        name: ALARM[name] for name in ("at_risk", "failed", "expected", "ratio", "ratio_95", "definition")
    }
    content = {"appliances": 90, "appliances_without_consent": 3, "failures": 12}
    for name in ("cohorts", "forecasts"):
        world.reports.claim(name, 20_458)
    world.reports.keep("cohorts", 20_458, content | {"cohorts": [figures | {"level": None}]})
    world.reports.keep("forecasts", 20_458, {}, "it takes 30 visits")

    found = world.ask("GET", "/api/v1/cohorts").json()
    assert (found["until"], found["failures"], found["cohorts"]) == (
        "2026-01-05", 12, [figures | {"level": None}],
    )  # fmt: skip
    trouble = world.ask("GET", "/api/v1/forecasts").json()
    assert (trouble["until"], trouble["trouble"], trouble["weeks"]) == (
        "2026-01-05",
        "it takes 30 visits",
        [],
    )
