"""What did not happen, or not yet, because of consent, policy, the owner's night or day: each, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, case, func, or_, select
from sqlalchemy.orm import Session

from alerts.database import chunks, reading
from alerts.held_back import BEGINS, WAITS, Cause, cause_of
from alerts.outbox import WELLBEING
from alerts.owner_channels import OWNER_CHANNELS
from alerts.queries.keyset import Part, part
from alerts.tables import FindingRow, HeldBackRow, OutboxRow, OutboxState
from foremend.vocabulary.types import Purpose

_NEWEST, _SOONEST = "-at", "due_at"


@dataclass(frozen=True, slots=True)
class HeldBackFilter:
    """What the list is narrowed to; None leaves all. `waits`: what leaves later, instead of what never did."""

    waits: bool = False
    cause: Cause | None = None
    purpose: Purpose | None = None
    appliance_id: str | None = None


@dataclass(frozen=True, slots=True)
class HeldBackCount:
    """How many of one purpose one cause holds back."""

    cause: Cause
    purpose: Purpose
    number: int


def some_held_back(engine: Engine, chosen: HeldBackFilter, limit: int, cursor: str | None) -> Part:
    """What never happened, the newest first; or what waits, what leaves first first.

    Raises InputError for a cursor that is none.
    """
    if chosen.waits:
        query = _narrowed(select(OutboxRow).where(_waiting()), OutboxRow, _cause(OutboxRow.error), chosen)
        found = part(
            engine, query, OutboxRow.id, {"due_at": OutboxRow.due_at}, _SOONEST, limit, cursor, _later
        )
        return Part(_with_faults(engine, found.items), found.next_cursor)
    query = _narrowed(select(HeldBackRow), HeldBackRow, HeldBackRow.cause, chosen)
    return part(engine, query, HeldBackRow.id, {"at": HeldBackRow.at}, _NEWEST, limit, cursor, _never)


def held_back_since(engine: Engine, since: int) -> list[HeldBackCount]:
    """What never happened since a moment (ms UTC, wall clock)."""
    each = select(HeldBackRow.cause, HeldBackRow.purpose).where(HeldBackRow.at >= since)
    with reading(engine) as session:
        return _counted(session, each)


def held_back_now(engine: Engine) -> list[HeldBackCount]:
    """What waits."""
    each = select(_cause(OutboxRow.error).label("cause"), OutboxRow.purpose).where(_waiting())
    with reading(engine) as session:
        return _counted(session, each)


def _counted(session: Session, each: Any) -> list[HeldBackCount]:
    inner = each.subquery()
    query = select(inner.c.cause, inner.c.purpose, func.count()).group_by(inner.c.cause, inner.c.purpose)
    found = [HeldBackCount(Cause(cause), purpose, many) for cause, purpose, many in session.execute(query)]
    order = list(Cause)
    return sorted(found, key=lambda one: (order.index(one.cause), one.purpose))


def _cause(reason: Any) -> ColumnElement[str]:
    """As `cause_of`."""
    known = [(reason.startswith(words), cause.value) for cause, words in BEGINS.items()]
    return case(*known, else_=Cause.NEVER_GIVEN.value)


def _waiting() -> ColumnElement[bool]:
    put_off = or_(*(OutboxRow.error.startswith(BEGINS[one]) for one in sorted(WAITS)))
    to_owners = OutboxRow.target.in_(tuple(OWNER_CHANNELS)) & (OutboxRow.event_type != WELLBEING)
    return to_owners & (OutboxRow.state == OutboxState.PENDING) & put_off


def _narrowed(
    query: Select[Any], table: type[HeldBackRow] | type[OutboxRow], cause: Any, chosen: HeldBackFilter
) -> Select[Any]:
    if chosen.cause is not None:
        query = query.where(cause == chosen.cause.value)
    if chosen.purpose is not None:
        query = query.where(table.purpose == chosen.purpose)
    if chosen.appliance_id is not None:
        query = query.where(table.appliance_id == chosen.appliance_id)
    return query


def _never(row: HeldBackRow) -> dict[str, Any]:
    shown = {
        name: getattr(row, name) for name in ("id", "act", "purpose", "appliance_id", "fault", "reason", "at")
    }
    return shown | {"cause": row.cause, "until": None}


def _later(row: OutboxRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "act": f"{row.target} {row.event_type}",
        "purpose": row.purpose,
        "appliance_id": row.appliance_id,
        "episode_id": row.episode_id,
        "reason": row.error,
        "cause": cause_of(row.error),
        "at": row.created_at,
        "until": row.due_at,
    }


def _with_faults(engine: Engine, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each message is about; empty where its findings are removed already."""
    faults: dict[str, str] = {}
    with reading(engine) as session:
        for some in chunks({one["episode_id"] for one in items if one["episode_id"] is not None}):
            query = select(FindingRow.episode_id, FindingRow.fault).where(FindingRow.episode_id.in_(some))
            faults |= {row.episode_id: row.fault for row in session.execute(query)}
    return [
        {name: value for name, value in one.items() if name != "episode_id"}
        | {"fault": faults.get(one["episode_id"], "")}
        for one in items
    ]
