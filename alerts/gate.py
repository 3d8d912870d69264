"""The gate before each send: consent at this moment, the hour where the owner lives, an address to send to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Engine, select

from alerts.channels import Message
from alerts.consent import Decision, decide, histories
from alerts.database import reading
from alerts.outbox import WARNING
from alerts.owner_channels import OWNER_CHANNELS
from alerts.owners import OwnedAppliance, Owners, time_zone
from alerts.policies import Policy
from alerts.rates import is_told, put_off
from alerts.schedule import quiet_until
from alerts.settings import AlertsSettings
from alerts.stop_links import StopLinks
from alerts.tables import HOUSEHOLD, OutboxRow, OutboxState
from alerts.words.composing import Said, plain_sms, sms, stop_words, subject, text
from alerts.words.digest import Part, digest, digest_sms, digest_subject
from alerts.words.loading import nearest_language
from foremend.vocabulary.errors import InputError, IntegrityError
from foremend.vocabulary.types import Purpose


@dataclass(frozen=True, slots=True)
class Withhold:
    """Consent does not allow it."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class Defer:
    """Not now: ask again at `until`, ms UTC."""

    until: int
    reason: str


@dataclass(frozen=True, slots=True)
class Discard:
    """It can never be sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Needless:
    """It need not leave any more: another channel told already."""

    reason: str


Verdict = Message | Withhold | Defer | Discard | Needless

SMS = "sms"
_LOOK_AGAIN_MS = 5_000
"""At what became of the same message on the channel before."""


class Gate:
    """Judges a message that is due."""

    def __init__(self, engine: Engine, owners: Owners, settings: AlertsSettings, links: StopLinks) -> None:
        self._engine = engine
        self._owners = owners
        self._links = links
        self._quiet_hours = settings.quiet_hours

    def judge(self, row: OutboxRow, now: int, *, along: bool = False) -> Verdict:
        """What to do with it at `now` (ms UTC): the message itself if it may leave; `along` in a digest of another,
        which takes no more of the owner's day."""
        if row.purpose is not None:
            decision = self._said(row.appliance_id, row.purpose, now)
            if not decision.given:
                return Withhold(decision)
        if row.target in OWNER_CHANNELS:
            try:
                return self._to_owner(row, now, along)
            except (InputError, IntegrityError) as error:  # of this owner alone
                return Discard(f"what is registered of the owner cannot be used: {error}")
        return Message(row.message_id, row.event_type, row.body, at=now)

    def _said(self, appliance_id: str, purpose: Purpose, now: int) -> Decision:
        with reading(self._engine) as session:
            said = histories(session, {appliance_id}, {purpose})
        return decide(said.get((appliance_id, purpose), ()), now)

    def _to_owner(self, row: OutboxRow, now: int, along: bool) -> Verdict:
        appliance = self._owners.appliance(row.appliance_id)
        if appliance is None:
            return Discard("the appliance has no owner any more")
        policy = self._owners.policies.of(appliance.jurisdiction)
        if row.target not in policy.channels:
            return Withhold(Decision(False, f"the policy {policy.name} uses no {row.target}"))
        body = orjson.loads(row.body)
        if self._goes_on(row):
            return Needless("the owner is told what became of it since")
        harm = is_harm(body)
        until = self._quiet_until(row, appliance, policy, harm, now)
        if until is not None:
            return Defer(until, "quiet hours")
        address = self._owners.contact(appliance.owner_id, row.target)
        if address is None:
            return Discard(f"the owner gave no address for {row.target}")
        bound = None if harm or along else policy.messages_a_day
        if (later := put_off(self._engine, row, appliance, bound, now)) is not None:
            return Defer(later.until, later.reason)
        if not policy.together and (wait := self._turn(row, policy, now)) is not None:
            return wait
        link = self._links.link(row, appliance.owner_id)
        return _message(row, body, appliance, policy, address, link, now)

    def _quiet_until(
        self, row: OutboxRow, appliance: OwnedAppliance, policy: Policy, harm: bool, now: int
    ) -> int | None:
        """The end of the owner's night; None outside of it, and of harm under way where the owner agreed to that."""
        quiet = self._quiet_hours if policy.quiet_hours == "configured" else policy.quiet_hours
        until = None if quiet is None else quiet_until(now, time_zone(appliance.timezone), quiet)
        if until is not None and harm and self._said(row.appliance_id, Purpose.AT_NIGHT, now).given:
            return None
        return until

    def _turn(self, row: OutboxRow, policy: Policy, now: int) -> Defer | Needless | None:
        """None where it is this channel's turn: those before it in the policy's order cannot tell, or failed once."""
        earlier = policy.channels[: policy.channels.index(row.target)]
        same = OutboxRow.ordering == row.ordering, OutboxRow.target.in_(earlier)
        columns = OutboxRow.state, OutboxRow.attempts, OutboxRow.leaving_until, OutboxRow.digest
        with reading(self._engine) as session:
            before = session.execute(select(OutboxRow.target, *columns).where(*same)).all()
        for target, state, attempts, leaving_until, together in before:
            if is_told(state, together):
                return Needless(f"told by {target}")
            is_tried_now = leaving_until is not None and leaving_until > now
            if state is OutboxState.PENDING and attempts - is_tried_now < 1:
                return Defer(now + _LOOK_AGAIN_MS, f"{target} goes first")
        return None

    def _goes_on(self, row: OutboxRow) -> bool:
        """Whether a later stage of the same episode has a message on this channel."""
        if row.episode_id is None:
            return False
        later = (
            OutboxRow.episode_id == row.episode_id,
            OutboxRow.seq > row.seq,
            OutboxRow.target == row.target,
            OutboxRow.event_type == WARNING,
            OutboxRow.state.in_((OutboxState.PENDING, OutboxState.SENT))
            | ((OutboxRow.state == OutboxState.SUPERSEDED) & OutboxRow.digest.is_not(None)),
        )
        with reading(self._engine) as session:
            return session.scalar(select(OutboxRow.seq).where(*later).limit(1)) is not None

    def digest(self, message: Message, rows: Sequence[OutboxRow]) -> Message:
        """The message of the first of `rows`, saying what all of them say; they are of one owner and may leave."""
        known = self._owners.registered({row.appliance_id for row in rows})
        found = [
            Part(Said.of(orjson.loads(row.body)["said"]), None if one is None else one.name)
            for row in rows
            for one in [known.get(row.appliance_id)]
        ]
        at_home = any(one.owner_id == HOUSEHOLD for one in known.values())
        compose = digest_sms if rows[0].target == SMS else digest
        return replace(
            message,
            body=compose(found, message.language, message.link, at_home=at_home),
            subject=digest_subject(found, message.language),
        )


def is_harm(body: Mapping[str, Any]) -> bool:
    """Whether what a message tells of costs with each hour."""
    return "harm" in body and bool(body["harm"])


def _message(
    row: OutboxRow,
    body: Mapping[str, Any],
    appliance: OwnedAppliance,
    policy: Policy,
    address: str,
    link: str,
    now: int,
) -> Message:
    """In the owner's language, else in the policy's, with the appliance's own name; advice where there is room."""
    wanted = nearest_language(appliance.language, policy.language)
    language = wanted if wanted in body["texts"] else policy.language
    stored = body.get("said")
    said = None if stored is None else Said.of(stored)
    return Message(
        row.message_id,
        row.event_type,
        written(
            body, said, row.target, language, appliance.name, link, at_home=appliance.owner_id == HOUSEHOLD
        ),
        address,
        language,
        now,
        row.appliance_id,
        "" if said is None else subject(said, language, appliance.name),
        link,
    )


def written(
    body: Mapping[str, Any],
    said: Said | None,
    target: str,
    language: str,
    name: str | None,
    link: str,
    *,
    at_home: bool,
) -> str:
    """What a channel sends of what the outbox has: as short as an SMS must be, with advice where there is room."""
    stop = stop_words(language, link, at_home=at_home) if link or (at_home and said is not None) else ""
    if target == SMS:
        return plain_sms(body["texts"][language], stop) if said is None else sms(said, language, name, stop)
    whole = f"{body['texts'][language]} {stop}".rstrip() if said is None else text(said, language, name, stop)
    advice = body["advice"].get(language, ()) if OWNER_CHANNELS[target].advice else ()
    return "\n".join([whole, *advice])
