"""Which messages leave together with one: what is due of the same owner on the same channel, but harm under way."""

from __future__ import annotations

from collections.abc import Collection

import orjson
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from alerts.database import CHUNK, reading
from alerts.outbox import WARNING
from alerts.queries.owned import owned_by
from alerts.tables import ApplianceRow, OutboxRow, OutboxState

MOST = 100
"""Messages in one digest; the others follow in the next."""


def waiting_with(engine: Engine, row: OutboxRow, now: int) -> list[int]:
    """The numbers of those rows, the one that is due first in front; of a digest that was begun the same as then.

    The same, so that a receiver that knows it by its id and drops it as a repeat drops nothing else.
    """
    if row.event_type != WARNING or not _may_join(row.body):
        return []
    with reading(engine) as session:
        if row.digest == row.id:
            begun = OutboxRow.digest == row.id, OutboxRow.seq != row.seq
            return list(session.scalars(select(OutboxRow.seq).where(*begun)))
        owner = session.scalar(select(ApplianceRow.owner_id).where(ApplianceRow.id == row.appliance_id))
    theirs = owned_by(engine, owner) if owner is not None else frozenset()
    with reading(engine) as session:
        seqs = _due(session, row, theirs, now)
        bodies = dict(
            session.execute(select(OutboxRow.seq, OutboxRow.body).where(OutboxRow.seq.in_(seqs))).all()
        )
    return [seq for seq in seqs if _may_join(bodies.get(seq, ""))]


def _due(session: Session, row: OutboxRow, appliance_ids: Collection[str], now: int) -> list[int]:
    """Found by the appliance and told apart here: asked for the state, SQLite walks through all that wait."""
    columns = OutboxRow.seq, OutboxRow.due_at, OutboxRow.target, OutboxRow.event_type, OutboxRow.state
    ordered, found = sorted(appliance_ids), []
    for start in range(0, len(ordered), CHUNK):
        some = OutboxRow.appliance_id.in_(ordered[start : start + CHUNK])
        found += [
            (one.due_at, one.seq)
            for one in session.execute(select(*columns).where(some, OutboxRow.sent_at.is_(None)))
            if (one.target, one.event_type, one.state) == (row.target, WARNING, OutboxState.PENDING)
            and one.due_at <= now
            and one.seq != row.seq
        ]
    return [seq for _, seq in sorted(found)[: MOST - 1]]


def _may_join(body: str) -> bool:
    """What cannot be read goes alone, and is set aside alone."""
    try:
        stored = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(stored, dict) and stored.get("said") is not None and not stored.get("harm")
