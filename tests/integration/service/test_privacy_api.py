"""Erasures, exports and retention under /api/v1: who may ask for what, on both databases."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import numpy as np
import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from alerts.database import reading
from alerts.desk import Alerts, open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.personal.erasure import DONE
from alerts.tables import AuditRow
from alerts.vault import open_vault
from foremend.config import Settings
from foremend.installation.erasing import Erasing
from foremend.installation.privacy import PrivacyDesk
from foremend.installation.retaining import open_retention
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.guard.door import Door
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.service.v1.diagnoses import DiagnosisDesk
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.rights import Role
from foremend.wiring.desk import guide_of

NUMBER = "+447400123456"
EXPORT = "/api/v1/owners/o-1/export"


@dataclass
class Api:
    """The application, and the installation behind it."""

    app: FastAPI
    client: httpx.Client
    alerts: Alerts
    clock: Any
    settings: Settings

    def as_(self, role: Role, subject: str | None = None) -> Callable[..., httpx.Response]:
        """Asks with a new token of that role."""
        _, token = self.alerts.access.tokens.create("test", role, 30, "test", None, subject)

        def ask(method: str, path: str, **more: Any) -> httpx.Response:
            return self.client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **more)

        return ask

    def noted(self, action: str) -> list[tuple[str, str]]:
        """Subject and details of the audit log's entries of that action."""
        query = select(AuditRow.subject, AuditRow.details).where(AuditRow.action == action)
        with reading(self.alerts.engine) as session:
            return [(row.subject, row.details) for row in session.execute(query.order_by(AuditRow.seq))]

    def finish(self) -> None:
        """What the process with the pipeline does, until nothing is left to do."""
        erasing = Erasing(self.settings, self.alerts.erasures, lambda job: None, (), self.clock.now_ms)
        assert erasing.round() == []


@pytest.fixture
def api(tmp_path: Path, database: str, clock: Any) -> Iterator[Api]:
    desk = {"database": database, "key_file": tmp_path / "key", "sms": None, "push": None}
    desk["email"] = {"file": tmp_path / "email.jsonl"}
    settings = Settings.model_validate(
        {"storage": {"folder": tmp_path / "var"}, "alerts": desk | {"jurisdiction": "EU"}}
    )
    vault = open_vault(settings.alerts, os.environ)
    guides = {name: guide_of(entry) for name, entry in load_catalogue().items()}
    alerts = open_alerts(settings.alerts, clock, vault, {}, np.random.default_rng(0), guides, {})
    alerts.owners.register_owners([Owner("o-1", {"sms": NUMBER}), Owner("o-2", {})])
    alerts.owners.register_appliances(
        [OwnedAppliance("fridge-1", "o-1", "rf-260", "en"), OwnedAppliance("fridge-2", "o-2", "rf-260")]
    )
    model = ReadModel(alerts.engine, SharedPipeline(alerts.engine, (), clock, 60_000), {}, {}, {})
    privacy = PrivacyDesk(settings, alerts, clock, open_retention(settings, alerts, clock))
    door = Door(alerts.access, False, Buckets(1e6), Buckets(1e6))
    app = create_app(
        model,
        door=door,
        desks=Desks(
            servicing=alerts.servicing,
            consents=alerts.consents,
            previews=alerts.previews,
            privacy=privacy,
            diagnosing=DiagnosisDesk(alerts.diagnoses, alerts.words),
        ),
    )
    with (
        Server(app, "127.0.0.1", 0) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield Api(app, client, alerts, clock, settings)
    alerts.close()


def test_an_erasure_is_asked_for_and_followed_to_its_report(api: Api) -> None:
    """Registration ends with the answer; the report at the end names the reference and no owner."""
    admin = api.as_(Role.ADMIN)

    asked = admin("POST", "/api/v1/erasures", json={"owner_id": "o-1", "reference": "letter of 3 May"})

    assert asked.status_code == 202
    job = asked.json()["id"]
    assert admin("GET", "/api/v1/owners/o-1").status_code == 400
    again = admin("POST", "/api/v1/erasures", json={"owner_id": "o-1", "reference": "another"})
    assert again.json()["id"] == job
    api.finish()
    done = admin("GET", f"/api/v1/erasures/{job}").json()
    assert (done["stage"], done["in_time"], done["reference"]) == (DONE, True, "letter of 3 May")
    assert done["removed"]["contacts"] == done["removed"]["appliances"] == 1
    assert {one["what"] for one in done["kept"]} >= {"audit", "backups"}
    assert [one["what"] for one in done["uncounted"]] == ["under_way"]
    assert "o-1" not in str(done)
    assert [one["id"] for one in admin("GET", "/api/v1/erasures").json()] == [job]
    assert [subject for subject, _ in api.noted("erasure.asked")] == [job]
    assert [subject for subject, _ in api.noted("erasure.read")] == [job]


def test_a_copy_of_everything_is_a_zip_with_addresses_in_clear(api: Api) -> None:
    """Of this owner alone; who had it stands in the audit log, and so in the copy; no file of it stays."""
    answer = api.as_(Role.ADMIN)("GET", EXPORT)

    assert answer.headers["content-type"] == "application/zip"
    with ZipFile(io.BytesIO(answer.content)) as bundle:
        contacts = [orjson.loads(line) for line in bundle.read("contacts.jsonl").splitlines()]
        audit = bundle.read("audit.jsonl").decode()
        said = b"".join(map(bundle.read, bundle.namelist()))
    assert [one["address"] for one in contacts] == [NUMBER]
    assert "owner.exported" in audit
    assert b"fridge-2" not in said
    ((subject, details),) = api.noted("owner.exported")
    assert subject == "o-1"
    assert "token:" in details
    assert not [one for one in api.settings.storage.folder.rglob("*") if one.is_file()]


def test_an_owner_reaches_the_own_alone(api: Api) -> None:
    """What is another's looks as if it were not there, and nothing happens to it."""
    own = api.as_(Role.OWNER, "o-1")

    assert own("GET", EXPORT).status_code == 200
    assert own("GET", "/api/v1/owners/o-2/export").status_code == 404
    assert own("POST", "/api/v1/erasures", json={"owner_id": "o-2"}).status_code == 404
    assert own("GET", "/api/v1/erasures").json()["right"] == "erasures"
    assert own("GET", "/api/v1/retention").json()["right"] == "retention"

    assert api.alerts.erasures.all() == []
    assert [subject for subject, _ in api.noted("owner.exported")] == ["o-1"]


def test_an_owner_who_asks_to_be_forgotten_does_not_come_in_again(api: Api) -> None:
    """Token, user and sessions end with the asking, and no entry of the log names them once it is done."""
    user, link = api.alerts.access.users.create("anna", Role.OWNER, "test", "o-1")
    user = api.alerts.access.users.set_password(link, "a long enough passphrase")
    cookie = {"Cookie": f"foremend={api.alerts.access.sessions.begin(user)}"}
    own = api.as_(Role.OWNER, "o-1")
    assert api.client.get("/api/v1/owners", headers=cookie).status_code == 200

    assert own("POST", "/api/v1/erasures", json={"owner_id": "o-1"}).status_code == 202

    assert own("GET", "/api/v1/owners").status_code == 401
    assert api.client.get("/api/v1/owners", headers=cookie).status_code == 401
    api.finish()
    (job,) = api.alerts.erasures.all()
    assert job.report["removed"]["users"] == job.report["removed"]["access_tokens"] == 1
    with reading(api.alerts.engine) as session:
        log = [(row.subject, row.details) for row in session.scalars(select(AuditRow))]
    assert user.id not in str(log)
    assert "anna" not in str(log)
    assert api.alerts.access.users.all() == []


@pytest.mark.parametrize("role", [Role.AGENT, Role.DATA_SCIENTIST, Role.QUALITY, Role.TECHNICIAN])
def test_a_service_desk_neither_erases_nor_takes_copies(api: Api, role: Role) -> None:
    """403 on each route, with the right that is missing, and nothing done."""
    other = api.as_(role, "kim" if role is Role.TECHNICIAN else None)

    answers = [
        other("GET", "/api/v1/erasures"),
        other("GET", "/api/v1/erasures/er-1"),
        other("POST", "/api/v1/erasures", json={"owner_id": "o-1"}),
        other("GET", EXPORT),
        other("GET", "/api/v1/retention"),
    ]

    assert [(one.status_code, one.json()["right"]) for one in answers] == [
        (403, right) for right in ("erasures", "erasures", "erasures.change", "owners.export", "retention")
    ]
    assert api.alerts.erasures.all() == []
    assert api.noted("owner.exported") == []


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"owner_id": "nobody"}, 400, "nothing is known of an owner 'nobody'"),
        ({"owner_id": "o-1", "reference": "o-1"}, 400, "reference is the owner's id"),
        ({"owner_id": "o 1"}, 422, "owner_id"),
        ({"owner_id": "o-1", "now": True}, 422, "now"),
        ({"owner_id": "o-1", "reference": "x\x00"}, 422, "reference"),
    ],
)
def test_what_cannot_be_erased_is_refused(api: Api, body: dict[str, Any], status: int, says: str) -> None:
    """With what is wrong, and no job."""
    answer = api.as_(Role.ADMIN)("POST", "/api/v1/erasures", json=body)

    assert (answer.status_code, says in answer.text) == (status, True)
    assert api.alerts.erasures.all() == []


def test_what_nobody_knows_is_not_there(api: Api) -> None:
    """No report of a job that never was, no copy of an owner that never was."""
    admin = api.as_(Role.ADMIN)

    assert admin("GET", "/api/v1/erasures/er-1").status_code == 404
    assert admin("GET", "/api/v1/owners/nobody/export").status_code == 400


def test_who_looks_after_it_sees_how_long_what_is_kept(api: Api) -> None:
    """Every place, by the installation's policy; the last run once there was one."""
    operator = api.as_(Role.OPERATOR)
    before = operator("GET", "/api/v1/retention").json()

    open_retention(api.settings, api.alerts, api.clock).run()

    after = operator("GET", "/api/v1/retention").json()
    assert before["policy"] == "EU"
    kept = {one["place"]: one for one in before["places"]}
    assert kept["findings"]["kept"].startswith("P")
    assert kept["findings"]["last_run"] is None
    assert next(one for one in after["places"] if one["place"] == "findings")["last_run"] is not None
    assert {"contacts", "audit", "history"} <= set(kept)
