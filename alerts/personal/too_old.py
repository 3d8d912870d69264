"""Which rows of a table are too old, where their age alone does not decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from alerts.tables import (
    LIVE,
    AccessTokenRow,
    ApplianceRow,
    ConsentRow,
    ContactRow,
    ErasureRow,
    FindingRow,
    OpenEpisodeRow,
    OutboxRow,
    OutboxState,
    OutcomeRow,
    OwnerRow,
    TicketRow,
    TicketStepRow,
    UserRow,
    WellbeingContactRow,
)
from foremend.vocabulary.types import Purpose

Rule = Callable[[int], ColumnElement[bool]]
"""Which rows go that are older than a moment, ms UTC."""


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
    old = select(OwnerRow.id).where(OwnerRow.id == ContactRow.owner_id, OwnerRow.created_at < before)
    return and_(old.exists(), ~_agreed(ContactRow.owner_id, before).exists())


def _wellbeing_contacts(before: int) -> ColumnElement[bool]:
    """The same, of what owners said of wellbeing: with the last yes they go at once, so there never was one."""
    agreed = _agreed(WellbeingContactRow.owner_id, before, Purpose.WELLBEING)
    return and_(WellbeingContactRow.at < before, ~agreed.exists())


def _agreed(owner_id: InstrumentedAttribute[str], before: int, purpose: Purpose | None = None) -> Select[Any]:
    """Words of an owner that are kept from that moment on, or are the last ones and a yes."""
    said, later = aliased(ConsentRow), aliased(ConsentRow)
    newer = or_(later.at > said.at, and_(later.at == said.at, later.seq > said.seq))
    replaced = select(later.seq).where(
        later.appliance_id == said.appliance_id,
        later.subject == said.subject,
        later.purpose == said.purpose,
        newer,
    )
    counts = or_(said.recorded_at >= before, and_(said.given, ~replaced.exists()))
    about = [] if purpose is None else [said.purpose == purpose]
    return select(said.seq).where(said.subject == owner_id, counts, *about)


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
    WellbeingContactRow: _wellbeing_contacts,
    ErasureRow: _erasures,
    AccessTokenRow: lambda before: AccessTokenRow.expires_at < before,
    UserRow: lambda before: UserRow.disabled_at < before,
}
"""Of tables where age alone does not decide."""
