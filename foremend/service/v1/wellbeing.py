"""Whom an owner wants told when the household falls silent, and what is said of it, under `/api/v1`.

As on the owner's own page it is the owner's alone (decision 105): whoever may have everything about an owner in clear
(`owners.export`) may read it, and with `consents.change` say it. A service desk has not both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from alerts.requests import Request
from alerts.ticket_steps import Moment, UsedKeyError
from alerts.wellbeing.contacts import Contact, Contacts
from alerts.wellbeing.desk import Wellbeing
from alerts.wellbeing.stored import House
from foremend.service.guard.door import Needs, missing
from foremend.service.guard.problems import Problem, stated
from foremend.service.v1.conditions import IdempotencyKey
from foremend.service.views import Time
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rights import Caller, Reach, Right

Theirs = Annotated[Caller, Depends(Needs(Right.EXPORT))]
_PATH = "/api/v1/owners/{owner_id}/wellbeing"


@dataclass(frozen=True, slots=True)
class WellbeingDesk:
    """The parts of the alerts stage that these routes read and change."""

    contacts: Contacts
    wellbeing: Wellbeing
    clock: Clock


class ContactToTell(BaseModel):
    """`name` is what the contact calls the household; `channel` and `language` are those of messages here."""

    model_config = ConfigDict(extra="forbid")
    channel: Annotated[str, Field(min_length=1, max_length=20)]
    address: Annotated[str, Field(min_length=1, max_length=254)]
    language: Annotated[str, Field(min_length=1, max_length=20)] = "en"
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class ContactView(BaseModel):
    """A contact, the address masked."""

    id: str
    channel: str
    address: str
    language: str
    name: str | None


class ContactRemoved(BaseModel):
    id: str
    removed: bool


class AwayUntil(BaseModel):
    """When somebody is back."""

    model_config = ConfigDict(extra="forbid")
    until: Moment


class HouseholdSaid(BaseModel):
    """What was said of a household: until when nobody is at home, when it was last well."""

    owner_id: str
    away_until: Time | None
    well_at: Time | None


def add_wellbeing(app: FastAPI, desk: WellbeingDesk | None) -> None:
    """Routes over `desk`; without one they answer 503."""

    def here() -> WellbeingDesk:
        if desk is None:
            raise Problem(503, "nothing is known of owners here: this process only shows")
        return desk

    def said(owner_id: str, house: House) -> HouseholdSaid:
        away = house.away_until(here().clock.now_ms())
        return HouseholdSaid(owner_id=owner_id, away_until=away, well_at=house.well)

    @app.get(f"{_PATH}/contacts", tags=["owners"], operation_id="listContacts", responses=stated(400, 404))
    def list_contacts(caller: Theirs, owner_id: str) -> list[ContactView]:
        """Whom the owner wants told. Who read it stands in the audit log."""
        _require(caller, owner_id)
        return [ContactView(**one) for one in here().contacts.some(owner_id, caller.who)]

    @app.post(f"{_PATH}/contacts", tags=["owners"], operation_id="addContact", responses=stated(400, 404))
    def add_contact(
        caller: Theirs, owner_id: str, contact: ContactToTell, idempotency_key: IdempotencyKey = None
    ) -> ContactView:
        """Keep one more, three at most, in place of whoever has the same address. Nobody is told before a yes to
        `wellbeing`."""
        _require(caller, owner_id, changes=True)
        request = _request(caller, idempotency_key, [owner_id, contact.channel, contact.language])
        chosen = Contact(contact.channel, contact.address, contact.language, contact.name)
        try:
            return ContactView(**here().contacts.add(owner_id, chosen, caller.who, request))
        except UsedKeyError as error:
            raise Problem(422, str(error)) from error

    @app.delete(
        f"{_PATH}/contacts/{{contact_id}}",
        tags=["owners"],
        operation_id="removeContact",
        responses=stated(400, 404),
    )
    def remove_contact(caller: Theirs, owner_id: str, contact_id: str) -> ContactRemoved:
        """Let go of one: nothing that waits for it leaves."""
        _require(caller, owner_id, changes=True)
        try:
            return ContactRemoved(**here().contacts.remove(owner_id, contact_id, caller.who))
        except InputError as error:
            raise HTTPException(404, str(error)) from error

    @app.post(f"{_PATH}/away", tags=["owners"], operation_id="sayAway", responses=stated(400, 404))
    def say_away(
        caller: Theirs, owner_id: str, word: AwayUntil, idempotency_key: IdempotencyKey = None
    ) -> HouseholdSaid:
        """Nobody is at home from now on: no silence is told of until then, within a year."""
        _require(caller, owner_id, changes=True)
        request = _request(caller, idempotency_key, [owner_id, "away", word.until])
        try:
            return said(owner_id, here().wellbeing.away(owner_id, word.until, caller.who, request))
        except UsedKeyError as error:
            raise Problem(422, str(error)) from error

    @app.post(f"{_PATH}/well", tags=["owners"], operation_id="sayWell", responses=stated(400, 404))
    def say_well(caller: Theirs, owner_id: str, idempotency_key: IdempotencyKey = None) -> HouseholdSaid:
        """All is well now, and whoever was away is back. With an `Idempotency-Key` a repeat within thirty days says it
        of that time, and not of now."""
        _require(caller, owner_id, changes=True)
        request = _request(caller, idempotency_key, [owner_id, "well"])
        try:
            return said(owner_id, here().wellbeing.well(owner_id, caller.who, request))
        except UsedKeyError as error:
            raise Problem(422, str(error)) from error


def _require(caller: Caller, owner_id: str, *, changes: bool = False) -> None:
    """Another owner looks as if there were none. Raises Problem."""
    if caller.reach(Right.EXPORT) is not Reach.ALL and owner_id != caller.subject:
        raise HTTPException(404, f"no owner {owner_id}")
    if changes and caller.reach(Right.CONSENTS_CHANGE) is None:
        raise missing(Right.CONSENTS_CHANGE)


def _request(caller: Caller, key: str | None, asked: object) -> Request | None:
    return None if key is None else Request.of(caller.who, key, asked)
