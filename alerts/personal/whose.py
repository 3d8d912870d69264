"""Which rows are about one owner, in every table of the declaration."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from alerts.database import chunks
from alerts.personal.places import TABLES, Link, TablePlace
from alerts.tables import (
    AccessTokenRow,
    ApplianceRow,
    Base,
    ConsentRow,
    FindingRow,
    OutboxRow,
    OwnerRow,
    SeenRow,
    TicketRow,
    UserRow,
)

_NAMED_BY: dict[type[Base], tuple[InstrumentedAttribute[str], ...]] = {
    FindingRow: (FindingRow.id, FindingRow.episode_id),
    TicketRow: (TicketRow.id,),
    OutboxRow: (OutboxRow.id, OutboxRow.message_id),
    AccessTokenRow: (AccessTokenRow.id,),
    UserRow: (UserRow.id,),
}
_HEARD: tuple[tuple[Any, InstrumentedAttribute[str]], ...] = (
    (ApplianceRow, ApplianceRow.id),
    (SeenRow, SeenRow.appliance_id),
    (FindingRow, FindingRow.appliance_id),
    (TicketRow, TicketRow.appliance_id),
)
_WORD = re.compile(r"[\w-]+")
EVER = 2**62
"""ms UTC: no time is later."""


@dataclass(frozen=True, slots=True)
class Owned:
    """An appliance while it was this owner's: `until` is ms UTC, `EVER` for one that nobody else has now."""

    appliance_id: str
    models: tuple[str, ...]
    until: int


@dataclass(frozen=True)
class Whose:
    """An owner, the appliances, and other names by which these are known: of devices, tickets, messages."""

    owner_id: str
    appliances: tuple[Owned, ...]
    names: tuple[str, ...] = ()

    @cached_property
    def is_named_in(self) -> Callable[[str], bool]:
        """Whether a text has one of the names, as a word of its own."""
        return mentions({self.owner_id, *self.names, *(one.appliance_id for one in self.appliances)})

    @cached_property
    def by_until(self) -> dict[int, list[str]]:
        """Ids of the appliances, together with those that were the owner's until the same moment."""
        found: dict[int, list[str]] = {}
        for one in self.appliances:
            found.setdefault(one.until, []).append(one.appliance_id)
        return found

    def rows_of(self, place: TablePlace) -> list[ColumnElement[bool]]:
        """Conditions, each of a bounded number of ids, that together choose the rows; none for texts and entries."""
        column = column_of(place, place.column)
        if place.link is Link.OWNER:
            return [column == self.owner_id]
        if place.link is Link.APPLIANCE:
            age = column_of(place, place.age)
            return [
                column.in_(some) if until == EVER else column.in_(some) & (age <= until)
                for until, ids in self.by_until.items()
                for some in chunks(ids)
            ]
        if place.link is Link.TICKET:
            tickets = next(one for one in TABLES if one.table is TicketRow)
            return [column.in_(select(TicketRow.id).where(condition)) for condition in self.rows_of(tickets)]
        return []

    def to_json(self) -> dict[str, Any]:
        """For the job's row."""
        each = [[one.appliance_id, list(one.models), one.until] for one in self.appliances]
        return {"owner": self.owner_id, "appliances": each, "names": list(self.names)}

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> Whose:
        """What `to_json` gave."""
        appliances = (Owned(one, tuple(models), until) for one, models, until in kept.get("appliances", ()))
        return cls(kept.get("owner", ""), tuple(appliances), tuple(kept.get("names", ())))


def column_of(place: TablePlace, name: str) -> InstrumentedAttribute[Any]:
    found: InstrumentedAttribute[Any] = getattr(place.table, name)
    return found


def mentions(names: Iterable[str]) -> Callable[[str], bool]:
    """Finds one of `names` where it stands alone: `fridge-1` is not in `fridge-12` nor in `my-fridge-1`."""
    words = {name for name in names if _WORD.fullmatch(name)}
    others = [re.escape(name) for name in names if name and name not in words]
    odd = re.compile(rf"(?<![\w-])(?:{'|'.join(others)})(?![\w-])") if others else None

    def named(text: str) -> bool:
        return not words.isdisjoint(_WORD.findall(text)) or (odd is not None and odd.search(text) is not None)

    return named


def owner_known(session: Session, owner_id: str) -> bool:
    """Whether anything is known of an owner."""
    known = session.get(OwnerRow, owner_id) is not None
    return (
        known
        or session.scalar(select(ConsentRow.seq).where(ConsentRow.subject == owner_id).limit(1)) is not None
    )


def whose(session: Session, owner_id: str, devices: Callable[[str], Iterable[str]] = lambda one: ()) -> Whose:
    """All that an owner has or had; `devices` answers the names under which an appliance speaks on its topics.

    An appliance that was sold on is the owner's until the next one said something about it, or was registered.
    """
    own = set(session.scalars(select(ApplianceRow.id).where(ApplianceRow.owner_id == owner_id)))
    said = session.scalars(select(ConsentRow.appliance_id).where(ConsentRow.subject == owner_id).distinct())
    ids = sorted(own | set(said))
    models, sold = _models(session, ids, own), _registered(session, ids) - own
    appliances = [
        Owned(one, tuple(sorted(models[one])), _until(session, one, owner_id) if one in sold else EVER)
        for one in ids
    ]
    found = Whose(owner_id, tuple(appliances))
    names = {name for one in appliances for name in devices(one.appliance_id)}
    return Whose(owner_id, tuple(appliances), tuple(sorted(names | _ids(session, found))))


def _registered(session: Session, ids: Sequence[str]) -> set[str]:
    return {
        one
        for some in chunks(ids)
        for one in session.scalars(select(ApplianceRow.id).where(ApplianceRow.id.in_(some)))
    }


def _models(session: Session, ids: Sequence[str], own: Collection[str]) -> dict[str, set[str]]:
    """Under every appliance model that each was ever heard of or, if it is the owner's `own`, is registered as."""
    found: dict[str, set[str]] = {one: set() for one in ids}
    for table, column in _HEARD:
        for some in chunks(ids):
            query = select(column, table.appliance_model).where(column.in_(some)).distinct()
            for appliance_id, model in session.execute(query):
                if table is not ApplianceRow or appliance_id in own:
                    found[appliance_id].add(model)
    return found


def _until(session: Session, appliance_id: str, owner_id: str) -> int:
    about = ConsentRow.appliance_id == appliance_id
    ours, theirs = ConsentRow.subject == owner_id, ConsentRow.subject != owner_id
    last = session.scalar(select(func.max(ConsentRow.recorded_at)).where(about, ours)) or 0
    next_one = select(func.min(ConsentRow.recorded_at)).where(about, theirs, ConsentRow.recorded_at >= last)
    return session.scalar(next_one) or last


def _ids(session: Session, found: Whose) -> set[str]:
    """Of tickets, episodes and messages, which are digests of the appliance's id, and of what lets the owner in.

    They stand in the audit log.
    """
    names: set[str] = set()
    for place in TABLES:
        for condition in found.rows_of(place) if place.table in _NAMED_BY else ():
            for row in session.execute(select(*_NAMED_BY[place.table]).where(condition)):
                names |= set(row)
    return names
