"""The link in a message to a trusted contact, by which whoever has it says that all is well, or when somebody is back.

It is the link of `alerts.stop_links`, over the contact in the owner's place: it ends with its message and the contact.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import orjson
from sqlalchemy import Engine

from alerts.consent import ConsentLedger
from alerts.database import reading
from alerts.outbox import WELLBEING
from alerts.owners import Owners
from alerts.stop_links import StopLinks
from alerts.tables import OutboxRow, WellbeingContactRow
from alerts.wellbeing.contacts import Contacts
from alerts.wellbeing.desk import Wellbeing
from foremend.vocabulary.errors import InputError, IntegrityError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import MS_PER_DAY, Purpose

HOLDS_MS = 14 * MS_PER_DAY
"""After the message was written: an old one says nothing of today."""
BY = "contact's link"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked by a link, of whom, and in which language; `name` is what the contact calls the household."""

    contact_id: str
    owner_id: str
    language: str
    name: str | None


class ContactAnswers:
    """Looks at what a link asks, which changes nothing, and takes the answer.

    Every method raises UnavailableError while the database is away.
    """

    def __init__(
        self,
        engine: Engine,
        links: StopLinks,
        owners: Owners,
        consent: ConsentLedger,
        contacts: Contacts,
        wellbeing: Wellbeing,
        clock: Clock,
    ) -> None:
        self._engine, self._links, self._owners, self._consent = engine, links, owners, consent
        self._contacts, self._wellbeing, self._clock = contacts, wellbeing, clock

    def look(self, token: str) -> Asked | None:
        """None where the link is none, or holds no more: message, contact, consent or owner are others by now."""
        seq = self._links.seq(token)
        if self._links.url is None or seq is None:
            return None
        with reading(self._engine) as session:
            row = session.get(OutboxRow, seq)
        if row is None or row.event_type != WELLBEING or row.created_at + HOLDS_MS < self._clock.now_ms():
            return None
        contact, appliance = self._contact(row), self._owners.appliance(row.appliance_id)
        if contact is None or appliance is None or appliance.owner_id != contact.owner_id:
            return None
        if not self._consent.is_given(row.appliance_id, Purpose.WELLBEING) or not self._links.is_of(
            token, row, contact.id
        ):
            return None
        name = None if contact.sealed_name is None else self._owners.unsealed(contact.sealed_name)
        return Asked(contact.id, contact.owner_id, contact.language, name)

    def well(self, token: str) -> Asked | None:
        """All is well now. None as `look`."""
        asked = self.look(token)
        if asked is not None:
            self._wellbeing.well(asked.owner_id, BY)
        return asked

    def away(self, token: str, days: int) -> Asked | None:
        """Nobody is at home for so many days from now on. None as `look`; raises InputError for none or too many."""
        asked = self.look(token)
        if asked is not None:
            self._wellbeing.away(asked.owner_id, self._clock.now_ms() + days * MS_PER_DAY, BY)
        return asked

    def stop(self, token: str) -> Asked | None:
        """This contact is told no more, of this household. None as `look`."""
        asked = self.look(token)
        if asked is not None:
            with suppress(InputError):  # it was let go of meanwhile
                self._contacts.remove(asked.owner_id, asked.contact_id, BY)
        return asked

    def _contact(self, row: OutboxRow) -> WellbeingContactRow | None:
        try:
            said = orjson.loads(self._owners.unsealed(row.body.encode()))
        except IntegrityError:
            return None
        with reading(self._engine) as session:
            return session.get(WellbeingContactRow, said["contact"])
