"""Logging in by an OpenID provider: the way there, and the way back."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from alerts.access.access import Access
from alerts.access.entrance import TooSoon
from alerts.access.openid import LASTS_S, OpenId
from alerts.access.refused import Strayed
from foremend.service.guard.cookies import away_of, is_back, remember, send_away
from foremend.service.guard.door import Door
from foremend.service.guard.origin import require_same_origin
from foremend.service.guard.problems import Problem, stated
from foremend.service.guard.rates import neighbourhood
from foremend.vocabulary.errors import UnavailableError

log = logging.getLogger(__name__)
CALLBACK = "openid/callback"


class ProviderView(BaseModel):
    """What the provider is called on the button; None where there is none."""

    title: str | None


class AwayView(BaseModel):
    """Where the browser goes to log in."""

    url: str


def add_openid(app: FastAPI, door: Door) -> None:
    """Give `app` the routes by which whoever a provider knows comes in."""

    @app.get("/api/v1/session/openid", tags=["session"], operation_id="whichProvider")
    def which() -> ProviderView:
        """Whether users come by an OpenID provider, and what it is called."""
        return ProviderView(title=door.openid.title if door.openid and door.access else None)

    @app.post("/api/v1/session/openid", tags=["session"], operation_id="goToProvider", responses=stated(404))
    def go(request: Request, response: Response) -> AwayView:
        """Begins a login at the OpenID provider, for this browser."""
        require_same_origin(request)
        openid, _ = _opened(door)
        begun = openid.begin(_base(openid, request) + CALLBACK)
        send_away(request, response, begun.cookie, LASTS_S)
        return AwayView(url=begun.url)

    @app.get("/" + CALLBACK, include_in_schema=False)
    def come(request: Request) -> Response:
        """To the login page either way, as the session's cookie comes along from our own page alone."""
        if door.openid is None or door.access is None:
            return RedirectResponse("../login.html", 303)
        openid, access = door.openid, door.access
        cookie, address = away_of(request), neighbourhood(request.scope)
        answer = dict(request.query_params)
        back = RedirectResponse("../login.html#openid=done", 303)
        try:
            entered = access.entrance.arrive(lambda: openid.finish(cookie, answer), address)
            remember(request, back, entered)
        except (Strayed, TooSoon, UnavailableError) as error:
            log.warning("a login by the OpenID provider came to nothing: %s", error)
            back.headers["location"] = f"../login.html#openid={_why(error)}"
        is_back(request, back)
        return back


def end_url(door: Door, request: Request) -> str | None:
    """Where the provider's own session is ended, for whoever came by it."""
    if door.openid is None:
        return None
    return door.openid.end_url(_base(door.openid, request) + "login.html")


def _opened(door: Door) -> tuple[OpenId, Access]:
    if door.openid is None or door.access is None:
        raise Problem(404, "nobody comes by an OpenID provider here: service.openid names none")
    return door.openid, door.access


def _base(openid: OpenId, request: Request) -> str:
    """Where people reach the service, with a slash at its end. The provider takes no address that it was not told."""
    return f"{openid.public_url}/" if openid.public_url else str(request.base_url)


def _why(error: Strayed | TooSoon | UnavailableError) -> str:
    """A word that the login page knows."""
    if isinstance(error, Strayed):
        return error.why
    return "away" if isinstance(error, UnavailableError) else "wait"
