"""The gate before each send: consent at this moment, the hour where the owner lives, an address to send to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import Engine

from alerts.channels import Message
from alerts.consent import Decision, decide
from alerts.facts import Facts, facts
from alerts.fates import goes_first, told_by
from alerts.held_back import QUIET_HOURS, no_address, not_of_policy
from alerts.outbox import WELLBEING
from alerts.owner_channels import OWNER_CHANNELS
from alerts.owners import OwnedAppliance, Owners, time_zone
from alerts.policies import Policy
from alerts.rates import is_told, put_off
from alerts.schedule import quiet_until
from alerts.settings import AlertsSettings
from alerts.stop_links import StopLinks
from alerts.tables import HOUSEHOLD, OutboxRow, OutboxState
from alerts.verdicts import Defer, Discard, Needless, Verdict, Withhold
from alerts.wellbeing.to_contact import ToContact
from alerts.words.blanks import Blanks, of_ending, of_finding, of_several
from alerts.words.composing import Said, plain_sms, sms, stop_words, subject, text
from alerts.words.digest import Part, digest, digest_sms, digest_subject
from alerts.words.loading import nearest_language
from foremend.vocabulary.errors import InputError, IntegrityError
from foremend.vocabulary.types import Purpose

SMS = "sms"
_LOOK_AGAIN_MS = 5_000
_LONGEST_LOOK_MS = 60_000
"""At what became of the same message on the channel before: the longer ago it was written, the more wait with it."""


class Gate:
    """Judges a message that is due."""

    def __init__(self, engine: Engine, owners: Owners, settings: AlertsSettings, links: StopLinks) -> None:
        self._engine = engine
        self._owners = owners
        self._links = links
        self._quiet_hours = settings.quiet_hours
        self._contacts = ToContact(engine, owners, links)

    def look(self, rows: Sequence[OutboxRow], now: int) -> Facts:
        """What `judge` has to know of `rows`, which share a target and are marked as leaving, at `now` (ms UTC)."""
        return facts(self._engine, rows, now)

    def judge(self, row: OutboxRow, known: Facts, now: int, *, along: bool = False) -> Verdict:
        """What to do with it at `now` (ms UTC): the message itself if it may leave; `along` in a digest of another,
        which takes no more of the owner's day."""
        if row.event_type == WELLBEING:
            return self._contacts.judge(row, now, self._night)
        if row.purpose is not None:
            decision = _said(known, row.appliance_id, row.purpose, now)
            if not decision.given:
                return Withhold(decision)
        if row.target in OWNER_CHANNELS:
            try:
                return self._to_owner(row, known, now, along)
            except (InputError, IntegrityError) as error:  # of this owner alone
                return Discard(f"what is registered of the owner cannot be used: {error}")
        return Message(row.message_id, row.event_type, row.body, at=now)

    def _to_owner(self, row: OutboxRow, known: Facts, now: int, along: bool) -> Verdict:
        registered = known.appliances.get(row.appliance_id)
        if registered is None:
            return Discard("the appliance has no owner any more")
        appliance = self._owners.read(registered)
        policy = self._owners.policies.of(appliance.jurisdiction)
        if row.target not in policy.channels:
            return Withhold(Decision(False, not_of_policy(policy.name, row.target)))
        body = orjson.loads(row.body)
        if row.seq in known.overtaken:
            return Needless("the owner is told what became of it since")
        harm = is_harm(body)
        until = self._quiet_until(row, known, appliance, policy, harm, now)
        if until is not None:
            return Defer(until, QUIET_HOURS)
        sealed = known.sealed.get(appliance.owner_id)
        if sealed is None:
            return Withhold(Decision(False, no_address(row.target)))
        elsewhere = known.elsewhere.get(row.ordering, ())
        is_counted = any(is_told(one.state, one.digest) for one in elsewhere)
        bound = None if harm or along else policy.messages_a_day
        if (later := put_off(known.day, row, appliance, bound, is_counted, now)) is not None:
            return Defer(later.until, later.reason)
        if not policy.together and (wait := _turn(row, elsewhere, policy, now)) is not None:
            return wait
        link = self._links.link(row, appliance.owner_id)
        return _message(row, body, appliance, policy, self._owners.unsealed(sealed), link, now)

    def _quiet_until(
        self, row: OutboxRow, known: Facts, appliance: OwnedAppliance, policy: Policy, harm: bool, now: int
    ) -> int | None:
        """The end of the owner's night; None outside of it, and of harm under way where the owner agreed to that."""
        until = self._night(appliance, policy, now)
        if until is not None and harm and _said(known, row.appliance_id, Purpose.AT_NIGHT, now).given:
            return None
        return until

    def _night(self, appliance: OwnedAppliance, policy: Policy, now: int) -> int | None:
        """When the quiet hours end where the appliance is; None outside of them."""
        quiet = self._quiet_hours if policy.quiet_hours == "configured" else policy.quiet_hours
        return None if quiet is None else quiet_until(now, time_zone(appliance.timezone), quiet)

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
            blanks=of_several(found, message.link) if rows[0].target == SMS else None,
        )


def _said(known: Facts, appliance_id: str, purpose: Purpose, now: int) -> Decision:
    return decide(known.said.get((appliance_id, purpose), ()), now)


def _turn(row: OutboxRow, elsewhere: Sequence[Any], policy: Policy, now: int) -> Defer | Needless | None:
    """None where it is this channel's turn: those before it in the policy's order cannot tell, or failed once."""
    earlier = policy.channels[: policy.channels.index(row.target)]
    for one in elsewhere:
        if one.target not in earlier:
            continue
        if is_told(one.state, one.digest):
            return Needless(told_by(one.target))
        is_tried_now = one.leaving_until is not None and one.leaving_until > now
        if one.state is OutboxState.PENDING and one.attempts - is_tried_now < 1:
            wait = min(max(now - row.created_at, _LOOK_AGAIN_MS), _LONGEST_LOOK_MS)
            return Defer(now + wait, goes_first(one.target))
    return None


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
        _blanks(body, said, appliance.name, link) if row.target == SMS else None,
    )


def _blanks(body: Mapping[str, Any], said: Said | None, name: str | None, link: str) -> Blanks | None:
    """None of what was written before there were any."""
    if said is not None:
        return of_finding(said, name, link)
    one = body.get("ending")
    return None if one is None else of_ending(Purpose(one["purpose"]), one["day"], link)


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
