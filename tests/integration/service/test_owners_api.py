"""Owners and consents under /api/v1: who may read and change what, on both databases."""

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

from alerts.database import reading, writing
from alerts.desk import Alerts, open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.settings import AlertsSettings
from alerts.tables import AuditRow, ReminderRow
from alerts.vault import open_vault
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.guard.door import Door
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import MS_PER_DAY, Purpose

YES = {"purposes": ["monitoring", "sms"], "given": True, "owner_id": "o-1", "how": "app"}
FRIDGE = "/api/v1/appliances/fridge-1/consents"
OTHERS = "/api/v1/appliances/fridge-2/consents"


@dataclass
class Api:
    """The application, and tokens for it."""

    client: httpx.Client
    alerts: Alerts
    clock: Any

    def as_(self, role: Role, subject: str | None = None) -> Callable[..., httpx.Response]:
        """Asks with a new token of that role."""
        _, token = self.alerts.access.tokens.create("test", role, 30, "test", None, subject)

        def ask(method: str, path: str, **more: Any) -> httpx.Response:
            headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
            return self.client.request(method, path, headers=headers, **more)

        return ask

    def read(self) -> list[tuple[str, str]]:
        """Entries of the audit log that tell of a reading."""
        with reading(self.alerts.engine) as session:
            rows = session.execute(select(AuditRow.action, AuditRow.subject).order_by(AuditRow.seq))
            return [(action, subject) for action, subject in rows if action.endswith(".read")]


@pytest.fixture
def api(tmp_path: Path, database: str, clock: Any) -> Iterator[Api]:
    settings = AlertsSettings(
        database=database, key_file=tmp_path / "key", sms=None, push=None, jurisdiction="EU"
    )
    vault = open_vault(settings, os.environ)
    alerts = open_alerts(settings, clock, vault, {}, np.random.default_rng(0), {}, {})
    alerts.owners.register_owners([Owner("o-1", {"sms": "+447400123456"}), Owner("o-2", {})])
    alerts.owners.register_appliances(
        [OwnedAppliance("fridge-1", "o-1", "rf-260", "en"), OwnedAppliance("fridge-2", "o-2", "rf-260")]
    )
    model = ReadModel(alerts.engine, SharedPipeline(alerts.engine, (), clock, 60_000), {}, {}, {})
    door = Door(alerts.access, False, Buckets(1e6), Buckets(1e6))
    app = create_app(model, door=door, desks=Desks(consents=alerts.consents))
    with (
        Server(app, "127.0.0.1", 0) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield Api(client, alerts, clock)
    alerts.close()


def test_a_service_desk_keeps_what_an_owner_says(api: Api) -> None:
    """Granted, withdrawn, read and receipted; each reading of one owner's stands in the audit log."""
    agent = api.as_(Role.AGENT)

    assert agent("POST", FRIDGE, json=YES).json()["consents"] == {"monitoring": "given", "sms": "given"}
    no = agent("POST", FRIDGE, json={"purposes": ["sms"], "given": False})

    assert no.json()["consents"]["sms"].startswith("withdrawn at")
    words = agent("GET", FRIDGE).json()
    assert [(one["purpose"], one["given"]) for one in words] == [
        ("monitoring", True), ("sms", True), ("sms", False),
    ]  # fmt: skip
    shown = agent("GET", "/api/v1/owners/o-1").json()
    assert shown["channels"] == ["sms"]
    assert shown["appliances"][0]["consents"]["monitoring"] == "given"
    assert "7700900123" not in str(shown)
    assert agent("GET", f"{FRIDGE}/receipt").json()["pii_principal_id"] == "o-1"
    assert [one["owner_id"] for one in agent("GET", "/api/v1/owners?beginning=o-").json()["items"]] == [
        "o-1",
        "o-2",
    ]
    assert api.read() == [
        ("consent.read", "fridge-1"), ("owner.read", "o-1"), ("consent.read", "fridge-1"), ("owner.read", "*"),
    ]  # fmt: skip


def test_an_owner_says_and_reads_the_own_alone(api: Api) -> None:
    """What is another's looks as if it were not there, whatever is asked, and nothing is kept of it."""
    own = api.as_(Role.OWNER, "o-1")

    assert own("POST", FRIDGE, json={"purposes": ["monitoring"], "given": True}).status_code == 200
    assert own("POST", FRIDGE, json=YES | {"owner_id": "o-2"}).status_code == 404
    for method, path, more in (
        ("POST", OTHERS, {"json": YES | {"owner_id": "o-2"}}),
        ("POST", OTHERS, {"json": {"purposes": ["sms"], "given": False}}),
        ("GET", OTHERS, {}),
        ("GET", f"{OTHERS}/receipt", {}),
        ("GET", "/api/v1/owners/o-2", {}),
        ("GET", "/api/v1/owners/nobody", {}),
    ):
        assert own(method, path, **more).status_code == 404, path

    assert [one["owner_id"] for one in own("GET", "/api/v1/owners").json()["items"]] == ["o-1"]
    assert own("GET", "/api/v1/owners?beginning=o-2").json()["items"] == []
    assert api.alerts.consent.history("fridge-2") == []
    assert api.read() == [("owner.read", "o-1")]


def test_the_next_owner_reads_nothing_of_the_former_one(api: Api) -> None:
    """The appliance is theirs now; what was said before is not."""
    former, next_one = api.as_(Role.OWNER, "o-1"), api.as_(Role.OWNER, "o-2")
    former("POST", FRIDGE, json=YES)

    api.alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-2", "rf-260")])

    assert next_one("GET", FRIDGE).json() == []
    assert next_one("GET", f"{FRIDGE}/receipt").status_code == 400
    assert former("GET", FRIDGE).status_code == 404
    assert former("POST", FRIDGE, json=YES).status_code == 404


@pytest.mark.parametrize("role", [Role.DATA_SCIENTIST, Role.QUALITY, Role.OPERATOR, Role.TECHNICIAN])
def test_who_needs_no_owner_sees_none(api: Api, role: Role) -> None:
    """403 on each route, with the right that is missing, and nothing kept."""
    other = api.as_(role, "kim" if role is Role.TECHNICIAN else None)

    answers = [
        other("GET", "/api/v1/owners"),
        other("GET", "/api/v1/owners/o-1"),
        other("GET", FRIDGE),
        other("GET", f"{FRIDGE}/receipt"),
        other("POST", FRIDGE, json=YES),
    ]

    assert [one.status_code for one in answers] == [403] * 5
    assert [one.json()["right"] for one in answers] == ["owners"] * 2 + ["consents"] * 2 + ["consents.change"]
    assert api.alerts.consent.history("fridge-1") == []


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (YES | {"owner_id": None}, 400, "a yes names who says it"),
        (YES | {"owner_id": "o-2"}, 400, "is not the registered owner"),
        (YES | {"purposes": []}, 422, "purposes"),
        (YES | {"purposes": ["everything"]}, 422, "purposes"),
        (YES | {"retention": "soon"}, 400, "soon"),
        (YES | {"at": 1}, 422, "at"),
        (YES | {"how": "x\x00"}, 422, "how"),
    ],
)
def test_a_word_that_cannot_be_kept_is_refused_whole(
    api: Api, body: dict[str, Any], status: int, says: str
) -> None:
    """With what is wrong; of several purposes none is kept."""
    answer = api.as_(Role.AGENT)("POST", FRIDGE, json=body)

    assert answer.status_code == status
    assert says in answer.text
    assert api.alerts.consent.history("fridge-1") == []


def test_an_unknown_appliance_is_refused_with_the_nearest(api: Api) -> None:
    """A withdrawal under a wrong spelling never looks as if it had worked."""
    answer = api.as_(Role.AGENT)(
        "POST", "/api/v1/appliances/FRIDGE-1/consents", json={"purposes": ["sms"], "given": False}
    )

    assert answer.status_code == 400
    assert "did you mean 'fridge-1'?" in answer.json()["detail"]


def test_a_word_that_comes_twice_with_its_key_is_kept_once(api: Api) -> None:
    """An app whose answer was lost asks again: the same answer, and no second word in the ledger."""
    agent = api.as_(Role.AGENT)

    first = agent("POST", FRIDGE, json=YES, headers={"Idempotency-Key": "k-1"})
    api.clock.now += 1_000
    again = agent("POST", FRIDGE, json=YES, headers={"Idempotency-Key": "k-1"})

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert len(api.alerts.consent.history("fridge-1")) == 2  # one for each purpose


@pytest.mark.parametrize(
    ("path", "word"),
    [
        (FRIDGE, YES | {"given": False}),
        (FRIDGE, YES | {"purposes": ["sms"]}),
        (OTHERS, YES | {"owner_id": "o-2"}),
    ],
)
def test_a_key_that_comes_with_another_word_is_refused(api: Api, path: str, word: dict[str, Any]) -> None:
    """Neither word nor appliance may be another one; nothing is kept, and a new key has it kept."""
    agent = api.as_(Role.AGENT)
    agent("POST", FRIDGE, json=YES, headers={"Idempotency-Key": "k-1"})

    refused = agent("POST", path, json=word, headers={"Idempotency-Key": "k-1"})

    assert (refused.status_code, "new key" in refused.text) == (422, True)
    assert len(api.alerts.consent.history("fridge-1")) == 2
    assert api.alerts.consent.history("fridge-2") == []
    api.clock.now += 1
    assert agent("POST", path, json=word, headers={"Idempotency-Key": "k-2"}).status_code == 200


def test_a_word_that_was_refused_uses_no_key_up(api: Api) -> None:
    """Corrected, it may come with the same one."""
    agent = api.as_(Role.AGENT)
    wrong = agent("POST", FRIDGE, json=YES | {"owner_id": "o-2"}, headers={"Idempotency-Key": "k-1"})

    right = agent("POST", FRIDGE, json=YES, headers={"Idempotency-Key": "k-1"})

    assert (wrong.status_code, right.status_code) == (400, 200)


def test_a_repeat_after_a_no_says_no(api: Api) -> None:
    """A late repeat of an older yes brings none back."""
    agent = api.as_(Role.AGENT)
    agent("POST", FRIDGE, json=YES, headers={"Idempotency-Key": "k-1"})
    api.clock.now += 1
    agent("POST", FRIDGE, json=YES | {"given": False})
    api.clock.now += 1

    again = agent("POST", FRIDGE, json=YES, headers={"Idempotency-Key": "k-1"}).json()

    assert again["consents"]["sms"].startswith("withdrawn at")
    assert not api.alerts.consent.is_given("fridge-1", Purpose.SMS)


def test_keys_are_forgotten_after_thirty_days(api: Api) -> None:
    """They take no room for ever; what else was told once is remembered for longer."""
    agent = api.as_(Role.AGENT)
    agent("POST", FRIDGE, json=YES, headers={"Idempotency-Key": "k-1"})
    with writing(api.alerts.engine) as session:
        session.add(ReminderRow(id="rm_0123456789abcdef01234567", at=api.clock.now))
    api.clock.now += 30 * MS_PER_DAY
    api.alerts.endings.round()
    with reading(api.alerts.engine) as session:
        assert len(session.scalars(select(ReminderRow.id)).all()) == 3

    api.clock.now += 1
    api.alerts.endings.round()

    with reading(api.alerts.engine) as session:
        assert session.scalars(select(ReminderRow.id)).all() == ["rm_0123456789abcdef01234567"]
