"""The gate before each send: consent at this moment, the hour where the owner lives, an address to send to."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from sqlalchemy import Engine

from alerts.channels import Message
from alerts.consent import Decision, decide, histories
from alerts.database import reading
from alerts.owner_channels import OWNER_CHANNELS
from alerts.owners import Owners, time_zone
from alerts.schedule import quiet_until
from alerts.settings import AlertsSettings
from alerts.tables import OutboxRow
from foremend.vocabulary.errors import InputError, IntegrityError


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


Verdict = Message | Withhold | Defer | Discard


class Gate:
    """Judges a message that is due."""

    def __init__(self, engine: Engine, owners: Owners, settings: AlertsSettings) -> None:
        self._engine = engine
        self._owners = owners
        self._quiet_hours = settings.quiet_hours

    def judge(self, row: OutboxRow, now: int) -> Verdict:
        """What to do with it at `now` (ms UTC): the message itself if it may leave."""
        if row.purpose is not None:
            with reading(self._engine) as session:
                said = histories(session, {row.appliance_id}, {row.purpose})
            decision = decide(said.get((row.appliance_id, row.purpose), ()), now)
            if not decision.given:
                return Withhold(decision)
        if row.target in OWNER_CHANNELS:
            try:
                return self._to_owner(row, now)
            except (InputError, IntegrityError) as error:  # of this owner alone
                return Discard(f"what is registered of the owner cannot be used: {error}")
        return Message(row.message_id, row.event_type, row.body, at=now)

    def _to_owner(self, row: OutboxRow, now: int) -> Verdict:
        appliance = self._owners.appliance(row.appliance_id)
        if appliance is None:
            return Discard("the appliance has no owner any more")
        if self._quiet_hours is not None:
            until = quiet_until(now, time_zone(appliance.timezone), self._quiet_hours)
            if until is not None:
                return Defer(until, "quiet hours")
        address = self._owners.contact(appliance.owner_id, row.target)
        if address is None:
            return Discard(f"the owner gave no address for {row.target}")
        return Message(
            row.message_id, row.event_type, _text(row, appliance.language), address, appliance.language, now
        )


def _text(row: OutboxRow, language: str) -> str:
    """The text in the owner's language, English where there is none; advice where the channel has room."""
    body = orjson.loads(row.body)
    chosen = language if language in body["texts"] else "en"
    advice = body["advice"].get(chosen, ()) if OWNER_CHANNELS[row.target].advice else ()
    return "\n".join([body["texts"][chosen], *advice])
