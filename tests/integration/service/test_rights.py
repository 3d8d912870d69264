"""Who may do what: every role on every route of the real application, on both databases."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI
from sqlalchemy import text
from typer.testing import CliRunner

from alerts.access.access import open_access
from alerts.database import open_database, reading, writing
from alerts.desk import Alerts
from alerts.outbox import Outbox
from alerts.servicing import Servicing
from alerts.settings import AlertsSettings
from alerts.tables import FirmwareRow, NameplateRow
from alerts.ticket_steps import Assigned
from alerts.vault import Vault
from foremend.cli import app
from foremend.config import load_settings
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.guard.door import FREE, SIGNED, Door, require_rights
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.errors import DefectError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.rights import RIGHTS, Right, Role
from foremend.vocabulary.types import MS_PER_DAY
from foremend.wiring.desk import open_desk
from foremend.wiring.page import open_server


@dataclass
class House:
    """The application behind a door that is closed to whoever says nothing, as on all addresses."""

    app: FastAPI
    client: httpx.Client
    access: Any
    clock: Any
    engine: Any
    servicing: Servicing

    def token(self, role: Role, only: list[Right] | None = None) -> str:
        """A new one; of an owner and a technician, theirs is what the tests register."""
        subject = {Role.OWNER: "o-1", Role.TECHNICIAN: "kim"}.get(role)
        return str(self.access.tokens.create("test", role, 30, "test", only, subject)[1])

    def ask(self, method: str, path: str, token: str | None = None) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.client.request(method, re.sub(r"{\w+}", "nobody", path), headers=headers)


@pytest.fixture
def house(tables: Any, clock: Any) -> Iterator[House]:
    access = open_access(tables, Vault(Fernet.generate_key().decode()), clock)
    model = ReadModel(tables, SharedPipeline(tables, (), clock, 60_000), load_profiles(), {}, {})
    servicing = Servicing(tables, Outbox(AlertsSettings()), clock, lambda: None)
    app = create_app(
        model, door=Door(access, False, Buckets(1e6), Buckets(1e6)), desks=Desks(servicing=servicing)
    )
    with (
        Server(app, "127.0.0.1", 0) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield House(app, client, access, clock, tables, servicing)


@pytest.mark.parametrize("role", Role)
def test_a_role_reaches_the_routes_of_its_rights_and_no_other(house: House, role: Role) -> None:
    """A matrix over all routes: 403 with the missing right where it has none, and never 401 or 403 elsewhere."""
    token = house.token(role)
    routes = {name: right for name, right in require_rights(house.app).items() if right is not None}

    answers = {name: house.ask(*name.split(" "), token) for name in routes}

    refused = {
        name: answer
        for name, answer in answers.items()
        if answer.status_code == 403 and "reach" not in answer.json()
    }
    assert set(refused) == {name for name, right in routes.items() if right not in RIGHTS[role]}
    assert {name: answer.json()["right"] for name, answer in refused.items()} == {
        name: routes[name] for name in refused
    }
    assert all(one.headers["content-type"] == "application/problem+json" for one in refused.values())
    assert 401 not in {answer.status_code for answer in answers.values()}


def test_without_a_token_nothing_but_the_free_paths_is_answered(house: House) -> None:
    """401 with a sentence on every route that asks for a right; health and the page's files are free."""
    routes = require_rights(house.app)

    answers = {name: house.ask(*name.split(" ")) for name in routes}

    unanswered = {name for name, answer in answers.items() if answer.status_code in (401, 404)}
    assert unanswered >= {name for name in routes if name.split(" ")[1] in SIGNED}
    assert {name for name in unanswered if name.split(" ")[1] not in SIGNED} == {
        name for name, right in routes.items() if right is not None
    }
    assert {name.split(" ")[1] for name, right in routes.items() if right is None} == set(FREE) | set(SIGNED)
    assert all(
        "Bearer" in one.headers["www-authenticate"] and "token" in one.json()["detail"]
        for name, one in answers.items()
        if one.status_code == 401 and name.split(" ")[1] not in SIGNED
    )


def test_a_route_without_a_right_does_not_start(house: House) -> None:
    """Whoever adds one and forgets it hears of it before anybody reads by it."""

    @house.app.get("/api/secrets")
    def secrets() -> str:
        return "open"

    with pytest.raises(DefectError, match="GET /api/secrets"):
        require_rights(house.app)


def test_every_right_of_every_role_is_one_that_a_token_can_be_narrowed_to(house: House) -> None:
    """A token for the numbers alone reads them and nothing else."""
    token = house.token(Role.OPERATOR, [Right.METRICS])

    assert house.ask("GET", "/metrics", token).status_code == 200
    assert house.ask("GET", "/api/fleet", token).json()["right"] == "fleet"


@pytest.mark.parametrize("scheme", ["Basic YTpi", "Bearer x", "Bearer fmd_aaaaaaaaaaaa_" + "0" * 64, "fmd_x"])
def test_what_is_no_token_opens_nothing(house: House, scheme: str) -> None:
    """Another scheme, nothing, a well-made stranger, no scheme at all."""
    answer = house.client.get("/api/fleet", headers={"Authorization": scheme})

    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers


def test_a_right_id_with_a_wrong_secret_opens_nothing(house: House) -> None:
    """Nor does it say that the id was right."""
    token = house.token(Role.ADMIN)
    changed = token[:-1] + ("0" if token[-1] != "0" else "1")

    answers = [house.ask("GET", "/api/fleet", one) for one in (changed, "fmd_" + "a" * 12 + "_" + "0" * 64)]

    assert [one.status_code for one in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()


def test_a_revoked_token_opens_nothing_at_once_in_every_process(house: House) -> None:
    """Another process revokes it; this one asks the database each time."""
    token = house.token(Role.ADMIN)
    assert house.ask("GET", "/api/fleet", token).status_code == 200
    other = open_access(house.engine, Vault(Fernet.generate_key().decode()), house.clock)

    other.tokens.revoke(token.split("_")[1], "test")

    answer = house.ask("GET", "/api/fleet", token)
    assert (answer.status_code, "revoked" in answer.json()["detail"]) == (401, True)


def test_a_token_ends_by_itself(house: House) -> None:
    """To the millisecond."""
    token = house.token(Role.ADMIN)
    house.clock.now += 30 * MS_PER_DAY - 1
    assert house.ask("GET", "/api/fleet", token).status_code == 200

    house.clock.now += 1

    assert "ended at" in house.ask("GET", "/api/fleet", token).json()["detail"]


def test_only_a_digest_of_a_token_is_in_the_database(house: House) -> None:
    """Whoever reads the table can ask nothing."""
    token = house.token(Role.ADMIN)

    with reading(house.engine) as session:
        rows = session.execute(text("SELECT * FROM access_tokens")).all()

    assert len(rows) == 1
    assert token.split("_")[2] not in str(rows)


def test_the_last_use_is_written_once_a_minute_at_most(house: House) -> None:
    """A program that asks a hundred times a second writes no more than one that asks now and then."""
    token, began = house.token(Role.ADMIN), house.clock.now
    house.ask("GET", "/api/fleet", token)
    house.clock.now += 59_999
    house.ask("GET", "/api/fleet", token)
    assert house.access.tokens.all()[0].last_used == began

    house.clock.now += 1
    house.ask("GET", "/api/fleet", token)

    assert house.access.tokens.all()[0].last_used == began + 60_000


def test_a_right_that_a_role_loses_is_lost_to_its_tokens(house: House) -> None:
    """A row that claims more than its role has gets what the role has."""
    token = house.token(Role.QUALITY)
    with writing(house.engine) as session:
        session.execute(text("UPDATE access_tokens SET rights = 'fleet cohorts'"))

    assert house.ask("GET", "/api/fleet", token).status_code == 403
    assert house.ask("GET", "/api/cohorts", token).status_code == 200
    assert house.ask("GET", "/api/summary", token).status_code == 403


def test_what_was_done_to_tokens_is_in_the_audit_log(house: House) -> None:
    """By its id, never by its text."""
    token = house.token(Role.ADMIN)
    house.access.tokens.revoke(token.split("_")[1], "account:kim")

    with reading(house.engine) as session:
        entries = session.execute(text("SELECT action, subject, details FROM audit ORDER BY seq")).all()

    assert [(one.action, one.subject) for one in entries] == [
        ("token.created", token.split("_")[1]),
        ("token.revoked", token.split("_")[1]),
    ]
    assert "account:kim" in entries[1].details
    assert token not in str(entries)


@pytest.fixture
def lived(house: House, desk: Alerts, findings_of: Callable[..., None]) -> House:
    """Two households with a ticket each; `fridge-1` is of `o-1`, its ticket of `kim`."""
    findings_of("fridge-1", "fridge-2")
    tickets = {one["appliance_id"]: one["ticket_id"] for one in desk_tickets(house)}
    house.servicing.take(tickets["fridge-1"], Assigned(step="assigned", technician="kim"), "test")
    return house


def desk_tickets(house: House) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.ask("GET", "/api/tickets", house.token(Role.AGENT)).json()["items"]
    return found


def test_a_technician_sees_the_own_tickets_only(lived: House) -> None:
    """Another's looks as if it were not there, in the list and by its id."""
    token = lived.token(Role.TECHNICIAN)
    ids = {one["appliance_id"]: one["ticket_id"] for one in desk_tickets(lived)}

    listed = lived.ask("GET", "/api/tickets", token).json()

    assert [one["appliance_id"] for one in listed["items"]] == ["fridge-1"]
    assert listed["total"] == 1
    assert lived.client.get(f"/api/tickets/{ids['fridge-1']}", headers=bearer(token)).status_code == 200
    assert lived.client.get(f"/api/tickets/{ids['fridge-2']}", headers=bearer(token)).status_code == 404
    assert lived.client.get("/api/tickets?appliance_id=fridge-2", headers=bearer(token)).json()["total"] == 0


def test_an_owner_sees_the_own_appliances_only(lived: House) -> None:
    """In every list, and by id."""
    token = lived.token(Role.OWNER)

    answers = [lived.ask("GET", path, token).text for path in OF_FLEET]

    assert all("fridge-2" not in one for one in answers)
    assert lived.client.get("/api/appliances/fridge-2", headers=bearer(token)).status_code == 404
    assert lived.client.get("/api/findings?appliance_id=fridge-2", headers=bearer(token)).json()["total"] == 0
    assert lived.ask("GET", "/api/findings", token).json()["total"] == 1


def test_a_data_scientist_sees_pseudonyms_only(lived: House) -> None:
    """The same one in every list; no id of an appliance, an episode or a finding, and no way to ask by one."""
    token = lived.token(Role.DATA_SCIENTIST)
    real = lived.ask("GET", "/api/findings", lived.token(Role.AGENT)).json()["items"]

    answers = {path: lived.ask("GET", path, token) for path in OF_FLEET[:2]}

    said = " ".join(one.text for one in answers.values())
    assert not any(one[name] in said for one in real for name in ("appliance_id", "episode_id", "id"))
    first, second = ({one["appliance_id"] for one in items_of(answers[path].json())} for path in OF_FLEET[:2])
    assert first == second
    assert all(one.startswith("ps_") for one in first)
    for path in ("/api/findings?appliance_id=fridge-1", "/api/appliances/fridge-1"):
        refused = lived.client.get(path, headers=bearer(token))
        assert (refused.status_code, refused.json()["right"]) == (403, "fleet")


def test_the_fleet_as_a_list_and_a_file_goes_as_far_as_the_right(lived: House) -> None:
    """An owner's own; an agent's with whose each is; nobody's owner for an operator; not by pseudonyms."""
    for path in ("/api/v1/appliances?state=never_heard", "/api/v1/appliances.csv?state=never_heard"):
        owner, agent, operator, scientist, technician = (
            lived.ask("GET", path, lived.token(role))
            for role in (Role.OWNER, Role.AGENT, Role.OPERATOR, Role.DATA_SCIENTIST, Role.TECHNICIAN)
        )
        assert ("fridge-1" in owner.text, "fridge-2" in owner.text) == (True, False)
        assert "o-1" in agent.text
        assert "fridge-2" in operator.text
        assert "o-1" not in operator.text
        assert (scientist.status_code, scientist.json()["reach"]) == (403, "pseudonyms")
        assert (technician.status_code, technician.json()["right"]) == (403, "fleet")
    mine = lived.ask(
        "GET", "/api/v1/appliances?state=never_heard&search=fridge", lived.token(Role.OWNER)
    ).json()["items"]
    found = lived.ask(
        "GET", "/api/v1/appliances?state=never_heard&search=o-1", lived.token(Role.AGENT)
    ).json()["items"]
    hidden = lived.ask(
        "GET", "/api/v1/appliances?state=never_heard&search=o-1", lived.token(Role.OPERATOR)
    ).json()["items"]
    assert [one["appliance_id"] for one in mine] == ["fridge-1"]
    assert [one["appliance_id"] for one in found] == ["fridge-1"]
    assert hidden == []


def test_nameplates_narrow_the_list_for_those_alone_who_may_read_them(lived: House) -> None:
    """Nobody else learns by a filter which region or batch an appliance is of; an owner the own alone."""
    with writing(lived.engine) as session:
        session.add_all(
            NameplateRow(
                appliance_id=one, category="c", appliance_model="rf-260", batch="b-1", region="east", installed_at=1,
                at=1,
            )
            for one in ("fridge-1", "fridge-2")
        )  # fmt: skip
        session.add_all(
            FirmwareRow(appliance_id=one, since=1, version="2.0", at=1) for one in ("fridge-1", "fridge-2")
        )
    for path in ("/api/v1/appliances", "/api/v1/appliances.csv"):
        for asked in ("region=east", "batch=b-1"):
            wanted = f"{path}?state=never_heard&{asked}"
            owner, agent, operator = (
                lived.ask("GET", wanted, lived.token(role))
                for role in (Role.OWNER, Role.AGENT, Role.OPERATOR)
            )
            assert ("fridge-1" in owner.text, "fridge-2" in owner.text) == (True, False)
            assert all(word in agent.text for word in ("fridge-1", "fridge-2", "east", "b-1"))
            assert (operator.status_code, operator.json()["right"]) == (403, "owners")
        seen = lived.ask("GET", f"{path}?state=never_heard&firmware=2.0", lived.token(Role.OPERATOR))
        assert "fridge-2" in seen.text
        assert "east" not in seen.text
        assert "b-1" not in seen.text


def test_quality_sees_cohorts_and_no_appliance(lived: House) -> None:
    """Numbers by model and fault."""
    answer = lived.ask("GET", "/api/cohorts", lived.token(Role.QUALITY))

    assert answer.json() == [
        {"appliance_model": "rf-260", "fault": "not-cooling", "appliances": 2, "episodes": 2, "open": 2}
    ]


OF_FLEET = ("/api/findings", "/api/episodes", "/api/fleet", "/api/tickets")


def items_of(answer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer["items"] if isinstance(answer, dict) else answer
    return found


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def desk(database: str, clock: Any, tmp_path: Any) -> Iterator[Alerts]:
    """The alerts stage on the house's database, with two owners of a refrigerator each."""
    import numpy as np

    from alerts.consent import ConsentRecord
    from alerts.desk import open_alerts
    from alerts.owners import OwnedAppliance, Owner
    from alerts.settings import AlertsSettings
    from foremend.vocabulary.types import Purpose

    settings = AlertsSettings(database=database)
    alerts = open_alerts(
        settings, clock, Vault(Fernet.generate_key().decode()), {}, np.random.default_rng(1), {}, {}
    )
    alerts.owners.register_owners([Owner(f"o-{n}", {}) for n in (1, 2)])
    alerts.owners.register_appliances([OwnedAppliance(f"fridge-{n}", f"o-{n}", "rf-260") for n in (1, 2)])
    alerts.consent.record(
        ConsentRecord(f"fridge-{n}", f"o-{n}", Purpose.TICKET, True, clock.now, "1", "zh", "app")
        for n in (1, 2)
    )
    yield alerts
    alerts.close()


@pytest.fixture
def findings_of(desk: Alerts, clock: Any) -> Callable[..., None]:
    from foremend.vocabulary.types import Finding, FindingKind, Severity

    def make(*appliances: str, fault: str = "not-cooling") -> None:
        desk.effects.apply(
            [
                Finding(
                    FindingKind.OPENED, one, "rf-260", fault, "r", Severity.WARNING, clock.now,
                    clock.now, 1.0,
                )
                for one in appliances
            ],
            [],
            1,
        )  # fmt: skip

    return make


def test_a_token_opens_what_can_be_read_where_nothing_can_be_written(small_disk: Any, clock: Any) -> None:
    """When it was used last is not worth an answer: on a full disk the page is needed."""
    tables = open_database(f"sqlite:///{small_disk.path}/effects.db")
    tokens = open_access(tables, Vault(Fernet.generate_key().decode()), clock).tokens
    made, text = tokens.create("test", Role.OPERATOR, 30, "test")
    small_disk.fill()

    assert tokens.caller(text).who == f"token:{made.id}"

    small_disk.free()
    tokens.caller(text)
    assert tokens.all()[0].last_used == clock.now
    tables.dispose()


@pytest.fixture
def start(tmp_path: Path, clock: Any, capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., str]]:
    """Builds the service as on a start, and answers what it prints; with a line of `service:` as it is configured."""
    opened = []

    def begin(service: str) -> str:
        file = tmp_path / "config.yaml"
        file.write_text(f'{{"service": {service}, "storage": {{"folder": "var"}}}}')
        settings = load_settings(file)
        alerts = open_desk(settings, clock)
        opened.append(alerts)
        model = ReadModel(alerts.engine, SharedPipeline(alerts.engine, (), clock, 60_000), {}, {}, {})
        open_server(settings.service, model, model.health(), alerts.access, Desks())
        return capfd.readouterr().err

    yield begin
    for alerts in opened:
        alerts.engine.dispose()


def test_a_first_start_that_others_reach_prints_a_link_once(
    start: Callable[..., str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Under the address that people use; the log says that it was, and never what it is. A later start has none."""
    said = start('{"host": "0.0.0.0", "public_url": "https://foremend.example"}')
    found = re.search(r"^https://foremend\.example/login\.html#link=(\S{43})$", said, re.MULTILINE)

    assert found is not None
    assert "printed beside this log" in caplog.text
    assert found[1] not in caplog.text
    caplog.clear()
    assert "#link=" not in start('{"host": "0.0.0.0"}')
    command = re.search(r"A new link: foremend (.+?)\. ", caplog.text)
    assert command is not None
    made = CliRunner().invoke(app, [*command[1].split(), "--config", str(tmp_path / "config.yaml"), "--json"])
    assert made.exit_code == 0
    assert "/login.html#link=" in json.loads(made.stdout)["link"]


@pytest.mark.parametrize("service", ['{"host": "127.0.0.1"}', '{"host": "::1"}'])
def test_a_start_for_this_machine_alone_prints_none(
    start: Callable[..., str], caplog: pytest.LogCaptureFixture, service: str
) -> None:
    """A demo needs none, and makes no user that nobody knows of."""
    assert start(service) == ""
    assert caplog.text == ""


def test_a_start_with_a_token_prints_none(
    start: Callable[..., str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The command that the closed service names makes one; whoever has it makes users."""
    start('{"host": "127.0.0.1", "login": "always"}')
    said = re.search(r"program's token: foremend (.+)", caplog.text)
    assert said is not None
    caplog.clear()

    made = CliRunner().invoke(app, [*said[1].split(), "--config", str(tmp_path / "config.yaml")])

    assert made.exit_code == 0
    assert start('{"host": "0.0.0.0"}') + caplog.text == ""


def test_users_are_made_and_changed_by_commands(tmp_path: Path) -> None:
    """Each answers as JSON; a mistake names its mend; nowhere is there a password."""
    file = tmp_path / "config.yaml"
    file.write_text('{"storage": {"folder": "var"}}')

    def call(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["users", *words, "--config", str(file), "--json"])
        return done.exit_code, done.stdout or str(done.exception)

    assert json.loads(call("create", "Kim", "--role", "agent")[1])["name"] == "kim"
    assert json.loads(call("role", "kim", "technician", "--of", "kim")[1])["subject"] == "kim"
    assert json.loads(call("disable", "kim")[1])["disabled_at"] is not None
    assert "users enable kim" in call("reset", "kim")[1]
    assert json.loads(call("enable", "kim")[1])["disabled_at"] is None
    assert "#link=" in json.loads(call("reset", "kim")[1])["link"]
    listed = json.loads(call("list")[1])["users"]
    assert [(one["name"], one["role"], one["has_password"]) for one in listed] == [
        ("kim", "technician", False)
    ]
    assert json.loads(call("sessions", "kim")[1]) == {"sessions": []}
    assert json.loads(call("end-sessions", "kim")[1]) == {"name": "kim", "ended": 0}
    assert "did you mean 'kim'" in call("sessions", "kym")[1]
    assert "say whose by --of" in call("create", "lee", "--role", "owner")[1]
    assert "did you mean 'kim'" in call("disable", "kym")[1]
    assert "--password" not in CliRunner().invoke(app, ["users", "create", "--help"]).stdout
