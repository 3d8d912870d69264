"""What was held back, listed for whoever may read messages and counted for others, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine as Database

from alerts.access.access import open_access
from alerts.consent import Statement, decide
from alerts.database import writing
from alerts.held_back import QUIET_HOURS, cause_of, enough_today, not_of_policy
from alerts.tables import HeldBackRow, OutboxRow
from alerts.vault import Vault
from foremend.runtimes.clock import SystemClock
from foremend.service.app import create_app
from foremend.service.guard.door import Door
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import MS_PER_DAY

NOW = SystemClock().now_ms()
REASONS = (
    decide([], NOW).reason,
    decide([Statement(1, True), Statement(2, False)], NOW).reason,
    decide([Statement(1, True, 2)], NOW).reason,
    not_of_policy("strict", "sms"),
)
WAITING = (
    ("sms", QUIET_HOURS),
    ("push", enough_today(3)),
    ("push", "sms goes first"),
    ("webhook:desk", QUIET_HOURS),
    ("sms", QUIET_HOURS),
)


@pytest.fixture
def client(tables: Database) -> Iterator[Any]:
    """Asks as an agent, or as another role: eight acts of four causes, one of them old, and five messages that wait."""
    with writing(tables) as session:
        for n, reason in enumerate((*REASONS, *REASONS)):
            at = NOW - 40 * MS_PER_DAY if n == 7 else NOW - 1000 * (n // 2)
            purpose = "ticket" if n % 4 == 0 else "sms"
            session.add(HeldBackRow(
                id=f"hb{n}", act="ticket", purpose=purpose, appliance_id=f"a-{n}", episode_id=None,
                fault="not-cooling", reason=reason, cause=cause_of(reason), at=at,
            ))  # fmt: skip
        for n, (target, error) in enumerate(WAITING):
            purpose = "push" if target == "push" else "sms"
            session.add(OutboxRow(
                id=f"m{n}", message_id=f"m{n}", target=target, event_type="w", purpose=purpose,
                appliance_id=f"a-{n}", episode_id="gone", ordering=f"m{n}", body="{}", state="pending", attempts=0,
                due_at=NOW + 1000, created_at=NOW, error=error,
            ))  # fmt: skip
    access = open_access(tables, Vault(Fernet.generate_key().decode()), SystemClock())
    model = ReadModel(tables, SharedPipeline(tables, (), SystemClock(), 60_000), {}, {}, {})
    app = create_app(model, door=Door(access, False, Buckets(1e6), Buckets(1e6)))
    with Server(app, "127.0.0.1", 0) as address, httpx.Client(base_url=address, timeout=60) as http:

        def ask(path: str, role: Role = Role.AGENT, **parameters: Any) -> httpx.Response:
            _, token = access.tokens.create(
                "test", role, 1, "test", None, "kim" if role is Role.TECHNICIAN else None
            )
            return http.get(path, params=parameters, headers={"Authorization": f"Bearer {token}"})

        yield ask


def walk(client: Any, **parameters: Any) -> list[dict[str, Any]]:
    """All parts of the list, two at a time."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        part = client("/api/v1/held-back", limit=2, **parameters, **cursor).json()
        found += part["items"]
        if part["next_cursor"] is None:
            return found
        cursor = {"cursor": part["next_cursor"]}


def test_every_reason_that_is_given_has_a_cause() -> None:
    """What consent, the gate and the rates write is what the list and the counts read."""
    causes = [cause_of(reason) for reason in (*REASONS, QUIET_HOURS, enough_today(3))]

    assert causes == ["never_given", "withdrawn", "ended", "policy", "quiet_hours", "rates"]


def test_what_never_left_comes_newest_first_with_its_cause(client: Any) -> None:
    """In parts that have each once, however many share a moment."""
    found = walk(client)

    assert [one["appliance_id"] for one in found] == ["a-1", "a-0", "a-3", "a-2", "a-5", "a-4", "a-6", "a-7"]
    assert [one["cause"] for one in found[:4]] == ["withdrawn", "never_given", "policy", "ended"]
    assert {one["until"] for one in found} == {None}


def test_what_waits_is_what_owners_get_later(client: Any) -> None:
    """Not what waits for another channel, nor what systems get; its fault is empty where its finding is gone."""
    found = walk(client, waits=True)

    assert [(one["id"], one["cause"], one["fault"]) for one in found] == [
        ("m0", "quiet_hours", ""), ("m1", "rates", ""), ("m4", "quiet_hours", ""),
    ]  # fmt: skip
    assert all(one["until"] > one["at"] for one in found)


@pytest.mark.parametrize(
    ("parameters", "ids"),
    [
        ({"cause": "policy"}, ["a-3", "a-7"]),
        ({"cause": "never_given", "purpose": "ticket"}, ["a-0", "a-4"]),
        ({"cause": "never_given", "purpose": "sms"}, []),
        ({"appliance_id": "a-6"}, ["a-6"]),
        ({"waits": True, "cause": "rates"}, ["a-1"]),
        ({"waits": True, "cause": "policy"}, []),
    ],
)
def test_it_is_narrowed_by_cause_purpose_and_appliance(
    client: Any, parameters: dict[str, Any], ids: list[str]
) -> None:
    assert [one["appliance_id"] for one in walk(client, **parameters)] == ids


def test_counts_are_of_thirty_days_and_of_now_and_name_nobody(client: Any) -> None:
    """For those who may see no list, too; further back by a parameter."""
    for role in (Role.TECHNICIAN, Role.QUALITY, Role.DATA_SCIENTIST, Role.AGENT, Role.OPERATOR):
        answer = client("/api/v1/held-back/counts", role)
        found = {
            name: [tuple(one.values()) for one in answer.json()[name]] for name in ("never_left", "waits")
        }
        assert found == {
            "never_left": [
                ("never_given", "ticket", 2), ("withdrawn", "sms", 2), ("ended", "sms", 2), ("policy", "sms", 1),
            ],
            "waits": [("quiet_hours", "sms", 2), ("rates", "push", 1)],
        }  # fmt: skip
        assert "a-" not in answer.text
    assert client("/api/v1/held-back/counts", days=60).json()["never_left"][-1]["number"] == 2
    for role in (Role.TECHNICIAN, Role.QUALITY, Role.DATA_SCIENTIST):
        assert client("/api/v1/held-back", role).json()["right"] == "messages"


def test_a_cursor_of_the_other_list_is_refused(client: Any) -> None:
    cursor = client("/api/v1/held-back", limit=1).json()["next_cursor"]
    answer = client("/api/v1/held-back", waits=True, cursor=cursor)

    assert answer.status_code == 400
    assert "this cursor is of a list sorted by -at" in answer.json()["detail"]
