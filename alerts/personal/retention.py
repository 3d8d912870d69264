"""What is older than its policy keeps it goes, table by table, a batch a transaction; the last run is kept.

The policy is that of each owner's jurisdiction, as `alerts.personal.terms` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, select

from alerts import audit, audit_rows
from alerts.change import change
from alerts.database import reading, upsert, writing
from alerts.personal.erasure import BATCH, remove
from alerts.personal.places import TABLES, TablePlace
from alerts.personal.terms import Term, Times, jurisdictions, terms, times
from alerts.personal.too_old import RULES
from alerts.personal.whose import column_of
from alerts.policies import Kept, Policies
from alerts.tables import (
    ApplianceRow,
    AuditRow,
    FirmwareRow,
    NameplateRow,
    OutboxRow,
    OwnerRow,
    RetentionRow,
)
from alerts.wording import iso
from foremend.vocabulary.errors import ForemendError
from foremend.vocabulary.periods import parse_period
from foremend.vocabulary.ports import Clock

EVERY = 86_400_000
"""ms between two runs."""

Elsewhere = Callable[[Times], int]
"""Removes what is too old from a place that is no table; how much that was."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A place that somebody else clears: what is in it goes after `ms`, as the setting of that
    name says; None: never."""

    kept: Kept
    ms: int | None
    setting: str


BY_OTHERS = {
    ApplianceRow: "goes with its owner's erasure, or is given to the next one",
    NameplateRow: "goes with its owner's erasure",
    FirmwareRow: "goes with its owner's erasure",
    OwnerRow: "goes with the owner's erasure",
}
"""Tables that are not cleared here, and who sees to them."""


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one place; `before` is ms UTC."""

    place: str
    removed: int
    before: int


class Retention:
    """Of one database and, by name, of places elsewhere. Raises UnavailableError while the database is away."""

    def __init__(
        self,
        engine: Engine,
        policies: Policies,
        clock: Clock,
        elsewhere: Mapping[str, tuple[Kept, Elsewhere]] = {},
        fixed: Mapping[str, Fixed] = {},
    ) -> None:
        self._engine, self._policies, self._clock, self._elsewhere = engine, policies, clock, dict(elsewhere)
        self._fixed = dict(fixed)

    def due(self) -> bool:
        """Whether a day has passed since any of the places was cleared, by the clock that was handed in."""
        mine = {name for name, *_ in self._places()}
        with reading(self._engine) as session:
            at = session.scalars(select(RetentionRow.at).where(RetentionRow.place.in_(mine))).all()
        return len(at) < len(mine) or not 0 <= self._clock.now_ms() - min(at) < EVERY

    def run(self) -> list[Run]:
        """Clear every place of what is too old.

        Raises what stood in the way of a place elsewhere after the others had their turn, and at once that of a table.
        """
        done, failed = [], []
        used = jurisdictions(self._engine)
        for name, kept, clear in self._places():
            try:
                removed = clear(self._times(kept, used))
                done.append(self._keep(Run(name, removed, self.before(kept))))
            except ForemendError as error:
                if name not in self._elsewhere:
                    raise
                failed.append(error)
        if failed:
            raise failed[0]
        return done

    def before(self, kept: Kept, jurisdiction: str | None = None) -> int:
        """What is older than this, ms UTC, goes: of a jurisdiction, else of the installation."""
        return parse_period(self._policies.of(jurisdiction).retention[kept]).before(self._clock.now_ms())

    def show(self) -> list[dict[str, Any]]:
        """Every place: how long it keeps what, and its last run."""
        with reading(self._engine) as session:
            last = {row.place: row for row in session.scalars(select(RetentionRow))}
        used = jurisdictions(self._engine)
        tables = [(place.name, place.kept, BY_OTHERS.get(place.table, "")) for place in TABLES]
        others = [(name, kept, "") for name, (kept, _) in self._elsewhere.items()]
        cleared = [
            self._shown(name, kept, note, last.get(name), used) for name, kept, note in tables + others
        ]
        return cleared + [self._shown_fixed(name, one, used) for name, one in self._fixed.items()]

    def _times(self, kept: Kept, used: Collection[str]) -> Times:
        return times(self._engine, used, partial(self.before, kept))

    def _places(self) -> Iterator[tuple[str, Kept, Elsewhere]]:
        for place in TABLES:
            if place.table not in BY_OTHERS:
                yield place.name, place.kept, partial(self._clear, place)
        for name, (kept, clear) in self._elsewhere.items():
            yield name, kept, clear

    def _clear(self, place: TablePlace, times: Times) -> int:
        if place.table is AuditRow:
            return self._shorten_audit(times.longest)
        return sum(self._clear_of(place, term) for term in terms(place, times))

    def _clear_of(self, place: TablePlace, term: Term) -> int:
        rule = RULES.get(place.table)
        too_old = rule(term.before) if rule else column_of(place, place.age) < term.before
        old = and_(too_old, term.chosen)
        if place.table in [table for table, *_ in audit_rows.TABLES.values()]:
            self._announce(place, old, term.before)
        return remove(self._engine, place.table, old)

    def _announce(self, place: TablePlace, old: ColumnElement[bool], before: int) -> None:
        """Rows that the audit log covers do not go without a word of it, which comes first."""
        with change(self._engine, self._clock) as work:
            if work.session.scalar(select(column_of(place, place.age)).where(old).limit(1)) is not None:
                work.note(audit_rows.REMOVED, place.name, table=place.name, before=before)

    def _shorten_audit(self, before: int) -> int:
        gone = 0
        while True:
            with writing(self._engine) as session:
                removed = audit.remove_before(session, before, BATCH)
            gone += removed
            if removed < BATCH:
                return gone

    def _keep(self, run: Run) -> Run:
        with writing(self._engine) as session:
            row = session.get(RetentionRow, run.place)
            total = run.removed + (0 if row is None else row.total)
            values = {"removed": run.removed, "total": total, "kept_from": run.before, "trouble": ""}
            upsert(session, RetentionRow, [{"place": run.place, "at": self._clock.now_ms(), **values}])
        return run

    def _shown(
        self, name: str, kept: Kept, note: str, last: RetentionRow | None, used: Collection[str]
    ) -> dict[str, Any]:
        return {
            "place": name,
            "kind": kept.value,
            "kept": self._policies.default.retention[kept],
            "kept_under": self._kept_under(kept, used),
            "last_run": None if last is None else iso(last.at),
            "removed": None if last is None else last.removed,
            "removed_in_all": None if last is None else last.total,
            "note": note,
        }

    def _kept_under(self, kept: Kept, used: Collection[str]) -> dict[str, str]:
        """By jurisdiction, where it is another time than the installation's."""
        found = {one: self._policies.of(one).retention[kept] for one in used}
        return {one: time for one, time in found.items() if time != self._policies.default.retention[kept]}

    def _shown_fixed(self, name: str, one: Fixed, used: Collection[str]) -> dict[str, Any]:
        """With a word where it is longer than somebody's policy allows."""
        from_when = 0 if one.ms is None else self._clock.now_ms() - one.ms
        shortest = self._times(one.kept, used).shortest
        note = f"cleared by {one.setting}"
        if from_when < shortest:
            most = (self._clock.now_ms() - shortest) // EVERY
            note += f", which keeps it longer than a policy here allows: at most {most} d"
        shown = self._shown(name, one.kept, note, None, used)
        return shown | {"kept": "for ever" if one.ms is None else f"P{-(-one.ms // EVERY)}D"}


def messages_before(engine: Engine, targets: Collection[str], before: int) -> frozenset[str]:
    """By which ids receivers know what is still in the outbox, of these targets and made before that, ms UTC."""
    old = OutboxRow.target.in_(targets), OutboxRow.created_at < before
    with reading(engine) as session:
        return frozenset(session.scalars(select(OutboxRow.message_id).where(*old)))
