"""Whom an owner wants told: people of the owner's choice, who are no owners themselves."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from alerts.change import change
from alerts.channels import mask
from alerts.database import reading
from alerts.notifier import Notifier
from alerts.owner_channels import OwnerChannels, set_up
from alerts.owners import Owners, checked_name
from alerts.reads import note_read
from alerts.requests import Request, came_before
from alerts.tables import OwnerRow, WellbeingContactRow
from alerts.ticket_steps import UsedKeyError
from alerts.vault import Vault
from alerts.words.loading import LANGUAGES
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock

MOST = 3
"""Contacts of one owner."""
LONGEST_ADDRESS = 254  # letters of an e-mail address, RFC 5321
_KEPT = "wellbeing.contact"


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody to tell. `name` is what this person calls the household, as `Grandma`; in clear, as is `address`."""

    channel: str
    address: str
    language: str
    name: str | None = None


def addressed(settings: OwnerChannels) -> list[str]:
    """Channels that reach an address: not those that lead to the household's own place, whatever the address."""
    return [name for name, one in set_up(settings).items() if not isinstance(one, Notifier)]


class Contacts:
    """The register of them. `by` is who asks, for the audit log.

    Every method raises UnavailableError while the database is away, and InputError for an owner whom nobody registered.
    """

    def __init__(
        self, engine: Engine, owners: Owners, vault: Vault, clock: Clock, channels: Collection[str]
    ) -> None:
        """`channels`: those that a contact can be reached by."""
        self._engine, self._owners, self._vault, self._clock = engine, owners, vault, clock
        self.channels = tuple(channels)

    def add(self, owner_id: str, contact: Contact, by: str, request: Request | None = None) -> dict[str, Any]:
        """Keep one more, in place of whoever has the same address; what is known of the contact then.

        Raises InputError for what is no address of the channel, a language without words, a name that is none, and for
        one more than `MOST`. Nobody is told before the owner says yes to `wellbeing`. A `request` that came before
        changes nothing; raises UsedKeyError where its key came with something else, or the contact was let go since.
        """
        checked = self._checked(contact)
        name = None if checked.name is None else self._vault.seal(checked.name)
        with change(self._engine, self._clock) as work:
            if work.session.get(OwnerRow, owner_id, with_for_update=True) is None:
                raise self._owners.not_known(owner_id)
            if came_before(work, request):
                return self._shown(self._again(work.session, owner_id, checked))
            self._drop(work.session, owner_id, checked)
            row = WellbeingContactRow(
                id=f"wc-{secrets.token_hex(8)}", owner_id=owner_id, channel=checked.channel,
                sealed=self._vault.seal(checked.address), language=checked.language, sealed_name=name, at=work.at,
            )  # fmt: skip
            work.session.add(row)
            work.note(f"{_KEPT}.added", owner_id, by=by)
            return self._shown(row)

    def remove(self, owner_id: str, contact_id: str, by: str) -> dict[str, Any]:
        """Let go of one. Raises InputError where the owner has no such contact."""
        with change(self._engine, self._clock) as work:
            theirs = WellbeingContactRow.owner_id == owner_id, WellbeingContactRow.id == contact_id
            row = work.session.scalars(select(WellbeingContactRow).where(*theirs)).first()
            if row is None:
                raise InputError(f"owner {owner_id!r} has no contact {contact_id!r}")
            work.session.delete(row)
            work.note(f"{_KEPT}.removed", owner_id, by=by)
        return {"id": contact_id, "removed": True}

    def some(self, owner_id: str, by: str) -> list[dict[str, Any]]:
        """All of an owner's, the first chosen in front, addresses masked."""
        with reading(self._engine) as session:
            if session.get(OwnerRow, owner_id) is None:
                raise self._owners.not_known(owner_id)
            found = [self._shown(row) for row in _of(session, owner_id)]
        if found:
            note_read(self._engine, self._clock, _KEPT, owner_id, by)
        return found

    def _checked(self, contact: Contact) -> Contact:
        if contact.channel not in self.channels:
            there = ", ".join(self.channels) or "none: set up sms or email under alerts"
            raise InputError(f"{contact.channel!r} reaches no contact here; channels are {there}")
        if contact.language not in LANGUAGES:
            raise InputError(f"{contact.language!r} is no language of messages; use {', '.join(LANGUAGES)}")
        if not 1 <= len(contact.address) <= LONGEST_ADDRESS or not contact.address.isprintable():
            raise InputError(f"the {contact.channel} address of a contact has 1 to {LONGEST_ADDRESS} letters")
        try:
            address = self._owners.address(contact.channel, contact.address)
        except InputError as error:
            raise InputError(f"the {contact.channel} address of the contact: {error}") from None
        try:
            name = None if contact.name is None else checked_name(contact.name)
        except InputError as error:
            raise InputError(f"what the contact calls the household is kept as a name: {error}") from None
        return Contact(contact.channel, address, contact.language, name)

    def _drop(self, session: Session, owner_id: str, contact: Contact) -> None:
        """Who is named again; raises InputError where there is room for no other."""
        same = [row.id for row in self._same(session, owner_id, contact)]
        session.execute(delete(WellbeingContactRow).where(WellbeingContactRow.id.in_(same)))
        theirs = WellbeingContactRow.owner_id == owner_id
        if (session.scalar(select(func.count()).where(theirs)) or 0) >= MOST:
            raise InputError(f"owner {owner_id!r} has {MOST} contacts already: remove one first")

    def _same(self, session: Session, owner_id: str, contact: Contact) -> list[WellbeingContactRow]:
        return [
            row
            for row in _of(session, owner_id)
            if row.channel == contact.channel and self._vault.unseal(row.sealed) == contact.address
        ]

    def _again(self, session: Session, owner_id: str, contact: Contact) -> WellbeingContactRow:
        """What an earlier request made."""
        if not (same := self._same(session, owner_id, contact)):
            raise UsedKeyError(
                "this key came before with another contact, or it was let go since: a new one needs a new key"
            )
        return same[0]

    def _shown(self, row: WellbeingContactRow) -> dict[str, Any]:
        said: Mapping[str, Any] = {
            "id": row.id,
            "channel": row.channel,
            "address": mask(self._vault.unseal(row.sealed)),
            "language": row.language,
            "name": None if row.sealed_name is None else self._vault.unseal(row.sealed_name),
        }
        return dict(said)


def _of(session: Session, owner_id: str) -> list[WellbeingContactRow]:
    query = select(WellbeingContactRow).where(WellbeingContactRow.owner_id == owner_id)
    return list(session.scalars(query.order_by(WellbeingContactRow.at, WellbeingContactRow.id)))
