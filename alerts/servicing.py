"""Taking steps on tickets: each once, on the version that was read, kept with who and when, and told to receivers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, select

from alerts import promises
from alerts.change import Change, change
from alerts.consent.decide import Decision, decide, histories
from alerts.database import reading, upsert
from alerts.outbox import Outbox
from alerts.storable import json_text
from alerts.tables import LIVE, OutcomeRow, Resolution, TicketRow, TicketStepRow
from alerts.ticket_steps import (
    OF_THE_OWNER,
    TO,
    UNTOLD,
    Answered,
    Assigned,
    Closed,
    Merged,
    NoTicketError,
    NotNowError,
    Reopened,
    Resolved,
    Resumed,
    Scheduled,
    StaleError,
    Step,
    UsedKeyError,
    Waiting,
    answers,
    require_from,
)
from alerts.tickets import tell, ticket_view, touch
from alerts.wording import iso
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.catalogue.inquiries import load_inquiries
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Purpose, deterministic_id

Mine = Callable[[TicketRow], bool]
"""Whether a ticket is one that the caller may touch; asked in the transaction that changes it."""


class Servicing:
    """What people and their systems do about tickets."""

    def __init__(self, engine: Engine, outbox: Outbox, clock: Clock, wake: Callable[[], None]) -> None:
        """`wake` is called after a commit that left messages in the outbox."""
        self._engine, self._outbox, self._clock, self._wake = engine, outbox, clock, wake

    def take(
        self,
        ticket_id: str,
        step: Step,
        by: str,
        *,
        version: int | None = None,
        key: str | None = None,
        mine: Mine = lambda ticket: True,
    ) -> dict[str, Any]:
        """The ticket after `step`, as `alerts.tickets.ticket_view` shows it.

        `version` is the one that the caller read, None for whatever it is; `key`, of the caller's choice, makes a
        repeat of the same step change nothing. Raises NoTicketError, StaleError for another version, NotNowError where
        the step does not begin there or contradicts without a reason, UsedKeyError for a key that came with another
        step, and UnavailableError while the database is away.
        """
        asked = hashlib.sha256(json_text([ticket_id, step.model_dump(mode="json")]).encode()).hexdigest()
        with change(self._engine, self._clock) as work:
            ticket, consent = _taken(work, ticket_id, step)
            if ticket is None or not mine(ticket):
                raise NoTicketError(f"there is no ticket {ticket_id!r}")
            step_id = None if key is None else deterministic_id("st", by, key)
            if step_id is not None and _came_before(work, step_id, asked):
                return ticket_view(ticket)
            if version is not None and version != ticket.version:
                raise StaleError(
                    f"the ticket is at version {ticket.version}, not {version}: read it again, then decide"
                )
            require_from(step.step, ticket.status)
            if step.step in OF_THE_OWNER and not consent.given:
                raise NotNowError(f"the owner's consent for tickets is missing ({consent.reason})")
            self._apply(work, ticket, step, by, step_id, asked)
            shown = ticket_view(ticket)
        self._wake()
        return shown

    def history(self, ticket_id: str) -> list[dict[str, Any]]:
        """What was done about a ticket, the oldest first."""
        query = select(TicketStepRow).where(TicketStepRow.ticket_id == ticket_id).order_by(TicketStepRow.seq)
        with reading(self._engine) as session:
            return [
                {
                    "step": row.step,
                    "by": row.by,
                    "at": iso(row.at),
                    "version": row.version,
                    "details": row.details,
                }
                for row in session.scalars(query)
            ]

    def _apply(
        self, work: Change, ticket: TicketRow, step: Step, by: str, step_id: str | None, asked: str
    ) -> None:
        if not _changes(work, ticket, step, by):
            return
        promises.keep(ticket, step.step, work.at)
        if not (isinstance(step, Resolved) and ticket.status not in LIVE):
            ticket.status = TO.get(step.step, ticket.status)
        if step.step in TO or step.step == "resumed":
            ticket.waiting_since = None
        promises.set_alarm(ticket)
        touch(work, ticket)
        details = step.model_dump(mode="json", exclude={"step"}, exclude_defaults=True)
        row = TicketStepRow(
            id=step_id or deterministic_id("st", ticket.id, step.step, by, ticket.version),
            ticket_id=ticket.id,
            step=step.step,
            by=by,
            at=work.at,
            version=ticket.version,
            details=details,
            digest=asked,
        )
        work.session.add(row)
        if step.step in UNTOLD:
            work.note(f"ticket.{step.step}", ticket.id, by=by)
        else:
            tell(work, self._outbox, ticket, step.step, work.at, ticket.version)


def _taken(work: Change, ticket_id: str, step: Step) -> tuple[TicketRow | None, Decision]:
    """The ticket, and what its owner says to tickets; others change neither until the transaction ends.

    Locks are taken in the order in which findings take them: first what owners said, then tickets by their ids.
    """
    appliance_id = work.session.scalar(select(TicketRow.appliance_id).where(TicketRow.id == ticket_id))
    if appliance_id is None:
        return None, Decision(False, "")
    said = histories(work.session, {appliance_id}, {Purpose.TICKET}, lock=True)
    ids = {ticket_id, step.into} if isinstance(step, Merged) else {ticket_id}
    rows = work.session.scalars(
        select(TicketRow).where(TicketRow.id.in_(ids)).order_by(TicketRow.id).with_for_update()
    )
    found = {row.id: row for row in rows}
    return found.get(ticket_id), decide(said.get((appliance_id, Purpose.TICKET), ()), work.at)


def _came_before(work: Change, step_id: str, asked: str) -> bool:
    row = work.session.scalars(select(TicketStepRow).where(TicketStepRow.id == step_id)).first()
    if row is not None and row.digest != asked:
        raise UsedKeyError("this key came before with another step: a new step needs a new key")
    return row is not None


def _changes(work: Change, ticket: TicketRow, step: Step, by: str) -> bool:
    """Whether the step says anything new; writes what is its own into the ticket. Raises NotNowError."""
    match step:
        case Assigned():
            ticket.assigned_to = step.technician
        case Scheduled():
            ticket.visit_from, ticket.visit_until = step.visit_from, step.visit_until
        case Waiting():
            if ticket.waiting_since is not None:
                raise NotNowError(f"it waits for the owner since {iso(ticket.waiting_since)} already")
            ticket.waiting_since = work.at
        case Resumed():
            if ticket.waiting_since is None:
                raise NotNowError("it does not wait for the owner")
        case Resolved():
            return _resolve(work, ticket, step, by)
        case Closed():
            ticket.closed_at = work.at
        case Reopened():
            ticket.closed_at = ticket.resolution = ticket.found_fault = ticket.merged_into = None
        case Merged():
            _merge(work, ticket, step.into)
        case Answered():
            return _answer(work, ticket, step)
    return True


def _answer(work: Change, ticket: TicketRow, step: Answered) -> bool:
    category, known = load_inquiries()[step.inquiry].category, load_catalogue().get(ticket.fault)
    if known is not None and known.category not in (category, "any"):
        raise NotNowError(
            f"{step.inquiry} is asked about a {category}: this ticket is about a {known.category}"
        )
    rows = select(TicketStepRow).where(TicketStepRow.ticket_id == ticket.id).order_by(TicketStepRow.seq)
    said = answers((row.step, row.details) for row in work.session.scalars(rows))
    return said.get(step.inquiry) != step.answer


def _resolve(work: Change, ticket: TicketRow, step: Resolved, by: str) -> bool:
    fault = step.fault or (ticket.fault if step.result is Resolution.CONFIRMED else None)
    result = step.result
    if result is Resolution.CONFIRMED and fault != ticket.fault:
        result = Resolution.OTHER_FAULT
    found_at = work.at if step.found_at is None else step.found_at
    if found_at > work.at or (step.repaired_at or 0) > work.at:
        raise InputError("what is found or repaired in the future is not known yet")
    if step.repaired_at is not None and step.repaired_at < found_at:
        raise InputError(f"ticket {ticket.id} cannot have been repaired before the fault was found")
    before = work.session.get(OutcomeRow, (ticket.id, ticket.episode_id))
    if before is not None:
        if (before.result, before.fault) != (result, fault) and not step.reason:
            said = before.result.value + (f", {before.fault}" if before.fault else "")
            raise NotNowError(
                f"it was resolved as {said} at {iso(before.recorded_at)}: to say otherwise takes a reason"
            )
        if (before.result, before.fault) == (result, fault):
            found_at = before.found_at if step.found_at is None else step.found_at
            repaired_at = before.repaired_at if step.repaired_at is None else step.repaired_at
            if (found_at, repaired_at) == (before.found_at, before.repaired_at):
                return False
            step = step.model_copy(update={"repaired_at": repaired_at})
    row = {
        "ticket_id": ticket.id, "episode_id": ticket.episode_id, "result": result, "fault": fault,
        "found_at": found_at, "repaired_at": step.repaired_at, "recorded_at": work.at,
    }  # fmt: skip
    upsert(work.session, OutcomeRow, [row])
    ticket.resolution, ticket.found_fault = result, fault
    work.note("ticket.outcome", ticket.id, result=result, fault=fault, by=by)
    return True


def _merge(work: Change, ticket: TicketRow, into: str) -> None:
    other = work.session.get(TicketRow, into)
    if other is None or other.id == ticket.id or other.appliance_id != ticket.appliance_id:
        raise NotNowError(f"{into!r} is no other ticket of the same appliance")
    if other.status not in LIVE:
        raise NotNowError(f"{into} is {other.status.value}: merge into one that somebody still works on")
    ticket.merged_into = other.id


def resolved_with(confirmed: bool, fault: str | None) -> Resolution:
    """The result in the words of `foremend tickets outcome`."""
    if not confirmed:
        return Resolution.NO_FAULT
    return Resolution.CONFIRMED if fault is None else Resolution.OTHER_FAULT
