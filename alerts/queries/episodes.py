"""Episodes: those open now, each by its newest finding, and all that ever opened."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, select

from alerts.database import reading
from alerts.queries.keyset import Part, part
from alerts.queries.paging import columns, count
from alerts.tables import FindingRow, OpenEpisodeRow, TicketRow
from foremend.vocabulary.types import FindingKind, Severity

SOONEST = "fails_at"
NEWEST = "-time"


class Opened(NamedTuple):
    """An opened episode or ticket: which fault, on which appliance, when (event time, ms UTC)."""

    appliance_id: str
    fault: str
    time: int


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """What a list of findings or open episodes is narrowed to; None leaves all. `kind` is of findings alone."""

    appliance_id: str | None = None
    appliance_model: str | None = None
    fault: str | None = None
    severity: Severity | None = None
    kind: FindingKind | None = None
    episode_id: str | None = None
    appliances: frozenset[str] | None = None
    updated_since: int | None = None  # ms UTC, wall clock, inclusive: when it was found

    def narrow(self, query: Select[Any], table: type[FindingRow] | type[OpenEpisodeRow]) -> Select[Any]:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is None:
                continue
            if one.name == "appliances":
                query = query.where(table.appliance_id.in_(value))
            elif one.name == "updated_since":
                query = query.where(table.at >= value)
            else:
                query = query.where(getattr(table, one.name) == value)
        return query


def finding_count(engine: Engine) -> int:
    """How many findings there are: it grows whenever an episode opens, changes or closes."""
    with reading(engine) as session:
        return count(session, FindingRow)


def open_episodes(engine: Engine, appliance_id: str | None = None) -> list[dict[str, Any]]:
    """Each by its newest finding; what fails first comes first."""
    query = (
        select(FindingRow)
        .join(OpenEpisodeRow, OpenEpisodeRow.finding_id == FindingRow.id)
        .order_by(OpenEpisodeRow.fails_at, FindingRow.id)
    )
    if appliance_id is not None:
        query = query.where(OpenEpisodeRow.appliance_id == appliance_id)
    with reading(engine) as session:
        return [columns(row) for row in session.scalars(query)]


def some_open_episodes(engine: Engine, chosen: FindingFilter, limit: int, cursor: str | None) -> Part:
    """Open episodes behind `cursor`, what fails first first; those without an estimate come last."""
    narrowed = chosen.narrow(select(OpenEpisodeRow), OpenEpisodeRow)
    sorts = {SOONEST: OpenEpisodeRow.fails_at}
    found = part(engine, narrowed, OpenEpisodeRow.id, sorts, SOONEST, limit, cursor, columns)
    ids = [one["finding_id"] for one in found.items]
    with reading(engine) as session:
        newest = {
            row.id: columns(row) for row in session.scalars(select(FindingRow).where(FindingRow.id.in_(ids)))
        }
    return Part([newest[one] for one in ids if one in newest], found.next_cursor)


def some_findings(engine: Engine, chosen: FindingFilter, sort: str, limit: int, cursor: str | None) -> Part:
    """Findings behind `cursor`, by event time (`time`) or by when they were found (`at`)."""
    narrowed = chosen.narrow(select(FindingRow), FindingRow)
    sorts = {"time": FindingRow.time, "at": FindingRow.at}
    return part(engine, narrowed, FindingRow.id, sorts, sort, limit, cursor, columns)


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
