"""A user's own second factor and sessions."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel, ConfigDict

from alerts.access.access import Access
from alerts.access.users import User
from foremend.service.guard.cookies import device_of, session_of
from foremend.service.guard.door import Door, Needs
from foremend.service.guard.problems import Problem, stated
from foremend.service.guard.rates import neighbourhood
from foremend.service.v1.session import Text, answered, entrance_of
from foremend.service.v1.users import EndedView, SessionView, sessions_of
from foremend.service.views import Time
from foremend.vocabulary.rights import Caller, Right

Anybody = Annotated[Caller, Depends(Needs(Right.WORDS))]


class FactorView(BaseModel):
    """Since when there is a second factor, if there is; `possible` for users with a password alone."""

    since: Time | None
    recovery_codes: int
    possible: bool


class ProofBody(BaseModel):
    """The own password once more, and where there is a second factor a code of it."""

    model_config = ConfigDict(extra="forbid")
    password: Text
    code: Text | None = None


class CodeBody(BaseModel):
    """Six digits of now."""

    model_config = ConfigDict(extra="forbid")
    code: Text


class SecretView(BaseModel):
    """Shown this once: `secret` in base 32, the same as `otpauth:` in `uri`, and that as a picture (`data:`)."""

    secret: str
    uri: str
    picture: str


class RecoveryView(BaseModel):
    """Codes that hold once each in place of six digits; shown this once."""

    recovery_codes: list[str]


def add_account(app: FastAPI, door: Door) -> None:
    """Give `app` the routes by which users look after their own login."""
    _add_sessions(app, door)
    path = "/api/v1/session/second-factor"
    tags: list[str | Enum] = ["session"]

    @app.get(path, tags=tags, operation_id="getSecondFactor", responses=stated(404))
    def look(caller: Anybody) -> FactorView:
        """Whether whoever asks has a second factor."""
        access, user = _mine(door, caller)
        found = access.factors.standing(user.id)
        return FactorView(since=found.since, recovery_codes=found.recovery_codes, possible=user.has_password)

    @app.post(path, tags=tags, operation_id="beginSecondFactor", responses=stated(400, 404))
    def begin(caller: Anybody, proof: ProofBody, request: Request) -> SecretView:
        """A new secret for an app that makes codes; it counts once a code of it was confirmed."""
        import segno  # which few starts need

        access, _ = _mine(door, caller)
        totp = access.factors.begin(_proven(door, caller, proof, request))
        uri = totp.provisioning_uri()
        picture = segno.make(uri, error="m", micro=False).svg_data_uri(scale=4, light="white")
        return SecretView(secret=totp.secret, uri=uri, picture=picture)

    @app.post(f"{path}/confirm", tags=tags, operation_id="confirmSecondFactor", responses=stated(400, 404))
    def confirm(caller: Anybody, body: CodeBody, request: Request) -> RecoveryView:
        """The first code: from now on one is asked for at each login, and the user's other sessions have ended."""
        access, user = _mine(door, caller)
        codes = answered(lambda: access.factors.confirm(user.id, body.code))
        access.sessions.end_of(user.id, but=session_of(request))
        return RecoveryView(recovery_codes=codes)

    @app.post(
        f"{path}/end", tags=tags, operation_id="endSecondFactor", status_code=204, responses=stated(404)
    )
    def end(caller: Anybody, proof: ProofBody, request: Request) -> None:
        """No code is asked for any more. Takes the password and a code."""
        access, _ = _mine(door, caller)
        access.factors.end(_proven(door, caller, proof, request).id)


def _add_sessions(app: FastAPI, door: Door) -> None:
    @app.get("/api/v1/sessions", tags=["session"], operation_id="listSessions", responses=stated(404))
    def every(caller: Anybody, request: Request) -> list[SessionView]:
        """Where whoever asks is logged in, the newest first."""
        access, user = _mine(door, caller)
        return sessions_of(access, user, request)

    @app.post(
        "/api/v1/sessions/end-others",
        tags=["session"],
        operation_id="endOtherSessions",
        responses=stated(404),
    )
    def end_others(caller: Anybody, request: Request) -> EndedView:
        """End all of the own ones but this."""
        access, user = _mine(door, caller)
        return EndedView(ended=access.sessions.end_of(user.id, but=session_of(request)))

    @app.delete(
        "/api/v1/sessions/{session_id}",
        tags=["session"],
        operation_id="endSession",
        status_code=204,
        responses=stated(404),
    )
    def end_one(caller: Anybody, session_id: str) -> None:
        """End one of the own."""
        access, user = _mine(door, caller)
        if not access.sessions.end_one(user.id, session_id):
            raise Problem(404, "there is no such session of yours: it has ended")


def _mine(door: Door, caller: Caller) -> tuple[Access, User]:
    """Raises Problem 404 for whoever is no user."""
    if door.access is None or caller.name is None:
        raise Problem(404, "that is of users alone: a token, and who sits at the machine, has none")
    return door.access, door.access.users.get(caller.name)


def _proven(door: Door, caller: Caller, proof: ProofBody, request: Request) -> User:
    """The caller, who knows the own password and has a code where there are any. Guesses are counted as at a login."""
    entrance, address = entrance_of(door, request), neighbourhood(request.scope)
    name, device = caller.name or "", device_of(request)
    return answered(lambda: entrance.known(name, proof.password, address, device, proof.code))
