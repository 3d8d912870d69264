"""What an owner would read of a finding, and whether it would leave now: nothing is sent, and nothing is kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from alerts.channels import Message
from alerts.consent import decide, histories
from alerts.database import reading
from alerts.episodes import finding_of
from alerts.gate import SMS, Gate, written
from alerts.guide import Guide, advice, plain_guide
from alerts.mainland_sms import MainlandSms
from alerts.outbox import WARNING, warning_id
from alerts.owner_channels import OWNER_CHANNELS, set_up
from alerts.owners import OwnedAppliance, Owners
from alerts.settings import AlertsSettings
from alerts.stop_links import StopLinks
from alerts.storable import json_text
from alerts.tables import HOUSEHOLD, LIVE, FindingRow, OpenEpisodeRow, OutboxRow, OutboxState, TicketRow
from alerts.verdicts import Defer, Discard, Needless, Verdict, Withhold
from alerts.words.blanks import LANGUAGE, of_finding
from alerts.words.composing import Said, subject, texts, what_is_said
from alerts.words.loading import LANGUAGES, nearest_language
from alerts.words.sms import parts
from foremend.vocabulary.errors import InputError, RefusedError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import FindingKind, Severity

_RANK = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Previews:
    """`guides` by fault, `kinds` the category by appliance model, as the stage itself has them."""

    engine: Engine
    owners: Owners
    settings: AlertsSettings
    clock: Clock
    links: StopLinks
    guides: Mapping[str, Guide]
    kinds: Mapping[str, str]

    def of(
        self, finding_id: str, language: str | None = None, channel: str | None = None, *, named: bool = False
    ) -> dict[str, Any] | None:
        """The messages of a finding by channel; None where there is no such finding.

        In `language`, or the one that the appliance's owner reads; with the appliance's own name if `named`. Raises
        InputError for a language and a channel that there is none of.
        """
        _require(language, LANGUAGES, "language")
        _require(channel, OWNER_CHANNELS, "channel")
        with reading(self.engine) as session:
            row = session.get(FindingRow, finding_id)
            if row is None:
                return None
            finding, said = finding_of(row), self._said(session, row)
            states = _states(session, warning_id(row.episode_id, said.stage))
        appliance = self.owners.appliance(finding.appliance_id)
        silence = self._silence(row)
        chosen = [channel] if channel is not None else list(OWNER_CHANNELS)
        return {
            "finding_id": finding_id,
            "appliance_id": finding.appliance_id,
            "fault": finding.fault,
            "stage": said.stage,
            "told": silence is None,
            "reason": silence,
            "messages": [
                self._message(one, said, appliance, language, named) | {"state": states.get(one)}
                for one in chosen
            ],
        }

    def _said(self, session: Session, row: FindingRow) -> Said:
        """As the stage would say it now: of what goes on, and whether somebody comes."""
        failures = [name for name, guide in self.guides.items() if guide.is_failure]
        going_on = select(OpenEpisodeRow.fault).where(
            OpenEpisodeRow.appliance_id == row.appliance_id, OpenEpisodeRow.fault.in_(failures)
        )
        failed = next((one for one in session.scalars(going_on) if one != row.fault), None)
        ticket = select(TicketRow.id).where(
            TicketRow.episode_id == row.episode_id, TicketRow.status.in_(LIVE)
        )
        kind = self.kinds.get(row.appliance_model, "generic")
        guide = self._guide(row.fault)
        return what_is_said(finding_of(row), guide, failed, kind, session.scalar(ticket) is not None)

    def _guide(self, fault: str) -> Guide:
        return self.guides.get(fault) or plain_guide(fault)

    def _silence(self, row: FindingRow) -> str | None:
        """Why a finding like this tells owners nothing, whatever they agreed to; None where it does."""
        if row.kind is FindingKind.CLOSED:
            return "the episode has ended: owners are told of its beginning"
        if _RANK[row.severity] < _RANK[self.settings.act_from]:
            return f"{row.severity} is below alerts.act_from ({self.settings.act_from})"
        return None

    def _message(
        self, channel: str, said: Said, appliance: OwnedAppliance | None, language: str | None, named: bool
    ) -> dict[str, Any]:
        policy = self.owners.policies.of(None if appliance is None else appliance.jurisdiction)
        own = policy.language if appliance is None else nearest_language(appliance.language, policy.language)
        wanted = language or own
        name = appliance.name if named and appliance is not None else None
        at_home = appliance is not None and appliance.owner_id == HOUSEHOLD
        known = texts(said, at_home=at_home)
        body = {"texts": known, "advice": advice(self._guide(said.fault)), "harm": said.stage == "harm"}
        text = written(body, said, channel, wanted, name, self.links.sample(), at_home=at_home)
        fate = self._fate(channel, said, body)
        if isinstance(one := set_up(self.settings).get(channel), MainlandSms):
            wanted = LANGUAGE
            try:
                text = one.fill(of_finding(said, name, self.links.sample())).text
            except RefusedError as error:
                text, fate = "", {"would": "stay", "why": str(error), "not_before": None}
        return {
            "channel": channel,
            "language": wanted,
            "subject": subject(said, wanted, name),
            "text": text,
            "parts": parts(text) if channel == SMS else None,
            "consent": self._consent(channel, said.appliance_id),
            "set_up": channel in set_up(self.settings),
        } | fate

    def _consent(self, channel: str, appliance_id: str) -> str:
        purpose = OWNER_CHANNELS[channel].purpose
        with reading(self.engine) as session:
            heard = histories(session, {appliance_id}, {purpose})
        return decide(heard.get((appliance_id, purpose), ()), self.clock.now_ms()).reason

    def _fate(self, channel: str, said: Said, body: Mapping[str, Any]) -> dict[str, Any]:
        """What the gate says of such a message at this moment: the one that every message passes as it leaves."""
        now = self.clock.now_ms()
        row = OutboxRow(
            seq=0,
            id="preview",
            message_id="preview",
            target=channel,
            event_type=WARNING,
            purpose=OWNER_CHANNELS[channel].purpose,
            appliance_id=said.appliance_id,
            body=json_text(dict(body) | {"said": asdict(said)}),
            created_at=now,
        )
        gate = Gate(self.engine, self.owners, self.settings, self.links)
        return _in_words(gate.judge(row, gate.look([row], now), now))


def _in_words(verdict: Verdict) -> dict[str, Any]:
    match verdict:
        case Message():
            return {"would": "leave", "why": None, "not_before": None}
        case Defer(until, reason):
            return {"would": "wait", "why": reason, "not_before": until}
        case Withhold(decision):
            return {"would": "stay", "why": decision.reason, "not_before": None}
        case Discard(reason) | Needless(reason):
            return {"would": "stay", "why": reason, "not_before": None}


def _states(session: Session, message_id: str) -> dict[str, OutboxState]:
    """What became of the message on each channel, if it was written."""
    query = select(OutboxRow.target, OutboxRow.state).where(
        OutboxRow.message_id == message_id, OutboxRow.target.in_(OWNER_CHANNELS)
    )
    return {row.target: row.state for row in session.execute(query)}


def _require(word: str | None, there: Collection[str], what: str) -> None:
    if word is not None and word not in there:
        raise InputError(f"{word!r} is no {what} of messages; there are {', '.join(there)}")
