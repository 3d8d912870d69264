"""What goes with failures, looked for by a service beside what it serves: asked, made in a process, kept, and shown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from alerts import queries
from alerts.access.access import open_access
from alerts.consent import ConsentRecord
from alerts.desk import Alerts
from alerts.nameplates import Nameplate
from alerts.owners import OwnedAppliance, Owner
from alerts.tables import Resolution
from alerts.ticket_steps import Resolved
from alerts.vault import Vault
from foremend.config import Settings, load_settings
from foremend.jobs.insights_apart import InsightsApart
from foremend.learning.outcomes import read_outcomes
from foremend.runtimes.clock import SystemClock
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.guard.door import Door
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import Finding, FindingKind, Purpose, Severity
from foremend.wiring.desk import open_desk
from foremend.wiring.page import open_insights
from tests.integration.lifecycle.test_insights import MODEL, START, fleet

__all__ = ["fleet"]  # a fixture
BOTH = (Purpose.TICKET, Purpose.TRAINING)
PATIENCE_S = 180.0


@dataclass
class Then:
    """A clock that stands."""

    now: int = START

    def now_ms(self) -> int:
        return self.now

    def monotonic(self) -> float:
        return self.now / 1_000


def settled(fleet: Path, folder: Path) -> Settings:
    """An installation that has lived through `fleet`: owners, nameplates, consents and what technicians found."""
    (folder / "var").mkdir()
    (folder / "var/history").symlink_to(fleet / "history")
    config = folder / "config.yaml"
    config.write_text(
        "extends: shipped\nstorage: { folder: var }\nalerts: { database: 'sqlite:///var/foremend.db' }\n"
    )
    settings, clock = load_settings(config), Then()
    desk = open_desk(settings, clock)
    rows = [line.split(",") for line in (fleet / "appliances.csv").read_text().splitlines()[1:]]
    desk.owners.register_owners([Owner(f"o-{row[0]}", {}) for row in rows])
    desk.owners.register_appliances([OwnedAppliance(row[0], f"o-{row[0]}", MODEL) for row in rows])
    plates = [Nameplate(row[0], row[1], row[2], row[3], row[4], START - 10**10, ()) for row in rows]
    desk.nameplates.put(plates, "test")
    desk.consent.record(
        ConsentRecord(row[0], f"o-{row[0]}", one, True, START, "1", "zh", "app")
        for row in rows
        for one in BOTH
    )
    for outcome in read_outcomes(fleet / "truth.json"):
        clock.now = outcome.confirmed_at
        fails(desk, outcome.appliance_id, clock.now)
    desk.close()
    return settings


def fails(desk: Alerts, appliance_id: str, now: int) -> None:
    """A technician finds what was foreseen."""
    finding = Finding(
        kind=FindingKind.OPENED, appliance_id=appliance_id, appliance_model=MODEL, fault="compressor-wear",
        rule="predicted", severity=Severity.WARNING, time=now, episode_start=now, score=0.98, probability=0.8,
        days_to_failure=20.0, days_low=15.0, days_high=40.0, evidence=(),
    )  # fmt: skip
    desk.effects.apply([finding], [], now)
    (ticket,) = queries.tickets(desk.engine, appliance_id=appliance_id).items
    desk.servicing.take(ticket["ticket_id"], Resolved(step="resolved", result=Resolution.CONFIRMED), "test")


@pytest.fixture(scope="module")
def lived(fleet: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settled(fleet, tmp_path_factory.mktemp("installation"))


@dataclass
class World:
    """Asks as quality, or as another role."""

    http: httpx.Client
    access: Any
    desk: Alerts
    apart: InsightsApart

    def ask(self, method: str, path: str, role: Role = Role.QUALITY, **more: Any) -> httpx.Response:
        token = self.access.tokens.create("kim", role, 1, "test", None, None)[1]
        return self.http.request(
            method, f"/api/v1/insights{path}", headers={"Authorization": f"Bearer {token}"}, **more
        )

    def made(self, of: str = f"/{MODEL}") -> dict[str, Any]:
        """The report once nobody is at it any more."""
        until = time.monotonic() + PATIENCE_S
        while (found := self.ask("GET", of).json())["under_way"]:
            assert time.monotonic() < until, found
            time.sleep(0.2)
        return dict(found)


@pytest.fixture
def world(lived: Settings) -> Iterator[World]:
    clock = SystemClock()
    desk, profiles = open_desk(lived, clock), load_profiles()
    access = open_access(desk.engine, Vault(Fernet.generate_key().decode()), clock)
    apart = InsightsApart(lived, desk.fleet_reports, open_desk, clock)
    model = ReadModel(desk.engine, SharedPipeline(desk.engine, (), clock, 60_000), {}, {}, {})
    app = create_app(
        model,
        door=Door(access, False, Buckets(1e6), Buckets(1e6)),
        desks=Desks(insights=open_insights(desk, apart, profiles, clock)),
    )
    with Server(app, "127.0.0.1", 0) as address, httpx.Client(base_url=address, timeout=60) as http:
        yield World(http, access, desk, apart)
    apart.close()
    desk.close()


def test_what_is_asked_for_is_made_in_a_process_and_kept(world: World) -> None:
    """Frequent starts or what hardly moves apart from them are named, with lives of both batches; the audit log says
    who asked, and what if is answered from what was kept."""
    world.apart.start()

    first = world.ask("POST", f"/{MODEL}", json={"lead_days": 20})
    again = world.ask("POST", f"/{MODEL}", json={"lead_days": 20})
    assert (first.status_code, first.json()["under_way"], again.json()["under_way"]) == (202, True, True)
    found = world.made()

    assert (found["trouble"], found["share"], found["lead_days"]) == ("", None, 20)
    (named,) = found["features"]
    assert "starts_per_hour" in (named["feature"], *named["along"])
    assert named["ratio_95"][0] > 1 or named["ratio_95"][1] < 1
    assert {(one["by"], one["name"]) for one in found["lives"]} >= {("batch", "b0"), ("batch", "b1")}
    row = next(one for one in world.ask("GET", "").json() if one["appliance_model"] == MODEL)
    assert (row["named"], row["failures"]) == ([named["feature"]], found["failures"])

    asked = {"feature": named["feature"], "change": -0.33}
    less = world.ask("GET", f"/{MODEL}/what-if", params=asked).json()
    assert (less["failures"] < 1) == (named["ratio"] > 1)
    nobody = world.ask("GET", f"/{MODEL}/what-if", params={"feature": "power_std", "change": 0.5}).json()
    assert (nobody["failures"] is None) == (named["feature"] != "power_std")


def test_an_end_in_the_midst_leaves_nothing_and_whoever_asks_next_begins_anew(world: World) -> None:
    """What was kept before stays; two services do not make the same one."""
    world.apart.start()
    before = world.ask("GET", f"/{MODEL}").json()["until"]
    world.ask("POST", f"/{MODEL}", json={"lead_days": 20})
    other = InsightsApart(load_settings(None), world.desk.fleet_reports, open_desk, SystemClock())
    assert other.ask(MODEL, None, 60) is False

    world.apart.close()

    after = world.ask("GET", f"/{MODEL}").json()
    assert (after["until"], after["under_way"]) == (before, False)
    assert other.ask(MODEL, None, 60) is True
    other.close()


def test_what_nobody_foresaw_of_one_leaves_it_to_whoever_asks_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was under way for ever, as this process went on saying so."""
    monkeypatch.setattr(world.desk.fleet_reports, "keep", lambda *_: 1 / 0)
    world.apart.start()
    fault = {"fault": "condenser-fouling"}
    assert world.ask("POST", "/rf-260", json=fault).status_code == 202

    assert world.made("/rf-260?fault=condenser-fouling")["share"] is None

    monkeypatch.undo()
    world.ask("POST", "/rf-260", json=fault)
    assert "too few" in world.made("/rf-260?fault=condenser-fouling")["trouble"]


def test_too_few_failures_are_told_in_words(world: World) -> None:
    """Of a fault that nobody found."""
    world.apart.start()
    world.ask("POST", "/rf-260", json={"fault": "refrigerant-leak"})
    found = world.made("/rf-260?fault=refrigerant-leak")

    assert (found["fault"], found["features"]) == ("refrigerant-leak", [])
    assert "0 failures are too few" in found["trouble"]


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/no-such", {}, 404),
        ("GET", f"/{MODEL}?fault=mould", {}, 404),
        ("POST", "/no-such", {"json": {}}, 404),
        ("POST", f"/{MODEL}", {"json": {"fault": "mould"}}, 404),
        ("POST", f"/{MODEL}", {"json": {"lead_days": -1}}, 422),
        ("GET", f"/{MODEL}/what-if?feature=power_mean", {}, 422),
        ("GET", "/rf-260/what-if?feature=power_mean&change=0.1", {}, 404),
        ("GET", f"/{MODEL}?model=x", {}, 422),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(
    world: World, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    answer = world.ask(method, path, **more)

    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)


def test_who_sees_cohorts_looks_and_who_has_the_right_asks(world: World) -> None:
    """An agent does neither; whoever sits at the machine has no right to ask."""
    assert world.ask("GET", "", Role.AGENT).json()["right"] == "cohorts"
    assert (
        world.ask("POST", f"/{MODEL}", Role.AGENT, json={"lead_days": 20}).json()["right"]
        == "insights.change"
    )
    for role in (Role.DATA_SCIENTIST, Role.QUALITY, Role.OPERATOR, Role.ADMIN):
        assert world.ask("GET", f"/{MODEL}", role).status_code == 200
