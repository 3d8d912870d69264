"""Previews of messages under `/api/v1`: who may ask, and what they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from alerts.owners import OwnedAppliance, Owner
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.guard.door import Door
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.rights import Right, Role
from foremend.vocabulary.types import Finding, FindingKind, Severity
from tests.integration.service.test_rights import bearer, desk

__all__ = ["desk"]


@pytest.fixture
def client(desk: Any, clock: Any) -> Iterator[httpx.Client]:
    """The real application over a refrigerator with a name of its own and one finding."""
    desk.owners.register_owners([Owner("o-9", {"sms": "+8613800001234"})])
    named = OwnedAppliance("fridge-9", "o-9", "rf-260", language="en", name="kitchen fridge")
    desk.owners.register_appliances([named])
    leak = Finding(
        FindingKind.OPENED, "fridge-9", "rf-260", "refrigerant-leak", "r", Severity.WARNING,
        clock.now, clock.now, 1.0, 0.9, 12.0,
    )  # fmt: skip
    desk.effects.apply([leak], [], 1)
    model = ReadModel(desk.engine, SharedPipeline(desk.engine, (), clock, 60_000), load_profiles(), {}, {})
    door = Door(desk.access, False, Buckets(1e6), Buckets(1e6))
    app = create_app(model, door=door, desks=Desks(previews=desk.previews))
    with (
        Server(app, "127.0.0.1", 0) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield client


def ask(client: httpx.Client, desk: Any, question: str, role: Role, only: list[Right] | None = None) -> Any:
    _, text = desk.access.tokens.create("test", role, 30, "test", only, None)
    agent = bearer(desk.access.tokens.create("ids", Role.AGENT, 30, "test", None, None)[1])
    [found] = client.get("/api/v1/findings?appliance_id=fridge-9", headers=agent).json()["items"]
    return client.get(f"/api/v1/findings/{found['id']}/messages{question}", headers=bearer(text))


def test_an_agent_reads_what_the_owner_would_read(client: httpx.Client, desk: Any) -> None:
    """By its name in the household, in the language asked for, with the consent that is missing; no address."""
    answer = ask(client, desk, "?language=zh&channel=sms", Role.AGENT)

    [shown] = answer.json()["messages"]
    assert (answer.status_code, shown["channel"], shown["language"]) == (200, "sms", "zh")
    assert (shown["would"], shown["consent"]) == ("stay", "never given")
    assert "kitchen fridge" in shown["text"]
    assert "001234" not in answer.text


def test_who_may_not_see_owners_reads_no_name_of_theirs(client: httpx.Client, desk: Any) -> None:
    """An operator keeps the machines: the appliance is called what it is."""
    answer = ask(client, desk, "", Role.OPERATOR)

    assert [one["channel"] for one in answer.json()["messages"]] == ["sms", "push", "email"]
    assert "kitchen fridge" not in answer.text


@pytest.mark.parametrize(
    ("question", "role", "status"),
    [
        ("?language=it", Role.AGENT, 422),
        ("?channel=fax", Role.AGENT, 422),
        ("?lang=en", Role.AGENT, 422),
        ("", Role.QUALITY, 403),
        ("", Role.DATA_SCIENTIST, 403),
    ],
)
def test_what_cannot_be_asked_is_refused(
    client: httpx.Client, desk: Any, question: str, role: Role, status: int
) -> None:
    """Words that are none, and roles that read no messages."""
    assert ask(client, desk, question, role).status_code == status


def test_no_finding_is_404(client: httpx.Client, desk: Any) -> None:
    """As a problem with its sentence."""
    token = desk.access.tokens.create("test", Role.AGENT, 30, "test", None, None)[1]
    answer = client.get("/api/v1/findings/fd_none/messages", headers=bearer(token))

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
