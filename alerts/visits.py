"""What tickets brought: which of them led to a visit, when, and which may still."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Engine, select

from alerts.database import reading
from alerts.tables import LIVE, OutcomeRow, Resolution, TicketRow, TicketStatus

SOMEBODY_CAME = frozenset({Resolution.CONFIRMED, Resolution.OTHER_FAULT, Resolution.NO_FAULT})
"""Outcomes that take a visit; what was solved remotely or declined takes none."""


class TicketVisit(NamedTuple):
    """A visit, or a ticket that may bring one; ms UTC by the wall clock, None where it did not come."""

    appliance_id: str
    fault: str  # what was found, else what was foreseen
    foreseen: int | None
    visited: int | None
    closed: int | None  # without a visit


def ticket_visits(engine: Engine) -> list[TicketVisit]:
    """Every visit that tickets led to, and every ticket that is open or ended without one, by ticket.

    A ticket that was opened again may have led to several; later ones were foreseen when the one before was through.
    Raises UnavailableError while the database is away.
    """
    query = (
        select(
            TicketRow.id, TicketRow.appliance_id, TicketRow.fault, TicketRow.status, TicketRow.created_at,
            TicketRow.changed_at, OutcomeRow.result, OutcomeRow.fault.label("found"), OutcomeRow.found_at,
            OutcomeRow.recorded_at,
        )
        .outerjoin(OutcomeRow, OutcomeRow.ticket_id == TicketRow.id)
        .order_by(TicketRow.id, OutcomeRow.recorded_at)
        .execution_options(yield_per=5_000)
    )  # fmt: skip
    with reading(engine) as session:
        rows = session.execute(query)
        return [one for _, ticket in groupby(rows, lambda row: row.id) for one in _of_ticket(list(ticket))]


def _of_ticket(rows: list[Any]) -> Iterator[TicketVisit]:
    ticket, foreseen = rows[0], rows[0].created_at
    for row in rows:
        if row.result in SOMEBODY_CAME:
            yield TicketVisit(ticket.appliance_id, row.found or ticket.fault, foreseen, row.found_at, None)
            foreseen = row.recorded_at
    if ticket.status in LIVE:
        yield TicketVisit(ticket.appliance_id, ticket.fault, foreseen, None, None)
    elif ticket.status is not TicketStatus.MERGED and not any(row.result in SOMEBODY_CAME for row in rows):
        yield TicketVisit(ticket.appliance_id, ticket.fault, foreseen, None, ticket.changed_at)
