"""The page behind the link in a message to a trusted contact, and who else learns that one was told: nobody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from alerts.channels import Message
from alerts.desk import Alerts, open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.settings import AlertsSettings
from alerts.vault import open_vault
from alerts.wellbeing.contacts import Contact
from alerts.wellbeing.desk import Household
from alerts.wellbeing.telling import Found
from alerts.words.loading import LANGUAGES, words_of
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.guard.door import Door, require_rights
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Purpose
from foremend.vocabulary.wellbeing import Level

HOST = "m.example"
NUMBER = "+8613912345678"
HOME = Household("o-1", "Asia/Shanghai", (("fridge-1", "rf-260"),))


@dataclass
class ToContacts:
    """A channel that keeps what it sent."""

    longest_send: int = 1_000
    sent: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> None:
        self.sent.append(message)

    def cut(self) -> None:
        """Nothing takes long."""

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class Told:
    """A contact who was told of a silence, and the application that the link leads to."""

    client: httpx.Client
    alerts: Alerts
    clock: Any
    channel: ToContacts
    app: Any

    @property
    def path(self) -> str:
        """Of the link in the last message."""
        return urlsplit(self.channel.sent[-1].link).path

    def tell(self, level: Level | None) -> None:
        now = self.clock.now_ms()
        found = None if level is None else Found(level, now - 20 * MS_PER_HOUR, now - 9 * MS_PER_HOUR)
        self.alerts.wellbeing.tell(HOME, found, now - 20 * MS_PER_HOUR)
        self.alerts.dispatcher.run_once()


@pytest.fixture
def told(tmp_path: Path, database: str, clock: Any) -> Iterator[Told]:
    settings = AlertsSettings(
        database=database, key_file=tmp_path / "key", stop_url=f"https://{HOST}", quiet_hours=None
    )
    channel = ToContacts()
    vault = open_vault(settings, os.environ)
    alerts = open_alerts(settings, clock, vault, {"sms": channel}, np.random.default_rng(0), {}, {})
    alerts.owners.register_owners([Owner("o-1", {})])
    alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-1", "rf-260", "en")])
    alerts.consents.say("fridge-1", [Purpose.MONITORING, Purpose.WELLBEING], True, owner_id="o-1", how="app")
    alerts.contacts.add("o-1", Contact("sms", NUMBER, "en", "Grandma & Li"), "test")
    model = ReadModel(
        alerts.engine, SharedPipeline(alerts.engine, (), clock, 60_000), load_profiles(), {}, {}
    )
    door = Door(alerts.access, False, Buckets(1e6), Buckets(1e6))
    desks = Desks(
        servicing=alerts.servicing, consents=alerts.consents, stopping=alerts.stopping, answers=alerts.answers
    )
    app = create_app(model, (HOST,), door=door, desks=desks)
    with Server(app, "127.0.0.1", 0) as address, httpx.Client(base_url=address, timeout=60) as client:
        found = Told(client, alerts, clock, channel, app)
        found.tell(Level.CALL)
        yield found
    alerts.close()


def test_to_look_changes_nothing_and_shows_the_name_alone(told: Told) -> None:
    """What the contact calls the household, escaped; neither owner nor appliance, no script."""
    pages = [told.client.get(told.path) for _ in range(3)]

    assert {page.status_code for page in pages} == {200}
    text = pages[0].text
    assert "Grandma &amp; Li: is all well?" in text
    assert not any(word in text for word in ("o-1", "fridge", "<script", NUMBER))
    assert "form-action 'self'" in pages[0].headers["content-security-policy"]
    assert told.alerts.wellbeing.house("o-1").well is None


def test_all_is_well_by_one_tap_ends_the_silence(told: Told) -> None:
    """The word is kept and told."""
    answer = told.client.post(told.path, data={"word": "well"})

    assert "that is noted" in answer.text
    assert told.alerts.wellbeing.house("o-1").well == told.clock.now_ms()
    told.tell(None)
    assert "all is well" in told.channel.sent[-1].body


def test_an_absence_by_the_page_is_as_long_as_was_said(told: Told) -> None:
    """In days from now on; what is none of the page's is no absence."""
    for wrong in ("0", "400", "x", ""):
        told.client.post(told.path, data={"word": "away", "days": wrong})
    assert told.alerts.wellbeing.house("o-1").away == ()

    told.client.post(told.path, data={"word": "away", "days": "14"})

    now = told.clock.now_ms()
    assert told.alerts.wellbeing.house("o-1").away == ((now, now + 14 * MS_PER_DAY),)


@pytest.mark.parametrize(
    "form",
    [
        {"data": {"word": "stop"}},
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
    ],
)
def test_a_contact_stops_messages_by_one_tap(told: Told, form: dict[str, Any]) -> None:
    """By the page, or by the mail program's own button, as RFC 8058 has it in both encodings; the link ends with it."""
    answer = told.client.post(told.path, **form)

    assert "no more" in answer.text
    assert told.alerts.contacts.some("o-1", "test") == []
    assert told.client.get(told.path).status_code == 404
    count = len(told.channel.sent)
    told.tell(Level.GO)
    assert len(told.channel.sent) == count


@pytest.mark.parametrize("what", ["changed", "old", "withdrawn", "another page", "none"])
def test_a_link_that_does_not_hold_opens_nothing(told: Told, what: str) -> None:
    """404 in two languages, and nothing is kept."""
    path = told.path
    match what:
        case "changed":
            path = path[:-1] + ("A" if path[-1] != "A" else "B")
        case "old":
            told.clock.now += 15 * MS_PER_DAY
        case "withdrawn":
            told.alerts.consents.say("fridge-1", [Purpose.WELLBEING], False, owner_id="o-1", how="app")
        case "another page":
            path = path.replace("/w/", "/s/")
        case _:
            path = "/w/x"

    answers = [told.client.get(path), told.client.post(path, data={"word": "well"})]

    assert {one.status_code for one in answers} == {404}
    assert "失效" in answers[0].text
    assert told.alerts.wellbeing.house("o-1").well is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_speaks_the_contacts_language(told: Told, language: str) -> None:
    """All five; who has no name is the household."""
    told.alerts.contacts.add("o-1", Contact("sms", NUMBER, language), "test")
    told.tell(Level.GO)

    page = told.client.get(told.path).text

    words = words_of(language).to_contact
    assert f'<html lang="{language}">' in page
    assert words.subject.format(name=words.unnamed) in page
    assert words.page.well in page


@pytest.mark.parametrize("role", [one for one in Role if one is not Role.ADMIN])
def test_no_role_reads_anywhere_that_a_contact_was_told(told: Told, role: Role) -> None:
    """Every list of the API, and the owner's own data but by the export: no message, no word, no number.

    Whoever may read consent knows that there is a yes; whoever may read the audit log, that a word was said of it.
    """
    told.tell(Level.GO)
    told.client.post(told.path, data={"word": "well"})
    told.tell(None)
    assert len(told.channel.sent) == 3
    subject = {Role.OWNER: "o-1", Role.TECHNICIAN: "kim"}.get(role)
    token = told.alerts.access.tokens.create("test", role, 30, "test", None, subject)[1]
    paths = [name.split(" ")[1] for name in require_rights(told.app) if name.startswith("GET /api/")]
    asked = [path for path in paths if "{" not in path] + ["/api/v1/held-back?waits=true"]

    answers = {path: told.client.get(path, headers={"Authorization": f"Bearer {token}"}) for path in asked}

    shown = {path: one.text for path, one in answers.items() if one.status_code == 200}
    assert len(shown) > 2
    for word in ("foremend.wellbeing", NUMBER, NUMBER[-6:], "Grandma", told.channel.sent[0].id):
        assert [path for path, text in shown.items() if word in text and "audit" not in path] == []
    assert not any("Grandma" in text or "foremend.wellbeing" in text for text in shown.values())
