"""What the page of an owner shows, put together for one look: no HTML, no words of the page's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.consent_desk import ConsentDesk
from alerts.desk import Alerts
from alerts.diagnosis.composing import Known
from alerts.diagnosis.desk import NoApplianceError, UnwatchedError
from alerts.owner_channels import OWNER_CHANNELS, set_up
from alerts.owners import OwnedAppliance
from alerts.priority import priority
from alerts.queries.own import Told, Word, told_to, words_now
from alerts.wording import evidence_line
from alerts.words.composing import Said, sentences, what_is_said
from foremend.installation.privacy import PrivacyDesk
from foremend.service.own.words import KINDS, WORDS, Language
from foremend.service.sight import Sight
from foremend.service.views import ApplianceDetail, TicketView
from foremend.vocabulary.rights import Caller, Right
from foremend.vocabulary.types import Finding, Purpose

MOST_APPLIANCES = 50
MOST_MESSAGES = 20
THEIRS_ALONE = frozenset({Right.CONSENTS_CHANGE, Right.EXPORT})
"""What it takes to see and name whom to tell of a silence: a service desk, whose links lack a copy, does neither."""
_CHANNEL_OF = {one.purpose: name for name, one in OWNER_CHANNELS.items()}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong or foreseen. `what`, `do` and the lines are sentences."""

    finding: Finding
    what: str
    do: str
    why: Sequence[str]
    steps: Sequence[str]
    picture: str | None
    safety: str
    ticket: TicketView | None


@dataclass(frozen=True, slots=True)
class Switch:
    """One purpose: what was told of it, whether it is on and until when (ms UTC)."""

    purpose: Purpose
    notice: str
    on: bool
    ends_at: int | None
    reached: bool
    """Whether an address is known, where it needs one."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One appliance. `state` as on the console, `unwatched` or `never_heard`."""

    own: OwnedAppliance
    name: str
    state: str
    last_seen: int | None
    days_missing: int | None
    faults: Sequence[Fault]
    switches: Sequence[Switch]


@dataclass(frozen=True, slots=True)
class Message:
    """One that left: `text` in the page's language, without how to stop it."""

    sent_at: int
    channel: str
    appliance: str
    timezone: str
    text: str


@dataclass(frozen=True, slots=True)
class Trusted:
    """Whom the owner wants told of a silence, as `alerts.wellbeing.contacts` shows them, and by which channels one can
    be; `away_until` (ms UTC) is the end of an absence that goes on."""

    contacts: Sequence[Mapping[str, Any]]
    channels: Sequence[str]
    away_until: int | None
    timezone: str


@dataclass(frozen=True, slots=True)
class OwnPage:
    """All of it. `more`: appliances beyond those that are shown; `trusted` None: no yes to wellbeing, no contact."""

    appliances: Sequence[Shown]
    more: int
    messages: Sequence[Message]
    rights: frozenset[Right]
    trusted: Trusted | None


@dataclass(frozen=True, slots=True)
class OwnDesk:
    """The parts of the alerts stage that the page reads and changes."""

    alerts: Alerts
    privacy: PrivacyDesk | None

    @property
    def consents(self) -> ConsentDesk:
        return self.alerts.consents

    def language(self, owner_id: str) -> Language:
        """That of the owner's appliances: Chinese or English."""
        ids = sorted(self.consents.owned_by(owner_id))[:1]
        known = self.alerts.owners.registered(ids)
        return "zh" if any(one.language.startswith("zh") for one in known.values()) else "en"

    def page(self, sight: Sight, language: Language) -> OwnPage:
        """What the caller of `sight`, an owner, sees; that it was read stands in the audit log.

        Raises UnavailableError while the database is away, and InputError for an owner whom nobody registered.
        """
        caller = sight.caller
        owner_id = caller.subject or ""
        about = self.consents.owner(owner_id, caller.who)
        ids = [one["appliance_id"] for one in about["appliances"]][:MOST_APPLIANCES]
        known = self.alerts.owners.registered(ids)
        now = self.consents.now_ms()
        words = words_now(self.alerts.engine, ids, now)
        unwatched = self.alerts.watched.unwatched(ids)
        channels = frozenset(about["channels"])
        shown = [
            self._appliance(sight, known[one], language, one in unwatched, words, channels)
            for one in ids
            if one in known
        ]
        names = {one.own.appliance_id: one for one in shown}
        told = told_to(self.alerts.engine, owner_id, MOST_MESSAGES)
        messages = [
            _message(one, names[one.appliance_id], language) for one in told if one.appliance_id in names
        ]
        more = len(about["appliances"]) - len(shown)
        trusted = self._trusted(caller, shown) if caller.rights.keys() >= THEIRS_ALONE else None
        return OwnPage(shown, more, messages, frozenset(caller.rights), trusted)

    def _trusted(self, caller: Caller, shown: Sequence[Shown]) -> Trusted | None:
        agreed = any(each.purpose is Purpose.WELLBEING and each.on for one in shown for each in one.switches)
        owner_id = caller.subject or ""
        contacts = self.alerts.contacts.some(owner_id, caller.who)
        if not agreed and not contacts:
            return None
        away = self.alerts.wellbeing.house(owner_id).away_until(self.consents.now_ms())
        zone = shown[0].own.timezone if shown else "UTC"
        return Trusted(contacts, self.alerts.contacts.channels, away, zone)

    def finding(self, caller: Caller, appliance_id: str, episode_id: str) -> Finding | None:
        """The newest of an open episode of an appliance that is the caller's own."""
        if appliance_id not in self.consents.owned_by(caller.subject or ""):
            return None
        going_on = self._going_on(appliance_id)
        return next((one.finding for one in going_on if one.finding.episode_id == episode_id), None)

    def _appliance(
        self,
        sight: Sight,
        own: OwnedAppliance,
        language: Language,
        unwatched: bool,
        words: Mapping[tuple[str, Purpose], Word],
        channels: frozenset[str],
    ) -> Shown:
        fleet = Right.FLEET in sight.caller.rights and not unwatched
        detail = sight.appliance(own.appliance_id) if fleet else None
        faults = self._faults(own, detail, language) if fleet else []
        switches = self._switches(own, language, unwatched, words, channels)
        view = None if detail is None else detail.appliance
        return Shown(
            own,
            self._name(own, language),
            "unwatched" if unwatched else "never_heard" if view is None else view.state,
            None if view is None else _ms(view.last_seen),
            None if view is None else view.days_missing,
            faults,
            switches if Right.CONSENTS in sight.caller.rights else [],
        )

    def _name(self, own: OwnedAppliance, language: Language) -> str:
        kind = self.alerts.previews.kinds.get(own.appliance_model, "")
        return own.name or KINDS[language].get(kind, WORDS[language]["unnamed"])

    def _going_on(self, appliance_id: str) -> list[Known]:
        try:
            return self.alerts.diagnoses.going_on(appliance_id)
        except (UnwatchedError, NoApplianceError):
            return []

    def _faults(self, own: OwnedAppliance, detail: ApplianceDetail | None, language: Language) -> list[Fault]:
        known = self._going_on(own.appliance_id)
        tickets = {} if detail is None else {one.ticket_id: one for one in detail.tickets}
        return [
            self._fault(one, self._said(one, known), own, language, tickets.get(one.ticket_id or ""))
            for one in sorted(known, key=_rank)
        ]

    def _said(self, one: Known, known: Sequence[Known]) -> Said:
        failed = (other.finding.fault for other in known if other is not one and other.guide.is_failure)
        kind = self.alerts.previews.kinds.get(one.finding.appliance_model, "generic")
        return what_is_said(one.finding, one.guide, next(failed, None), kind, one.ticket_id is not None)

    def _fault(
        self, one: Known, said: Said, own: OwnedAppliance, language: Language, ticket: TicketView | None
    ) -> Fault:
        whole = sentences(said, language, own.name)
        titles = self.alerts.diagnoses.titles
        return Fault(
            one.finding,
            whole.what,
            whole.do,
            [evidence_line(line, language, titles) for line in one.finding.evidence],
            list(one.guide.self_help.get(language, ())),
            one.guide.picture,
            one.guide.safety.get(language, ""),
            ticket,
        )

    def _switches(
        self,
        own: OwnedAppliance,
        language: Language,
        unwatched: bool,
        words: Mapping[tuple[str, Purpose], Word],
        channels: frozenset[str],
    ) -> list[Switch]:
        """What the policy and this installation use, and whatever there is a yes to."""
        policy = self.alerts.owners.policies.of(own.jurisdiction)
        used = set(policy.channels) & set(set_up(self.alerts.previews.settings))
        found = []
        for purpose in Purpose:
            word = words.get((own.appliance_id, purpose), Word(False, None))
            on = not unwatched if purpose is Purpose.MONITORING else word.given
            channel = _CHANNEL_OF.get(purpose)
            if on or channel is None or channel in used:
                notice = policy.notices.texts[purpose][language]
                found.append(
                    Switch(purpose, notice, on, word.ends_at, channel is None or channel in channels)
                )
        return found


def _rank(one: Known) -> tuple[int, float, str]:
    finding = one.finding
    urgency = priority(finding.severity, finding.days_to_failure, one.guide.at_stake, False)
    return urgency, -(finding.probability or 1.0), finding.fault


def _message(told: Told, about: Shown, language: Language) -> Message:
    said = told.body.get("said")
    if said is None:
        text = str(told.body.get("texts", {}).get(language, ""))
    else:
        whole = sentences(Said.of(said), language, about.own.name)
        text = whole.glue.join(one for one in (whole.harm, whole.what, whole.do, whole.ticket) if one)
    return Message(told.sent_at, told.channel, about.name, about.own.timezone, text)


def _ms(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp() * 1_000)
