"""The cookies: the session's, the one that knows a browser again in which somebody logged in before, and the one of a
login that is under way at an OpenID provider."""

from __future__ import annotations

from typing import Literal

from fastapi import Request, Response

from alerts.access.entrance import Entered

_SESSION, _DEVICE, _AWAY = "foremend", "foremend-device", "foremend-openid"
_DEVICE_LASTS_S = 400 * 86_400
"""No browser keeps a cookie for longer (RFC 6265bis, 5.5)."""


def session_of(request: Request) -> str | None:
    """The session's text, where the request brings one."""
    return request.cookies.get(_name(_SESSION, request))


def device_of(request: Request) -> str:
    """What knows the browser again; empty in one in which nobody logged in."""
    return request.cookies.get(_name(_DEVICE, request), "")


def remember(request: Request, response: Response, entered: Entered) -> None:
    """No script reads them, no other site's request brings them, and behind TLS they leave by TLS alone."""
    _set(request, response, _SESSION, entered.session, entered.seconds)
    _set(request, response, _DEVICE, entered.device, _DEVICE_LASTS_S)


def forget(request: Request, response: Response) -> None:
    """The session's; the browser is known all the same."""
    _set(request, response, _SESSION, "", 0)


def away_of(request: Request) -> str:
    """What the login at the provider began with; empty where none did."""
    return request.cookies.get(_name(_AWAY, request), "")


def send_away(request: Request, response: Response, text: str, seconds: int) -> None:
    """It comes along when the provider sends the browser back, which a strict one would not; it opens nothing."""
    _set(request, response, _AWAY, text, seconds, "lax")


def is_back(request: Request, response: Response) -> None:
    """What the login at the provider began with ends with its first answer."""
    _set(request, response, _AWAY, "", 0, "lax")


def _set(
    request: Request,
    response: Response,
    name: str,
    text: str,
    seconds: int,
    site: Literal["strict", "lax"] = "strict",
) -> None:
    response.set_cookie(
        _name(name, request), text, max_age=seconds, secure=_tls(request), httponly=True, samesite=site
    )


def _name(name: str, request: Request) -> str:
    """With `__Host-` a browser takes it from this very name alone, and by TLS alone (RFC 6265bis, 4.1.3.2)."""
    return f"__Host-{name}" if _tls(request) else name


def _tls(request: Request) -> bool:
    return request.url.scheme == "https"
