"""A link in each message to an owner, by which whoever has the message stops those of its channel: one tap, no login.

It says nothing that anybody could read: the number of the outbox's row, and an HMAC over that row and the owner whom it
was written for. So it ends with the row (`messages` of the policy's retention), and with a change of owner.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from string import ascii_lowercase, ascii_uppercase, digits

from sqlalchemy import Engine, select

from alerts.consent import ConsentLedger
from alerts.consent_desk import ConsentDesk
from alerts.database import reading
from alerts.outbox import WELLBEING
from alerts.owners import Owners
from alerts.tables import HOUSEHOLD, OutboxRow
from alerts.vault import Vault
from alerts.words.loading import nearest_language
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import Purpose

PATH = "/s"
CONTACT_PATH = "/w"
"""Of links to trusted contacts, which say that all is well and stop messages to that contact alone."""
HOW = "link in a message"
_LETTERS = digits + ascii_uppercase + ascii_lowercase  # nothing that a phone takes for the end of a link
_LENGTH = 20
_MAC_BITS = 80  # RFC 2104, section 5: not fewer
_MOST_ROWS = 1 << 38


class StopLinks:
    """Makes links and knows them again. Of several keys the first signs, and every one counts."""

    def __init__(self, url: str | None, vault: Vault) -> None:
        """`url`: what links begin with, without a slash at its end; None: there are none."""
        self.url = url
        self._keys = vault.derived("stop links")

    def link(self, row: OutboxRow, owner_id: str) -> str:
        """The link for a message to that owner, or contact by the contact's id; empty where there are none."""
        if self.url is None or row.purpose is None or row.seq >= _MOST_ROWS:
            return ""
        path = CONTACT_PATH if row.event_type == WELLBEING else PATH
        return f"{self.url}{path}/{_written(row.seq << _MAC_BITS | _mac(self._keys[0], row, owner_id))}"

    def sample(self) -> str:
        """As long as a link is, and of no message; empty where there are none."""
        return "" if self.url is None else f"{self.url}{PATH}/{_LETTERS[0] * _LENGTH}"

    def seq(self, token: str) -> int | None:
        """The number of the row that a token speaks of; None of what is no token."""
        number = _read(token)
        return None if number is None else number >> _MAC_BITS

    def is_of(self, token: str, row: OutboxRow, owner_id: str) -> bool:
        """Whether it was made for this row and this owner."""
        said = (_read(token) or 0) & ((1 << _MAC_BITS) - 1)
        macs = [_mac(key, row, owner_id) for key in self._keys]
        return any(hmac.compare_digest(_bytes(said), _bytes(mac)) for mac in macs)


@dataclass(frozen=True, slots=True)
class Stoppable:
    """What a link stops: messages of one channel about the appliances of one message, asked for in `language`."""

    appliance_ids: tuple[str, ...]
    owner_id: str
    purpose: Purpose
    language: str
    given: bool
    """Whether the owner's yes still holds, of one of them at least."""
    at_home: bool = False
    """Whether it is one's own household, with neither an app nor a service desk."""


class StopDesk:
    """Looks at what a link stops, which changes nothing, and stops it."""

    def __init__(
        self, engine: Engine, links: StopLinks, owners: Owners, ledger: ConsentLedger, desk: ConsentDesk
    ) -> None:
        self._engine, self._owners, self._ledger, self._desk = engine, owners, ledger, desk
        self.links = links

    def look(self, token: str) -> Stoppable | None:
        """None where the link is none, or holds no more: its message is gone, or the appliance changed hands."""
        seq = self.links.seq(token)
        if self.links.url is None or seq is None:
            return None
        with reading(self._engine) as session:
            row = session.get(OutboxRow, seq)
        appliance = None if row is None else self._owners.appliance(row.appliance_id)
        if row is None or appliance is None or row.purpose is None or row.event_type == WELLBEING:
            return None
        if not self.links.is_of(token, row, appliance.owner_id):
            return None
        policy = self._owners.policies.of(appliance.jurisdiction)
        named = self._named(row, appliance.owner_id)
        return Stoppable(
            named,
            appliance.owner_id,
            row.purpose,
            nearest_language(appliance.language, policy.language),
            any(self._ledger.is_given(one, row.purpose) for one in named),
            appliance.owner_id == HOUSEHOLD,
        )

    def _named(self, row: OutboxRow, owner_id: str) -> tuple[str, ...]:
        """The appliances that the message named, as far as they are still the owner's: of a digest several."""
        others = select(OutboxRow.appliance_id).where(OutboxRow.digest == row.id, OutboxRow.seq != row.seq)
        with reading(self._engine) as session:
            ids = dict.fromkeys([row.appliance_id, *session.scalars(others.order_by(OutboxRow.seq))])
        known = self._owners.registered(ids)
        return tuple(one for one in ids if one in known and known[one].owner_id == owner_id)

    def stop(self, token: str) -> Stoppable | None:
        """Keep the owner's no, once, and say what was stopped. Nothing leaves after it, as after every withdrawal."""
        found = self.look(token)
        if found is None or not found.given:
            return found
        said = [one for one in found.appliance_ids if self._say_no(one, found)]
        return found if said else None

    def _say_no(self, appliance_id: str, found: Stoppable) -> bool:
        """False of one that changed hands, or was erased, at this very moment."""
        try:
            self._desk.say(
                appliance_id,
                [found.purpose],
                False,
                owner_id=found.owner_id,
                how=HOW,
                language=found.language,
            )
        except InputError:
            return False
        return True


def _mac(key: bytes, row: OutboxRow, owner_id: str) -> int:
    said: Sequence[str] = (str(row.seq), row.id, row.target, row.appliance_id, owner_id)
    digest = hmac.digest(key, "\0".join(said).encode(), sha256)
    return int.from_bytes(digest[: _MAC_BITS // 8])


def _bytes(mac: int) -> bytes:
    return mac.to_bytes(_MAC_BITS // 8)


def _written(number: int) -> str:
    found = ""
    while len(found) < _LENGTH:
        number, letter = divmod(number, len(_LETTERS))
        found = _LETTERS[letter] + found
    return found


def _read(token: str) -> int | None:
    if len(token) != _LENGTH or any(letter not in _LETTERS for letter in token):
        return None
    number = 0
    for letter in token:
        number = number * len(_LETTERS) + _LETTERS.index(letter)
    return number if number >> _MAC_BITS < _MOST_ROWS else None
