"""How many messages a day an owner gets: what is over the policy's bound waits for the next day, as one digest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select

from alerts.database import CHUNK, reading
from alerts.outbox import WARNING
from alerts.owner_channels import OWNER_CHANNELS
from alerts.owners import OwnedAppliance, time_zone
from alerts.queries.owned import owned_by
from alerts.schedule import day_of
from alerts.tables import OutboxRow, OutboxState

_FIRST_MS, _OTHERS_MS = 20, 1_000
"""Where two messages that leave at this moment have one place between them: the first written goes first."""


@dataclass(frozen=True, slots=True)
class PutOff:
    """Not now: ask again at `until`, ms UTC."""

    until: int
    reason: str


def put_off(
    engine: Engine, row: OutboxRow, appliance: OwnedAppliance, bound: int | None, now: int
) -> PutOff | None:
    """None where the owner may get this message today: fewer than `bound` others left since local midnight.

    One that another channel told already is counted, so it passes. Call it once the row is marked as leaving: of two
    dispatchers that ask at once at least one sees the other's mark.
    """
    if bound is None or row.event_type != WARNING or _is_told(engine, row):
        return None
    began, ends = day_of(now, time_zone(appliance.timezone))
    theirs = owned_by(engine, appliance.owner_id)
    sent = _sent(engine, theirs, began) - {row.message_id}
    if len(sent) >= bound:
        return PutOff(ends, f"the owner had {bound} messages today, as many as the policy allows")
    leaving = {one.message_id: one.seq for one in _leaving(engine, row, theirs, now)}
    if len(sent | leaving.keys()) < bound:
        return None
    is_first = row.seq < min(leaving.values())
    return PutOff(now + (_FIRST_MS if is_first else _OTHERS_MS), "another message leaves at this moment")


def _is_told(engine: Engine, row: OutboxRow) -> bool:
    """By another channel, alone or in a digest."""
    others = [one for one in OWNER_CHANNELS if one != row.target]
    same = OutboxRow.target.in_(others), OutboxRow.ordering == row.ordering
    with reading(engine) as session:
        found = session.execute(select(OutboxRow.state, OutboxRow.digest).where(*same)).all()
    return any(is_told(state, digest) for state, digest in found)


def is_told(state: OutboxState, digest: str | None) -> bool:
    """Whether the owner has read it: as a message, or as one of a digest."""
    return state is OutboxState.SENT or (state is OutboxState.SUPERSEDED and digest is not None)


def _sent(engine: Engine, appliance_ids: Collection[str], since: int) -> set[str]:
    """Messages to their owner since then, by id: one that two channels sent is one, and so is a digest."""
    found: set[str] = set()
    columns = OutboxRow.message_id, OutboxRow.target, OutboxRow.event_type, OutboxRow.state
    with reading(engine) as session:
        for some in _some(appliance_ids):
            query = select(*columns).where(OutboxRow.appliance_id.in_(some), OutboxRow.sent_at >= since)
            found |= {
                one.message_id
                for one in session.execute(query)
                if one.state is OutboxState.SENT and _is_warning(one)
            }
    return found


def _leaving(engine: Engine, row: OutboxRow, appliance_ids: Collection[str], now: int) -> list[Any]:
    """Other messages to their owner that leave at this moment."""
    columns = (
        OutboxRow.seq, OutboxRow.id, OutboxRow.message_id, OutboxRow.target, OutboxRow.event_type,
        OutboxRow.state, OutboxRow.appliance_id, OutboxRow.digest,
    )  # fmt: skip
    with reading(engine) as session:
        found = session.execute(select(*columns).where(OutboxRow.leaving_until > now)).all()
    return [
        one
        for one in found
        if one.state is OutboxState.PENDING
        and one.message_id != row.message_id
        and one.appliance_id in appliance_ids
        and one.digest in (None, one.id)  # of a digest the one that carries it
        and _is_warning(one)
    ]


def _is_warning(row: Any) -> bool:
    return row.event_type == WARNING and row.target in OWNER_CHANNELS


def _some(ids: Collection[str]) -> list[Sequence[str]]:
    ordered = sorted(ids)
    return [ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK)]
