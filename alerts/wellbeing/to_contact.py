"""The last look before a message to a trusted contact leaves, and its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Engine

from alerts.channels import Message
from alerts.consent import decide, histories
from alerts.consent.watched import watched_until
from alerts.database import reading
from alerts.held_back import QUIET_HOURS
from alerts.owners import OwnedAppliance, Owners, time_zone
from alerts.policies import Policy
from alerts.stop_links import StopLinks
from alerts.tables import OutboxRow, WellbeingContactRow
from alerts.verdicts import Defer, Discard, Needless, Verdict
from alerts.words.blanks import to_contact
from alerts.words.composing import SHORT_NAME, plain_sms
from alerts.words.loading import ContactWords, words_of
from alerts.words.sms import MOST_PARTS, folded, parts
from foremend.vocabulary.errors import InputError, IntegrityError
from foremend.vocabulary.types import Purpose
from foremend.vocabulary.wellbeing import Level

Night = Callable[[OwnedAppliance, Policy, int], int | None]
"""When the quiet hours end where the appliance is; None outside of them."""
_SHORT = "sms"


class ToContact:
    """Judges such a message. What may not leave is dropped without a word in any list."""

    def __init__(self, engine: Engine, owners: Owners, links: StopLinks) -> None:
        self._engine, self._owners, self._links = engine, owners, links

    def judge(self, row: OutboxRow, now: int, night: Night) -> Verdict:
        """Whether it may leave at `now`, ms UTC: consent, the contact, and for `look` alone the quiet hours."""
        try:
            return self._judge(row, now, night)
        except (InputError, IntegrityError) as error:
            return Discard(f"what is registered cannot be used: {error}")

    def _judge(self, row: OutboxRow, now: int, night: Night) -> Verdict:
        appliance = self._owners.appliance(row.appliance_id)
        if appliance is None:
            return Needless("the appliance has no owner any more")
        policy = self._owners.policies.of(appliance.jurisdiction)
        said = orjson.loads(self._owners.unsealed(row.body.encode()))
        with reading(self._engine) as session:
            contact = session.get(WellbeingContactRow, said["contact"])
            heard = histories(session, {row.appliance_id}, {Purpose.WELLBEING, Purpose.MONITORING})
        agreed = decide(heard.get((row.appliance_id, Purpose.WELLBEING), ()), now).given
        watched = watched_until(policy, heard.get((row.appliance_id, Purpose.MONITORING), ())) > now
        if not agreed or not watched:
            return Needless("nobody agrees to it any more")
        if contact is None or contact.owner_id != appliance.owner_id:
            return Needless("the contact was let go")
        if said.get("level") == Level.LOOK and (until := night(appliance, policy, now)) is not None:
            return Defer(until, QUIET_HOURS)
        return self._message(row, said, contact, time_zone(appliance.timezone), now)

    def _message(
        self, row: OutboxRow, said: Mapping[str, Any], contact: WellbeingContactRow, zone: ZoneInfo, now: int
    ) -> Message:
        words = words_of(contact.language).to_contact
        own = None if contact.sealed_name is None else self._owners.unsealed(contact.sealed_name)
        name = own or words.unnamed
        link = self._links.link(row, contact.id)
        compose = short if row.target == _SHORT else whole
        text = compose(words, said, name, zone, words.link.format(link=link) if link else "")
        address, title = self._owners.unsealed(contact.sealed), words.subject.format(name=name)
        blanks = (
            to_contact(said["word"], own, filling(said, name, zone), link) if row.target == _SHORT else None
        )
        return Message(
            row.message_id, row.event_type, text, address, contact.language, now, "", title, link, blanks
        )


def whole(words: ContactWords, said: Mapping[str, Any], name: str, zone: ZoneInfo, how: str) -> str:
    """The message, for channels with room; `how` to answer it."""
    return f"{sentence(words, said, name, zone)} {how}".rstrip()


def short(words: ContactWords, said: Mapping[str, Any], name: str, zone: ZoneInfo, how: str) -> str:
    """The same as SMS: without the name where that, by its length or script, would cost what the contact is to do."""
    text = whole(words, said, name[:SHORT_NAME], zone, how)
    if parts(folded(text)) <= MOST_PARTS:
        return folded(text)
    return plain_sms(sentence(words, said, words.unnamed, zone), how)


def sentence(words: ContactWords, said: Mapping[str, Any], name: str, zone: ZoneInfo) -> str:
    """What is told, in one language, with times of the clock where the household is."""
    return words.brand + words.says[said["word"]].format(**filling(said, name, zone))


def filling(said: Mapping[str, Any], name: str, zone: ZoneInfo) -> dict[str, str]:
    """What the sentence is filled with; a time that is not told is empty."""
    return {
        "name": name,
        "since": _clock(said.get("since"), zone, "%m-%d %H:%M"),
        "until": _clock(said.get("until"), zone, "%Y-%m-%d %H:%M"),
        "by": _clock(said.get("by"), zone, "%H:%M"),
    }


def _clock(moment: int | None, zone: ZoneInfo, form: str) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment / 1_000, zone).strftime(form)
