"""Tokens of programs under `/api/v1`: made, shown and revoked by whoever may."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from alerts.access.tokens import LONGEST_DAYS, Token
from foremend.service.guard.door import Door
from foremend.service.guard.problems import stated
from foremend.service.v1.users import Changing, Looking, Subject, access_of, require_own_rights
from foremend.service.views import Time
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.rights import Reach, Right, Role


class TokenView(BaseModel):
    """`of`: whose own a token of role owner or technician asks for; `last_used` is a minute exact."""

    id: str
    name: str
    role: Role
    rights: dict[Right, Reach]
    of: str | None
    created_at: Time
    ends_at: Time
    revoked_at: Time | None
    last_used: Time | None


class NewTokenView(TokenView):
    """`token` is shown this once: only a digest of it is kept."""

    token: str


class TokenBody(BaseModel):
    """A new token; `rights`: of those of the role only these."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    role: Role
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] = 90
    rights: Annotated[list[Right], Field(min_length=1)] | None = None
    of: Subject = None


def add_tokens(app: FastAPI, door: Door) -> None:
    """Routes over the tokens by which programs ask; where nobody comes in they answer 503."""

    @app.get("/api/v1/tokens", tags=["access"], operation_id="listTokens")
    def list_tokens(caller: Looking) -> list[TokenView]:
        """Every token, the ended and revoked ones, too."""
        return [_view(one) for one in access_of(door).tokens.all()]

    @app.post(
        "/api/v1/tokens", tags=["access"], operation_id="createToken", status_code=201, responses=stated(400)
    )
    def create_token(caller: Changing, asked: TokenBody) -> NewTokenView:
        """Make one, with no right that the caller has not. A request that is sent again makes another one."""
        require_own_rights(caller, asked.role, asked.rights)
        token, text = access_of(door).tokens.create(
            asked.name, asked.role, asked.days, caller.who, asked.rights, asked.of
        )
        return NewTokenView(**_view(token).model_dump(), token=text)

    @app.post(
        "/api/v1/tokens/{token_id}/revoke",
        tags=["access"],
        operation_id="revokeToken",
        responses=stated(404),
    )
    def revoke_token(caller: Changing, token_id: str) -> TokenView:
        """Take it back: from now on no process takes it. One that was revoked stays so."""
        try:
            return _view(access_of(door).tokens.revoke(token_id, caller.who))
        except InputError as error:
            raise HTTPException(404, str(error)) from error


def _view(token: Token) -> TokenView:
    return TokenView(
        id=token.id, name=token.name, role=token.role, rights=dict(token.rights), of=token.subject,
        created_at=token.created_at, ends_at=token.expires_at, revoked_at=token.revoked_at,
        last_used=token.last_used,
    )  # fmt: skip
