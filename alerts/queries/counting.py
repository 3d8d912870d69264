"""How much happened so far, and what waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, and_, func, select
from sqlalchemy.orm import Session

from alerts.database import reading
from alerts.dead_letter_bounds import TOTAL
from alerts.owner_channels import OWNER_CHANNELS
from alerts.queries.paging import count
from alerts.tables import LIVE, FindingRow, HeldBackRow, OutboxRow, OutboxState, TicketRow, TotalRow


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


def counts(engine: Engine) -> Counts:
    """All counters, of one moment."""
    with reading(engine) as session:
        outbox = _outbox_states(session)
        held_back = select(HeldBackRow.purpose, func.count()).group_by(HeldBackRow.purpose)
        tickets = dict(
            session.execute(select(TicketRow.status, func.count()).group_by(TicketRow.status)).all()
        )
        return Counts(
            findings=count(session, FindingRow),
            tickets_opened=sum(tickets.values()),
            tickets_open=sum(number for status, number in tickets.items() if status in LIVE),
            webhooks_delivered=outbox["webhook", OutboxState.SENT],
            notifications_sent=sum(outbox[name, OutboxState.SENT] for name in OWNER_CHANNELS),
            held_back={purpose.value: number for purpose, number in session.execute(held_back)},
            dead_letters=session.scalar(select(TotalRow.value).where(TotalRow.name == TOTAL)) or 0,
            messages_waiting=sum(
                number for (_, state), number in outbox.items() if state is OutboxState.PENDING
            ),
            messages_dead=sum(number for (_, state), number in outbox.items() if state is OutboxState.DEAD),
        )


@dataclass(frozen=True, slots=True)
class Lane:
    """What one target still gets: `oldest` was written then, ms UTC, wall clock; `given_up` nobody tries any more."""

    target: str
    waiting: int
    oldest: int | None
    given_up: int


def lanes(engine: Engine) -> list[Lane]:
    """Targets that anything was ever written for and is still kept, by name; by steps through their indexes."""
    with reading(engine) as session:
        return [_lane(session, target) for target in _targets(session)]


def _targets(session: Session) -> list[str]:
    found: list[str] = []
    query = select(func.min(OutboxRow.target))
    while (one := session.scalar(query)) is not None:
        found.append(one)
        query = select(func.min(OutboxRow.target)).where(OutboxRow.target > one)
    return found


def _lane(session: Session, target: str) -> Lane:
    def of(state: OutboxState) -> ColumnElement[bool]:
        return and_(OutboxRow.target == target, OutboxRow.state == state)

    waits = select(func.count(), func.min(OutboxRow.created_at)).where(of(OutboxState.PENDING))
    waiting, oldest = session.execute(waits).one()
    given_up = session.scalar(select(func.count()).where(of(OutboxState.DEAD))) or 0
    return Lane(target, waiting, oldest, given_up)


def oldest_waiting(engine: Engine) -> int | None:
    """When the message that waits longest was written, ms UTC of wall clock; None when none waits."""
    query = select(func.min(OutboxRow.created_at)).where(OutboxRow.state == OutboxState.PENDING)
    with reading(engine) as session:
        return session.scalar(query)


def _outbox_states(session: Session) -> Counter[tuple[str, OutboxState]]:
    """Number of messages by kind of target and state."""
    query = select(OutboxRow.target, OutboxRow.state, func.count()).group_by(
        OutboxRow.target, OutboxRow.state
    )
    numbers: Counter[tuple[str, OutboxState]] = Counter()
    for target, state, number in session.execute(query):
        numbers[target.partition(":")[0], state] += number
    return numbers
