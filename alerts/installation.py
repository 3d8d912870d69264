"""Which installation a database belongs to: read, written and moved on by the one that is `foremend run`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, delete, func, select, update

from alerts.change import change
from alerts.database import raise_to, reading, writing
from alerts.tables import ContactRow, InstallationRow, PositionRow
from foremend.vocabulary.ports import Clock


@dataclass(frozen=True, slots=True)
class Belonging:
    """`stream` is the journal's id; a snapshot is at `settled` or before; `history` is `parquet` or `influx`."""

    installation: str
    stream: str
    settled: int
    history: str


def belonging(engine: Engine) -> Belonging | None:
    """None before the first start, and of a database that was emptied."""
    with reading(engine) as session:
        row = session.scalars(select(InstallationRow)).first()
        return None if row is None else Belonging(row.id, row.stream, row.settled, row.history)


def committed(engine: Engine, stream: str) -> int:
    """The position of `stream` whose effects are committed; 0 before the first."""
    with reading(engine) as session:
        row = session.get(PositionRow, stream)
        return 0 if row is None else row.value


def has_contacts(engine: Engine) -> bool:
    """Whether anything is sealed with the installation's key."""
    with reading(engine) as session:
        return bool(session.scalar(select(func.count()).select_from(ContactRow)))


def belong(engine: Engine, to: Belonging, clock: Clock, why: tuple[str, str] | None = None) -> None:
    """Keep `to`, and a position at least as high; `why`, an action and its details, goes to the audit log."""
    with change(engine, clock) as work:
        work.session.execute(delete(InstallationRow))
        row = InstallationRow(id=to.installation, stream=to.stream, settled=to.settled, history=to.history)
        work.session.add(row)
        if to.settled:
            advance = raise_to(engine, PositionRow, "stream", "value")
            work.session.execute(advance, {"stream": to.stream, "value": to.settled})
        if why is not None:
            work.note(why[0], to.installation, what=why[1])


def settle(engine: Engine, stream: str, position: int) -> None:
    """A snapshot at `position` follows: durable, with every position before it, when this returns."""
    with writing(engine) as session:
        session.execute(
            update(InstallationRow).where(InstallationRow.stream == stream).values(settled=position)
        )
