"""The page behind the link in a message to a trusted contact: all is well, away, or no more of this. No script.

To look at it changes nothing, so that a mail scanner or a preview may. A mail program's own button (RFC 8058) stops the
messages to this contact, as its words say; what sends anything else changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from alerts.stop_links import CONTACT_PATH
from alerts.wellbeing.answers import Asked, ContactAnswers
from alerts.words.loading import ContactPageWords, words_of
from foremend.service.link_pages import answered, fields, is_one_click, said, sends_forms

DAYS = (1, 2, 7, 14, 30, 90)
"""How long somebody may be said to be away by the page."""
_MOST_FIELDS = 10


def add_contact_page(app: FastAPI, answers: ContactAnswers | None, policy: str) -> None:
    """The routes ask no right: the link is signed. `policy` is the CSP of all pages; this one may send its form."""
    headers = sends_forms(policy)

    def shown(ask: Callable[[ContactAnswers], Taken | None]) -> HTMLResponse:
        return answered(lambda: None if answers is None else ask(answers), _dead, _card, headers)

    @app.get(CONTACT_PATH + "/{link}", include_in_schema=False)
    def look(link: str) -> HTMLResponse:
        return shown(lambda there: _told(there.look(link)))

    @app.post(CONTACT_PATH + "/{link}", include_in_schema=False)
    async def take(link: str, request: Request) -> HTMLResponse:
        body = await request.body()
        return await run_in_threadpool(shown, lambda there: _take(there, link, body))


Taken = tuple[Asked, str]
"""Of whom it was asked, and which sentence tells what was done; an empty one shows the form."""


def _told(asked: Asked | None, done: str = "") -> Taken | None:
    return None if asked is None else (asked, done)


def _take(answers: ContactAnswers, link: str, body: bytes) -> Taken | None:
    """What the form says is done."""
    form = fields(body, _MOST_FIELDS)
    if is_one_click(body) or form.get("word") == "stop":
        return _told(answers.stop(link), "stopped")
    if form.get("word") == "well":
        return _told(answers.well(link), "thanks")
    days = form.get("days", "")
    if form.get("word") == "away" and days in map(str, DAYS):
        return _told(answers.away(link, int(days)), "thanks")
    return _told(answers.look(link))


def _dead(language: str) -> str:
    return words_of(language).to_contact.page.dead


def _card(taken: Taken) -> tuple[str, str]:
    asked, done = taken
    words = words_of(asked.language).to_contact
    if done:
        return asked.language, said(asked.language, getattr(words.page, done))
    return asked.language, _form(asked.language, asked.name or words.unnamed, words.subject, words.page)


def _form(language: str, name: str, title: str, words: ContactPageWords) -> str:
    options = "".join(
        f'<option value="{days}"{" selected" if days == DAYS[2] else ""}>'
        f"{escape(words.day if days == 1 else words.days.format(days=days))}</option>"
        for days in DAYS
    )
    return (
        f'<section class="card login" lang="{language}"><h1>{escape(title.format(name=name))}</h1>'
        f'<form method="post"><input type="hidden" name="word" value="well">'
        f'<button type="submit" class="primary">{escape(words.well)}</button></form>'
        f'<form method="post"><input type="hidden" name="word" value="away">'
        f'<label for="days">{escape(words.away)}</label><select id="days" name="days">{options}</select>'
        f'<button type="submit" class="quiet">{escape(words.say)}</button></form>'
        f'<form method="post"><input type="hidden" name="word" value="stop"><p>{escape(words.stop_text)}</p>'
        f'<button type="submit" class="quiet">{escape(words.stop)}</button></form></section>'
    )
