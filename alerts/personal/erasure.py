"""Erasure: a job with a row of its own, in stages that may each be done again, so that it survives any restart.

When it is asked for, one transaction ends everything: open tickets are withdrawn, what waits to be sent is dropped,
registration and contacts go, and nobody stores what the appliances measured until then. From that moment they are
appliances that nobody registered. The stages that follow remove what is left; here are those of the database, and
`foremend.installation.erasing` has the others and their order.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, func, select, tuple_, update
from sqlalchemy.orm import Session

from alerts import audit
from alerts.change import Change, change
from alerts.consent.telling import changed
from alerts.database import reading, upsert, writing
from alerts.outbox import Event, Outbox
from alerts.personal.places import TABLES, Link
from alerts.personal.whose import EVER, Whose, column_of, owner_known, whose
from alerts.tables import (
    LIVE,
    AccessTokenRow,
    ApplianceRow,
    Base,
    ContactRow,
    DeadLetterRow,
    ErasureRow,
    ForgottenRow,
    OutboxRow,
    OutboxState,
    OwnerRow,
    TicketRow,
    UserRow,
    WellbeingContactRow,
    WellbeingRow,
)
from alerts.tickets import withdraw
from alerts.wording import iso
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Forgotten, Purpose, deterministic_id

WITHIN = 86_400_000
"""ms from the asking in which it must be done."""
LAST_CALL = 3_600_000
"""ms before that: receivers that could not be told by then are named in the report."""
BATCH = 10_000
"""Rows of one transaction: SQLite has one writer at a time, and the pipeline is another."""
FIRST, DONE = "memory", "done"
AT_ONCE = (
    ContactRow, WellbeingContactRow, WellbeingRow, ApplianceRow, OwnerRow, AccessTokenRow, UserRow,
)  # fmt: skip
"""Tables whose rows go as it is asked for: nothing reaches the owner, and nobody comes in by what was the owner's."""

Devices = Callable[[str], Iterable[str]]
"""Under which names an appliance speaks on its topics, besides its id."""


@dataclass(frozen=True, slots=True)
class Job:
    """One erasure; times in ms UTC."""

    id: str
    reference: str
    stage: str
    asked_at: int
    due_at: int
    done_at: int | None
    whose: Whose
    report: Mapping[str, Any]
    trouble: str

    @property
    def forgotten(self) -> list[Forgotten]:
        """What its appliances measured until then is used and stored by nobody, as far as models are known."""
        until = int(self.report.get("until", self.asked_at))
        return [
            Forgotten(model, one.appliance_id, min(one.until, until))
            for one in self.whose.appliances
            for model in one.models
        ]

    def summary(self) -> dict[str, Any]:
        """For people and programs; whose it is stands in none of it."""
        return {
            "id": self.id,
            "reference": self.reference,
            "stage": self.stage,
            "asked": iso(self.asked_at),
            "due": iso(self.due_at),
            "done": None if self.done_at is None else iso(self.done_at),
            "in_time": None if self.done_at is None else self.done_at <= self.due_at,
            "trouble": self.trouble,
        }


class Erasures:
    """The jobs. Every method raises UnavailableError while the database is away: call it again."""

    def __init__(self, engine: Engine, outbox: Outbox, clock: Clock, wake: Callable[[], None]) -> None:
        """`wake` is called after a commit that left messages in the outbox."""
        self.engine, self._outbox, self._clock, self._wake = engine, outbox, clock, wake

    def ask(
        self, owner_id: str, reference: str, ahead: int, by: str, devices: Devices = lambda appliance: ()
    ) -> Job:
        """Begin, and end everything about the owner at once; the job that is under way, where there is one.

        `ahead`, ms: how far devices' clocks may be ahead; `by` is who asks, for the audit log.
        Raises InputError for an owner of whom nothing is known, and for a reference that names the owner.
        """
        if reference == owner_id:
            raise InputError("the reference is the owner's id: it stays in the report, so name it otherwise")
        with change(self.engine, self._clock) as work:
            row = work.session.scalars(
                select(ErasureRow).where(ErasureRow.owner_id == owner_id).with_for_update()
            ).first()
            if row is None:
                row = self._begin(work, owner_id, reference, ahead, devices)
                work.note("erasure.asked", row.id, by=by)
            job = _job(row)
        self._wake()
        return job

    def get(self, job_id: str) -> Job:
        """Raises InputError where there is no such job."""
        with reading(self.engine) as session:
            row = session.get(ErasureRow, job_id)
            if row is None:
                raise InputError(f"there is no erasure {job_id!r}")
            return _job(row)

    def all(self) -> list[Job]:
        """The latest first."""
        with reading(self.engine) as session:
            return [
                _job(row) for row in session.scalars(select(ErasureRow).order_by(ErasureRow.asked_at.desc()))
            ]

    def pending(self) -> list[Job]:
        """Those that are not done, the one that is due first in front."""
        query = select(ErasureRow).where(ErasureRow.done_at.is_(None)).order_by(ErasureRow.due_at)
        with reading(self.engine) as session:
            return [_job(row) for row in session.scalars(query)]

    def go_on(self, job: Job, stage: str, **report: Any) -> Job:
        """The job's stage is done, with what there is to say of it: `stage` comes next. Durable when this returns."""
        with writing(self.engine) as session:
            row = session.get_one(ErasureRow, job.id, with_for_update=True)
            if row.stage == job.stage:
                row.stage, row.report, row.trouble = stage, {**row.report, **report}, ""
                row.done_at = self._clock.now_ms() if stage == DONE else None
            return _job(row)

    def trouble(self, job: Job, why: str) -> None:
        """It did not get on."""
        with writing(self.engine) as session:
            query = update(ErasureRow).where(ErasureRow.id == job.id, ErasureRow.stage == job.stage)
            session.execute(query.values(trouble=why[:500]))

    def remove_rows(self, job: Job) -> dict[str, int]:
        """Remove every row about the owner but registration, which went first, and the job's own; counts by place.

        What came after the memory was emptied is of somebody else, or of nobody.
        """
        until = int(job.report["emptied_at"])
        appliances = tuple(replace(one, until=min(one.until, until)) for one in job.whose.appliances)
        about = replace(job.whose, appliances=appliances)
        counts = dict(job.report.get("removed", {}))
        for place in TABLES:
            if place.table in (OwnerRow, ContactRow, ApplianceRow, ForgottenRow, ErasureRow):
                continue
            conditions = [*about.rows_of(place)]
            if place.link is Link.OWNER:
                conditions = [one & (column_of(place, place.age) <= until) for one in conditions]
            if place.table is OutboxRow:
                conditions = [one & (OutboxRow.ordering != job.id) for one in conditions]
            gone = sum(remove(self.engine, place.table, one) for one in conditions)
            counts[place.name] = counts.get(place.name, 0) + gone
        counts["dead_letters"] = self._remove_letters(job)
        del counts["audit"]
        return counts

    def empty_audit(self, job: Job) -> int:
        """Empty every entry of the audit log that names the owner, an appliance, a ticket or a message; how many."""
        emptied, after = 0, 0
        while True:
            with change(self.engine, self._clock) as work:
                after, found = audit.empty(
                    work.session, after, lambda *said: any(map(job.whose.is_named_in, said))
                )
                if found:
                    work.note(audit.EMPTIED, "erasure", entries=found)
            emptied += len(found)
            if not after:
                return emptied

    def tell(self, job: Job) -> None:
        """Write the message that tells receivers what they have to erase in their turn."""
        with change(self.engine, self._clock) as work:
            self._outbox.put(work, _completed(job, work.at))
        self._wake()

    def untold(self, job: Job) -> dict[str, str] | None:
        """Receivers that were not told, with the reason; None while there are some that still may be."""
        query = select(OutboxRow.target, OutboxRow.state, OutboxRow.error)
        with reading(self.engine) as session:
            rows = session.execute(query.where(OutboxRow.ordering == job.id)).all()
        waiting = [row for row in rows if row.state is OutboxState.PENDING]
        if waiting and self._clock.now_ms() < job.due_at - LAST_CALL:
            return None
        untold = [row for row in rows if row.state is not OutboxState.SENT]
        return {row.target: row.error or "not reached" for row in sorted(untold, key=lambda row: row.error)}

    def close(self, job: Job, stage: str, **report: Any) -> Job:
        """From now on nothing in the database says whose the job is; `stage` comes next."""
        with change(self.engine, self._clock) as work:
            row = work.session.get_one(ErasureRow, job.id, with_for_update=True)
            told = work.session.scalars(
                select(OutboxRow.target)
                .where(OutboxRow.ordering == job.id, OutboxRow.state == OutboxState.SENT)
                .distinct()
            )
            said = {"told": sorted(told)} | report
            work.session.execute(delete(OutboxRow).where(OutboxRow.ordering == job.id))
            for one in job.forgotten:
                named = ForgottenRow.appliance_id == one.appliance_id, ForgottenRow.until <= one.until
                work.session.execute(
                    delete(ForgottenRow).where(ForgottenRow.appliance_model == one.appliance_model, *named)
                )
            row.owner_id, row.work, row.stage, row.trouble = "", {}, stage, ""
            row.report = {name: value for name, value in {**row.report, **said}.items() if name != "until"}
            work.note("erasure.closed", job.id)
            return _job(row)

    def _begin(self, work: Change, owner_id: str, reference: str, ahead: int, devices: Devices) -> ErasureRow:
        if not owner_known(work.session, owner_id):
            raise InputError(f"nothing is known of an owner {owner_id!r}")
        about = whose(work.session, owner_id, devices)
        job_id = f"er-{secrets.token_hex(8)}"
        row = ErasureRow(
            id=job_id, reference=reference or job_id, owner_id=owner_id, stage=FIRST, asked_at=work.at,
            due_at=work.at + WITHIN, done_at=None, work=about.to_json(), report={"until": work.at + ahead}, trouble="",
        )  # fmt: skip
        tickets = _drop_what_waits(work, about)
        removed = _unregister(work.session, owner_id)
        row.report |= {"tickets_withdrawn": sum(map(len, tickets.values())), "removed": removed}
        work.session.add(row)
        job = _job(row)
        upsert(
            work.session,
            ForgottenRow,
            [
                {"appliance_model": o.appliance_model, "appliance_id": o.appliance_id, "until": o.until}
                for o in job.forgotten
            ],
        )
        for appliance_id, withdrawn in tickets.items():
            self._outbox.put(work, _withdrawn(job, appliance_id, withdrawn, work.at))
        return row

    def _remove_letters(self, job: Job) -> int:
        """Dead letters that name an appliance or one of its devices, in the topic or the payload."""
        removed, after = 0, ""
        while True:
            query = select(DeadLetterRow.id, DeadLetterRow.topic, DeadLetterRow.payload, DeadLetterRow.reason)
            with reading(self.engine) as session:
                page = session.execute(
                    query.where(DeadLetterRow.id > after).order_by(DeadLetterRow.id).limit(500)
                ).all()
            if not page:
                return removed
            after = page[-1].id
            found = [
                row.id
                for row in page
                if job.whose.is_named_in(f"{row.topic}\n{row.reason}\n{row.payload.decode(errors='replace')}")
            ]
            with writing(self.engine) as session:
                session.execute(delete(DeadLetterRow).where(DeadLetterRow.id.in_(found)))
            removed += len(found)


def remove(engine: Engine, table: type[Base], chosen: ColumnElement[bool], batch: int = BATCH) -> int:
    """Remove the chosen rows, a batch a transaction, so that others come in between; how many."""
    key = tuple_(*table.__table__.primary_key)
    gone = 0
    while True:
        some = select(*table.__table__.primary_key).where(chosen).limit(batch)
        with writing(engine) as session:
            removed: int = session.execute(delete(table).where(key.in_(some))).rowcount  # type: ignore[attr-defined]
        gone += removed
        if removed < batch:
            return gone


def _job(row: ErasureRow) -> Job:
    return Job(
        row.id, row.reference, row.stage, row.asked_at, row.due_at, row.done_at,
        Whose.of_json(row.work), dict(row.report), row.trouble,
    )  # fmt: skip


def _drop_what_waits(work: Change, about: Whose) -> dict[str, list[str]]:
    """Nothing about the appliances is sent any more; open tickets become withdrawn. Ids of these by appliance."""
    tickets: dict[str, list[str]] = {}
    for place in TABLES:
        for condition in about.rows_of(place):
            if place.table is OutboxRow:
                waiting = update(OutboxRow).where(condition, OutboxRow.state == OutboxState.PENDING)
                work.session.execute(waiting.values(state=OutboxState.SUPERSEDED))
            elif place.table is TicketRow:
                is_open = TicketRow.status.in_(LIVE)
                for ticket in work.session.scalars(
                    select(TicketRow).where(condition, is_open).with_for_update()
                ):
                    withdraw(work, ticket)
                    tickets.setdefault(ticket.appliance_id, []).append(ticket.id)
    return tickets


def _unregister(session: Session, owner_id: str) -> dict[str, int]:
    removed = {}
    for place in TABLES:
        if place.table in AT_ONCE:
            column = column_of(place, place.column)
            removed[place.name] = (
                session.scalar(select(func.count()).select_from(place.table).where(column == owner_id)) or 0
            )
            session.execute(delete(place.table).where(column == owner_id))
    return removed


def _withdrawn(job: Job, appliance_id: str, tickets: Sequence[str], at: int) -> Event:
    """As when the owner withdraws the consent for tickets: receivers know what to do. Before that all is erased."""
    event_id = deterministic_id("ev", job.id, "withdrawn", appliance_id)
    told = changed(event_id, appliance_id, Purpose.TICKET, given=False, at=at, tickets=sorted(tickets))
    return replace(told, ordering=job.id)


def _completed(job: Job, at: int) -> Event:
    return Event(
        id=deterministic_id("ev", job.id, "completed"),
        type="foremend.erasure.completed",
        subject=job.id,
        time=at,
        data={
            "erasure_id": job.id, "reference": job.reference, "asked_at": iso(job.asked_at), "due_at": iso(job.due_at),
            "appliances": sorted(one.appliance_id for one in job.whose.appliances if one.until == EVER),
            "tickets": sorted(one for one in job.whose.names if one.startswith("tk")),
        },
        purpose=None,  # this is the message that tells receivers to erase: it leaves in every case
        appliance_id="",
        ordering=job.id,
    )  # fmt: skip


def names_in(jobs: Collection[Job]) -> list[Forgotten]:
    """What the appliances of these jobs measured until then: nobody uses or stores it."""
    return [one for job in jobs for one in job.forgotten]
