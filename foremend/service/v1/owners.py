"""Owners, their appliances and what they agreed to, under `/api/v1`: an owner sees and changes the own alone."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from alerts.consent_desk import ConsentDesk
from alerts.requests import Request
from alerts.ticket_steps import UsedKeyError
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import Problem, stated
from foremend.service.v1.conditions import IdempotencyKey
from foremend.service.v1.lists import Limit
from foremend.service.views import Time
from foremend.vocabulary.ids import ID
from foremend.vocabulary.rights import Caller, Reach, Right
from foremend.vocabulary.types import Purpose

OfOwners = Annotated[Caller, Depends(Needs(Right.OWNERS))]
OfConsents = Annotated[Caller, Depends(Needs(Right.CONSENTS))]
Changing = Annotated[Caller, Depends(Needs(Right.CONSENTS_CHANGE))]


class OwnerInList(BaseModel):
    owner_id: str
    registered_at: Time
    appliances: int


class OwnersPart(BaseModel):
    """A part of the list, by id; the next one is `after` its last id."""

    items: list[OwnerInList]


class ConsentingAppliance(BaseModel):
    """`consents`: what holds now for each purpose, in words: `given`, `never given`, `withdrawn at ...`."""

    appliance_id: str
    appliance_model: str
    language: str
    timezone: str
    jurisdiction: str | None
    consents: dict[str, str]


class OwnerView(BaseModel):
    """`channels` are those with an address; the address itself is shown to nobody."""

    owner_id: str
    registered_at: Time
    channels: list[str]
    appliances: list[ConsentingAppliance]


class ConsentWord(BaseModel):
    """A record of the ledger, as it stands there."""

    seq: int
    appliance_id: str
    subject: str
    purpose: str
    given: bool
    at: Time
    recorded_at: Time
    ends_at: Time | None
    notice_version: str
    notice_digest: str | None
    language: str
    how: str
    jurisdiction: str
    retention: str
    withdrawal_method: str


class Saying(BaseModel):
    """An owner's word. A yes names its owner; a no is the present owner's where it names none."""

    model_config = ConfigDict(extra="forbid")
    purposes: Annotated[list[Purpose], Field(min_length=1, max_length=len(Purpose))]
    given: bool
    owner_id: Annotated[str, Field(pattern=f"^{ID}$")] | None = None
    how: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00]*$")] = "API"
    language: Annotated[str, Field(pattern="^[A-Za-z-]{2,20}$")] | None = None
    retention: Annotated[str, Field(max_length=40)] | None = None


class WhatHolds(BaseModel):
    appliance_id: str
    owner_id: str
    consents: dict[str, str]


def add_owners(app: FastAPI, desk: ConsentDesk | None) -> None:
    """Routes over `desk`; without one they answer 503."""

    @app.get("/api/v1/owners", tags=["owners"], operation_id="listOwners", responses=stated(400))
    def list_owners(
        caller: OfOwners,
        limit: Limit = 50,
        beginning: Annotated[str, Query(max_length=64, pattern="^[A-Za-z0-9_-]*$")] = "",
        after: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
    ) -> OwnersPart:
        """Owners by id, those whose id begins so."""
        of = None if caller.reach(Right.OWNERS) is Reach.ALL else caller.subject or ""
        found = _here(desk).some_owners(beginning, after, limit, caller.who, of)
        return OwnersPart(items=[OwnerInList(**one) for one in found])

    @app.get(
        "/api/v1/owners/{owner_id}", tags=["owners"], operation_id="getOwner", responses=stated(400, 404)
    )
    def get_owner(caller: OfOwners, owner_id: str) -> OwnerView:
        """One owner with appliances and what holds. Who read it stands in the audit log."""
        if not _may(caller, Right.OWNERS, owner_id):
            raise HTTPException(404, f"no owner {owner_id}")
        return OwnerView(**_here(desk).owner(owner_id, caller.who))

    @app.get(
        "/api/v1/owners/{owner_id}/consents",
        tags=["owners"],
        operation_id="listWords",
        responses=stated(400, 404),
    )
    def list_words(caller: OfConsents, owner_id: str) -> list[ConsentWord]:
        """Every word of an owner, oldest first, of each appliance that was ever theirs."""
        if not _may(caller, Right.CONSENTS, owner_id):
            raise HTTPException(404, f"no owner {owner_id}")
        return [ConsentWord(**one) for one in _here(desk).said_by(owner_id, caller.who)]

    @app.get(
        "/api/v1/appliances/{appliance_id:path}/consents",
        tags=["owners"],
        operation_id="listConsents",
        responses=stated(400, 404),
    )
    def list_consents(caller: OfConsents, appliance_id: str) -> list[ConsentWord]:
        """Every word about an appliance, oldest first; an owner reads the own words alone."""
        subject = _owned(_here(desk), caller, Right.CONSENTS, appliance_id)
        words = _here(desk).history(appliance_id, caller.who, subject)
        return [ConsentWord(**one) for one in words]

    @app.get(
        "/api/v1/appliances/{appliance_id:path}/consents/receipt",
        tags=["owners"],
        operation_id="getReceipt",
        responses=stated(400, 404),
    )
    def get_receipt(caller: OfConsents, appliance_id: str) -> dict[str, Any]:
        """What the present owner agreed to, to keep; its fields are named after ISO/IEC TS 27560:2023."""
        _owned(_here(desk), caller, Right.CONSENTS, appliance_id)
        return _here(desk).receipt(appliance_id, caller.who)

    @app.post(
        "/api/v1/appliances/{appliance_id:path}/consents",
        tags=["owners"],
        operation_id="sayConsent",
        responses=stated(400, 404),
    )
    def say_consent(
        caller: Changing, appliance_id: str, word: Saying, idempotency_key: IdempotencyKey = None
    ) -> WhatHolds:
        """Keep an owner's word, all purposes or none; nothing leaves after a no. With an `Idempotency-Key` a repeat
        within thirty days keeps nothing, and answers what holds; with another word it is 422."""
        subject = _owned(_here(desk), caller, Right.CONSENTS_CHANGE, appliance_id)
        if subject is not None and word.owner_id not in (None, subject):
            raise HTTPException(404, f"no owner {word.owner_id}")
        asked = [appliance_id, word.model_dump(mode="json")]
        request = None if idempotency_key is None else Request.of(caller.who, idempotency_key, asked)
        try:
            held = _here(desk).say(
                appliance_id,
                word.purposes,
                word.given,
                owner_id=word.owner_id or subject,
                how=word.how,
                language=word.language,
                retention=word.retention,
                request=request,
            )
        except UsedKeyError as error:
            raise Problem(422, str(error)) from error
        return WhatHolds(**held)


def _here(desk: ConsentDesk | None) -> ConsentDesk:
    if desk is None:
        raise Problem(503, "nothing is known of owners here: this process only shows")
    return desk


def _may(caller: Caller, right: Right, owner_id: str) -> bool:
    return caller.reach(right) is Reach.ALL or owner_id == caller.subject


def _owned(desk: ConsentDesk, caller: Caller, right: Right, appliance_id: str) -> str | None:
    """The caller's own id, where the right reaches no further; then what is another's looks as if it were not there."""
    if caller.reach(right) is Reach.ALL:
        return None
    if caller.subject is None or appliance_id not in desk.owned_by(caller.subject):
        raise HTTPException(404, f"no appliance {appliance_id}")
    return caller.subject
