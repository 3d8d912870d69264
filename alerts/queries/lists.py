"""Findings, messages and what was held back: JSON-ready, newest first, in pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, select

from alerts.database import reading
from alerts.outbox import WELLBEING
from alerts.queries.paging import Page, columns, page
from alerts.tables import DisabledTargetRow, FindingRow, HeldBackRow, OutboxRow, OutboxState
from foremend.vocabulary.errors import InputError


def findings(
    engine: Engine,
    limit: int = 50,
    offset: int = 0,
    appliance_id: str | None = None,
    appliances: Collection[str] | None = None,
) -> Page:
    """Findings by event time; of `appliances` alone where they are given."""
    query = select(FindingRow).order_by(FindingRow.time.desc(), FindingRow.id)
    if appliance_id is not None:
        query = query.where(FindingRow.appliance_id == appliance_id)
    if appliances is not None:
        query = query.where(FindingRow.appliance_id.in_(appliances))
    return page(engine, query, limit, offset, columns)


def held_back(engine: Engine, limit: int = 50, offset: int = 0) -> Page:
    """What consent held back, and why."""
    return page(
        engine, select(HeldBackRow).order_by(HeldBackRow.at.desc(), HeldBackRow.id), limit, offset, columns
    )


def outbox(engine: Engine, limit: int = 50, offset: int = 0, state: str | None = None) -> Page:
    """Messages with their state, but those to trusted contacts. Raises InputError for a state that does not exist."""
    query = select(OutboxRow).where(OutboxRow.event_type != WELLBEING).order_by(OutboxRow.seq.desc())
    if state is not None:
        if state not in list(OutboxState):
            raise InputError(f"{state!r} is not a state of a message; use one of {', '.join(OutboxState)}")
        query = query.where(OutboxRow.state == OutboxState(state))
    return page(engine, query, limit, offset, columns)


def disabled_targets(engine: Engine) -> list[dict[str, Any]]:
    """Endpoints that answered 410 and are not used any more."""
    with reading(engine) as session:
        return [
            columns(row) for row in session.scalars(select(DisabledTargetRow).order_by(DisabledTargetRow.at))
        ]


def deliveries(engine: Engine, episode_ids: Sequence[str]) -> Mapping[str, list[dict[str, Any]]]:
    """The messages of each of these episodes, the oldest first; of one without any, an empty list."""
    query = select(OutboxRow).where(OutboxRow.episode_id.in_(episode_ids)).order_by(OutboxRow.seq)
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    with reading(engine) as session:
        for row in session.scalars(query):
            found[str(row.episode_id)].append(columns(row))
    return found
