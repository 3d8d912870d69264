"""What the law on personal data asks for, under `/api/v1`: erasure, a copy of everything, how long what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from foremend.installation.privacy import PrivacyDesk
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import Problem, stated
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ids import ID
from foremend.vocabulary.rights import Caller, Reach, Right

OfErasures = Annotated[Caller, Depends(Needs(Right.ERASURES))]
Erasing = Annotated[Caller, Depends(Needs(Right.ERASURES_CHANGE))]
Exporting = Annotated[Caller, Depends(Needs(Right.EXPORT))]
_OF_RETENTION = Depends(Needs(Right.RETENTION))
_PIECE = 65_536
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"description": "A zip", "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}  # fmt: skip


class ErasureAsked(BaseModel):
    """Whose it is, and what you call it: all that the report says of whom it is about."""

    model_config = ConfigDict(extra="forbid")
    owner_id: Annotated[str, Field(pattern=f"^{ID}$")]
    reference: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


class ErasureView(BaseModel):
    """`stage` comes next, or is `done`; `trouble` is why it does not get on. Whose it is stands in none of it."""

    id: str
    reference: str
    stage: str
    asked: str
    due: str
    done: str | None
    in_time: bool | None
    trouble: str


class KeptView(BaseModel):
    """Something that stays or went, where it is, and why, in English and Chinese."""

    what: str
    where: str
    en: str
    zh: str


class ErasureReport(ErasureView):
    """What went, by place, what each of `places` is called, and what went `uncounted`; receivers that were told to
    erase in their turn, and those that were not; what stays."""

    removed: dict[str, int]
    places: dict[str, dict[str, str]]
    uncounted: list[KeptView]
    tickets_withdrawn: int
    told: list[str]
    not_told: dict[str, str]
    kept: list[KeptView]


class KeptPlace(BaseModel):
    """`kept` is an ISO 8601 duration, or `for ever`, by the policy of the installation, and `kept_under` by
    jurisdiction where it is another; `note` says what sees to a place that is not cleared by its age."""

    place: str
    kind: str
    kept: str
    kept_under: dict[str, str]
    last_run: str | None
    removed: int | None
    removed_in_all: int | None
    note: str


class RetentionView(BaseModel):
    """`policy` is that of the installation, which holds where an appliance names no jurisdiction."""

    policy: str
    places: list[KeptPlace]


def add_privacy(app: FastAPI, desk: PrivacyDesk | None) -> None:
    """Routes over `desk`; without one they answer 503."""

    @app.get("/api/v1/erasures", tags=["privacy"], operation_id="listErasures")
    def list_erasures(caller: OfErasures) -> list[ErasureView]:
        """Every erasure that was asked for, the latest first."""
        return [ErasureView(**one) for one in _here(desk).erasures()]

    @app.post(
        "/api/v1/erasures",
        tags=["privacy"],
        operation_id="askErasure",
        status_code=202,
        responses=stated(400, 404),
    )
    def ask_erasure(caller: Erasing, asked: ErasureAsked) -> ErasureReport:
        """Remove everything about an owner, within 24 hours; asked again it is the same one.

        Tickets, messages, registration and logins of the owner end at once, and nothing brings them back.
        """
        _require_own(caller, Right.ERASURES_CHANGE, asked.owner_id)
        return ErasureReport(**_here(desk).erase(asked.owner_id, asked.reference, caller.who))

    @app.get(
        "/api/v1/erasures/{erasure_id}", tags=["privacy"], operation_id="getErasure", responses=stated(404)
    )
    def get_erasure(caller: OfErasures, erasure_id: str) -> ErasureReport:
        """How far one is, what went and what stays: to hand to its owner. Who read it stands in the audit log."""
        try:
            return ErasureReport(**_here(desk).erasure(erasure_id, caller.who))
        except InputError as error:
            raise HTTPException(404, str(error)) from error

    @app.get(
        "/api/v1/owners/{owner_id}/export",
        tags=["privacy"],
        operation_id="exportOwner",
        response_class=StreamingResponse,
        responses=stated(400, 404) | _ZIP,
    )
    def export_owner(caller: Exporting, owner_id: str) -> StreamingResponse:
        """Everything about an owner, as `foremend export` writes it. Who had it stands in the audit log."""
        _require_own(caller, Right.EXPORT, owner_id)
        return StreamingResponse(
            _pieces(_here(desk).export(owner_id, caller.who)),
            media_type="application/zip",
            headers={"Content-Disposition": 'attachment; filename="owner.zip"'},
        )

    @app.get("/api/v1/retention", tags=["privacy"], operation_id="getRetention", dependencies=[_OF_RETENTION])
    def get_retention() -> RetentionView:
        """How long which place keeps what, when it was cleared last, and how much went."""
        return RetentionView(**_here(desk).retention())


def _here(desk: PrivacyDesk | None) -> PrivacyDesk:
    if desk is None:
        raise Problem(503, "nothing is known of owners here: this process only shows")
    return desk


def _require_own(caller: Caller, right: Right, owner_id: str) -> None:
    """What is another's looks as if it were not there."""
    if caller.reach(right) is not Reach.ALL and owner_id != caller.subject:
        raise HTTPException(404, f"no owner {owner_id}")


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece
