"""The page behind the link in a message to an owner: a question and one button, without a script.

To look at it changes nothing, so that a mail scanner or a preview may. The button sends what RFC 8058 asks for, and a
mail program may send that by itself; what sends anything else, or nothing, stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from alerts.stop_links import PATH, StopDesk, Stoppable
from alerts.words.loading import words_of
from foremend.service.link_pages import ONE_CLICK, answered, is_one_click, said, sends_forms


def add_stop_page(app: FastAPI, desk: StopDesk | None, policy: str) -> None:
    """The routes ask no right: the link is signed. `policy` is the CSP of all pages; this one may send its form."""
    headers = sends_forms(policy)

    def shown(ask: Callable[[StopDesk], Stoppable | None]) -> HTMLResponse:
        return answered(lambda: None if desk is None else ask(desk), _dead, _card, headers)

    @app.get(PATH + "/{link}", include_in_schema=False)
    def look(link: str) -> HTMLResponse:
        return shown(lambda there: there.look(link))

    @app.post(PATH + "/{link}", include_in_schema=False)
    async def stop(link: str, request: Request) -> HTMLResponse:
        act = _stopped if is_one_click(await request.body()) else StopDesk.look
        return await run_in_threadpool(shown, lambda there: act(there, link))


def _stopped(desk: StopDesk, link: str) -> Stoppable | None:
    desk.stop(link)
    return desk.look(link)


def _dead(language: str) -> str:
    return words_of(language).stop_page.dead


def _card(found: Stoppable) -> tuple[str, str]:
    return found.language, _of(found)


def _of(found: Stoppable) -> str:
    words = words_of(found.language)
    purpose, its = words.purposes[found.purpose], words.stop_page
    one = len(found.appliance_ids) == 1
    if not found.given:
        done = its.done if one else its.done_all
        again = its.again_at_home if found.at_home else its.again
        return said(found.language, done.format(purpose=purpose), its.rest, again)
    ask = its.ask if one else its.ask_all
    field, value = ONE_CLICK
    return (
        f'<form class="card login" method="post" lang="{found.language}">'
        f"<h1>{escape(ask.format(purpose=purpose))}</h1>"
        f'<input type="hidden" name="{field}" value="{value}">'
        f'<button type="submit" class="primary">{escape(its.button)}</button></form>'
    )
