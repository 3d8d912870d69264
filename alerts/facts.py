"""What the database says of messages that are about to leave: read once for a block of them, after they were marked as
leaving, so that a withdrawal that these words do not know waits until they are through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from alerts.consent import Histories, histories
from alerts.consent.known import rows_of
from alerts.database import chunks, reading
from alerts.outbox import WARNING
from alerts.owner_channels import OWNER_CHANNELS
from alerts.rates import Day, day_of_owners
from alerts.tables import ApplianceRow, ContactRow, OutboxRow, OutboxState
from foremend.vocabulary.types import Purpose


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one moment and of rows of one target."""

    said: Histories
    appliances: Mapping[str, ApplianceRow]
    sealed: Mapping[str, bytes]
    """Addresses on the channel, by owner."""
    overtaken: Collection[int]
    """Numbers of rows whose episode has a later stage on the channel."""
    elsewhere: Mapping[str, Sequence[Any]]
    """The same messages on other channels, by ordering."""
    day: Day


def facts(engine: Engine, rows: Sequence[OutboxRow], now: int) -> Facts:
    """Of `rows`, which share a target, at `now` (ms UTC). Raises UnavailableError while the database is away."""
    purposes = {row.purpose for row in rows if row.purpose is not None}
    ids = {row.appliance_id for row in rows}
    to_owners = rows[0].target in OWNER_CHANNELS
    with reading(engine) as session:
        asked = purposes | {Purpose.AT_NIGHT} if to_owners else purposes
        said = histories(session, ids, asked) if asked else {}
        if not to_owners:
            return Facts(said, {}, {}, (), {}, Day({}, {}))
        appliances = rows_of(session, ApplianceRow, ids)
        owners = {one.owner_id for one in appliances.values()}
        return Facts(
            said,
            appliances,
            _sealed(session, owners, rows[0].target),
            _overtaken(session, rows),
            _elsewhere(session, rows),
            day_of_owners(session, appliances.values(), now),
        )


def _sealed(session: Session, owners: Collection[str], channel: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for some in chunks(owners):
        query = select(ContactRow.owner_id, ContactRow.sealed)
        theirs = ContactRow.owner_id.in_(some), ContactRow.channel == channel
        found |= {row.owner_id: row.sealed for row in session.execute(query.where(*theirs))}
    return found


def _overtaken(session: Session, rows: Sequence[OutboxRow]) -> set[int]:
    """A later stage of the same episode has a message on this channel: it waits, or was told."""
    last: dict[str, int] = {}
    for some in chunks({row.episode_id for row in rows if row.episode_id is not None}):
        told = (OutboxRow.state == OutboxState.SUPERSEDED) & OutboxRow.digest.is_not(None)
        query = select(OutboxRow.episode_id, func.max(OutboxRow.seq)).where(
            OutboxRow.episode_id.in_(some),
            OutboxRow.target == rows[0].target,
            OutboxRow.event_type == WARNING,
            OutboxRow.state.in_((OutboxState.PENDING, OutboxState.SENT)) | told,
        )
        last |= {str(episode): seq for episode, seq in session.execute(query.group_by(OutboxRow.episode_id))}
    return {row.seq for row in rows if row.episode_id is not None and last.get(row.episode_id, 0) > row.seq}


def _elsewhere(session: Session, rows: Sequence[OutboxRow]) -> Mapping[str, Sequence[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    others = [one for one in OWNER_CHANNELS if one != rows[0].target]
    columns = OutboxRow.target, OutboxRow.state, OutboxRow.attempts, OutboxRow.leaving_until, OutboxRow.digest
    for some in chunks({row.ordering for row in rows if row.ordering}):
        same = OutboxRow.target.in_(others), OutboxRow.ordering.in_(some)
        for row in session.execute(select(OutboxRow.ordering, *columns).where(*same)):
            found[row.ordering].append(row)
    return found
