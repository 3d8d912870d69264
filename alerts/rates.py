"""How many messages a day an owner gets: what is over the policy's bound waits for the next day, as one digest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.database import chunks
from alerts.held_back import enough_today
from alerts.outbox import WARNING
from alerts.owner_channels import OWNER_CHANNELS
from alerts.owners import OwnedAppliance, time_zone
from alerts.schedule import day_of
from alerts.tables import ApplianceRow, OutboxRow, OutboxState
from foremend.vocabulary.types import MS_PER_HOUR

_FIRST_MS, _OTHERS_MS = 20, 1_000
"""Where two messages that leave at this moment have one place between them: the first written goes first."""
_LONGEST_DAY_MS = 26 * MS_PER_HOUR
"""Since any zone's midnight, on a day that is set back."""


@dataclass(frozen=True, slots=True)
class PutOff:
    """Not now: ask again at `until`, ms UTC."""

    until: int
    reason: str


@dataclass(frozen=True, slots=True)
class Day:
    """What owners got since yesterday, (message, ms UTC), and what leaves to them at this moment, (message, its row's
    number); by owner. A message that two channels send is one, and so is a digest."""

    sent: Mapping[str, Sequence[tuple[str, int]]]
    leaving: Mapping[str, Sequence[tuple[str, int]]]


def day_of_owners(session: Session, appliances: Collection[ApplianceRow], now: int) -> Day:
    """Of the owners of `appliances`. Read it once the messages that it is for are marked as leaving: of two dispatchers
    that ask at once at least one sees the other's mark."""
    owner_of: dict[str, str] = {}
    for some in chunks({one.owner_id for one in appliances}):
        query = select(ApplianceRow.id, ApplianceRow.owner_id).where(ApplianceRow.owner_id.in_(some))
        owner_of |= {row.id: row.owner_id for row in session.execute(query)}
    return Day(_sent(session, owner_of, now - _LONGEST_DAY_MS), _leaving(session, owner_of, now))


def put_off(
    day: Day, row: OutboxRow, appliance: OwnedAppliance, bound: int | None, is_told: bool, now: int
) -> PutOff | None:
    """None where the owner may get this message today: fewer than `bound` others left since local midnight.

    One that another channel told already is counted, so it passes.
    """
    if bound is None or row.event_type != WARNING or is_told:
        return None
    began, ends = day_of(now, time_zone(appliance.timezone))
    sent = {message for message, at in day.sent.get(appliance.owner_id, ()) if at >= began} - {row.message_id}
    if len(sent) >= bound:
        return PutOff(ends, enough_today(bound))
    leaving = {
        message: seq for message, seq in day.leaving.get(appliance.owner_id, ()) if message != row.message_id
    }
    if len(sent | leaving.keys()) < bound:
        return None
    is_first = row.seq < min(leaving.values())
    return PutOff(now + (_FIRST_MS if is_first else _OTHERS_MS), "another message leaves at this moment")


def is_told(state: OutboxState, digest: str | None) -> bool:
    """Whether the owner has read it: as a message, or as one of a digest."""
    return state is OutboxState.SENT or (state is OutboxState.SUPERSEDED and digest is not None)


def _sent(session: Session, owner_of: Mapping[str, str], since: int) -> dict[str, list[tuple[str, int]]]:
    found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    columns = (
        OutboxRow.appliance_id, OutboxRow.message_id, OutboxRow.sent_at, OutboxRow.target, OutboxRow.event_type,
        OutboxRow.state,
    )  # fmt: skip
    for some in chunks(owner_of):
        query = select(*columns).where(OutboxRow.appliance_id.in_(some), OutboxRow.sent_at >= since)
        for one in session.execute(query):
            if one.state is OutboxState.SENT and _is_warning(one):
                found[owner_of[one.appliance_id]].append((one.message_id, one.sent_at))
    return found


def _leaving(session: Session, owner_of: Mapping[str, str], now: int) -> dict[str, list[tuple[str, int]]]:
    found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    columns = (
        OutboxRow.seq, OutboxRow.id, OutboxRow.message_id, OutboxRow.target, OutboxRow.event_type,
        OutboxRow.state, OutboxRow.appliance_id, OutboxRow.digest,
    )  # fmt: skip
    for one in session.execute(select(*columns).where(OutboxRow.leaving_until > now)):
        carries = one.digest in (None, one.id)  # of a digest the one that carries it
        if one.state is OutboxState.PENDING and one.appliance_id in owner_of and carries and _is_warning(one):
            found[owner_of[one.appliance_id]].append((one.message_id, one.seq))
    return found


def _is_warning(row: Any) -> bool:
    return row.event_type == WARNING and row.target in OWNER_CHANNELS
