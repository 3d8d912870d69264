"""Whom to tell of a silence, away and well by API: the owner's alone, and an admin's; on both databases."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import select

from alerts.database import reading
from alerts.desk import Alerts, open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.settings import AlertsSettings
from alerts.tables import AuditRow
from alerts.vault import open_vault
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.guard.door import Door
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.service.v1.wellbeing import WellbeingDesk
from foremend.vocabulary.rights import RIGHTS, Right, Role
from foremend.vocabulary.types import MS_PER_DAY, Purpose

NUMBER = "+447400123456"
HOME = "/api/v1/owners/o-1/wellbeing"
GRANDCHILD = {"channel": "sms", "address": NUMBER, "language": "de", "name": "Oma"}
WITH_KEY = {"Idempotency-Key": "k-1"}


@dataclass
class Api:
    client: httpx.Client
    alerts: Alerts
    clock: Any

    def as_(self, role: Role, of: str | None = None, only: list[Right] | None = None) -> Callable[..., Any]:
        """Asks with a new token of that role."""
        made, token = self.alerts.access.tokens.create("test", role, 30, "test", only, of)

        def ask(method: str, path: str, **more: Any) -> httpx.Response:
            headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
            return self.client.request(method, path, headers=headers, **more)

        ask.who = f"token:{made.id}"  # type: ignore[attr-defined]
        return ask

    def log(self, who: str) -> list[str]:
        query = select(AuditRow.action).where(AuditRow.details.contains(who)).order_by(AuditRow.seq)
        with reading(self.alerts.engine) as session:
            return [one for one in session.scalars(query) if one.startswith("wellbeing")]


@pytest.fixture
def api(tmp_path: Path, database: str, clock: Any) -> Iterator[Api]:
    settings = AlertsSettings(database=database, key_file=tmp_path / "key", jurisdiction="EU")
    vault = open_vault(settings, os.environ)
    alerts = open_alerts(settings, clock, vault, {}, np.random.default_rng(0), {}, {})
    alerts.owners.register_owners([Owner("o-1", {}), Owner("o-2", {})])
    alerts.owners.register_appliances(
        [OwnedAppliance(f"fridge-{n}", f"o-{n}", "rf-260", "en") for n in (1, 2)]
    )
    for n in (1, 2):
        alerts.consents.say(
            f"fridge-{n}", [Purpose.MONITORING, Purpose.WELLBEING], True, owner_id=f"o-{n}", how="app"
        )
    model = ReadModel(alerts.engine, SharedPipeline(alerts.engine, (), clock, 60_000), {}, {}, {})
    door = Door(alerts.access, False, Buckets(1e6), Buckets(1e6))
    desk = WellbeingDesk(alerts.contacts, alerts.wellbeing, clock)
    app = create_app(model, door=door, desks=Desks(wellbeing=desk))
    with Server(app, "127.0.0.1", 0) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield Api(client, alerts, clock)
    alerts.close()


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_an_owner_and_an_admin_name_whom_to_tell(api: Api, role: Role) -> None:
    """Masked as it is shown, and let go of again; each change and reading stands in the audit log."""
    ask = api.as_(role, "o-1" if role is Role.OWNER else None)

    kept = ask("POST", f"{HOME}/contacts", json=GRANDCHILD).json()
    shown = ask("GET", f"{HOME}/contacts")
    gone = ask("DELETE", f"{HOME}/contacts/{kept['id']}")

    assert shown.json() == [kept]
    assert (kept["address"], kept["language"], kept["name"]) == ("***456", "de", "Oma")
    assert gone.json() == {"id": kept["id"], "removed": True}
    assert ask("GET", f"{HOME}/contacts").json() == []
    assert ask("DELETE", f"{HOME}/contacts/{kept['id']}").status_code == 404
    assert api.log(ask.who) == [f"wellbeing.contact.{word}" for word in ("added", "read", "removed")]


def test_an_owner_says_away_and_well(api: Api) -> None:
    """What holds then is the answer; a time that is past is refused with what to write."""
    ask, until = api.as_(Role.OWNER, "o-1"), api.clock.now + 3 * MS_PER_DAY

    away = ask("POST", f"{HOME}/away", json={"until": until}).json()
    api.clock.now += 1_000
    well = ask("POST", f"{HOME}/well").json()

    assert away["away_until"] is not None
    assert away["well_at"] is None
    assert well["away_until"] is None
    assert api.alerts.wellbeing.house("o-1").well == api.clock.now
    past = ask("POST", f"{HOME}/away", json={"until": 1})
    assert (past.status_code, "somebody is back" in past.text) == (400, True)
    assert api.log(ask.who) == ["wellbeing.away", "wellbeing.well"]


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN, Role.OWNER}))
def test_nobody_else_reads_or_says_anything(api: Api, role: Role) -> None:
    """Least of all a service desk, which may do much with consents."""
    api.as_(Role.OWNER, "o-1")("POST", f"{HOME}/contacts", json=GRANDCHILD)
    ask = api.as_(role, "kim" if role is Role.TECHNICIAN else None)

    answers = [ask(*one) for one in (("GET", f"{HOME}/contacts"), ("POST", f"{HOME}/well"))]
    answers += [ask("POST", f"{HOME}/contacts", json=GRANDCHILD), ask("DELETE", f"{HOME}/contacts/wc-1")]

    assert {one.status_code for one in answers} == {403}
    assert api.log(ask.who) == []
    assert Right.EXPORT not in RIGHTS[role]


def test_another_owner_is_as_if_there_were_none(api: Api) -> None:
    """To read, to add, to remove by a contact's id, to say away."""
    kept = api.as_(Role.OWNER, "o-1")("POST", f"{HOME}/contacts", json=GRANDCHILD).json()
    other = api.as_(Role.OWNER, "o-2")

    answers = [
        other("GET", f"{HOME}/contacts"),
        other("POST", f"{HOME}/contacts", json=GRANDCHILD),
        other("POST", f"{HOME}/well"),
        other("DELETE", f"{HOME}/contacts/{kept['id']}"),
        other("DELETE", f"/api/v1/owners/o-2/wellbeing/contacts/{kept['id']}"),
    ]

    assert {one.status_code for one in answers} == {404}
    assert len(api.alerts.contacts.some("o-1", "test")) == 1


def test_who_may_only_export_changes_nothing(api: Api) -> None:
    """The missing right by its name."""
    ask = api.as_(Role.OWNER, "o-1", [Right.EXPORT])

    assert ask("GET", f"{HOME}/contacts").status_code == 200
    refused = ask("POST", f"{HOME}/well")
    assert (refused.status_code, refused.json()["right"]) == (403, "consents.change")


def test_what_comes_twice_with_its_key_counts_once(api: Api) -> None:
    """A contact is the same one; a late repeat of well says nothing of now; another word needs a new key."""
    ask = api.as_(Role.OWNER, "o-1")
    first = ask("POST", f"{HOME}/contacts", json=GRANDCHILD, headers=WITH_KEY).json()
    said = api.clock.now
    ask("POST", f"{HOME}/well", headers={"Idempotency-Key": "k-2"})
    api.clock.now += MS_PER_DAY

    again = ask("POST", f"{HOME}/contacts", json=GRANDCHILD, headers=WITH_KEY).json()
    ask("POST", f"{HOME}/well", headers={"Idempotency-Key": "k-2"})

    assert again == first
    assert api.alerts.wellbeing.house("o-1").well == said
    assert api.log(ask.who) == ["wellbeing.contact.added", "wellbeing.well"]
    until = {"until": api.clock.now + MS_PER_DAY}
    assert ask("POST", f"{HOME}/away", json=until, headers=WITH_KEY).status_code == 422
    ask("DELETE", f"{HOME}/contacts/{first['id']}")
    late = ask("POST", f"{HOME}/contacts", json=GRANDCHILD, headers=WITH_KEY)
    assert (late.status_code, "new key" in late.text) == (422, True)
    assert api.alerts.contacts.some("o-1", "test") == []


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"channel": "pigeon"}, 400, "reaches no contact here"),
        ({"address": "12"}, 400, "the sms address of the contact"),
        ({"address": ""}, 422, "address"),
        ({"language": "xx"}, 400, "no language of messages"),
        ({"colour": "red"}, 422, "colour"),
        ({"name": "see https://evil.example"}, 400, "holds no link"),
    ],
)
def test_what_is_no_contact_is_refused(api: Api, changes: dict[str, Any], status: int, says: str) -> None:
    """With what is wrong, and never with a number that was right."""
    refused = api.as_(Role.OWNER, "o-1")("POST", f"{HOME}/contacts", json=GRANDCHILD | changes)

    assert (refused.status_code, says in refused.text) == (status, True)
    assert NUMBER not in refused.text
