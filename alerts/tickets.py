"""Service tickets: at most one for an episode, opened, updated, closed and opened again by findings.

What people do about one is in `alerts.servicing`. Where somebody resolved or closed it, further findings of its episode
change nothing, unless it became more severe than it was then; a new episode of the same fault soon after is its own.

When the owner withdraws the consent for tickets, open ones become `withdrawn`: they stay on record here with the
reason, one `foremend.consent.changed` names them so that the service platform stops, and nothing else about them
leaves. If the owner agrees again while the episode lasts, its next finding opens the same ticket again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from alerts import promises
from alerts.change import Change
from alerts.contract import Contract
from alerts.database import chunks
from alerts.guide import Guide, plain_guide
from alerts.outbox import Event, Outbox
from alerts.priority import priority
from alerts.tables import ENDED, LIVE, TicketRow, TicketStatus, TicketStepRow
from alerts.wording import Titles, evidence_lines, iso
from foremend.vocabulary.types import MS_PER_DAY, Finding, Purpose, deterministic_id

ITSELF = "foremend"
"""Who did what nobody asked for: findings, and the owner's word."""
_KEPT = ("promise", "told", "candidates")
_UNTOLD = frozenset({"told", "candidates"})
"""What a ticket keeps beside what events and the API show of it."""
_EVERY_WEEK = 7 * MS_PER_DAY
_MOVED_DAYS, _MOVED_SHARE, _MOVED_PROBABILITY = 2.0, 0.25, 0.1


class TicketDesk:
    """Writes tickets and tells the receivers, inside the transaction it is handed."""

    def __init__(
        self, outbox: Outbox, guides: Mapping[str, Guide], feature_titles: Titles, update_every: int
    ) -> None:
        """`update_every`: least ms of event time between two `updated` events, unless the severity changes."""
        self._outbox = outbox
        self._guides = guides
        self._feature_titles = feature_titles
        self._update_every = update_every

    def guide(self, fault: str) -> Guide:
        return self._guides.get(fault) or plain_guide(fault)

    def open(self, work: Change, ticket: TicketRow | None, finding: Finding, contract: Contract) -> TicketRow:
        """Open the episode's ticket, or open it again after the owner agreed anew; answers it.

        What is promised counts from now on, by the wall clock.
        """
        if ticket is None:
            ticket = _new_ticket(work, finding)
            work.session.add(ticket)
        ticket.status, ticket.note = TicketStatus.OPEN, ""
        ticket.clocks = promises.begin(contract.promise, work.at)
        self._write(work, ticket, finding, contract)
        self._tell(work, ticket, finding, "opened")
        return ticket

    def reopen(
        self, work: Change, ticket: TicketRow, finding: Finding, contract: Contract, reason: str
    ) -> TicketRow:
        """It is not over: the fault came back, or became more severe than when somebody ended the ticket."""
        ticket.status, ticket.closed_at, ticket.episode_id = TicketStatus.OPEN, None, finding.episode_id
        ticket.resolution = ticket.found_fault = None
        ticket.visit_from = ticket.visit_until = ticket.waiting_since = None
        ticket.clocks = promises.begin(contract.promise, work.at)
        self._write(work, ticket, finding, contract)
        keep_step(work, ticket, "reopened", ITSELF, reason=reason)
        self._tell(work, ticket, finding, "reopened")
        return ticket

    def update(self, work: Change, ticket: TicketRow, finding: Finding, contract: Contract) -> None:
        """Bring a live ticket up to date; the receivers hear of it when it matters to them."""
        since = finding.time - ticket.told_at
        worth_telling = finding.severity != ticket.severity or (
            since >= self._update_every and (since >= _EVERY_WEEK or _moved(ticket, finding))
        )
        self._write(work, ticket, finding, contract)
        if worth_telling:
            self._tell(work, ticket, finding, "updated")

    def close(self, work: Change, ticket: TicketRow, finding: Finding) -> None:
        """The episode ended. A withdrawn or merged ticket keeps its state, and nobody is told."""
        ticket.closed_at = finding.time
        if ticket.status in LIVE | {TicketStatus.RESOLVED}:
            promises.keep(ticket, "closed", work.at)
            ticket.status, ticket.waiting_since = TicketStatus.CLOSED, None
            promises.set_alarm(ticket)
            touch(work, ticket)
            keep_step(work, ticket, "closed", ITSELF, reason="the episode ended")
            self._tell(work, ticket, finding, "closed")

    def _write(self, work: Change, ticket: TicketRow, finding: Finding, contract: Contract) -> None:
        ticket.severity, ticket.service_area = finding.severity, contract.service_area
        before = ticket.content or {}
        guide = self.guide(finding.fault)
        ticket.content = {
            **{key: before[key] for key in _KEPT if key in before},
            **self._content(finding),
            "at_stake": list(guide.at_stake),
            "owner_reference": contract.owner_id,
            "service_area": contract.service_area,
            "batch": contract.batch,
            "firmware": contract.firmware,
        }
        urgent = contract.promise.urgent
        broken = sum(one["told"] == 2 for one in ticket.clocks.values())
        found = priority(finding.severity, finding.days_to_failure, guide.at_stake, urgent)
        ticket.priority = max(1, found - broken)
        promises.set_alarm(ticket)
        touch(work, ticket)

    def _tell(self, work: Change, ticket: TicketRow, finding: Finding, what: str) -> None:
        ticket.told_at = finding.time
        told = {"probability": finding.probability, "days_to_failure": finding.days_to_failure}
        ticket.content = ticket.content | {"told": told}
        tell(work, self._outbox, ticket, what, finding.time)

    def _content(self, finding: Finding) -> dict[str, Any]:
        guide = self.guide(finding.fault)
        return {
            "title": dict(guide.title),
            "rule": finding.rule,
            "score": finding.score,
            **({"candidates": dict(finding.candidates)} if finding.candidates else {}),
            "probability": finding.probability,
            "days_to_failure": finding.days_to_failure,
            "days_low": finding.days_low,
            "days_high": finding.days_high,
            "evidence": evidence_lines(finding.evidence, self._feature_titles),
            "parts": list(guide.parts),
            "skill": guide.skill,
            "technician_finds": guide.technician_finds,
            "self_help": {language: list(steps) for language, steps in guide.self_help.items()},
            "safety": dict(guide.safety),
        }


def tickets_of(work: Change, findings: Iterable[Finding]) -> dict[str, TicketRow]:
    """The tickets of the findings' episodes, by episode, kept from others until the transaction ends."""
    found: dict[str, TicketRow] = {}
    for some in chunks({finding.episode_id for finding in findings}):
        query = (
            select(TicketRow).where(TicketRow.episode_id.in_(some)).order_by(TicketRow.id).with_for_update()
        )
        found.update((ticket.episode_id, ticket) for ticket in work.session.scalars(query))
    return found


def recent_of(work: Change, findings: Iterable[Finding], within: int) -> dict[tuple[str, str], TicketRow]:
    """By appliance and fault, the ticket that ended last, where a new episode began at most `within` ms after it."""
    begun = {(one.appliance_id, one.fault): one.episode_start for one in findings}
    found: dict[tuple[str, str], TicketRow] = {}
    for some in chunks({appliance_id for appliance_id, _ in begun}):
        ended = TicketRow.appliance_id.in_(some) & TicketRow.status.in_(ENDED)
        query = select(TicketRow).where(ended).order_by(TicketRow.closed_at, TicketRow.id).with_for_update()
        for ticket in work.session.scalars(query):
            began = begun.get((ticket.appliance_id, ticket.fault))
            if began is not None and ticket.closed_at is not None and began - ticket.closed_at <= within:
                found[ticket.appliance_id, ticket.fault] = ticket
    return found


def touch(work: Change, ticket: TicketRow) -> None:
    """It is another version of the ticket from now on."""
    ticket.version = (ticket.version or 0) + 1
    ticket.changed_at = work.at


def keep_step(work: Change, ticket: TicketRow, step: str, by: str, **details: Any) -> None:
    """What Foremend did by itself, in the history of the ticket."""
    key = deterministic_id("st", ticket.id, step, by, ticket.version)
    work.session.add(
        TicketStepRow(
            id=key,
            ticket_id=ticket.id,
            step=step,
            by=by,
            at=work.at,
            version=ticket.version,
            details=details,
            digest="",
        )
    )


def tell(
    work: Change,
    outbox: Outbox,
    ticket: TicketRow,
    what: str,
    time: int,
    mark: object = None,
    more: Mapping[str, Any] = {},
) -> None:
    """Leave the ticket as it is now in the outbox, and that it is so in the audit log.

    `time`, ms UTC, tells events of one kind apart, unless `mark` does; `more` is said beside the ticket.
    """
    work.note(f"ticket.{what}", ticket.id, appliance_id=ticket.appliance_id, fault=ticket.fault)
    event = Event(
        id=deterministic_id("ev", ticket.id, what, time if mark is None else mark),
        type=f"foremend.ticket.{what}",
        subject=ticket.id,
        time=time,
        data=ticket_view(ticket) | dict(more),
        purpose=Purpose.TICKET,
        appliance_id=ticket.appliance_id,
        ordering=ticket.id,
        episode_id=ticket.episode_id,
    )
    outbox.put(work, event)


def withdraw_tickets(work: Change, appliance_id: str) -> list[str]:
    """Set an appliance's open tickets to `withdrawn`; answers their ids."""
    query = select(TicketRow).where(TicketRow.appliance_id == appliance_id, TicketRow.status.in_(LIVE))
    found = work.session.scalars(query.order_by(TicketRow.id).with_for_update()).all()
    for ticket in found:
        withdraw(work, ticket)
    return [ticket.id for ticket in found]


def withdraw(work: Change, ticket: TicketRow) -> None:
    """Nothing more about this ticket leaves."""
    ticket.status = TicketStatus.WITHDRAWN
    promises.set_alarm(ticket)
    ticket.note = f"consent for tickets missing since {iso(work.at)}; nothing more about this ticket is sent"
    touch(work, ticket)
    keep_step(work, ticket, "withdrawn", ITSELF)
    work.note("ticket.withdrawn", ticket.id, appliance_id=ticket.appliance_id, fault=ticket.fault)


def ticket_view(ticket: TicketRow) -> dict[str, Any]:
    """A ticket as events and the API show it, JSON-ready."""
    return {
        "ticket_id": ticket.id,
        "episode_id": ticket.episode_id,
        "status": ticket.status,
        "appliance_id": ticket.appliance_id,
        "appliance_model": ticket.appliance_model,
        "fault": ticket.fault,
        "severity": ticket.severity,
        "opened_at": iso(ticket.opened_at),
        "closed_at": _moment(ticket.closed_at),
        "version": ticket.version,
        "changed_at": iso(ticket.changed_at),
        "resolution": ticket.resolution,
        "found_fault": ticket.found_fault,
        "visit_from": _moment(ticket.visit_from),
        "visit_until": _moment(ticket.visit_until),
        "waiting_since": _moment(ticket.waiting_since),
        "merged_into": ticket.merged_into,
        **{key: value for key, value in ticket.content.items() if key not in _UNTOLD},
        "priority": ticket.priority,
        "clocks": promises.shown(ticket.clocks),
        **(
            {"promise": {name: iso(one["due"]) for name, one in ticket.clocks.items()}}
            if ticket.clocks
            else {}
        ),
    }


def _moment(time: int | None) -> str | None:
    return None if time is None else iso(time)


def _moved(ticket: TicketRow, finding: Finding) -> bool:
    """Whether the estimate is another one than receivers know: a tenth more or less probable, or another day."""
    told = ticket.content.get("told", {})
    pairs = (
        (told.get("probability"), finding.probability),
        (told.get("days_to_failure"), finding.days_to_failure),
    )
    if any((before is None) != (now is None) for before, now in pairs):
        return True
    (chance, chance_now), (days, days_now) = pairs
    if chance is not None and abs(chance_now - chance) >= _MOVED_PROBABILITY:
        return True
    if days is None:
        return False
    expected = days - (finding.time - ticket.told_at) / MS_PER_DAY
    return bool(abs(days_now - expected) >= max(_MOVED_DAYS, _MOVED_SHARE * abs(expected)))


def _new_ticket(work: Change, finding: Finding) -> TicketRow:
    return TicketRow(
        id=deterministic_id("tk", finding.episode_id),
        episode_id=finding.episode_id,
        appliance_id=finding.appliance_id,
        appliance_model=finding.appliance_model,
        fault=finding.fault,
        opened_at=finding.time,
        created_at=work.at,
        version=0,
        clocks={},
    )
