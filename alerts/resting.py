"""What is known of appliances that left the memory of workers, in the database that these share.

A row is written once and never changed. Who works on a stream names the rows that it needs in its own checkpoint, each
by the batch in which it was written: so whichever checkpoint somebody goes on from, it finds exactly its appliances as
they were, and nothing that anybody else wrote meanwhile. What is named no more is marked first, and removed when nobody
can go on from an older checkpoint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Engine, delete, select, update

from alerts.database import CHUNK, reading, upsert, writing
from alerts.shared_status import Seen
from alerts.tables import RestingLayoutRow, RestingRow, SeenRow
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Forgotten, deterministic_id


class Rested(NamedTuple):
    """One appliance that left memory, exactly as it was; the fields are those of `foremend.engine.resting.Resting`."""

    appliance_model: str
    appliance_id: str
    last_seen: int  # ms UTC, event time
    stranger: bool
    layout: str
    state: bytes


class Stored(NamedTuple):
    """A row without its state."""

    id: str
    appliance_model: str
    appliance_id: str
    last_seen: int
    stranger: bool
    unused_since: int | None  # ms UTC, wall clock


def row_id(batch: str, appliance_model: str, appliance_id: str) -> str:
    """Of what was kept of an appliance in a batch, whose name is used once."""
    return deterministic_id("rs", batch, appliance_model, appliance_id)


class RestingAppliances:
    """Of one stream. Every method raises UnavailableError while the database is away: call it again."""

    def __init__(self, engine: Engine, stream: str, clock: Clock) -> None:
        self._engine, self._stream, self._clock = engine, stream, clock

    def put(self, batch: str, rested: Sequence[Rested], shown: Sequence[Seen]) -> None:
        """Keep what left memory; pages show it as silent from now on, and those `shown` if they did not before."""
        layouts = {one.layout: _digest(one.layout) for one in rested}
        rows = [
            one._asdict()
            | {
                "id": row_id(batch, one.appliance_model, one.appliance_id),
                "stream": self._stream,
                "layout": layouts[one.layout],
                "unused_since": None,
            }
            for one in rested
        ]
        with writing(self._engine) as session:
            texts = [
                {"id": key, "text": text}
                for key, text in sorted((key, text) for text, key in layouts.items())
            ]
            upsert(session, RestingLayoutRow, texts)
            upsert(session, RestingRow, rows)
            upsert(session, SeenRow, [one._asdict() for one in sorted(shown)])
            for some in _chunks(sorted(one.appliance_id for one in rested)):
                session.execute(update(SeenRow).where(SeenRow.appliance_id.in_(some)).values(silent=True))

    def find(self, appliance_model: str, batches: Mapping[str, str]) -> list[Rested]:
        """What was kept of these appliances, by id, each in the batch that is named; some may be gone."""
        ids = [row_id(batch, appliance_model, one) for one, batch in batches.items()]
        query = select(RestingRow, RestingLayoutRow.text).join(
            RestingLayoutRow, RestingLayoutRow.id == RestingRow.layout
        )
        found = []
        with reading(self._engine) as session:
            for some in _chunks(ids):
                for row, layout in session.execute(query.where(RestingRow.id.in_(some))):
                    kept = (row.appliance_model, row.appliance_id, row.last_seen, row.stranger, layout)
                    found.append(Rested(*kept, row.state))
        return found

    def forget(self, forgotten: Sequence[Forgotten]) -> list[str]:
        """Remove what is kept of these from before their `until`, whoever names it; answers the rows' ids."""
        removed: list[str] = []
        with writing(self._engine) as session:
            for one in forgotten:
                of_it = (
                    self._is_ours,
                    RestingRow.appliance_model == one.appliance_model,
                    RestingRow.appliance_id == one.appliance_id,
                    RestingRow.last_seen <= one.until,
                )
                removed += session.scalars(delete(RestingRow).where(*of_it).returning(RestingRow.id))
        return removed

    def stored(self) -> list[Stored]:
        """Every row."""
        columns = (getattr(RestingRow, name) for name in Stored._fields)
        with reading(self._engine) as session:
            return [Stored(*row) for row in session.execute(select(*columns).where(self._is_ours))]

    def settle(self, unused: Sequence[str], used: Sequence[str], gone: Sequence[str], before: int) -> None:
        """Mark rows, by id, that are `unused` from now on, or `used` after all, and remove those that are `gone`.

        What nobody used since `before` (ms UTC, wall clock) goes, too.
        """
        now = self._clock.now_ms()
        with writing(self._engine) as session:
            for ids, since in ((unused, now), (used, None)):
                for some in _chunks(ids):
                    mark = update(RestingRow).where(RestingRow.id.in_(some)).values(unused_since=since)
                    session.execute(mark)
            for some in _chunks(gone):
                session.execute(delete(RestingRow).where(RestingRow.id.in_(some)))
            session.execute(delete(RestingRow).where(self._is_ours, RestingRow.unused_since < before))

    @property
    def _is_ours(self) -> ColumnElement[bool]:
        return RestingRow.stream == self._stream


def _digest(layout: str) -> str:
    return hashlib.sha256(layout.encode()).hexdigest()


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
