"""What is older than the policy keeps it goes, table by table, a batch a transaction; the last run is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, func, not_, or_, select
from sqlalchemy.orm import aliased

from alerts import audit, audit_rows
from alerts.change import change
from alerts.database import reading, upsert, writing
from alerts.personal.erasure import BATCH, remove
from alerts.personal.places import TABLES, TablePlace
from alerts.personal.whose import column_of
from alerts.policies import Kept, Policy
from alerts.tables import (
    LIVE,
    AccessTokenRow,
    ApplianceRow,
    AuditRow,
    ConsentRow,
    ContactRow,
    ErasureRow,
    FindingRow,
    OpenEpisodeRow,
    OutboxRow,
    OutboxState,
    OutcomeRow,
    OwnerRow,
    RetentionRow,
    TicketRow,
    TicketStepRow,
    UserRow,
)
from alerts.wording import iso
from foremend.vocabulary.errors import ForemendError
from foremend.vocabulary.periods import parse_period
from foremend.vocabulary.ports import Clock

EVERY = 86_400_000
"""ms between two runs."""

Rule = Callable[[int], ColumnElement[bool]]
"""Which rows go that are older than a moment, ms UTC."""

Elsewhere = Callable[[int], int]
"""Removes what is older than a moment (ms UTC) from a place that is no table; how much that was."""


def _tickets(before: int) -> ColumnElement[bool]:
    """Through, and begun, ended and changed last before."""
    ended = func.coalesce(TicketRow.closed_at, TicketRow.created_at) < before
    last = TicketRow.changed_at < before
    return and_(TicketRow.status.not_in(LIVE), TicketRow.created_at < before, last, ended)


def _findings(before: int) -> ColumnElement[bool]:
    """Of episodes of which nothing was found since, and whose ticket is not open."""
    later, ticket = aliased(FindingRow), aliased(TicketRow)
    found_since = select(later.id).where(later.episode_id == FindingRow.episode_id, later.at >= before)
    open_ticket = select(ticket.id).where(ticket.episode_id == FindingRow.episode_id, ticket.status.in_(LIVE))
    return and_(FindingRow.at < before, ~found_since.exists(), ~open_ticket.exists())


def _episodes(before: int) -> ColumnElement[bool]:
    """Of which no finding is left."""
    finding = select(FindingRow.id).where(FindingRow.id == OpenEpisodeRow.finding_id)
    return and_(OpenEpisodeRow.at < before, ~finding.exists())


def _outcomes(before: int) -> ColumnElement[bool]:
    ticket = select(TicketRow.id).where(TicketRow.id == OutcomeRow.ticket_id)
    return and_(OutcomeRow.recorded_at < before, ~ticket.exists())


def _steps(before: int) -> ColumnElement[bool]:
    ticket = select(TicketRow.id).where(TicketRow.id == TicketStepRow.ticket_id)
    return and_(TicketStepRow.at < before, ~ticket.exists())


def _outbox(before: int) -> ColumnElement[bool]:
    through = func.coalesce(OutboxRow.sent_at, OutboxRow.created_at) < before
    return and_(OutboxRow.state != OutboxState.PENDING, OutboxRow.created_at < before, through)


def _consent(before: int) -> ColumnElement[bool]:
    """What a later word took the place of, before that moment too, and the words of who owns the appliance no more.

    A last word stays for as long as the appliance is the owner's, and so does the yes that a last no took back.
    """
    later = aliased(ConsentRow)
    same = (
        later.appliance_id == ConsentRow.appliance_id,
        later.subject == ConsentRow.subject,
        later.purpose == ConsentRow.purpose,
    )
    newer = or_(later.at > ConsentRow.at, and_(later.at == ConsentRow.at, later.seq > ConsentRow.seq))
    replaced = select(later.seq).where(*same, newer, later.given, later.recorded_at < before).exists()
    owned = select(ApplianceRow.id).where(
        ApplianceRow.id == ConsentRow.appliance_id, ApplianceRow.owner_id == ConsentRow.subject
    )
    return and_(ConsentRow.recorded_at < before, or_(replaced, ~owned.exists()))


def _contacts(before: int) -> ColumnElement[bool]:
    """Of owners none of whose last words is a yes, and who said nothing since."""
    said, later = aliased(ConsentRow), aliased(ConsentRow)
    newer = or_(later.at > said.at, and_(later.at == said.at, later.seq > said.seq))
    replaced = select(later.seq).where(
        later.appliance_id == said.appliance_id,
        later.subject == said.subject,
        later.purpose == said.purpose,
        newer,
    )
    counts = or_(said.recorded_at >= before, and_(said.given, ~replaced.exists()))
    agrees = select(said.seq).where(said.subject == ContactRow.owner_id, counts)
    old = select(OwnerRow.id).where(OwnerRow.id == ContactRow.owner_id, OwnerRow.created_at < before)
    return and_(old.exists(), ~agrees.exists())


def _erasures(before: int) -> ColumnElement[bool]:
    return and_(not_(ErasureRow.done_at.is_(None)), ErasureRow.done_at < before)


RULES: Mapping[type, Rule] = {
    TicketRow: _tickets,
    FindingRow: _findings,
    OpenEpisodeRow: _episodes,
    OutcomeRow: _outcomes,
    TicketStepRow: _steps,
    OutboxRow: _outbox,
    ConsentRow: _consent,
    ContactRow: _contacts,
    ErasureRow: _erasures,
    AccessTokenRow: lambda before: AccessTokenRow.expires_at < before,
    UserRow: lambda before: UserRow.disabled_at < before,
}
"""Of tables where age alone does not decide."""

BY_OTHERS = {
    ApplianceRow: "goes with its owner's erasure, or is given to the next one",
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
        policy: Policy,
        clock: Clock,
        elsewhere: Mapping[str, tuple[Kept, Elsewhere]] = {},
    ) -> None:
        self._engine, self._policy, self._clock, self._elsewhere = engine, policy, clock, dict(elsewhere)

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
        for name, kept, clear in self._places():
            before = self.before(kept)
            try:
                done.append(self._keep(Run(name, clear(before), before)))
            except ForemendError as error:
                if name not in self._elsewhere:
                    raise
                failed.append(error)
        if failed:
            raise failed[0]
        return done

    def before(self, kept: Kept) -> int:
        """What is older than this, ms UTC, goes."""
        return parse_period(self._policy.retention[kept]).before(self._clock.now_ms())

    def show(self) -> list[dict[str, Any]]:
        """Every place: how long it keeps what, and its last run."""
        with reading(self._engine) as session:
            last = {row.place: row for row in session.scalars(select(RetentionRow))}
        tables = [(place.name, place.kept, BY_OTHERS.get(place.table, "")) for place in TABLES]
        others = [(name, kept, "") for name, (kept, _) in self._elsewhere.items()]
        return [self._shown(name, kept, note, last.get(name)) for name, kept, note in tables + others]

    def _places(self) -> Iterator[tuple[str, Kept, Elsewhere]]:
        for place in TABLES:
            if place.table not in BY_OTHERS:
                yield place.name, place.kept, partial(self._clear, place)
        for name, (kept, clear) in self._elsewhere.items():
            yield name, kept, clear

    def _clear(self, place: TablePlace, before: int) -> int:
        if place.table is AuditRow:
            return self._shorten_audit(before)
        rule = RULES.get(place.table)
        old = rule(before) if rule else column_of(place, place.age) < before
        if place.table in [table for table, *_ in audit_rows.TABLES.values()]:
            self._announce(place, old, before)
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

    def _shown(self, name: str, kept: Kept, note: str, last: RetentionRow | None) -> dict[str, Any]:
        return {
            "place": name,
            "kind": kept.value,
            "kept": self._policy.retention[kept],
            "last_run": None if last is None else iso(last.at),
            "removed": None if last is None else last.removed,
            "removed_in_all": None if last is None else last.total,
            "note": note,
        }
