"""Steps that another system sends, signed: over real HTTP, with the library that receivers use, on both databases."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from alerts import queries
from alerts.inbound import open_inbound
from alerts.outbox import Outbox
from alerts.servicing import Servicing
from alerts.settings import AlertsSettings
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.guard.door import Door
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.errors import ConfigError
from tests.integration.service.test_rights import desk, findings_of

__all__ = ["desk", "findings_of"]


def secret(letter: str) -> str:
    return "whsec_" + base64.b64encode(letter.encode() * 32).decode()


OLD, NEW, WRONG = secret("o"), secret("n"), secret("w")


@dataclass
class Receiver:
    """The service, and a platform that sends to it."""

    client: httpx.Client
    engine: Any
    ticket_id: str
    desk: Any

    def send(self, step: Any, **options: Any) -> httpx.Response:
        """Signed with NEW, now, as the platform; `options` change that."""
        data = {"ticket_id": options.get("ticket_id", self.ticket_id), "step": step}
        data |= {"version": options["version"]} if "version" in options else {}
        body = options.get("body") or json.dumps(
            {"type": options.get("type", "foremend.ticket.step"), "data": data}
        )
        at = datetime.now(UTC) - timedelta(minutes=options.get("minutes_ago", 0))
        name = options.get("id", "msg_1")
        headers = {
            "webhook-id": name, "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(options.get("secret", NEW)).sign(name, at, body),
        } | options.get("headers", {})  # fmt: skip
        return self.client.post(
            f"/api/v1/inbound/{options.get('sender', 'platform')}",
            content=options.get("altered", body),
            headers={one: value for one, value in headers.items() if value is not None},
        )

    def ticket(self) -> dict[str, Any]:
        found = queries.ticket(self.engine, self.ticket_id)
        assert found is not None
        return found

    def history(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.desk.servicing.history(self.ticket_id)
        return found


@pytest.fixture
def receiver(tables: Any, clock: Any, desk: Any, findings_of: Any) -> Iterator[Receiver]:
    findings_of("fridge-1")
    settings = AlertsSettings.model_validate(
        {"inbound": [{"name": "platform", "secret_env": "A"}, {"name": "other", "secret_env": "B"}]}
    )
    inbound = open_inbound(settings, {"A": f"{NEW} {OLD}", "B": secret("b")})
    servicing = Servicing(tables, Outbox(settings), clock, lambda: None)
    model = ReadModel(tables, SharedPipeline(tables, (), clock, 60_000), {}, {}, {})
    door = Door(None, False, Buckets(1e6), Buckets(1e6))
    app = create_app(model, door=door, desks=Desks(servicing=servicing, inbound=inbound))
    with Server(app, "127.0.0.1", 0) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield Receiver(client, tables, queries.tickets(tables).items[0]["ticket_id"], desk)


@pytest.mark.parametrize("key", [NEW, OLD])
def test_a_signed_step_is_taken_once(receiver: Receiver, key: str) -> None:
    """With the new secret and the one that it replaces; the same id again changes nothing and is answered alike."""
    answers = [receiver.send({"step": "acknowledged"}, secret=key, version=1) for _ in range(3)]

    assert [one.status_code for one in answers] == [200, 200, 200]
    assert len({one.text for one in answers}) == 1
    assert answers[0].headers["ETag"] == '"2"'
    assert [(one["step"], one["by"]) for one in receiver.history()] == [("acknowledged", "webhook:platform")]


@pytest.mark.parametrize(
    "options",
    [
        {"secret": WRONG},
        {"sender": "other"},
        {"sender": "nobody"},
        {"minutes_ago": 6},
        {"minutes_ago": -6},
        {"altered": '{"type":"foremend.ticket.step"}'},
        {"headers": {"webhook-id": "msg_2"}},
        {"headers": {"webhook-id": None}},
        {"headers": {"webhook-signature": None}},
        {"headers": {"webhook-signature": "v1,"}},
        {"headers": {"webhook-signature": "v2,AAAA v1a,BBBB \u00e9"}},
        {"headers": {"webhook-timestamp": "soon"}},
        {"headers": {"webhook-timestamp": "1e400"}},
        {"headers": {"webhook-timestamp": "9" * 40}},
    ],
)
def test_what_is_not_signed_right_is_nobodys(receiver: Receiver, options: dict[str, Any]) -> None:
    """Another secret, another's, too old, from the future, altered, without one of the headers: all alike."""
    if "\u00e9" in str(options):
        options = {"headers": {"webhook-signature": "v2,AAAA v1a,BBBB é".encode("latin-1")}}
    answer = receiver.send({"step": "closed"}, **options)

    assert answer.status_code == 401, answer.text
    assert answer.json()["detail"].startswith("it bears no signature")
    assert (receiver.ticket()["status"], receiver.history()) == ("open", [])


@pytest.mark.parametrize(
    ("step", "options", "status"),
    [
        ({"step": "exploded"}, {}, 422),
        ({"step": "resolved", "result": "other_fault"}, {}, 422),
        ("closed", {}, 422),
        ({"step": "closed"}, {"type": "foremend.ticket.closed"}, 422),
        ({"step": "closed"}, {"body": "[]"}, 422),
        ({"step": "closed"}, {"body": '{"a":'}, 422),
        ({"step": "closed"}, {"ticket_id": "tk_none"}, 404),
        ({"step": "resumed"}, {}, 409),
        ({"step": "closed"}, {"version": 7}, 412),
    ],
)
def test_a_signed_step_that_cannot_be_is_refused_and_leaves_nothing(
    receiver: Receiver, step: Any, options: dict[str, Any], status: int
) -> None:
    """As a problem; and its id may come again with what can be."""
    before = receiver.ticket()

    answer = receiver.send(step, **options)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert receiver.ticket() == before
    assert receiver.send({"step": "acknowledged"}).status_code == 200


def test_an_id_with_another_step_is_refused(receiver: Receiver) -> None:
    """A sender that uses an id twice for two things hears of it."""
    receiver.send({"step": "acknowledged"})

    assert receiver.send({"step": "closed"}).status_code == 422
    assert receiver.ticket()["status"] == "acknowledged"


def test_ten_of_one_id_at_the_same_moment_are_one_step(receiver: Receiver) -> None:
    """As a sender does that does not wait for the answer."""
    statuses: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: statuses.append(receiver.send({"step": "noted", "note": "x"}).status_code)
        )
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 10
    assert len(receiver.history()) == 1


def test_a_sender_without_a_secret_does_not_start() -> None:
    """Nor with one that is none; and the sentence does not show it."""
    settings = AlertsSettings.model_validate({"inbound": [{"name": "platform", "secret_env": "A"}]})

    for environ in ({}, {"A": "whsec_not-base64!"}):
        with pytest.raises(ConfigError, match="'platform'") as error:
            open_inbound(settings, environ)
        assert "not-base64!" not in str(error.value)
