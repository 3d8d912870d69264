"""Dead letters by what is wrong and where they came from: what one mend would help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Engine, and_, case, func, not_, select

from alerts.database import reading
from alerts.dead_letter_bounds import kind
from alerts.tables import DeadLetterRow
from foremend.vocabulary.types import DeadLetter, deterministic_id

_CUT = "%it cannot be sent again)"
_MOST_HOURS = 50_000
"""A group has a row for each hour in which it got letters; older hours of more than so many are left out."""


@dataclass(frozen=True, slots=True)
class DeadLetterGroup:
    """Letters of one topic and kind of reason. `messages` counts those without a row of their own, too; `to_send`
    those that can be sent again and were not. Times are ms UTC, wall clock."""

    id: str
    topic: str
    reason: str  # of one of them
    letters: int
    messages: int
    to_send: int
    first: int
    newest: int
    replayed_at: int | None  # the last time that some of them were


def dead_letter_groups(engine: Engine, since: int = 0) -> list[DeadLetterGroup]:
    """Those with letters since a moment (ms UTC, wall clock), the newest first."""
    newest = func.max(DeadLetterRow.received)
    hours = select(
        func.min(DeadLetterRow.topic),
        func.max(DeadLetterRow.reason),
        func.count(),
        func.sum(DeadLetterRow.times),
        func.sum(case((can_be_sent(), 1), else_=0)),
        func.min(DeadLetterRow.received),
        newest,
        func.max(DeadLetterRow.replayed_at),
    ).group_by(DeadLetterRow.bucket)
    with reading(engine) as session:
        rows = session.execute(
            hours.where(DeadLetterRow.received >= since).order_by(newest.desc()).limit(_MOST_HOURS)
        ).all()
    found: dict[str, DeadLetterGroup] = {}
    for topic, reason, letters, messages, to_send, first, last, replayed_at in rows:
        name = group_of(topic, reason)
        one = DeadLetterGroup(
            name, topic, reason, letters, int(messages), int(to_send), first, last, replayed_at
        )
        found[name] = _both(found[name], one) if name in found else one
    return list(found.values())


def letters_to_send(engine: Engine, group: DeadLetterGroup, most: int) -> list[tuple[str, DeadLetter]]:
    """The oldest of a group that can be sent again, with their ids."""
    query = select(DeadLetterRow.id, DeadLetterRow.reason).where(
        DeadLetterRow.topic == group.topic, DeadLetterRow.received >= group.first, can_be_sent()
    )
    with reading(engine) as session:
        each = session.execute(query.order_by(DeadLetterRow.received, DeadLetterRow.id))
        ids = [row.id for row in each if group_of(group.topic, row.reason) == group.id][:most]
        rows: Sequence[DeadLetterRow] = session.scalars(
            select(DeadLetterRow)
            .where(DeadLetterRow.id.in_(ids))
            .order_by(DeadLetterRow.received, DeadLetterRow.id)
        ).all()
    return [(row.id, DeadLetter(row.topic, row.payload, row.reason, row.received)) for row in rows]


def group_of(topic: str, reason: str) -> str:
    """The id of the group of a letter."""
    return deterministic_id("dg", topic, kind(reason).strip())


def can_be_sent() -> ColumnElement[bool]:
    """It has all its bytes, and nobody sent it again."""
    whole = and_(not_(DeadLetterRow.reason.like(_CUT)), func.length(DeadLetterRow.payload) > 0)
    return and_(DeadLetterRow.replayed_at.is_(None), whole)


def _both(one: DeadLetterGroup, other: DeadLetterGroup) -> DeadLetterGroup:
    again = [at for at in (one.replayed_at, other.replayed_at) if at is not None]
    return replace(
        one,
        letters=one.letters + other.letters,
        messages=one.messages + other.messages,
        to_send=one.to_send + other.to_send,
        first=min(one.first, other.first),
        replayed_at=max(again, default=None),
    )
