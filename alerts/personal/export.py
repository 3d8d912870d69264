"""Everything that the database holds about one owner, as plain rows: for access and portability."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, select

from alerts.change import change
from alerts.database import reading
from alerts.owners import Owners
from alerts.personal.erasure import Devices, Erasures
from alerts.personal.places import Link, TablePlace
from alerts.personal.whose import Whose, column_of, owner_known, whose
from alerts.tables import (
    AccessTokenRow,
    ApplianceRow,
    ContactRow,
    DiagnosisRow,
    ErasureRow,
    TicketStepRow,
    UserRow,
    WellbeingContactRow,
    WellbeingRow,
    WellbeingSignsRow,
)
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock

_PAGE = 1_000
_INNER = {
    ErasureRow: {"work", "report"},
    ContactRow: {"sealed"},
    ApplianceRow: {"sealed_name"},
    AccessTokenRow: {"digest"},
    DiagnosisRow: {"by", "seen", "taken_at"},
    TicketStepRow: {"by", "digest"},
    UserRow: {"password", "epoch"},
}
"""Columns that tell how we work, and who of us; what they say is told in others' words."""
_SEALED: Mapping[type, Mapping[str, str]] = {
    WellbeingContactRow: {"sealed": "address", "sealed_name": "name"},
    WellbeingRow: {"sealed": "said"},
    WellbeingSignsRow: {"sealed": "signs"},
}
"""Columns that are told in clear, and as what."""

Row = Mapping[str, Any]


class Access:
    """Reads all of one owner. Every method raises UnavailableError while the database is away."""

    def __init__(self, erasures: Erasures, owners: Owners, clock: Clock) -> None:
        self._engine, self._owners, self._clock = erasures.engine, owners, clock

    def whose(self, owner_id: str, devices: Devices, by: str) -> Whose:
        """What is the owner's; that `by` asked for it stands in the audit log.

        Raises InputError for an owner of whom nothing is known.
        """
        with change(self._engine, self._clock) as work:
            if not owner_known(work.session, owner_id):
                raise InputError(f"nothing is known of an owner {owner_id!r}")
            about = whose(work.session, owner_id, devices)
            work.note("owner.exported", owner_id, by=by)
        return about

    def rows(self, place: TablePlace, about: Whose) -> Iterator[Row]:
        """Every row of one table that is about the owner, JSON-ready, in the order of its key; a page at a time."""
        if place.link in (Link.TEXT, Link.ENTRY):
            chosen = (row for row in self._pages(place, None) if _names(place, row, about))
        else:
            job = [column_of(place, place.column) == about.owner_id] if place.link is Link.JOB else []
            conditions = about.rows_of(place) or job
            chosen = (row for condition in conditions for row in self._pages(place, condition))
        for row in chosen:
            told = {name: _plain(value) for name, value in row.items()}
            for name in _INNER.get(place.table, ()):
                told.pop(name)
            for name, clear in _SEALED.get(place.table, {}).items():
                del told[name]
                told[clear] = None if row[name] is None else self._owners.unsealed(row[name])
            if place.table is ContactRow:
                told["address"] = self._owners.contact(about.owner_id, str(row["channel"]))
            if place.table is ApplianceRow:
                known = self._owners.appliance(str(row["id"]))
                told["name"] = None if known is None else known.name
            yield told

    def _pages(self, place: TablePlace, condition: ColumnElement[bool] | None) -> Iterator[dict[str, Any]]:
        table = place.table.__table__
        keys = list(table.primary_key)
        query = select(table).order_by(*keys).limit(_PAGE)
        if condition is not None:
            query = query.where(condition)
        after: tuple[Any, ...] = ()
        while True:
            paged = query.where(_behind(keys, after)) if after else query
            with reading(self._engine) as session:
                page = session.execute(paged).mappings().all()
            yield from (dict(row) for row in page)
            if len(page) < _PAGE:
                return
            after = tuple(page[-1][key.name] for key in keys)


def _behind(keys: list[Any], after: tuple[Any, ...]) -> ColumnElement[bool]:
    """Rows whose key is greater, column by column: what both databases do with an index."""
    (first, *others), (value, *rest) = keys, after
    greater: ColumnElement[bool] = first > value
    return greater | ((first == value) & _behind(others, tuple(rest))) if others else greater


def _names(place: TablePlace, row: Row, about: Whose) -> bool:
    named = about.is_named_in
    if place.link is Link.ENTRY:
        return named(row["subject"]) or named(row["details"])
    payload: bytes = row["payload"]
    return any(map(named, (row["topic"], row["reason"], payload.decode(errors="replace"))))


def _plain(value: Any) -> Any:
    """Bytes as text where they are, else in base64."""
    if not isinstance(value, bytes | memoryview):
        return value
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(bytes(value)).decode()}
