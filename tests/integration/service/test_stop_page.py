"""The page behind the link in a message: plain, without a script, and only its button changes anything."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import select

from alerts.change import change
from alerts.database import reading, writing
from alerts.desk import Alerts, open_alerts
from alerts.outbox import Notification, Outbox
from alerts.owners import OwnedAppliance, Owner
from alerts.settings import AlertsSettings
from alerts.stop_links import StopDesk
from alerts.tables import HOUSEHOLD, AuditRow, OutboxRow
from alerts.vault import open_vault
from foremend.config import ServiceSettings
from foremend.service.desks import Desks
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.types import Purpose
from foremend.wiring.page import open_server

HOST = "m.example"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
LOCKED = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@dataclass
class Page:
    """The service as others than this machine reach it, and one SMS with its link."""

    client: httpx.Client
    alerts: Alerts
    path: str

    @property
    def given(self) -> bool:
        return self.alerts.consent.is_given("fridge-1", Purpose.SMS)

    @property
    def words(self) -> int:
        return len(self.alerts.consent.history("fridge-1"))


@pytest.fixture
def page(tmp_path: Path, database: str, clock: Any) -> Iterator[Page]:
    settings = AlertsSettings(
        database=database, key_file=tmp_path / "key", push=None, stop_url=f"https://{HOST}", quiet_hours=None
    )
    vault = open_vault(settings, os.environ)
    alerts = open_alerts(settings, clock, vault, {}, np.random.default_rng(0), {}, {})
    alerts.owners.register_owners([Owner("o-1", {"sms": "+447400123456"})])
    alerts.owners.register_appliances(
        [OwnedAppliance("fridge-1", "o-1", "rf-260", "en", name="Rosa's fridge")]
    )
    alerts.consents.say("fridge-1", [Purpose.SMS], True, owner_id="o-1", how="app")
    with change(alerts.engine, clock) as work:
        Outbox(settings).notify(work, Notification("nt-1", "fridge-1", None, {"en": "It leaks."}, {}))
    with reading(alerts.engine) as session:
        link = alerts.stopping.links.link(session.scalars(select(OutboxRow)).one(), "o-1")
    model = ReadModel(alerts.engine, SharedPipeline(alerts.engine, (), clock, 60_000), {}, {}, {})
    service = ServiceSettings(port=_free_port(), login="always", requests_per_second=1e6)
    server: Server = open_server(
        service, model, model.health(), alerts.access, Desks(stopping=alerts.stopping)
    )
    with server as address, httpx.Client(base_url=address, timeout=60, headers={"Host": HOST}) as client:
        yield Page(client, alerts, link.removeprefix(f"https://{HOST}"))
    alerts.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def test_one_tap_stops_and_nobody_logs_in(page: Page) -> None:
    """The page asks, its button is a form, and the answer says what was done and what was not."""
    asked = page.client.get(page.path)
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', asked.text))
    assert (asked.status_code, page.given, form) == (200, True, ONE_CLICK)
    assert "Stop text messages about this appliance?" in asked.text
    assert '<form class="card login" method="post"' in asked.text

    done = page.client.post(page.path, data=form)

    assert done.status_code == 200
    assert "no more text messages" in done.text
    assert "<form" not in done.text
    assert not page.given
    assert "no more text messages" in page.client.get(page.path).text


def test_nothing_but_the_button_changes_anything(page: Page) -> None:
    """Scanners of mail look, ask by HEAD, or send an empty form; none of it is a word of the owner's."""
    words = page.words
    for _ in range(3):
        page.client.get(page.path, headers={"Purpose": "prefetch"})
    for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"):
        page.client.request(method, page.path)
    for body in (b"", b"x=1", b"List-Unsubscribe=", b"One-Click"):
        assert "<form" in page.client.post(page.path, content=body).text

    assert (page.given, page.words) == (True, words)


@pytest.mark.parametrize("how", [{"data": ONE_CLICK}, {"files": {"List-Unsubscribe": (None, "One-Click")}}])
def test_a_mail_program_stops_by_one_click(page: Page, how: dict[str, Any]) -> None:
    """RFC 8058, both encodings of a form; from its own servers, without a page of ours; again, it writes nothing."""
    for _ in range(3):
        assert page.client.post(page.path, **how, headers={"Origin": "null"}).status_code == 200

    said = page.alerts.consent.history("fridge-1")
    assert [(one["given"], one["how"]) for one in said] == [(True, "app"), (False, "link in a message")]


def test_the_page_holds_nothing_about_anybody_and_runs_nothing(page: Page) -> None:
    """Own assets, no script, the CSP of all pages but for its own form; ids and names are in none of it."""
    asked = page.client.get(page.path)

    assert asked.headers["content-security-policy"] == LOCKED
    assert asked.headers["cache-control"] == "no-store"
    assert "form-action 'none'" in page.client.get("/").headers["content-security-policy"]
    assert "<script" not in asked.text
    sheet = re.findall(r'href="([^"]+)"', asked.text)
    assert sheet == ["../favicon.svg", "../style.css"]
    assert all(page.client.get(one.removeprefix("..")).status_code == 200 for one in sheet)
    for secret in ("o-1", "fridge", "Rosa", "900123", "nt-1"):
        assert secret not in asked.text + page.path


def test_what_is_no_link_is_told_so_in_two_languages(page: Page) -> None:
    """404, whoever guesses; the link of an erased owner is none any more."""
    for path in (page.path[:-1], page.path[:-1] + ("a" if page.path[-1] != "a" else "b"), "/s/%00", "/s/x"):
        for answer in (page.client.get(path), page.client.post(path, data=ONE_CLICK)):
            assert answer.status_code == 404
            assert "does not hold any more" in answer.text
            assert "此链接已失效" in answer.text
    with writing(page.alerts.engine) as session:
        session.query(OutboxRow).delete()

    assert page.client.post(page.path, data=ONE_CLICK).status_code == 404
    assert page.given


def test_the_page_speaks_the_owners_language(page: Page) -> None:
    """As the messages do."""
    page.alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-1", "rf-260", "zh-CN")])

    asked = page.client.get(page.path)

    assert '<html lang="zh">' in asked.text
    assert "不再接收关于此电器的短信" in asked.text


def test_a_database_that_is_away_is_no_dead_link(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner is asked to try again, in words and not in JSON."""

    def away(*_: Any) -> None:
        raise UnavailableError("the database is away")

    monkeypatch.setattr(StopDesk, "stop", away)

    answer = page.client.post(page.path, data=ONE_CLICK)

    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "try again" in answer.text


@pytest.mark.parametrize(
    ("owner_id", "said", "unsaid"),
    [
        ("o-1", "your service desk", "foremend household"),
        (HOUSEHOLD, "foremend household agree", "service desk"),
    ],
)
def test_the_page_names_a_way_back_that_its_reader_has(
    page: Page, owner_id: str, said: str, unsaid: str
) -> None:
    """Who runs Foremend at home has neither an app nor a service desk; an owner of a fleet has no command line."""
    page.alerts.owners.register_owners([Owner(owner_id, {})])
    page.alerts.owners.register_appliances([OwnedAppliance("fridge-1", owner_id, "rf-260", "en")])
    page.alerts.consents.say("fridge-1", [Purpose.SMS], True, owner_id=owner_id, how="app")
    with reading(page.alerts.engine) as session:
        row = session.scalars(select(OutboxRow).order_by(OutboxRow.seq)).first()
        assert row is not None
        path = page.alerts.stopping.links.link(row, owner_id).removeprefix(f"https://{HOST}")

    stopped = page.client.post(path, data=ONE_CLICK).text

    assert said in stopped
    assert unsaid not in stopped


def test_a_stop_stands_in_the_audit_log_without_the_owner(page: Page) -> None:
    """As every word does."""
    page.client.post(page.path, data=ONE_CLICK)

    with reading(page.alerts.engine) as session:
        last = session.scalars(select(AuditRow).order_by(AuditRow.seq.desc())).first()
    assert last is not None
    assert last.action == "consent.recorded"
    assert "o-1" not in str(last.__dict__)
