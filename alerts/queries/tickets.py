"""Tickets: one, and the list of them, with every filter applied or refused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Engine, Select, select

from alerts.database import reading
from alerts.queries.keyset import Part, part
from alerts.queries.paging import Page, page
from alerts.tables import Resolution, TicketRow, TicketStatus
from alerts.tickets import ticket_view
from alerts.wording import iso
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import Severity

SORTS = {"opened_at": TicketRow.opened_at, "changed_at": TicketRow.changed_at, "priority": TicketRow.priority}
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
    appliances: Collection[str] | None = None
    updated_since: int | None = None  # ms UTC, wall clock, inclusive

    def narrow(self, query: Select[Any]) -> Select[Any]:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is None:
                continue
            if one.name == "appliances":
                query = query.where(TicketRow.appliance_id.in_(value))
            elif one.name == "updated_since":
                query = query.where(TicketRow.changed_at >= value)
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
    return ticket_view(row) | {
        "note": row.note,
        "created_at": iso(row.created_at),
        "assigned_to": row.assigned_to,
    }
