"""The pipeline as its workers describe it in the effects database: for a process that has the page but no pipeline."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import fields
from time import monotonic
from typing import Literal

from sqlalchemy import Engine as Database
from sqlalchemy import func, select

from alerts.database import CHUNK, reading
from alerts.tables import ProcessRow, SeenRow
from foremend.runtimes.status import ApplianceStatus, PipelineStatus
from foremend.vocabulary.ports import Clock

_COUNTED_FOR_S = 10.0  # counting millions takes the database a second
_COLUMNS = (
    SeenRow.appliance_id,
    SeenRow.appliance_model,
    SeenRow.category,
    SeenRow.last_seen,
    SeenRow.silent,
)
_FIELDS = tuple(field.name for field in fields(PipelineStatus))  # a worker of a newer version may say more
_SUMS = ("messages", "readings", "repeats", "late", "dead_letters", "position", "committed")


class SharedPipeline:
    """All streams together, as `StatusWriter` wrote them. Every method raises UnavailableError without the database."""

    def __init__(
        self, database: Database, streams: Sequence[str], clock: Clock, stalled_after_ms: int
    ) -> None:
        """`streams`: every partition's; one that said nothing for `stalled_after_ms` makes the pipeline `stalled`."""
        self._database, self._clock = database, clock
        self._streams, self._stalled_after_ms = frozenset(streams), stalled_after_ms
        self._started = clock.now_ms()
        self._counted: tuple[float, Mapping[str, int]] = (0.0, {})

    def status(self) -> PipelineStatus:
        """Counts are sums; the event time is the newest; connected while any worker that is heard of is."""
        rows = self._rows()
        said = [
            PipelineStatus(**{name: row.status[name] for name in _FIELDS if name in row.status})
            for row in rows
        ]
        heard = {row.stream for row in rows if self._age(row) <= self._stalled_after_ms}
        return PipelineStatus(
            state=self._state(rows, heard),
            connected=any(one.connected for row, one in zip(rows, said, strict=True) if row.stream in heard),
            event_time=max((one.event_time for one in said if one.event_time is not None), default=None),
            started_at=min((one.started_at for one in said), default=self._started),
            **{name: sum(getattr(one, name) for one in said) for name in _SUMS},
        )

    def heard_ago_ms(self) -> Mapping[str, int]:
        """How long ago each stream last said something, in ms of wall clock."""
        return {row.stream: self._age(row) for row in self._rows()}

    def by_model(self) -> Mapping[str, int]:
        """`Fleet.by_model`, at most ten seconds old."""
        until, counted = self._counted
        if monotonic() > until:
            query = select(SeenRow.appliance_model, func.count()).group_by(SeenRow.appliance_model)
            with reading(self._database) as session:
                counted = dict(session.execute(query).all())
            self._counted = (monotonic() + _COUNTED_FOR_S, counted)
        return counted

    def some(self, ids: Collection[str]) -> list[ApplianceStatus]:
        """`Fleet.some`."""
        names, found = sorted(ids), []
        with reading(self._database) as session:
            for start in range(0, len(names), CHUNK):
                query = select(*_COLUMNS).where(SeenRow.appliance_id.in_(names[start : start + CHUNK]))
                found += [ApplianceStatus(*row) for row in session.execute(query)]
        return found

    def some_and_silent(self, ids: Collection[str]) -> list[ApplianceStatus]:
        """`Fleet.some_and_silent`."""
        with reading(self._database) as session:
            silent = [
                ApplianceStatus(*row) for row in session.execute(select(*_COLUMNS).where(SeenRow.silent))
            ]
        return silent + self.some(frozenset(ids) - {one.appliance_id for one in silent})

    def page(
        self, appliance_model: str | None, without: Collection[str], offset: int, limit: int
    ) -> list[ApplianceStatus]:
        """`Fleet.page`; a late page costs as much as all before it."""
        query = select(*_COLUMNS).order_by(SeenRow.appliance_id).limit(offset + limit + len(without))
        if appliance_model is not None:
            query = query.where(SeenRow.appliance_model == appliance_model)
        with reading(self._database) as session:
            asked = [row for row in session.execute(query) if row.appliance_id not in without]
        return [ApplianceStatus(*row) for row in asked[offset : offset + limit]]

    def _rows(self) -> list[ProcessRow]:
        with reading(self._database) as session:
            return [row for row in session.scalars(select(ProcessRow)) if row.stream in self._streams]

    def _age(self, row: ProcessRow) -> int:
        return max(self._clock.now_ms() - row.at, 0)

    def _state(
        self, rows: Sequence[ProcessRow], heard: Set[str]
    ) -> Literal["starting", "running", "stalled"]:
        if not rows:
            return "starting"
        return "running" if self._streams <= heard else "stalled"
