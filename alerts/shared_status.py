"""What workers say of themselves and the appliances they heard of, for processes that have the page but no pipeline."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, delete, func, select

from alerts.database import CHUNK, reading, upsert, writing
from alerts.tables import ProcessRow, SeenRow

_COLUMNS = (
    SeenRow.appliance_id,
    SeenRow.appliance_model,
    SeenRow.category,
    SeenRow.last_seen,
    SeenRow.silent,
)


class Seen(NamedTuple):
    """An appliance that was heard of: `last_seen` ms UTC, event time; `silent`: unlike itself it says nothing."""

    appliance_id: str
    appliance_model: str
    category: str
    last_seen: int
    silent: bool


class Said(NamedTuple):
    """What one stream's worker last said of itself, and when: ms UTC, wall clock."""

    stream: str
    status: Mapping[str, Any]
    at: int


def say(engine: Engine, said: Said, seen: Sequence[Seen]) -> None:
    """Replace what is known of a stream and of these appliances. Raises UnavailableError without the database."""
    # Workers that hand a partition over may write the same rows: in one order they cannot lock each other out.
    rows = [one._asdict() for one in sorted(seen)]
    with writing(engine) as session:
        upsert(session, SeenRow, rows)
        upsert(session, ProcessRow, [said._asdict()])


def streams(engine: Engine) -> list[Said]:
    """What each stream said last."""
    with reading(engine) as session:
        return [Said(row.stream, row.status, row.at) for row in session.scalars(select(ProcessRow))]


def by_model(engine: Engine) -> dict[str, int]:
    """How many appliances of each model were heard of; counting millions takes the database a second."""
    query = select(SeenRow.appliance_model, func.count()).group_by(SeenRow.appliance_model)
    with reading(engine) as session:
        return dict(session.execute(query).all())


def some(engine: Engine, ids: Collection[str]) -> list[Seen]:
    """Those of `ids` that were heard of."""
    names, found = sorted(ids), []
    with reading(engine) as session:
        for start in range(0, len(names), CHUNK):
            query = select(*_COLUMNS).where(SeenRow.appliance_id.in_(names[start : start + CHUNK]))
            found += [Seen(*row) for row in session.execute(query)]
    return found


def silent(engine: Engine) -> list[Seen]:
    """Those that say nothing, unlike themselves."""
    with reading(engine) as session:
        return [Seen(*row) for row in session.execute(select(*_COLUMNS).where(SeenRow.silent))]


def first(engine: Engine, most: int, appliance_model: str | None = None) -> list[Seen]:
    """At most `most`, by id; of one model, or of all."""
    query = select(*_COLUMNS).order_by(SeenRow.appliance_id).limit(most)
    if appliance_model is not None:
        query = query.where(SeenRow.appliance_model == appliance_model)
    with reading(engine) as session:
        return [Seen(*row) for row in session.execute(query)]


def forget_seen(engine: Engine, ids: Collection[str]) -> None:
    """The page no longer shows these."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), CHUNK):
        with writing(engine) as session:
            session.execute(delete(SeenRow).where(SeenRow.appliance_id.in_(ordered[start : start + CHUNK])))
