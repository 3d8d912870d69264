"""What is found of the whole fleet once a day, by one of however many processes, and kept for whoever looks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, select, update

from alerts.database import insert_new, reading, writing
from alerts.tables import FleetReportRow
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import MS_PER_HOUR

_NEVER = -1
_PATIENCE_MS = MS_PER_HOUR
"""Whoever is at a report is taken to be gone after that, and another begins it anew."""


@dataclass(frozen=True, slots=True)
class FleetReport:
    """`day` is the last whole day, since 1970, that it knows; `trouble` says in words why there is no `content`."""

    day: int  # before 1970 of one that somebody is only at yet
    at: int  # ms UTC: when it was made
    content: dict[str, Any]
    trouble: str = ""
    under_way: bool = False  # somebody is at a newer one

    @property
    def made(self) -> bool:
        return self.day != _NEVER


class FleetReports:
    """By name. Every method raises UnavailableError while the database is away."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    def claim(self, name: str, day: int) -> bool:
        """Whether the report of `day` is the caller's to make: nobody has made it, and nobody is at it."""
        row = FleetReportRow
        with reading(self._engine) as session:
            if session.scalar(select(row.day).where(row.id == name, row.day >= day)) is not None:
                return False
        return self._taken(name, row.day < day)

    def claim_anew(self, name: str) -> bool:
        """Whether the report is the caller's to make though there may be one: nobody is at it."""
        return self._taken(name)

    def _taken(self, name: str, *due: ColumnElement[bool]) -> bool:
        now, row = self._clock.now_ms(), FleetReportRow
        fresh = {"id": name, "day": _NEVER, "claimed_until": 0, "content": {}, "trouble": "", "at": 0}
        free = (row.id == name, *due, row.claimed_until <= now)
        mine = update(row).where(*free).values(claimed_until=now + _PATIENCE_MS).returning(row.id)
        with writing(self._engine) as session:
            insert_new(session, row, [fresh])
            return session.scalar(mine) is not None

    def still_at(self, name: str) -> None:
        """Whoever claimed it goes on: nobody else begins it for another hour."""
        until = self._clock.now_ms() + _PATIENCE_MS
        with writing(self._engine) as session:
            row = FleetReportRow
            session.execute(update(row).where(row.id == name).values(claimed_until=until))

    def release(self, name: str) -> None:
        """It could not be made: whoever looks next tries again."""
        with writing(self._engine) as session:
            session.execute(update(FleetReportRow).where(FleetReportRow.id == name).values(claimed_until=0))

    def keep(self, name: str, day: int, content: dict[str, Any], trouble: str = "") -> None:
        """It is made; an older one is replaced."""
        values = {
            "day": day,
            "claimed_until": 0,
            "content": content,
            "trouble": trouble,
            "at": self._clock.now_ms(),
        }
        with writing(self._engine) as session:
            session.execute(update(FleetReportRow).where(FleetReportRow.id == name).values(**values))

    def one(self, name: str) -> FleetReport | None:
        """The newest that was made; None where none was yet."""
        return found if (found := self.some([name]).get(name)) and found.made else None

    def some(self, names: Collection[str]) -> dict[str, FleetReport]:
        """By name, those of `names` that were made or that somebody is at."""
        now = self._clock.now_ms()
        with reading(self._engine) as session:
            rows = session.scalars(select(FleetReportRow).where(FleetReportRow.id.in_(names)))
            found = [
                (
                    row.id,
                    FleetReport(row.day, row.at, dict(row.content), row.trouble, row.claimed_until > now),
                )
                for row in rows
            ]
        return {name: one for name, one in found if one.made or one.under_way}
