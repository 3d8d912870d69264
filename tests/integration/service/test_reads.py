"""Who reads what tells of a person or a household stands in the audit log: every route, on both databases."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from alerts.access.access import open_access
from alerts.consent import ConsentRecord
from alerts.database import open_database, reading
from alerts.owners import Owner
from alerts.reads import AGAIN_MS, EVERYBODY, Reads
from alerts.shared_status import Said, Seen, say
from alerts.tables import AuditRow, FindingRow, TicketRow
from alerts.ticket_steps import Assigned
from alerts.vault import Vault
from foremend.service.guard.door import require_rights
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import DeadLetter, Finding, FindingKind, Purpose, Severity
from tests.integration.service.test_privacy_api import NUMBER, Api, api

__all__ = ["api"]

NOTE = "the neighbour has the key"
TELLING = ("o-1", "fridge-1", "fridge-2", NUMBER, NOTE)
"""What tells of a person or a household, wherever it is shown."""
SHOWN_BY = {
    "/api/appliances/{appliance_id}",
    "/api/dead-letters",
    "/api/episodes",
    "/api/findings",
    "/api/fleet",
    "/api/held-back",
    "/api/outbox",
    "/api/tickets",
    "/api/tickets/{ticket_id}",
    "/api/v1/appliances/{appliance_id}/consents",
    "/api/v1/appliances/{appliance_id}/consents/receipt",
    "/api/v1/diagnoses/{diagnosis_id}",
    "/api/v1/episodes",
    "/api/v1/findings",
    "/api/v1/findings/{finding_id}/messages",
    "/api/v1/owners",
    "/api/v1/owners/{owner_id}",
    "/api/v1/owners/{owner_id}/export",
    "/api/v1/tickets",
    "/api/v1/tickets/{ticket_id}",
}


@pytest.fixture
def lived(api: Api) -> tuple[Api, dict[str, str]]:
    """A household with a finding, a ticket, messages, a dead letter and what was held back; ids for the paths."""
    now = api.clock.now
    api.alerts.owners.register_owners([Owner("o-1", {"sms": NUMBER, "email": "quill@post.example"})])
    api.alerts.consent.record(
        ConsentRecord(*of, purpose, True, now, "1", "en", "app")
        for of, purpose in (
            (("fridge-1", "o-1"), Purpose.MONITORING),
            (("fridge-1", "o-1"), Purpose.TICKET),
            (("fridge-1", "o-1"), Purpose.EMAIL),
            (("fridge-2", "o-2"), Purpose.MONITORING),
        )
    )
    opened = [
        Finding(
            FindingKind.OPENED, one, "rf-260", "not-cooling", "r", Severity.WARNING, now, now, 1.0,
        )
        for one in ("fridge-1", "fridge-2")
    ]  # fmt: skip
    letter = DeadLetter("dt/appliance/rf-260/fridge-1/telemetry", b"?", "fridge-1: ts: missing", now)
    api.alerts.effects.apply(opened, [letter], 1)
    seen = [Seen("fridge-1", "rf-260", "refrigerator", now, False)]
    say(api.alerts.engine, Said("s", {}, now), seen)
    with reading(api.alerts.engine) as session:
        ticket = session.scalars(select(TicketRow.id).where(TicketRow.appliance_id == "fridge-1")).one()
        found = session.scalars(select(FindingRow.id).where(FindingRow.appliance_id == "fridge-1")).first()
    api.alerts.servicing.take(ticket, Assigned(step="assigned", technician="kim", note=NOTE), "test")
    diagnosis = api.alerts.diagnoses.begin("fridge-1", "test")
    api.alerts.diagnoses.conclude(diagnosis)
    ids = {"finding_id": str(found), "diagnosis_id": diagnosis}
    return api, ids | {
        "ticket_id": ticket,
        "appliance_id": "fridge-1",
        "owner_id": "o-1",
        "erasure_id": "er-1",
        "alarm_id": "ca-1",
        "appliance_model": "rf-260",
        "name": "kim",
    }


def test_whatever_shows_a_person_or_a_household_says_who_read_it(lived: tuple[Api, dict[str, str]]) -> None:
    """Each route that is read, with a token of its own: where anything telling is shown, its id is in the log."""
    api, ids = lived
    routes = [
        name.split(" ")[1] for name, right in require_rights(api.app).items() if right and "GET " in name
    ]
    shown = set()

    for route in routes:
        made, token = api.alerts.access.tokens.create("test", Role.ADMIN, 30, "test")
        path = re.sub(r"{(\w+)}", lambda found: ids[found[1]], route)
        answer = api.client.get(path, headers={"Authorization": f"Bearer {token}"})
        if answer.headers["content-type"] == "application/zip" or any(one in answer.text for one in TELLING):
            shown.add(route)
            assert read_by(api, f"token:{made.id}"), route

    assert shown >= SHOWN_BY


def read_by(api: Api, who: str) -> list[tuple[str, str]]:
    """What one caller read, by the log."""
    is_reading = AuditRow.action.endswith(".read") | (AuditRow.action == "owner.exported")
    query = select(AuditRow.action, AuditRow.subject).where(is_reading, AuditRow.details.contains(who))
    with reading(api.alerts.engine) as session:
        return [(row.action, row.subject) for row in session.execute(query.order_by(AuditRow.seq))]


def test_a_page_that_asks_again_and_again_stands_there_once_an_hour(
    lived: tuple[Api, dict[str, str]],
) -> None:
    """A list as one, one of a household by its id; what is not there, or not shown, not at all."""
    api, ids = lived
    agent = api.as_(Role.AGENT)
    who = f"token:{api.alerts.access.tokens.all()[0].id}"

    for _ in range(3):
        agent("GET", "/api/tickets")
        agent("GET", f"/api/tickets/{ids['ticket_id']}")
        agent("GET", "/api/tickets?appliance_id=fridge-1")
        agent("GET", "/api/tickets?appliance_id=nobody")
        agent("GET", "/api/tickets/tk_nobody")
        agent("GET", "/api/dead-letters")
    once = [("ticket.read", EVERYBODY), ("ticket.read", ids["ticket_id"]), ("ticket.read", "fridge-1")]
    assert read_by(api, who) == once

    api.clock.now += AGAIN_MS
    agent("GET", "/api/tickets")

    assert read_by(api, who) == [*once, once[0]]


def test_who_sees_pseudonyms_read_of_nobody(lived: tuple[Api, dict[str, str]]) -> None:
    """There is nobody to tell."""
    api, _ = lived

    api.as_(Role.DATA_SCIENTIST)("GET", "/api/findings")

    assert read_by(api, "token:") == []


def test_the_page_is_there_on_a_full_disk_and_the_log_has_it_afterwards(small_disk: Any, clock: Any) -> None:
    """Readings wait for room, in order; too many of them are refused, so that none is lost unseen."""
    tables = open_database(f"sqlite:///{small_disk.path}/effects.db")
    reads = open_access(tables, Vault(Fernet.generate_key().decode()), clock).reads
    small_disk.fill()
    for number in range(100):
        reads.note("ticket", f"tk_{number}", "token:a")
    with pytest.raises(UnavailableError):
        reads.note("ticket", "tk_last", "token:a")

    small_disk.free()
    reads.note("ticket", "tk_last", "token:a")

    with reading(tables) as session:
        read = session.scalars(select(AuditRow.subject).order_by(AuditRow.seq)).all()
    assert read == [*(f"tk_{number}" for number in range(100)), "tk_last"]
    tables.dispose()


def test_a_clock_that_was_set_back_hides_no_reading(api: Api) -> None:
    """What stands there from later is not taken for what was read just now."""
    reads = Reads(api.alerts.engine, api.clock)
    reads.note("ticket", "tk_1", "token:a")
    api.clock.now -= 2 * AGAIN_MS

    reads.note("ticket", "tk_1", "token:a")

    assert read_by(api, "token:a") == [("ticket.read", "tk_1")] * 2
