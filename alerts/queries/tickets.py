"""Tickets: one, and the list of them, with every filter applied or refused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Engine, Select, select

from alerts import promises
from alerts.chart import Point, chart
from alerts.database import reading
from alerts.queries.keyset import Part, part
from alerts.queries.paging import Page, page
from alerts.tables import ENDED, FindingRow, Resolution, TicketRow, TicketStatus
from alerts.tickets import ticket_view
from alerts.wording import Titles, iso
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import Severity

SORTS = {
    "opened_at": TicketRow.opened_at,
    "changed_at": TicketRow.changed_at,
    "priority": TicketRow.priority,
    "due_at": TicketRow.due_at,
}
NEWEST = "-opened_at"


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """What a list of tickets is narrowed to; None leaves all. `appliances` and `assigned_to` also bound who may see."""

    appliance_id: str | None = None
    appliance_model: str | None = None
    fault: str | None = None
    status: TicketStatus | None = None
    severity: Severity | None = None
    priority: int | None = None
    resolution: Resolution | None = None
    assigned_to: str | None = None
    service_area: str | None = None
    appliances: Collection[str] | None = None
    updated_since: int | None = None  # ms UTC, wall clock, inclusive
    due_before: int | None = None  # the same: a promise that is not kept ends before then

    def narrow(self, query: Select[Any]) -> Select[Any]:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is None:
                continue
            if one.name == "appliances":
                query = query.where(TicketRow.appliance_id.in_(value))
            elif one.name == "updated_since":
                query = query.where(TicketRow.changed_at >= value)
            elif one.name == "due_before":
                query = query.where(TicketRow.due_at < value)
            else:
                query = query.where(getattr(TicketRow, one.name) == value)
        return query


def tickets(
    engine: Engine,
    limit: int = 50,
    offset: int = 0,
    appliance_id: str | None = None,
    appliances: Collection[str] | None = None,
    assigned_to: str | None = None,
    status: str | None = None,
) -> Page:
    """Tickets by the time they opened, as receivers see them, with the note on why one is withdrawn.

    Of `appliances` alone, or of those that are `assigned_to` a technician, where it is given. Raises InputError for a
    status that does not exist.
    """
    chosen = TicketFilter(
        appliance_id=appliance_id, appliances=appliances, assigned_to=assigned_to, status=status_of(status)
    )
    query = chosen.narrow(select(TicketRow).order_by(TicketRow.opened_at.desc(), TicketRow.id))
    return page(engine, query, limit, offset, _ticket)


def some_tickets(
    engine: Engine, chosen: TicketFilter, sort: str = NEWEST, limit: int = 50, cursor: str | None = None
) -> Part:
    """Tickets behind `cursor`, in an order that growth does not change. Raises InputError as `part`."""
    return part(engine, chosen.narrow(select(TicketRow)), TicketRow.id, SORTS, sort, limit, cursor, _ticket)


def ticket(engine: Engine, ticket_id: str) -> dict[str, Any] | None:
    """One ticket, None where there is none."""
    with reading(engine) as session:
        row = session.get(TicketRow, ticket_id)
    return None if row is None else _ticket(row)


def candidates(engine: Engine, ticket_id: str) -> dict[str, float]:
    """Fault -> probability of a ticket's newest prediction; empty where none is behind it, or no ticket is there."""
    with reading(engine) as session:
        row = session.get(TicketRow, ticket_id)
    return {} if row is None else dict(row.content.get("candidates", {}))


def earlier(engine: Engine, ticket_id: str, limit: int = 20) -> list[dict[str, Any]]:
    """What became of the tickets of the same appliance that ended, the newest first, while it was the same owner's."""
    with reading(engine) as session:
        this = session.get(TicketRow, ticket_id)
        if this is None:
            return []
        query = select(TicketRow).where(
            TicketRow.appliance_id == this.appliance_id,
            TicketRow.status.in_(ENDED),
            TicketRow.id != this.id,
        )
        rows = session.scalars(query.order_by(TicketRow.opened_at.desc(), TicketRow.id).limit(limit)).all()
        whose = this.content.get("owner_reference")
        return [_ticket(row) for row in rows if row.content.get("owner_reference") == whose]


def evidence_chart(engine: Engine, ticket_id: str, language: str, titles: Titles) -> str | None:
    """The first number behind a ticket over its episode as an SVG; None where nothing was measured."""
    with reading(engine) as session:
        this = session.get(TicketRow, ticket_id)
        if this is None:
            return None
        query = select(FindingRow).where(FindingRow.episode_id == this.episode_id)
        rows = session.scalars(query.order_by(FindingRow.time, FindingRow.id)).all()
    found = [(row.time, one) for row in rows for one in row.evidence if one["value"] is not None]
    if not found:
        return None
    first = found[0][1]
    points = [
        Point(time, one["value"], one.get("usual"), one.get("siblings"))
        for time, one in found
        if one["feature"] == first["feature"]
    ]
    name = str(first["feature"])
    title = titles.get(name, {}).get(language) or name.replace("_", " ")
    words = ("自身常值", "同类") if language == "zh" else ("own usual", "siblings")
    return chart(title, str(first.get("unit", "")), points, words)


def status_of(text: str | None) -> TicketStatus | None:
    """A status by its word. Raises InputError with those that there are."""
    if text is None:
        return None
    try:
        return TicketStatus(text)
    except ValueError:
        raise InputError(
            f"{text!r} is not a status of a ticket; use one of {', '.join(TicketStatus)}"
        ) from None


def _ticket(row: TicketRow) -> dict[str, Any]:
    shown = ticket_view(row)
    near = {name: iso(promises.warns_at(one)) for name, one in row.clocks.items()}
    return shown | {
        "clocks": {name: one | {"due_soon_at": near[name]} for name, one in shown["clocks"].items()},
        "note": row.note,
        "created_at": iso(row.created_at),
        "assigned_to": row.assigned_to,
    }
