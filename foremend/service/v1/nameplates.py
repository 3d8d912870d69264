"""Who is in the fleet, under `/api/v1`: what stands on an appliance's nameplate, and its firmware since when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from alerts.nameplates import Firmware, Nameplate, Nameplates
from alerts.ticket_steps import Moment
from alerts.wording import iso
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import Problem, stated
from foremend.service.views import Time
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.profiles import require_model
from foremend.vocabulary.rights import Caller, Reach, Right

OfOwners = Annotated[Caller, Depends(Needs(Right.OWNERS))]
Changing = Annotated[Caller, Depends(Needs(Right.OWNERS_CHANGE))]
_Word = Annotated[str, Field(max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")]
_STRICT = ConfigDict(extra="forbid")


class FirmwareView(BaseModel):
    since: Time
    version: str


class NameplateView(BaseModel):
    """`batch` and `region` are empty where nobody told them; firmware is oldest first."""

    appliance_id: str
    category: str
    appliance_model: str
    batch: str
    region: str
    installed_at: Time
    firmware: list[FirmwareView]


class FirmwareSaid(BaseModel):
    """From when on it had which version."""

    model_config = _STRICT
    since: Moment
    version: Annotated[_Word, Field(min_length=1)]


class NameplateSaid(BaseModel):
    """What an appliance is. Firmware is added to what is known; a version with a `since` that is there corrects it."""

    model_config = _STRICT
    appliance_model: Annotated[str, Field(max_length=200)]
    batch: _Word = ""
    region: _Word = ""
    installed_at: Moment
    firmware: Annotated[list[FirmwareSaid], Field(max_length=1_000)] = []


def add_nameplates(app: FastAPI, register: Nameplates | None, categories: Mapping[str, str]) -> None:
    """Routes over `register`; without one they answer 503. `categories` by appliance model."""

    @app.get(
        "/api/v1/appliances/{appliance_id}/nameplate",
        tags=["appliances"],
        operation_id="getNameplate",
        responses=stated(400, 404),
    )
    def get_nameplate(caller: OfOwners, appliance_id: str) -> NameplateView:
        """What is known of an appliance by its maker's table; an owner reads the own alone."""
        here = _here(register)
        mine = caller.reach(Right.OWNERS) is Reach.ALL or here.is_of(caller.subject or "", appliance_id)
        plate = here.one(appliance_id) if mine else None
        if plate is None:
            raise HTTPException(404, f"no nameplate of {appliance_id} is known")
        return _view(plate)

    @app.put(
        "/api/v1/appliances/{appliance_id}/nameplate",
        tags=["appliances"],
        operation_id="putNameplate",
        responses=stated(400),
    )
    def put_nameplate(caller: Changing, appliance_id: str, said: NameplateSaid) -> NameplateView:
        """Say what an appliance is, whether or not it was heard of. To say it twice changes nothing."""
        here = _here(register)
        try:
            require_model(said.appliance_model, categories)
        except InputError as error:
            raise Problem(422, str(error)) from None
        plate = Nameplate(
            appliance_id,
            categories[said.appliance_model],
            said.appliance_model,
            said.batch,
            said.region,
            said.installed_at,
            tuple(Firmware(one.since, one.version) for one in said.firmware),
        )
        here.put([plate], caller.who)
        known = here.one(appliance_id)
        return _view(known or plate)


def _view(plate: Nameplate) -> NameplateView:
    return NameplateView(
        appliance_id=plate.appliance_id,
        category=plate.category,
        appliance_model=plate.appliance_model,
        batch=plate.batch,
        region=plate.region,
        installed_at=iso(plate.installed_at),
        firmware=[FirmwareView(since=iso(one.since), version=one.version) for one in plate.firmware],
    )


def _here(register: Nameplates | None) -> Nameplates:
    if register is None:
        raise Problem(503, "nothing is known of nameplates here: this process only shows")
    return register
