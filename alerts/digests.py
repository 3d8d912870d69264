"""Which messages leave together with one: what is due of the same owner on the same channel, but harm under way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import orjson
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from alerts.database import chunks, reading
from alerts.outbox import WARNING
from alerts.tables import ApplianceRow, OutboxRow, OutboxState

MOST = 100
"""Messages in one digest; the others follow in the next."""


def waiting_with_each(engine: Engine, rows: Sequence[OutboxRow], now: int) -> dict[int, list[int]]:
    """By the number of each of `rows`, of different owners, the numbers of those that may leave with it, the one that
    is due first in front; of a digest that was begun the same as then.

    The same, so that a receiver that knows it by its id and drops it as a repeat drops nothing else.
    """
    found: dict[int, list[int]] = {row.seq: [] for row in rows}
    carriers = [row for row in rows if row.event_type == WARNING and _may_join(row.body)]
    if not carriers:
        return found
    with reading(engine) as session:
        for row in (one for one in carriers if one.digest == one.id):
            begun = OutboxRow.digest == row.id, OutboxRow.seq != row.seq
            found[row.seq] = list(session.scalars(select(OutboxRow.seq).where(*begun)))
        found |= _due_of_owners(session, [one for one in carriers if one.digest != one.id], now)
    return found


def _due_of_owners(session: Session, rows: Sequence[OutboxRow], now: int) -> dict[int, list[int]]:
    carrier = _by_appliance(session, rows)
    due: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for seq, due_at, appliance_id in _due(session, rows[0].target if rows else "", carrier, now):
        if seq != carrier[appliance_id]:
            due[carrier[appliance_id]].append((due_at, seq))
    chosen = {of: [seq for _, seq in sorted(theirs)[: MOST - 1]] for of, theirs in due.items()}
    bodies = _bodies(session, [seq for seqs in chosen.values() for seq in seqs])
    return {of: [seq for seq in seqs if _may_join(bodies.get(seq, ""))] for of, seqs in chosen.items()}


def _by_appliance(session: Session, rows: Sequence[OutboxRow]) -> dict[str, int]:
    """The number of the row with which messages about each appliance of their owners would leave."""
    seqs = {row.appliance_id: row.seq for row in rows}
    owners: dict[str, int] = {}
    for some in chunks(seqs):
        query = select(ApplianceRow.id, ApplianceRow.owner_id).where(ApplianceRow.id.in_(some))
        owners |= {row.owner_id: seqs[row.id] for row in session.execute(query)}
    found: dict[str, int] = {}
    for some in chunks(owners):
        query = select(ApplianceRow.id, ApplianceRow.owner_id).where(ApplianceRow.owner_id.in_(some))
        found |= {row.id: owners[row.owner_id] for row in session.execute(query)}
    return found


def _due(
    session: Session, target: str, appliances: Mapping[str, int], now: int
) -> list[tuple[int, int, str]]:
    """Found by the appliance and told apart here: asked for the state, SQLite walks through all that wait."""
    found: list[tuple[int, int, str]] = []
    columns = (
        OutboxRow.seq, OutboxRow.due_at, OutboxRow.appliance_id, OutboxRow.target, OutboxRow.event_type,
        OutboxRow.state,
    )  # fmt: skip
    for some in chunks(appliances):
        theirs = OutboxRow.appliance_id.in_(some), OutboxRow.sent_at.is_(None)
        found += [
            (one.seq, one.due_at, one.appliance_id)
            for one in session.execute(select(*columns).where(*theirs))
            if (one.target, one.event_type, one.state) == (target, WARNING, OutboxState.PENDING)
            and one.due_at <= now
        ]
    return found


def _bodies(session: Session, seqs: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in chunks(seqs):
        query = select(OutboxRow.seq, OutboxRow.body).where(OutboxRow.seq.in_(some))
        found |= {row.seq: row.body for row in session.execute(query)}
    return found


def _may_join(body: str) -> bool:
    """What cannot be read goes alone, and is set aside alone."""
    try:
        stored = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(stored, dict) and stored.get("said") is not None and not stored.get("harm")
