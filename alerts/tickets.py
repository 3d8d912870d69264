"""Service tickets: at most one for an episode, opened, updated and closed by findings.

When the owner withdraws the consent for tickets, open ones become `withdrawn`: they stay on record here with the
reason, one `foremend.consent.changed` names them so that the service platform stops, and nothing else about them
leaves. If the owner agrees again while the episode lasts, its next finding opens the same ticket again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from alerts.change import Change
from alerts.database import CHUNK
from alerts.guide import Guide, plain_guide
from alerts.outbox import Event, Outbox
from alerts.policies.policy import ServicePromise
from alerts.tables import TicketRow, TicketStatus
from alerts.wording import Titles, evidence_lines, iso
from foremend.vocabulary.types import Finding, Purpose, deterministic_id

BEHIND_TICKETS = frozenset({Purpose.TICKET, Purpose.MONITORING})
"""Without the owner's yes to these a ticket has nothing to stand on."""


class TicketDesk:
    """Writes tickets and tells the receivers, inside the transaction it is handed."""

    def __init__(
        self, outbox: Outbox, guides: Mapping[str, Guide], feature_titles: Titles, update_every: int
    ) -> None:
        """`update_every`: ms of event time between two `updated` events of a ticket, unless the severity changes."""
        self._outbox = outbox
        self._guides = guides
        self._feature_titles = feature_titles
        self._update_every = update_every

    def guide(self, fault: str) -> Guide:
        return self._guides.get(fault) or plain_guide(fault)

    def open(
        self, work: Change, ticket: TicketRow | None, finding: Finding, service: ServicePromise
    ) -> TicketRow:
        """Open the episode's ticket, or open it again after the owner agreed anew; answers it.

        What is promised counts from now on, by the wall clock.
        """
        if ticket is None:
            ticket = _new_ticket(work, finding)
            work.session.add(ticket)
        ticket.status, ticket.note = TicketStatus.OPEN, ""
        by = {"first_contact": iso(work.at + service.first_contact), "visit": iso(work.at + service.visit)}
        ticket.content = {"promise": by}
        self._write(ticket, finding)
        self._tell(work, ticket, finding, "opened")
        return ticket

    def update(self, work: Change, ticket: TicketRow, finding: Finding) -> None:
        """Bring an open ticket up to date; the receivers hear of it when it matters to them."""
        worth_telling = (
            finding.severity != ticket.severity or finding.time - ticket.told_at >= self._update_every
        )
        self._write(ticket, finding)
        if worth_telling:
            self._tell(work, ticket, finding, "updated")

    def close(self, work: Change, ticket: TicketRow, finding: Finding) -> None:
        """The episode ended. A withdrawn ticket keeps its state, and nobody is told."""
        ticket.closed_at = finding.time
        if ticket.status is TicketStatus.OPEN:
            ticket.status = TicketStatus.CLOSED
            self._tell(work, ticket, finding, "closed")

    def _write(self, ticket: TicketRow, finding: Finding) -> None:
        ticket.severity = finding.severity
        before = ticket.content or {}
        ticket.content = {key: before[key] for key in ("promise",) if key in before} | self._content(finding)

    def _tell(self, work: Change, ticket: TicketRow, finding: Finding, what: str) -> None:
        ticket.told_at = finding.time
        work.note(f"ticket.{what}", ticket.id, appliance_id=ticket.appliance_id, fault=ticket.fault)
        event = Event(
            id=deterministic_id("ev", ticket.id, what, finding.time),
            type=f"foremend.ticket.{what}",
            subject=ticket.id,
            time=finding.time,
            data=ticket_view(ticket),
            purpose=Purpose.TICKET,
            appliance_id=ticket.appliance_id,
            ordering=ticket.id,
            episode_id=ticket.episode_id,
        )
        self._outbox.put(work, event)

    def _content(self, finding: Finding) -> dict[str, Any]:
        guide = self.guide(finding.fault)
        return {
            "title": dict(guide.title),
            "rule": finding.rule,
            "score": finding.score,
            "probability": finding.probability,
            "days_to_failure": finding.days_to_failure,
            "days_low": finding.days_low,
            "days_high": finding.days_high,
            "evidence": evidence_lines(finding.evidence, self._feature_titles),
            "parts": list(guide.parts),
            "technician_finds": guide.technician_finds,
            "self_help": {language: list(steps) for language, steps in guide.self_help.items()},
            "safety": dict(guide.safety),
        }


def tickets_of(work: Change, findings: Iterable[Finding]) -> dict[str, TicketRow]:
    """The tickets of the findings' episodes, by episode, kept from others until the transaction ends."""
    episodes = sorted({finding.episode_id for finding in findings})
    found: dict[str, TicketRow] = {}
    for start in range(0, len(episodes), CHUNK):
        among = TicketRow.episode_id.in_(episodes[start : start + CHUNK])
        query = select(TicketRow).where(among).order_by(TicketRow.id).with_for_update()
        found.update((ticket.episode_id, ticket) for ticket in work.session.scalars(query))
    return found


def withdraw_tickets(work: Change, appliance_id: str) -> list[str]:
    """Set an appliance's open tickets to `withdrawn`; answers their ids."""
    query = select(TicketRow).where(
        TicketRow.appliance_id == appliance_id, TicketRow.status == TicketStatus.OPEN
    )
    found = work.session.scalars(query.order_by(TicketRow.id).with_for_update()).all()
    for ticket in found:
        withdraw(work, ticket)
    return [ticket.id for ticket in found]


def withdraw(work: Change, ticket: TicketRow) -> None:
    """Nothing more about this ticket leaves."""
    ticket.status = TicketStatus.WITHDRAWN
    ticket.note = f"consent for tickets missing since {iso(work.at)}; nothing more about this ticket is sent"
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
        "closed_at": None if ticket.closed_at is None else iso(ticket.closed_at),
        **ticket.content,
    }


def _new_ticket(work: Change, finding: Finding) -> TicketRow:
    return TicketRow(
        id=deterministic_id("tk", finding.episode_id),
        episode_id=finding.episode_id,
        appliance_id=finding.appliance_id,
        appliance_model=finding.appliance_model,
        fault=finding.fault,
        opened_at=finding.time,
        created_at=work.at,
    )
