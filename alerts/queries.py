"""Read models for the console, the HTTP API and the demo's summary: JSON-ready, newest first, in pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, LargeBinary, Select, func, select
from sqlalchemy.orm import Session

from alerts.database import reading
from alerts.dead_letter_bounds import TOTAL
from alerts.owner_channels import OWNER_CHANNELS
from alerts.tables import (
    Base,
    DeadLetterRow,
    DisabledTargetRow,
    FindingRow,
    HeldBackRow,
    OutboxRow,
    OutboxState,
    TicketRow,
    TicketStatus,
    TotalRow,
)
from alerts.tickets import ticket_view
from alerts.wording import iso
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import DeadLetter

_PREVIEW = 200  # bytes of a dead letter, and characters of its topic, shown in a list


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened so far. `notifications_sent` are those of owner channels; `held_back` counts acts by purpose.

    `dead_letters` counts every message that was one, those without a row of their own and those removed since too.
    """

    findings: int
    tickets_opened: int
    tickets_open: int
    webhooks_delivered: int
    notifications_sent: int
    held_back: Mapping[str, int]
    dead_letters: int
    messages_waiting: int
    messages_dead: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; `total` counts all pages."""

    items: list[dict[str, Any]]
    total: int


def counts(engine: Engine) -> Counts:
    """All counters, of one moment."""
    with reading(engine) as session:
        outbox = _outbox_states(session)
        held_back = select(HeldBackRow.purpose, func.count()).group_by(HeldBackRow.purpose)
        tickets = dict(
            session.execute(select(TicketRow.status, func.count()).group_by(TicketRow.status)).all()
        )
        return Counts(
            findings=_count(session, FindingRow),
            tickets_opened=sum(tickets.values()),
            tickets_open=tickets.get(TicketStatus.OPEN, 0),
            webhooks_delivered=outbox["webhook", OutboxState.SENT],
            notifications_sent=sum(outbox[name, OutboxState.SENT] for name in OWNER_CHANNELS),
            held_back={purpose.value: number for purpose, number in session.execute(held_back)},
            dead_letters=session.scalar(select(TotalRow.value).where(TotalRow.name == TOTAL)) or 0,
            messages_waiting=sum(
                number for (_, state), number in outbox.items() if state is OutboxState.PENDING
            ),
            messages_dead=sum(number for (_, state), number in outbox.items() if state is OutboxState.DEAD),
        )


def oldest_waiting(engine: Engine) -> int | None:
    """When the message that waits longest was written, ms UTC of wall clock; None when none waits."""
    query = select(func.min(OutboxRow.created_at)).where(OutboxRow.state == OutboxState.PENDING)
    with reading(engine) as session:
        return session.scalar(query)


def tickets(engine: Engine, limit: int = 50, offset: int = 0, appliance_id: str | None = None) -> Page:
    """Tickets by the time they opened, as receivers see them, with the note on why one is withdrawn."""
    query = select(TicketRow).order_by(TicketRow.opened_at.desc(), TicketRow.id)
    if appliance_id is not None:
        query = query.where(TicketRow.appliance_id == appliance_id)
    return _page(engine, query, limit, offset, _ticket)


def ticket(engine: Engine, ticket_id: str) -> dict[str, Any] | None:
    """One ticket, None where there is none."""
    with reading(engine) as session:
        row = session.get(TicketRow, ticket_id)
    return None if row is None else _ticket(row)


def findings(engine: Engine, limit: int = 50, offset: int = 0, appliance_id: str | None = None) -> Page:
    """Findings by event time."""
    query = select(FindingRow).order_by(FindingRow.time.desc(), FindingRow.id)
    if appliance_id is not None:
        query = query.where(FindingRow.appliance_id == appliance_id)
    return _page(engine, query, limit, offset, _columns)


def held_back(engine: Engine, limit: int = 50, offset: int = 0) -> Page:
    """What consent held back, and why."""
    return _page(
        engine, select(HeldBackRow).order_by(HeldBackRow.at.desc(), HeldBackRow.id), limit, offset, _columns
    )


def outbox(engine: Engine, limit: int = 50, offset: int = 0, state: str | None = None) -> Page:
    """Messages with their state. Raises InputError for a state that does not exist."""
    query = select(OutboxRow).order_by(OutboxRow.seq.desc())
    if state is not None:
        if state not in list(OutboxState):
            raise InputError(f"{state!r} is not a state of a message; use one of {', '.join(OutboxState)}")
        query = query.where(OutboxRow.state == OutboxState(state))
    return _page(engine, query, limit, offset, _columns)


def disabled_targets(engine: Engine) -> list[dict[str, Any]]:
    """Endpoints that answered 410 and are not used any more."""
    with reading(engine) as session:
        return [
            _columns(row) for row in session.scalars(select(DisabledTargetRow).order_by(DisabledTargetRow.at))
        ]


def dead_letters(engine: Engine, limit: int = 50, offset: int = 0) -> Page:
    """Dead letters with the first bytes of each; the payloads stay in the database."""
    columns = (
        DeadLetterRow.id,
        func.substr(DeadLetterRow.topic, 1, _PREVIEW).label("topic"),
        DeadLetterRow.reason,
        DeadLetterRow.received,
        DeadLetterRow.times,
        func.length(DeadLetterRow.payload).label("bytes"),
        func.substr(DeadLetterRow.payload, 1, _PREVIEW, type_=LargeBinary).label("preview"),
    )
    query = select(*columns).order_by(DeadLetterRow.received.desc(), DeadLetterRow.id)
    with reading(engine) as session:
        total = _count(session, DeadLetterRow)
        items = [_dead_letter(row) for row in session.execute(query.limit(limit).offset(offset)).mappings()]
    return Page(items, total)


def dead_letter(engine: Engine, dead_letter_id: str) -> DeadLetter | None:
    """One dead letter with all its bytes, for a replay; None where there is none."""
    with reading(engine) as session:
        row = session.get(DeadLetterRow, dead_letter_id)
    return None if row is None else DeadLetter(row.topic, row.payload, row.reason, row.received)


def _outbox_states(session: Session) -> Counter[tuple[str, OutboxState]]:
    """Number of messages by kind of target and state."""
    query = select(OutboxRow.target, OutboxRow.state, func.count()).group_by(
        OutboxRow.target, OutboxRow.state
    )
    numbers: Counter[tuple[str, OutboxState]] = Counter()
    for target, state, number in session.execute(query):
        numbers[target.partition(":")[0], state] += number
    return numbers


def _count(session: Session, table: type[Base]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def _page(
    engine: Engine, query: Select[Any], limit: int, offset: int, view: Callable[[Any], dict[str, Any]]
) -> Page:
    with reading(engine) as session:
        total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
        items = [view(row) for row in session.scalars(query.limit(limit).offset(offset))]
    return Page(items, total)


def _columns(row: Base) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}


def _ticket(row: TicketRow) -> dict[str, Any]:
    return ticket_view(row) | {"note": row.note, "created_at": iso(row.created_at)}


def _dead_letter(row: Mapping[Any, Any]) -> dict[str, Any]:
    beginning = row["preview"] or b""  # SQLite says NULL of a payload without a byte
    return {**row, "preview": bytes(beginning).decode(errors="replace")}
