"""What technicians found where tickets sent them: what models learn from, if the owners agree to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Engine, select

from alerts.change import change
from alerts.consent import decide, histories
from alerts.database import reading, upsert
from alerts.tables import OutcomeRow, TicketRow
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Purpose


class Found(NamedTuple):
    """A fault that a technician found; times in ms UTC."""

    appliance_id: str
    fault: str
    found_at: int
    repaired_at: int | None


def record_outcome(
    engine: Engine,
    clock: Clock,
    ticket_id: str,
    *,
    confirmed: bool,
    fault: str | None = None,
    found_at: int | None = None,
    repaired_at: int | None = None,
) -> str | None:
    """Keep what was found for a ticket, in place of what was said of it before; answers the fault, None for none.

    `fault` where it was another one than foreseen; `found_at` is now where it is left out. Raises InputError when
    there is no such ticket, or the repair came before the finding.
    """
    with change(engine, clock) as work:
        ticket = work.session.get(TicketRow, ticket_id)
        if ticket is None:
            raise InputError(f"there is no ticket {ticket_id!r}")
        at = work.at if found_at is None else found_at
        if repaired_at is not None and repaired_at < at:
            raise InputError(f"ticket {ticket_id} cannot have been repaired before the fault was found")
        found = (fault or ticket.fault) if confirmed else None
        row = {"fault": found, "found_at": at, "repaired_at": repaired_at, "recorded_at": work.at}
        upsert(work.session, OutcomeRow, [{"ticket_id": ticket_id, **row}])
        work.note("ticket.outcome", ticket_id, fault=found)
    return found


def assign(engine: Engine, clock: Clock, ticket_id: str, technician: str | None) -> None:
    """From now on it is `technician`'s ticket, or nobody's. Raises InputError when there is no such ticket."""
    with change(engine, clock) as work:
        ticket = work.session.get(TicketRow, ticket_id, with_for_update=True)
        if ticket is None:
            raise InputError(f"there is no ticket {ticket_id!r}")
        ticket.assigned_to = technician
        work.note("ticket.assigned", ticket_id, technician=technician)


def found_faults(engine: Engine, clock: Clock) -> list[Found]:
    """Every fault that was found on an appliance whose owner agrees to training now, oldest first."""
    query = (
        select(TicketRow.appliance_id, OutcomeRow.fault, OutcomeRow.found_at, OutcomeRow.repaired_at)
        .join(TicketRow, TicketRow.id == OutcomeRow.ticket_id)
        .where(OutcomeRow.fault.is_not(None))
        .order_by(OutcomeRow.found_at, TicketRow.id)
    )
    with reading(engine) as session:
        found = [Found._make(row) for row in session.execute(query)]
    agreed = may_be_learnt_from(engine, clock, {one.appliance_id for one in found})
    return [one for one in found if one.appliance_id in agreed]


def may_be_learnt_from(engine: Engine, clock: Clock, appliance_ids: Iterable[str]) -> set[str]:
    """Those of `appliance_ids` whose owners agree to training now."""
    wanted = set(appliance_ids)
    with reading(engine) as session:
        said = histories(session, wanted, {Purpose.TRAINING})
    now = clock.now_ms()
    return {one for one in wanted if decide(said.get((one, Purpose.TRAINING), ()), now).given}
