"""That a change was asked for by our own page, and by no other site in the same browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request

from foremend.service.guard.problems import Problem

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def require_same_origin(request: Request) -> None:
    """Raises Problem 403 for a changing request that a browser did not send for our own page.

    What comes along by itself, a cookie or that somebody sits at this machine, is no word of the person's: another
    site's page may send it, too. Every browser says by `Sec-Fetch-Site`, which no script can set, whether it does, and
    without TLS by `Origin`, which then is compared with the name that was asked for.
    """
    if request.method in _READING:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        is_ours = site == "same-origin"
    else:
        origin = urlsplit(request.headers.get("origin", ""))
        is_ours = bool(origin.netloc) and origin.netloc.lower() == request.headers.get("host", "").lower()
    if not is_ours:
        raise Problem(
            403,
            "this change was not asked for by Foremend's own page (neither Sec-Fetch-Site nor Origin says so):"
            " a program sends a token by `Authorization: Bearer fmd_...`",
        )
