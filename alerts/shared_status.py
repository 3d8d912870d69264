"""What workers say of themselves and the appliances they heard of, for processes that have the page but no pipeline."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Engine, and_, delete, func, not_, or_, select, text

from alerts.database import CHUNK, in_code_points, reading, upsert, writing
from alerts.queries.traits import ANY, Traits, asked, with_traits
from alerts.tables import ProcessRow, SeenRow

_COLUMNS = (
    SeenRow.appliance_id,
    SeenRow.appliance_model,
    SeenRow.category,
    SeenRow.last_seen,
    SeenRow.silent,
    SeenRow.days_missing,
)


class Seen(NamedTuple):
    """An appliance that was heard of: `last_seen` ms UTC, event time; `silent`: unlike itself it says nothing.

    `days_missing`: with readings, until it is first judged; -1: it sends nothing that can be, None: nobody told.
    """

    appliance_id: str
    appliance_model: str
    category: str
    last_seen: int
    silent: bool
    days_missing: int | None = 0


class Counted(NamedTuple):
    """So many appliances of a model whose silence and missing days are alike."""

    appliance_model: str
    silent: bool
    days_missing: int | None
    appliances: int


class Said(NamedTuple):
    """What one stream's worker last said of itself, and when: ms UTC, wall clock."""

    stream: str
    status: Mapping[str, Any]
    at: int


Standing = Literal["silent", "learning", "not_judged", "ok"]
Order = Literal["appliance_id", "last_seen", "-last_seen"]

_STANDINGS: Mapping[Standing, ColumnElement[bool]] = {
    "silent": SeenRow.silent.expression,
    # numbers in the text: an index of a part is only used where the database sees them
    "learning": and_(not_(SeenRow.silent), text("days_missing > 0")),
    "not_judged": and_(not_(SeenRow.silent), text("coalesce(days_missing, -1) < 0")),
    "ok": and_(not_(SeenRow.silent), text("days_missing = 0")),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of those that were heard of; what is left out takes all. `begins`: how the id does, as it is written."""

    appliance_model: str | None = None
    standing: Standing | None = None
    begins: str = ""
    traits: Traits = ANY


class Behind(NamedTuple):
    """The last one before: `last_seen` is of use only where the order is by it."""

    last_seen: int
    appliance_id: str


def say(engine: Engine, said: Said, seen: Sequence[Seen]) -> None:
    """Replace what is known of a stream and of these appliances. Raises UnavailableError without the database."""
    # Workers that hand a partition over may write the same rows: in one order they cannot lock each other out.
    rows = [one._asdict() for one in sorted(seen, key=lambda one: one.appliance_id)]
    with writing(engine) as session:
        upsert(session, SeenRow, rows)
        upsert(session, ProcessRow, [said._asdict()])


def streams(engine: Engine) -> list[Said]:
    """What each stream said last."""
    with reading(engine) as session:
        return [Said(row.stream, row.status, row.at) for row in session.scalars(select(ProcessRow))]


def counted(engine: Engine) -> list[Counted]:
    """How many were heard of, and how well they are known; counting millions takes the database a second."""
    alike = (SeenRow.appliance_model, SeenRow.silent, SeenRow.days_missing)
    with reading(engine) as session:
        return [Counted(*row) for row in session.execute(select(*alike, func.count()).group_by(*alike))]


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


def in_order(engine: Engine, wanted: Wanted, order: Order, behind: Behind | None, limit: int) -> list[Seen]:
    """At most `limit` behind another, by id in the order of code points, or by when they were last heard of."""
    tables = asked(wanted.traits, SeenRow.appliance_id)
    # the id in the table that narrows most likely: there an index has it in order
    key = in_code_points(engine, tables[0][0] if tables else SeenRow.appliance_id)
    query = with_traits(select(*_COLUMNS).limit(limit), SeenRow.appliance_id, tables)
    if wanted.appliance_model is not None:
        query = query.where(SeenRow.appliance_model == wanted.appliance_model)
    if wanted.standing is not None:
        query = query.where(_STANDINGS[wanted.standing])
    if wanted.begins:
        query = query.where(key < wanted.begins + "\U0010ffff")
    if order == "appliance_id":
        after = "" if behind is None else behind.appliance_id
        # one lower bound: of two, SQLite takes the first, and walks from there
        query = query.where(key >= wanted.begins if wanted.begins > after else key > after).order_by(key)
    else:
        down = order == "-last_seen"
        query = query.where(key >= wanted.begins) if wanted.begins else query
        query = query if behind is None else query.where(_older(key, down, behind))
        query = query.order_by(SeenRow.last_seen.desc() if down else SeenRow.last_seen, key)
    with reading(engine) as session:
        return [Seen(*row) for row in session.execute(query)]


def _older(key: ColumnElement[str], down: bool, behind: Behind) -> ColumnElement[bool]:
    heard = SeenRow.last_seen
    beyond = heard < behind.last_seen if down else heard > behind.last_seen
    return or_(beyond, and_(heard == behind.last_seen, key > behind.appliance_id))


def forget_seen(engine: Engine, ids: Collection[str]) -> None:
    """The page no longer shows these."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), CHUNK):
        with writing(engine) as session:
            session.execute(delete(SeenRow).where(SeenRow.appliance_id.in_(ordered[start : start + CHUNK])))
