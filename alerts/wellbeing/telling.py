"""What contacts are told of a household, and when: each level of a silence once, and one word when it is over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import orjson
from sqlalchemy import select

from alerts.change import Change
from alerts.outbox import Outbox, drop_to_contacts
from alerts.tables import ApplianceRow, OutboxRow, OutboxState, WellbeingContactRow
from alerts.wellbeing.stored import House, Silence
from foremend.vocabulary.types import deterministic_id
from foremend.vocabulary.wellbeing import Level

Word = Literal["look", "call", "go", "shift", "seen", "well", "away"]
"""What a message says: how urgent it is, or why it is over."""
LEVELS = tuple(Level)
Seal = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Found:
    """A silence unlike the last weeks, ms UTC: the last sign of life, and by when there usually is one.

    `shifted`: no silence, but a night that is lived like a day.
    """

    level: Level
    last_sign: int
    usual_by: int
    shifted: bool = False


def told(
    work: Change,
    outbox: Outbox,
    seal: Seal,
    before: House,
    found: Found | None,
    last_sign: int | None,
    appliance_id: str,
) -> House:
    """The household's state after what there is to tell was written for each contact, by the consent of that appliance.

    What waits of a lower level, or of a silence that is over, does not leave any more.
    """
    silence = before.silence
    if silence is not None and silence.appliance_id != appliance_id:
        silence = None  # the yes by which it was told is no more, and what waited went with it
    if found is None:
        if silence is not None:
            _close(
                work, outbox, seal, silence, _why(before, silence, last_sign, work.at), before, appliance_id
            )
        return replace(before, silence=None)
    if silence is not None and LEVELS.index(found.level) <= LEVELS.index(silence.level):
        return before
    since = found.last_sign if silence is None else silence.since
    drop_to_contacts(work, [appliance_id])
    for contact in _contacts(work, appliance_id):
        word = "shift" if found.shifted else found.level.value
        said = {"word": word, "level": found.level.value, "since": found.last_sign, "by": found.usual_by}
        key = _id(contact.id, appliance_id, since, found.level.value)
        _put(work, outbox, seal, contact, key, said, appliance_id)
    return replace(before, silence=Silence(found.level, since, appliance_id, found.shifted))


def _why(house: House, silence: Silence, last_sign: int | None, now: int) -> Word | None:
    """Why a silence is over; None where nobody can say: as little was heard as ever, or what was learnt is no more."""
    if house.well is not None and house.well > silence.since:
        return "well"
    if any(since <= now < until for since, until in house.away):
        return "away"
    seen = last_sign is not None and last_sign > silence.since and not silence.shifted
    return "seen" if seen else None


def _close(
    work: Change,
    outbox: Outbox,
    seal: Seal,
    silence: Silence,
    word: Word | None,
    house: House,
    appliance_id: str,
) -> None:
    """One word to each contact whom a message reached."""
    drop_to_contacts(work, [appliance_id])
    if word is None:
        return
    until = max((until for _, until in house.away), default=None)
    for contact in _contacts(work, appliance_id):
        ids = [_id(contact.id, appliance_id, silence.since, level.value) for level in LEVELS]
        if _reached(work, ids):
            key = _id(contact.id, appliance_id, silence.since, word)
            _put(work, outbox, seal, contact, key, {"word": word, "until": until}, appliance_id)


def _contacts(work: Change, appliance_id: str) -> Sequence[WellbeingContactRow]:
    query = select(WellbeingContactRow).join(
        ApplianceRow, ApplianceRow.owner_id == WellbeingContactRow.owner_id
    )
    return work.session.scalars(
        query.where(ApplianceRow.id == appliance_id).order_by(WellbeingContactRow.id)
    ).all()


def _id(contact_id: str, appliance_id: str, since: int, word: str) -> str:
    """Of a message: the same silence and word make the same one, so that none leaves twice."""
    return deterministic_id("nt", "wellbeing", contact_id, appliance_id, since, word)


def _put(
    work: Change,
    outbox: Outbox,
    seal: Seal,
    contact: WellbeingContactRow,
    key: str,
    said: Mapping[str, object],
    appliance_id: str,
) -> None:
    body = seal(orjson.dumps({"contact": contact.id, **said}).decode()).decode()
    outbox.to_contact(work, key, contact.channel, appliance_id, body)


def _reached(work: Change, ids: Collection[str]) -> bool:
    sent = OutboxRow.message_id.in_(ids), OutboxRow.state == OutboxState.SENT
    return work.session.scalar(select(OutboxRow.seq).where(*sent).limit(1)) is not None
