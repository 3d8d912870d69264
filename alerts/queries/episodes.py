"""Episodes: those open now, each by its newest finding, and all that ever opened."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Engine, func, select

from alerts.database import reading
from alerts.queries.paging import columns, count
from alerts.tables import FindingRow, TicketRow
from foremend.vocabulary.types import MS_PER_DAY, FindingKind


class Opened(NamedTuple):
    """An opened episode or ticket: which fault, on which appliance, when (event time, ms UTC)."""

    appliance_id: str
    fault: str
    time: int


def finding_count(engine: Engine) -> int:
    """How many findings there are: it grows whenever an episode opens, changes or closes."""
    with reading(engine) as session:
        return count(session, FindingRow)


def open_episodes(engine: Engine, appliance_id: str | None = None) -> list[dict[str, Any]]:
    """Each by its newest finding (at one time, `updated` is newer than `opened`); what fails first comes first."""
    newest = func.row_number().over(
        partition_by=FindingRow.episode_id, order_by=(FindingRow.time.desc(), FindingRow.kind.desc())
    )
    ranked = select(FindingRow.id, newest.label("rank"))
    if appliance_id is not None:
        ranked = ranked.where(FindingRow.appliance_id == appliance_id)
    ranks = ranked.subquery()
    fails_at = FindingRow.time + FindingRow.days_to_failure * MS_PER_DAY
    query = (
        select(FindingRow)
        .join(ranks, (ranks.c.id == FindingRow.id) & (ranks.c.rank == 1))
        .where(FindingRow.kind != FindingKind.CLOSED)
        .order_by(fails_at.is_(None), fails_at, FindingRow.id)
    )
    with reading(engine) as session:
        return [columns(row) for row in session.scalars(query)]


def opened(engine: Engine) -> tuple[list[Opened], list[Opened]]:
    """All episodes and all tickets that ever opened, of one moment."""
    episodes = select(FindingRow.appliance_id, FindingRow.fault, FindingRow.time).where(
        FindingRow.kind == FindingKind.OPENED
    )
    tickets = select(TicketRow.appliance_id, TicketRow.fault, TicketRow.opened_at)
    with reading(engine) as session:
        return (
            [Opened(*row) for row in session.execute(episodes)],
            [Opened(*row) for row in session.execute(tickets)],
        )
