"""The page behind the link in a message to an owner: a question and one button, without a script.

To look at it changes nothing, so that a mail scanner or a preview may. The button sends what RFC 8058 asks for, and a
mail program may send that by itself; what sends anything else, or nothing, stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from alerts.stop_links import PATH, StopDesk, Stoppable
from alerts.words.loading import words_of
from foremend.vocabulary.errors import UnavailableError

_FIELD, _VALUE = "List-Unsubscribe", "One-Click"  # RFC 8058, section 3.1; as a form of either encoding
_NOBODYS = ("en", "zh")
"""Languages of what is said to somebody whose own is not known."""
_AWAY_S = 60


def add_stop_page(app: FastAPI, desk: StopDesk | None, policy: str) -> None:
    """The routes ask no right: the link is signed. `policy` is the CSP of all pages; this one may send its form."""
    headers = {"Content-Security-Policy": policy.replace("form-action 'none'", "form-action 'self'")}

    def answered(ask: Callable[[StopDesk], Stoppable | None]) -> HTMLResponse:
        status, page, more = _answer(desk, ask)
        return HTMLResponse(page, status, headers | more)

    @app.get(PATH + "/{link}", include_in_schema=False)
    def look(link: str) -> HTMLResponse:
        return answered(lambda there: there.look(link))

    @app.post(PATH + "/{link}", include_in_schema=False)
    async def stop(link: str, request: Request) -> HTMLResponse:
        body = await request.body()
        if _FIELD.encode() in body and _VALUE.encode() in body:
            return await run_in_threadpool(answered, lambda there: _stopped(there, link))
        return await run_in_threadpool(answered, lambda there: there.look(link))


def _stopped(desk: StopDesk, link: str) -> Stoppable | None:
    desk.stop(link)
    return desk.look(link)


def _answer(
    desk: StopDesk | None, ask: Callable[[StopDesk], Stoppable | None]
) -> tuple[int, str, dict[str, str]]:
    try:
        found = None if desk is None else ask(desk)
    except UnavailableError:
        busy = [_said(one, words_of(one).stop_page.busy) for one in _NOBODYS]
        return 503, _page(_NOBODYS[0], busy), {"Retry-After": str(_AWAY_S)}
    if found is None:
        return 404, _page(_NOBODYS[0], [_said(one, words_of(one).stop_page.dead) for one in _NOBODYS]), {}
    return 200, _page(found.language, [_of(found)]), {}


def _of(found: Stoppable) -> str:
    words = words_of(found.language)
    purpose, page = words.purposes[found.purpose], words.stop_page
    one = len(found.appliance_ids) == 1
    if not found.given:
        done = page.done if one else page.done_all
        again = page.again_at_home if found.at_home else page.again
        return _said(found.language, done.format(purpose=purpose), page.rest, again)
    ask = page.ask if one else page.ask_all
    return (
        f'<form class="card login" method="post" lang="{found.language}">'
        f"<h1>{escape(ask.format(purpose=purpose))}</h1>"
        f'<input type="hidden" name="{_FIELD}" value="{_VALUE}">'
        f'<button type="submit" class="primary">{escape(page.button)}</button></form>'
    )


def _said(language: str, title: str, *more: str) -> str:
    below = "".join(f"<p>{escape(one)}</p>" for one in more)
    return f'<section class="card login" lang="{language}"><h1>{escape(title)}</h1>{below}</section>'


def _page(language: str, parts: Iterable[str]) -> str:
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>Foremend</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'
        '<link rel="icon" href="../favicon.svg"><link rel="stylesheet" href="../style.css"></head>'
        f'<body><main class="narrow">{"".join(parts)}</main></body></html>'
    )
