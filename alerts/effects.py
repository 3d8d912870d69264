"""A block's consequences and its position, committed in one transaction; applying them again changes nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from sqlalchemy import Engine, select

from alerts import dead_letter_bounds
from alerts.audit_rows import KEPT, digest
from alerts.change import Change, change
from alerts.consent import Decision, decide, histories
from alerts.consent.known import rows_of
from alerts.consent.permitted import Keeping
from alerts.contract import Contract, contract_of
from alerts.database import insert_new, raise_to, reading, relaxed
from alerts.episodes import finding_of, keep_open
from alerts.guide import Guide, advice
from alerts.held_back import hold_back
from alerts.nameplates import nameplates_of
from alerts.outbox import Notification, Outbox, warning_id
from alerts.policies import Policies
from alerts.settings import AlertsSettings
from alerts.tables import (
    ENDED,
    HOUSEHOLD,
    LIVE,
    ApplianceRow,
    FindingRow,
    OpenEpisodeRow,
    PositionRow,
    TicketRow,
    TicketStatus,
)
from alerts.tickets import TicketDesk, recent_of, tickets_of, withdraw
from alerts.wording import Titles
from alerts.words.composing import texts, what_is_said
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import DeadLetter, Finding, FindingKind, Purpose, Severity, deterministic_id

Tickets = dict[str, TicketRow]
"""By episode."""

_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class DatabaseEffects:
    """`foremend.vocabulary.ports.Effects` on the effects database, for one stream of positions."""

    def __init__(
        self,
        engine: Engine,
        outbox: Outbox,
        settings: AlertsSettings,
        clock: Clock,
        wake: Callable[[], None],
        guides: Mapping[str, Guide],
        feature_titles: Titles,
        policies: Policies,
        keeping: Keeping,
        stream: str = "journal",
        kinds: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`guides` by fault, `feature_titles` by feature, `kinds` the category by appliance model.

        `wake` is called after a commit that acted on findings; `keeping` leaves out what is of somebody who may not be
        watched.
        """
        self._engine = engine
        self._outbox = outbox
        self._desk = TicketDesk(outbox, guides, feature_titles, settings.ticket_update_every)
        self._failures = [name for name, guide in guides.items() if guide.is_failure]
        self._kinds = kinds
        self._act_from = settings.act_from
        self._reopen_within = settings.ticket_reopen_within
        self._bounds = settings.dead_letters
        self._clock = clock
        self._wake = wake
        self._policies = policies
        self._keeping = keeping
        self._stream = stream
        self._advance = raise_to(engine, PositionRow, "stream", "value")

    def of(self, stream: str) -> DatabaseEffects:
        """The same for another stream of positions."""
        other = copy.copy(self)
        other._stream = stream
        return other

    def position(self) -> int:
        """The last position whose effects are committed; 0 before the first."""
        with reading(self._engine) as session:
            row = session.get(PositionRow, self._stream)
        return 0 if row is None else row.value

    def apply(self, findings: Sequence[Finding], dead_letters: Sequence[DeadLetter], position: int) -> None:
        """Commit what a block led to, all or nothing; the position never goes back.

        Raises UnavailableError while the database is away: nothing was committed then, call again.
        """
        findings, dead_letters = self._keeping.findings(findings), self._keeping.letters(dead_letters)
        if not findings and not dead_letters:
            self._move_to(position)
            return
        with change(self._engine, self._clock) as work:
            before = self._position_of(work) if dead_letters else None
            fresh = _keep(work, findings)
            if fresh:
                self._act(work, fresh)
            work.session.execute(self._advance, {"stream": self._stream, "value": position})
            if dead_letters:
                first_time = before is None or before < position
                dead_letter_bounds.keep(work.session, dead_letters, self._bounds, first_time)
        if fresh:
            self._wake()

    def hand_over(self, episode_id: str) -> str | None:
        """A ticket for an open episode, however slight, as its owner could not mend it; its id.

        None where the episode is over, or its owner does not agree to tickets. Raises UnavailableError while the
        database is away.
        """
        with change(self._engine, self._clock) as work:
            opened = select(FindingRow).join(OpenEpisodeRow, OpenEpisodeRow.finding_id == FindingRow.id)
            row = work.session.scalars(opened.where(OpenEpisodeRow.id == episode_id)).first()
            if row is None:
                return None
            finding, one = finding_of(row), row.appliance_id
            said = histories(work.session, {one}, {Purpose.TICKET}, lock=True)
            consent = decide(said.get((one, Purpose.TICKET), ()), work.at)
            owned = rows_of(work.session, ApplianceRow, {one}).get(one)
            policy = self._policies.of(None if owned is None else owned.jurisdiction)
            tickets = tickets_of(work, [finding])
            contract = contract_of(policy, owned, nameplates_of(work.session, {one}).get(one))
            self._serve(work, tickets, finding, consent, contract)
            ticket = tickets.get(episode_id)
        self._wake()
        return None if ticket is None or ticket.status not in LIVE else ticket.id

    def _move_to(self, position: int) -> None:
        """Most blocks lead to nothing. Should a power cut take their position back, their replay leads to nothing."""
        with relaxed(self._engine) as connection:
            connection.execute(self._advance, {"stream": self._stream, "value": position})

    def _position_of(self, work: Change) -> int | None:
        """As it was before; nobody else moves it until the transaction ends."""
        stored = select(PositionRow.value).where(PositionRow.stream == self._stream).with_for_update()
        return work.session.scalar(stored)

    def _act(self, work: Change, findings: Sequence[Finding]) -> None:
        appliances = {finding.appliance_id for finding in findings}
        said = histories(work.session, appliances, {Purpose.TICKET}, lock=True)
        tickets = tickets_of(work, findings)
        begun = [one for one in findings if one.episode_id not in tickets and self._matters(one)]
        recent = recent_of(work, begun, self._reopen_within)
        for one in begun:
            ticket, words = (
                recent.get((one.appliance_id, one.fault)),
                said.get((one.appliance_id, Purpose.TICKET)),
            )
            if ticket is not None and words and ticket.created_at >= words[0].at:  # not a former owner's
                tickets[one.episode_id] = ticket
        known = rows_of(work.session, ApplianceRow, appliances)
        plates = nameplates_of(work.session, appliances)
        jurisdictions = {one: row.jurisdiction for one, row in known.items()}
        failed = self._failed(work, appliances)
        for finding in findings:
            if finding.kind is FindingKind.CLOSED:
                self._end(work, tickets, finding)
            elif self._matters(finding):
                consent = decide(said.get((finding.appliance_id, Purpose.TICKET), ()), work.at)
                policy = self._policies.of(jurisdictions.get(finding.appliance_id))
                contract = contract_of(
                    policy, known.get(finding.appliance_id), plates.get(finding.appliance_id)
                )
                has_ticket = self._serve(work, tickets, finding, consent, contract)
                row = known.get(finding.appliance_id)
                at_home = row is not None and row.owner_id == HOUSEHOLD
                self._warn(work, finding, has_ticket, failed.get(finding.appliance_id), at_home)

    def _matters(self, finding: Finding) -> bool:
        return finding.kind is not FindingKind.CLOSED and _RANK[finding.severity] >= _RANK[self._act_from]

    def _serve(
        self, work: Change, tickets: Tickets, finding: Finding, consent: Decision, contract: Contract
    ) -> bool:
        """Open or update the ticket, or hold it back; answers whether one is open."""
        ticket = tickets.get(finding.episode_id)
        if not consent.given:
            if ticket is not None and ticket.status in LIVE:
                withdraw(work, ticket)
            hold_back(
                work,
                "ticket",
                Purpose.TICKET,
                finding.appliance_id,
                finding.episode_id,
                finding.fault,
                consent,
            )
            return False
        if ticket is None or ticket.status is TicketStatus.WITHDRAWN:
            tickets[finding.episode_id] = self._desk.open(work, ticket, finding, contract)
        elif ticket.status in LIVE:
            self._desk.update(work, ticket, finding, contract)
        elif ticket.status is TicketStatus.MERGED or not (reason := _goes_on(ticket, finding)):
            return False
        else:
            self._desk.reopen(work, ticket, finding, contract, reason)
        return True

    def _failed(self, work: Change, appliances: set[str]) -> dict[str, str]:
        """By which fault each appliance has failed, of those that have: the open episodes of such faults."""
        if not self._failures:
            return {}
        is_one = OpenEpisodeRow.appliance_id.in_(appliances), OpenEpisodeRow.fault.in_(self._failures)
        found = work.session.execute(select(OpenEpisodeRow.appliance_id, OpenEpisodeRow.fault).where(*is_one))
        return {row.appliance_id: row.fault for row in found}

    def _warn(
        self, work: Change, finding: Finding, ticket_is_open: bool, failed: str | None, at_home: bool
    ) -> None:
        """One warning to the owner for an episode, and one more for each stage that it comes to."""
        guide = self._desk.guide(finding.fault)
        failure = None if failed == finding.fault else failed
        kind = self._kinds.get(finding.appliance_model, "generic")
        said = what_is_said(finding, guide, failure, kind, ticket_is_open)
        message = Notification(
            id=warning_id(finding.episode_id, said.stage),
            appliance_id=finding.appliance_id,
            episode_id=finding.episode_id,
            texts=texts(said, at_home=at_home),
            advice=advice(guide),
            said=said,
            harm=said.stage == "harm",
        )
        self._outbox.notify(work, message)

    def _end(self, work: Change, tickets: Tickets, finding: Finding) -> None:
        ticket = tickets.get(finding.episode_id)
        if ticket is not None and ticket.episode_id == finding.episode_id:
            self._desk.close(work, ticket, finding)
        self._outbox.supersede(work, finding.episode_id)


def _goes_on(ticket: TicketRow, finding: Finding) -> str:
    """Why a ticket that ended is open again; empty where it is not: the same, or less, that people know of."""
    if ticket.episode_id != finding.episode_id:
        return "the fault came back"
    if ticket.status in ENDED and _RANK[finding.severity] > _RANK[ticket.severity]:
        return "it became more severe"
    return ""


def _keep(work: Change, findings: Sequence[Finding]) -> list[Finding]:
    """Store the findings; answers, in their order, those that were not there before."""
    rows = {row["id"]: (row, finding) for finding in findings for row in [_finding_row(finding, work.at)]}
    new = insert_new(work.session, FindingRow, [row for row, _ in rows.values()])
    for key in (one for one in rows if one in new):
        work.note(KEPT, rows[key][1].appliance_id, row=key, digest=digest(KEPT, rows[key][0]))
    fresh = [(key, finding) for key, (_, finding) in rows.items() if key in new]
    keep_open(work, fresh)
    return [finding for _, finding in fresh]


def _finding_row(finding: Finding, at: int) -> dict[str, Any]:
    return {
        "id": deterministic_id("fd", finding.episode_id, finding.kind, finding.severity, finding.time),
        "episode_id": finding.episode_id,
        "kind": finding.kind,
        "appliance_id": finding.appliance_id,
        "appliance_model": finding.appliance_model,
        "fault": finding.fault,
        "rule": finding.rule,
        "severity": finding.severity,
        "time": finding.time,
        "episode_start": finding.episode_start,
        "score": finding.score,
        "probability": finding.probability,
        "days_to_failure": finding.days_to_failure,
        "days_low": finding.days_low,
        "days_high": finding.days_high,
        "evidence": [asdict(one) for one in finding.evidence],
        "at": at,
    }
