"""What an owner's own page shows beside what everybody's does: words that hold, and messages that were sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Engine, and_, func, select

from alerts.consent import decide, histories
from alerts.database import reading
from alerts.outbox import WELLBEING
from alerts.owner_channels import OWNER_CHANNELS
from alerts.tables import ApplianceRow, ConsentRow, OutboxRow, OutboxState
from foremend.vocabulary.types import Purpose

_LEFT = (
    OutboxState.SENT,
    OutboxState.SUPERSEDED,
)  # in a digest others are superseded by it, and sent with it


class Word(NamedTuple):
    """Whether an owner's yes holds now, and until when, ms UTC; None: until a no."""

    given: bool
    ends_at: int | None


class Told(NamedTuple):
    """A message that left, as the outbox has it: `body` in every language, without the appliance's own name."""

    sent_at: int
    channel: str
    appliance_id: str
    body: Mapping[str, Any]


def words_now(engine: Engine, appliance_ids: Collection[str], at: int) -> dict[tuple[str, Purpose], Word]:
    """What the present owners' words mean at `at`, ms UTC, of purposes on which something was said."""
    with reading(engine) as session:
        said = histories(session, appliance_ids, list(Purpose))
    found = {}
    for key, words in said.items():
        given = decide(words, at).given
        found[key] = Word(given, words[-1].ends_at if given else None)
    return found


def told_to(engine: Engine, owner_id: str, limit: int) -> list[Told]:
    """The newest messages about an owner's appliances that left since they are this owner's, the newest first."""
    others = (
        select(func.max(ConsentRow.recorded_at))
        .where(ConsentRow.appliance_id == ApplianceRow.id, ConsentRow.subject != owner_id)
        .scalar_subquery()
    )
    query = (
        select(OutboxRow.sent_at, OutboxRow.target, OutboxRow.appliance_id, OutboxRow.body)
        .join(
            ApplianceRow, and_(ApplianceRow.id == OutboxRow.appliance_id, ApplianceRow.owner_id == owner_id)
        )
        .where(
            OutboxRow.target.in_(OWNER_CHANNELS),
            OutboxRow.event_type != WELLBEING,
            OutboxRow.state.in_(_LEFT),
            OutboxRow.sent_at.is_not(None),
            OutboxRow.created_at > func.coalesce(others, 0),
        )
        .order_by(OutboxRow.sent_at.desc(), OutboxRow.seq.desc())
        .limit(limit)
    )
    with reading(engine) as session:
        return [
            Told(row.sent_at, row.target, row.appliance_id, orjson.loads(row.body))
            for row in session.execute(query)
        ]
