"""Logging in and out of the console, and who one is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, FastAPI, Request, Response
from pydantic import BaseModel, Field

from alerts.access.entrance import Entered, Entrance, TooSoon
from alerts.access.refused import CodeNeeded, Refused
from foremend.service.guard.cookies import device_of, forget, remember, session_of
from foremend.service.guard.door import Door, Needs
from foremend.service.guard.origin import require_same_origin
from foremend.service.guard.problems import Problem
from foremend.service.guard.rates import neighbourhood
from foremend.service.v1.openid import end_url
from foremend.vocabulary.rights import Caller, Reach, Right, Role

_T = TypeVar("_T")
Text = Annotated[str, Field(min_length=1, max_length=1_000)]


class LoginBody(BaseModel):
    """A user's name and password, and a code of the second factor where there is one."""

    name: Text
    password: Text
    code: Text | None = None


class LinkBody(BaseModel):
    """What stands behind `#link=` in a one-time link."""

    link: Text


class NewPasswordBody(LinkBody):
    """A one-time link, and the password that its user takes."""

    password: Text


class WhoView(BaseModel):
    """Who asks: `name` of a user, what each right reaches. `owes_factor`: until a second factor is set up that is
    nothing."""

    who: str
    name: str | None
    role: Role | None
    rights: dict[Right, Reach]
    owes_factor: bool


class LeftView(BaseModel):
    """Where the browser goes to end its session at the OpenID provider, too."""

    url: str


class NameView(BaseModel):
    """A user's name."""

    name: str


def add_session(app: FastAPI, door: Door) -> None:
    """Give `app` what the pages of the console log in and out by."""

    @app.get("/api/v1/session", tags=["session"], operation_id="whoAmI")
    def who(caller: Annotated[Caller, Depends(Needs(Right.WORDS))]) -> WhoView:
        """Who asks, and what they may."""
        return WhoView(
            who=caller.who,
            name=caller.name,
            role=caller.role,
            rights=dict(caller.rights),
            owes_factor=caller.owes_factor,
        )

    @app.post("/api/v1/session", tags=["session"], operation_id="logIn", status_code=204)
    def log_in(body: LoginBody, request: Request, response: Response) -> None:
        """Begins a session; its cookie comes with the answer."""
        entrance, address = entrance_of(door, request), neighbourhood(request.scope)
        device = device_of(request)
        _enter(
            request, response, lambda: entrance.log_in(body.name, body.password, address, device, body.code)
        )

    @app.delete(
        "/api/v1/session",
        tags=["session"],
        operation_id="logOut",
        status_code=204,
        response_model=None,
        responses={200: {"model": LeftView, "description": "The session at the OpenID provider goes on"}},
    )
    def log_out(request: Request, response: Response) -> LeftView | None:
        """Ends the session whose cookie comes along."""
        require_same_origin(request)
        text = session_of(request)
        came = text is not None and door.access is not None and door.access.sessions.end(text)
        forget(request, response)
        if not came or (url := end_url(door, request)) is None:
            return None
        response.status_code = 200
        return LeftView(url=url)

    @app.post("/api/v1/session/link", tags=["session"], operation_id="whoseLink")
    def link(body: LinkBody, request: Request) -> NameView:
        """Whose one-time link it is; it holds on."""
        entrance, address = entrance_of(door, request), neighbourhood(request.scope)
        return NameView(name=answered(lambda: entrance.link_of(body.link, address)).name)

    @app.post("/api/v1/session/password", tags=["session"], operation_id="setPassword", status_code=204)
    def set_password(body: NewPasswordBody, request: Request, response: Response) -> None:
        """Takes a password by a one-time link, which holds no more then, and begins a session."""
        entrance, address = entrance_of(door, request), neighbourhood(request.scope)
        _enter(request, response, lambda: entrance.set_password(body.link, body.password, address))


def entrance_of(door: Door, request: Request) -> Entrance:
    """Raises Problem for another site's request, and where there are no users."""
    require_same_origin(request)
    if door.access is None:
        raise Problem(404, "nobody can log in here: there are no users")
    return door.access.entrance


def _enter(request: Request, response: Response, ask: Callable[[], Entered]) -> None:
    remember(request, response, answered(ask))


def answered(ask: Callable[[], _T]) -> _T:
    """What `ask` answers. Raises Problem 401 where it is refused, 429 where it came too soon."""
    try:
        return ask()
    except TooSoon as error:
        raise Problem(429, str(error), {"Retry-After": str(error.wait_s)}) from None
    except Refused as error:
        more = {"second_factor": True} if isinstance(error, CodeNeeded) else {}
        raise Problem(401, str(error), {"WWW-Authenticate": 'Bearer realm="foremend"'}, **more) from None
