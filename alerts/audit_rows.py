"""Rows that the audit log covers: what an owner said, and what was found. Each has its digest in an entry of the log.

So a row that was changed, removed or slipped in by hand is found, not only an entry. What an erasure removes loses its
entry, too; what retention removes is told by an entry `REMOVED` with the table and the moment before which it went.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerts.database import CHUNK
from alerts.storable import json_text
from alerts.tables import AuditRow, Base, ConsentRow, ErasureRow, FindingRow

KEPT, RECORDED, REMOVED = "finding.kept", "consent.recorded", "retention.removed"
TABLES: Mapping[str, tuple[type[Base], str, str]] = {
    KEPT: (FindingRow, "id", "at"),
    RECORDED: (ConsentRow, "seq", "recorded_at"),
}
"""By the action of the entry: the table, its key, and when a row was written, which is when its entry was."""


def digest(action: str, row: Mapping[str, Any]) -> str:
    """SHA-256 of all columns of a row but its key and those that are empty, as both databases give them back."""
    table, key, _ = TABLES[action]
    said = {}
    for column in table.__table__.columns:
        value = row.get(column.key)
        if value is not None and column.key != key:
            said[column.key] = float(value) if column.type.python_type is float else value
    return hashlib.sha256(json_text(said, sort=True).encode()).hexdigest()


def of_rows_that_stay(session: Session, entries: Iterable[Any]) -> set[int]:
    """The numbers of those of `entries` whose row is still there."""
    found = set()
    for action, covered in _covering(entries):
        table, key, _ = TABLES[action]
        column = getattr(table, key)
        there = set(session.scalars(select(column).where(column.in_([name for _, name, _ in covered]))))
        found |= {entry.seq for entry, name, _ in covered if name in there}
    return found


_Covering = tuple[Any, Any, str]
"""An entry (a row of `audit`, or some columns of one), the key of the row that it covers and that row's digest."""


def _covering(entries: Iterable[Any]) -> Iterator[tuple[str, Sequence[_Covering]]]:
    """Those of `entries`, none of them emptied, that cover a row, by action, at most `CHUNK` at a time."""
    by_action: defaultdict[str, list[_Covering]] = defaultdict(list)
    for entry in entries:
        said = _said(entry.details) if entry.action in TABLES else {}
        if {"row", "digest"} <= said.keys():
            by_action[entry.action].append((entry, said["row"], said["digest"]))
    for action, covered in by_action.items():
        for start in range(0, len(covered), CHUNK):
            yield action, covered[start : start + CHUNK]


def _said(details: str) -> dict[str, Any]:
    """Nothing where somebody else wrote it and it is no object."""
    try:
        said = orjson.loads(details)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


@dataclass(slots=True)
class Covered:
    """Compares rows with the entries that cover them, a page of the log at a time, in bounded memory."""

    session: Session
    changed: str = ""  # the first row that is not as its entry says, in words
    _found: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _since: dict[str, int] = field(default_factory=dict)  # when the first covered row was written
    _missing: dict[str, tuple[int, int]] = field(default_factory=dict)  # the last: when written, its entry
    _removed: defaultdict[str, int] = field(
        default_factory=lambda: defaultdict(int)
    )  # by retention, until when

    def look(self, entries: Iterable[AuditRow]) -> None:
        """One page of the log; entries that an erasure emptied cover nothing any more."""
        entries = [entry for entry in entries if entry.key is not None]
        for entry in entries:
            if entry.action == REMOVED:
                details = orjson.loads(entry.details)
                name = str(details["table"])
                self._removed[name] = max(self._removed[name], int(details["before"]))
        for action, covered in _covering(entries):
            self._compare(action, covered)

    def problem(self) -> str:
        """What is wrong, in words; empty where every row is as it was written."""
        if self.changed:
            return self.changed
        being_erased = self.session.scalar(select(ErasureRow.id).where(ErasureRow.done_at.is_(None)).limit(1))
        for action in TABLES:
            found = self._gone(action, being_erased is not None) or self._slipped_in(action)
            if found:
                return found
        return ""

    def _compare(self, action: str, covered: Sequence[_Covering]) -> None:
        table, key, _ = TABLES[action]
        column = getattr(table, key)
        rows = {
            getattr(row, key): row
            for row in self.session.scalars(select(table).where(column.in_([one[1] for one in covered])))
        }
        for entry, name, said in covered:
            since = self._since.setdefault(action, entry.at)
            row = rows.get(name)
            if row is None:
                self._missing[action] = max(self._missing.get(action, (0, 0)), (entry.at, entry.seq))
                continue
            self._found[action] += entry.at > since
            values = {column.key: getattr(row, column.key) for column in table.__table__.columns}
            if digest(action, values) != said and not self.changed:
                self.changed = (
                    f"row {name} of {table.__tablename__} is not as entry {entry.seq} says it was written"
                )

    def _gone(self, action: str, being_erased: bool) -> str:
        table = TABLES[action][0].__tablename__
        at, entry = self._missing.get(action, (0, 0))
        if not entry or being_erased or at < self._removed[table]:
            return ""
        return f"the row of {table} that entry {entry} tells of is gone, and neither erasure nor retention says so"

    def _slipped_in(self, action: str) -> str:
        table, _, written = TABLES[action]
        if action not in self._since:
            return ""
        since = getattr(table, written) > self._since[action]
        there = self.session.scalar(select(func.count()).select_from(table).where(since)) or 0
        more = there - self._found[action]
        return f"{more} rows of {table.__tablename__} have no entry that tells of them" if more > 0 else ""
