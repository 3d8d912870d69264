"""Who asks, and whether the right that an endpoint asks for is theirs. A route that asks for none does not start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.routing import Mount, Route

from alerts.access.access import Access
from alerts.access.openid import OpenId
from alerts.access.refused import Refused
from foremend.service.guard.cookies import session_of
from foremend.service.guard.origin import require_same_origin
from foremend.service.guard.problems import Problem
from foremend.service.guard.rates import Buckets, require_rate
from foremend.vocabulary.errors import DefectError, UnavailableError
from foremend.vocabulary.rights import ON_THIS_MACHINE, Caller, Right

LOCAL = Caller("this machine", ON_THIS_MACHINE)
FREE: Mapping[str, str] = {
    "/livez": "an orchestrator asks it without a secret; it says whether the process works",
    "/readyz": "the same; it names what is not ready",
    "/openapi.json": "the same text is published in docs/",
    "/": "the page's own files, which hold no data",
    "/api/v1/session": "how users come in, and go; who is in is asked with a right",
    "/api/v1/session/link": "whose one-time link it is: whoever has it may know",
    "/api/v1/session/password": "by a one-time link",
    "/api/v1/session/openid": "how users come in by an OpenID provider",
    "/openid/callback": "the provider sends the browser there, with the answer to what began in it",
}
"""Paths that ask for no right, and why."""
SIGNED: Mapping[str, str] = {
    "/api/v1/inbound/{name}": "the secret of its sender signs each request",
    "/s/{link}": "the installation's key signs each link in a message; it stops such messages, and shows nothing",
    "/w/{link}": "the same, to a trusted contact: it says that all is well, or stops such messages, and shows a name",
    **dict.fromkeys(
        (
            "/o/{key}",
            "/o/{key}/consent",
            "/o/{key}/word",
            "/o/{key}/wellbeing",
            "/o/{key}/receipt",
            "/o/{key}/export",
            "/o/{key}/erase",
        ),
        "the link holds a token of its owner, or there is a session of one; each part of the page asks its own right",
    ),
}
"""Paths that ask for no right, as what comes there proves by itself who sent it, and how."""
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")

_bearer = HTTPBearer(auto_error=False, description="A token of `foremend tokens create`")


@dataclass(slots=True)
class Door:
    """Lets callers in.

    `access` knows credentials; without it there are none. `alone`: the service listens to this machine alone and may be
    open to it. `credentials` and `addresses` bound how fast each asks. `openid` is a provider that lets users in, too.
    """

    access: Access | None = None
    alone: bool = True
    credentials: Buckets = field(default_factory=lambda: Buckets(50.0))
    addresses: Buckets = field(default_factory=lambda: Buckets(50.0))
    openid: OpenId | None = None
    _known: dict[str, Caller] = field(default_factory=dict)

    def caller(self, request: Request, right: Right) -> Caller:
        """Who asks. Raises Problem 401 where nobody knows, 429 where that one asks too fast."""
        try:
            found = self._caller(request)
        except UnavailableError:
            remembered = self._remembered(request, right)
            if remembered is None:
                raise
            found = remembered
        if found is not LOCAL:
            require_rate(self.credentials, found.who)
        return found

    def by_link(self, request: Request, token: str | None) -> Caller:
        """Who comes by a link that holds a token, or by a session where there is none. Raises Problem as `caller`."""
        found = self._caller(request) if token is None else self._by_token(token)
        require_rate(self.credentials, found.who)
        return found

    def _caller(self, request: Request) -> Caller:
        presented = _token(request)
        if presented is not None:
            return self._by_token(presented)
        ended = ""
        if self.access is not None and (text := session_of(request)) is not None:
            require_same_origin(request)
            try:
                return self.access.sessions.caller(text)
            except Refused as error:
                ended = f"{error}; "
        if self._is_open_to(request):
            require_same_origin(request)
            return LOCAL
        raise _unknown(
            f"{ended}this needs a login, or a token: send the header `Authorization: Bearer fmd_...`"
        )

    def _by_token(self, presented: str) -> Caller:
        if self.access is None:
            raise _unknown("no token opens anything here")
        try:
            caller = self.access.tokens.caller(presented)
        except Refused as error:
            self._known.pop(presented, None)
            raise _unknown(f"{error}; `foremend tokens create` makes one") from None
        if Right.METRICS in caller.rights:
            self._known = {**dict(list(self._known.items())[-9:]), presented: caller}
        return caller

    def _is_open_to(self, request: Request) -> bool:
        """Only who sits at this machine: what a proxy hands on came from elsewhere."""
        handed_on = any(name in request.headers for name in _FORWARDED)
        return self.alone and not handed_on and _is_this_machine(request)

    def _remembered(self, request: Request, right: Right) -> Caller | None:
        """While the database is away its numbers are needed most: who was let in last for them still is."""
        return self._known.get(_token(request) or "") if right is Right.METRICS else None


@dataclass(frozen=True, slots=True)
class Needs:
    """What a route depends on: the caller, who has `right`."""

    right: Right

    def __call__(self, request: Request, _bearer: Annotated[object, Depends(_bearer)] = None) -> Caller:
        caller = door_of(request).caller(request, self.right)
        if caller.reach(self.right) is None:
            raise owing(self.right) if caller.owes_factor else missing(self.right)
        return caller


def door_of(request: Request) -> Door:
    found: Door = request.app.state.door
    return found


def missing(right: Right) -> Problem:
    """403, with the right by its name."""
    return Problem(
        403, f"you have not the right {right!s}; ask whoever makes users and tokens here", right=right
    )


def owing(right: Right) -> Problem:
    """403 for whoever has to set a second factor up before `right` is there."""
    return Problem(
        403,
        f"the right {right!s} is yours once you have a second factor: set it up on account.html",
        right=right,
        second_factor=True,
    )


def require_rights(app: FastAPI) -> dict[str, Right | None]:
    """The right of each route, by method and path; None where none is needed.

    Raises DefectError for a route that declares none and is not one of `FREE` or `SIGNED`.
    """
    found = dict(_rights(app))
    free = {*FREE, *SIGNED}
    bare = sorted(name for name, right in found.items() if right is None and name.split(" ")[1] not in free)
    if bare:
        raise DefectError(f"routes that ask for no right: {', '.join(bare)}; let each depend on `Needs(...)`")
    return found


def _rights(app: FastAPI) -> Iterator[tuple[str, Right | None]]:
    for route in app.routes:
        if isinstance(route, Mount):
            yield f"GET {route.path or '/'}", None
        elif isinstance(route, Route):
            for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
                path = route.path_format if isinstance(route, APIRoute) else route.path
                yield f"{method} {path}", _right(route)


def _right(route: Route) -> Right | None:
    if not isinstance(route, APIRoute):
        return None
    asked = [one.call.right for one in route.dependant.dependencies if isinstance(one.call, Needs)]
    return asked[0] if len(asked) == 1 else None


def _token(request: Request) -> str | None:
    """The token of the header; None without the header. Raises Problem 401 for another scheme."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise _unknown(f"{scheme[:20]!r} is no way to come in here: send `Authorization: Bearer fmd_...`")
    return token.strip()


def _unknown(sentence: str) -> Problem:
    return Problem(401, sentence, {"WWW-Authenticate": 'Bearer realm="foremend"'})


def _is_this_machine(request: Request) -> bool:
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether who listens on `host` listens to its own machine alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
