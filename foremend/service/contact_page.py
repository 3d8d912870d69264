"""The page behind the link in a message to a trusted contact: all is well, away, or no more of this. No script.

To look at it changes nothing, so that a mail scanner or a preview may. A mail program's own button (RFC 8058) stops the
messages to this contact, as its words say; what sends anything else changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from alerts.stop_links import CONTACT_PATH
from alerts.wellbeing.answers import Asked, ContactAnswers
from alerts.words.loading import ContactPageWords, words_of
from foremend.service.link_pages import AWAY_S, NOBODYS, page, said, sends_forms
from foremend.vocabulary.errors import UnavailableError

DAYS = (1, 2, 7, 14, 30, 90)
"""How long somebody may be said to be away by the page."""
_MOST_FIELDS = 10


def add_contact_page(app: FastAPI, answers: ContactAnswers | None, policy: str) -> None:
    """The routes ask no right: the link is signed. `policy` is the CSP of all pages; this one may send its form."""
    headers = sends_forms(policy)

    def answered(ask: Callable[[ContactAnswers], tuple[Asked | None, str]]) -> HTMLResponse:
        status, html, more = _answer(answers, ask)
        return HTMLResponse(html, status, headers | more)

    @app.get(CONTACT_PATH + "/{link}", include_in_schema=False)
    def look(link: str) -> HTMLResponse:
        return answered(lambda there: (there.look(link), ""))

    @app.post(CONTACT_PATH + "/{link}", include_in_schema=False)
    async def take(link: str, request: Request) -> HTMLResponse:
        form = _fields((await request.body()).decode(errors="replace"))
        return await run_in_threadpool(answered, lambda there: _take(there, link, form))


def _take(answers: ContactAnswers, link: str, form: Mapping[str, str]) -> tuple[Asked | None, str]:
    """What the form says is done, and which sentence tells that it is."""
    if form.get("List-Unsubscribe") == "One-Click" or form.get("word") == "stop":
        return answers.stop(link), "stopped"
    if form.get("word") == "well":
        return answers.well(link), "thanks"
    days = form.get("days", "")
    if form.get("word") == "away" and days in map(str, DAYS):
        return answers.away(link, int(days)), "thanks"
    return answers.look(link), ""


def _fields(body: str) -> dict[str, str]:
    return dict(parse_qsl(body, max_num_fields=_MOST_FIELDS)) if body.count("&") < _MOST_FIELDS else {}


def _answer(
    answers: ContactAnswers | None, ask: Callable[[ContactAnswers], tuple[Asked | None, str]]
) -> tuple[int, str, dict[str, str]]:
    try:
        asked, done = (None, "") if answers is None else ask(answers)
    except UnavailableError:
        busy = [said(one, words_of(one).stop_page.busy) for one in NOBODYS]
        return 503, page(NOBODYS[0], busy), {"Retry-After": str(AWAY_S)}
    if asked is None:
        return 404, page(NOBODYS[0], [said(one, words_of(one).to_contact.page.dead) for one in NOBODYS]), {}
    words = words_of(asked.language).to_contact
    if done:
        return 200, page(asked.language, [said(asked.language, getattr(words.page, done))]), {}
    name = asked.name or words.unnamed
    return 200, page(asked.language, [_form(asked.language, name, words.subject, words.page)]), {}


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
