"""The two cookies: the session's, and the one that knows a browser again in which somebody logged in before."""

from __future__ import annotations

from fastapi import Request, Response

from alerts.access.entrance import Entered

_SESSION, _DEVICE = "foremend", "foremend-device"
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


def _set(request: Request, response: Response, name: str, text: str, seconds: int) -> None:
    response.set_cookie(
        _name(name, request), text, max_age=seconds, secure=_tls(request), httponly=True, samesite="strict"
    )


def _name(name: str, request: Request) -> str:
    """With `__Host-` a browser takes it from this very name alone, and by TLS alone (RFC 6265bis, 4.1.3.2)."""
    return f"__Host-{name}" if _tls(request) else name


def _tls(request: Request) -> bool:
    return request.url.scheme == "https"
