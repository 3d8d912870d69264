"""The routes of an owner's page: shown by a link that holds a token of the owner, or to an owner who is logged in.

To look changes nothing; each button is a form, and a form answers with the page again, so that a reload sends nothing
twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import IO, Annotated, TypeVar
from urllib.parse import quote, urlencode

import orjson
from fastapi import FastAPI, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from alerts.diagnosis.owner_word import OwnerWord
from alerts.wellbeing.contacts import Contact
from foremend.service.contact_page import DAYS
from foremend.service.guard.door import door_of
from foremend.service.guard.problems import Problem
from foremend.service.link_pages import AWAY_S, fields, sends_forms
from foremend.service.own import html
from foremend.service.own.look import THEIRS_ALONE, OwnDesk
from foremend.service.own.words import Language, time_text
from foremend.service.sight import Sight
from foremend.vocabulary.errors import InputError, UnavailableError
from foremend.vocabulary.rights import Caller, Right, Role
from foremend.vocabulary.types import MS_PER_DAY, Purpose

T = TypeVar("T")
ME = "me"
"""In a link's place: whoever is logged in."""
HOW = "own page"
BY_THE_PAGE = "on the own page, by the link in a message or at the service desk, at any time"
Lang = Annotated[Language | None, Query()]
Place = Annotated[int | None, Query(ge=0, le=1_000)]
_BOTH: tuple[Language, Language] = ("en", "zh")
_PIECE = 65_536
_MOST_FIELDS = 20
_DONE: Mapping[str, html.Done] = {
    "solved": "done_solved",
    "noted": "done_nothing",
    "handed_over": "done_come",
    "call": "done_call",
    "nothing_open": "over",
}


def add_own_page(app: FastAPI, desk: OwnDesk | None, look: Callable[[Caller], Sight], policy: str) -> None:
    """`policy` is the CSP of all pages; this one may send its forms."""
    headers = sends_forms(policy)

    def owner(request: Request, key: str, right: Right = Right.OWNERS) -> tuple[OwnDesk, Caller]:
        """Raises Problem where nobody, or nobody with that right, comes so."""
        caller = door_of(request).by_link(request, None if key == ME else key)
        if caller.role is not Role.OWNER or not caller.subject or right not in caller.rights or desk is None:
            raise Problem(403, "this page is for owners of appliances")
        return desk, caller

    def answered(key: str, up: str, ask: Callable[[], Response]) -> Response:
        try:
            found = ask()
        except UnavailableError:
            found = HTMLResponse(html.plain(_BOTH, ["busy"], up), 503, {"Retry-After": str(AWAY_S)})
        except (Problem, InputError) as error:
            found = _refused(error, key, up)
        for name, value in headers.items():
            found.headers[name] = value
        return found

    @app.get("/o/{key}", include_in_schema=False)
    def own_page(request: Request, key: str, lang: Lang = None, done: html.Done | None = None) -> Response:
        def ask() -> Response:
            there, caller = owner(request, key)
            language = lang or there.language(caller.subject or "")
            return HTMLResponse(html.whole(there.page(look(caller), language), key, language, done))

        return answered(key, "../", ask)

    @app.get("/o/{key}/receipt", include_in_schema=False)
    def own_receipt(request: Request, key: str, appliance: Annotated[str, Query()] = "") -> Response:
        def ask() -> Response:
            there, caller = owner(request, key, Right.CONSENTS)
            if appliance not in there.consents.owned_by(caller.subject or ""):
                raise InputError("no appliance of this owner")
            found = orjson.dumps(there.consents.receipt(appliance, caller.who), option=orjson.OPT_INDENT_2)
            named = {"Content-Disposition": 'attachment; filename="receipt.json"'}
            return Response(found, media_type="application/json", headers=named)

        return answered(key, "../../", ask)

    @app.post("/o/{key}/consent", include_in_schema=False)
    async def own_consent(request: Request, key: str, lang: Lang = None, at: Place = None) -> Response:
        return await _sent(
            request, lambda said: answered(key, "../../", lambda: consent(request, key, said, lang, at))
        )

    def consent(request: Request, key: str, said: Mapping[str, str], lang: Lang, at: Place) -> Response:
        there, caller = owner(request, key, Right.CONSENTS_CHANGE)
        appliance_id, purpose = said.get("appliance", ""), _purpose(said.get("purpose", ""))
        if appliance_id not in there.consents.owned_by(caller.subject or "") or said.get("given") not in (
            "yes",
            "no",
        ):
            raise InputError("no appliance of this owner")
        there.consents.say(
            appliance_id,
            [purpose],
            said["given"] == "yes",
            owner_id=caller.subject,
            how=HOW,
            language=lang,
            withdrawal_method=BY_THE_PAGE,
        )
        return _back(key, lang, "said", at)

    @app.post("/o/{key}/word", include_in_schema=False)
    async def own_word(request: Request, key: str, lang: Lang = None, at: Place = None) -> Response:
        return await _sent(
            request, lambda said: answered(key, "../../", lambda: word(request, key, said, lang, at))
        )

    def word(request: Request, key: str, said: Mapping[str, str], lang: Lang, at: Place) -> Response:
        there, caller = owner(request, key, Right.DIAGNOSES_CHANGE)
        finding = there.finding(caller, said.get("appliance", ""), said.get("episode", ""))
        if finding is None:
            return _back(key, lang, "over", at)
        meant = OwnerWord.SOLVED if said.get("word") == "solved" else OwnerWord.NOT_SOLVED
        once = f"{HOW}:{finding.episode_id}:{said.get('version', '')[:20]}"
        outcome = there.alerts.words.take_of(finding, meant, caller.who, once)
        return _back(key, lang, _DONE[outcome], at)

    @app.post("/o/{key}/wellbeing", include_in_schema=False)
    async def own_wellbeing(request: Request, key: str, lang: Lang = None) -> Response:
        return await _sent(
            request, lambda said: answered(key, "../../", lambda: wellbeing(request, key, said, lang))
        )

    def wellbeing(request: Request, key: str, said: Mapping[str, str], lang: Lang) -> Response:
        there, caller = owner(request, key, Right.CONSENTS_CHANGE)
        if not caller.rights.keys() >= THEIRS_ALONE:
            raise Problem(403, "this link is not the owner's own")
        return _back(key, lang, _trust(there, caller, said), None)

    @app.post("/o/{key}/export", include_in_schema=False)
    def own_export(request: Request, key: str, lang: Lang = None) -> Response:
        def ask() -> Response:
            there, caller = owner(request, key, Right.EXPORT)
            if there.privacy is None:
                raise UnavailableError("this process only shows")
            file = there.privacy.export(caller.subject or "", caller.who)
            named = {"Content-Disposition": 'attachment; filename="owner.zip"'}
            return StreamingResponse(_pieces(file), media_type="application/zip", headers=named)

        return answered(key, "../../", ask)

    @app.post("/o/{key}/erase", include_in_schema=False)
    async def own_erase(request: Request, key: str, lang: Lang = None) -> Response:
        return await _sent(
            request, lambda said: answered(key, "../../", lambda: erase(request, key, said, lang))
        )

    def erase(request: Request, key: str, said: Mapping[str, str], lang: Lang) -> Response:
        there, caller = owner(request, key, Right.ERASURES_CHANGE)
        if said.get("sure") != "yes":
            return _back(key, lang, "not_sure", None)
        if there.privacy is None:
            raise UnavailableError("this process only shows")
        language = lang or there.language(caller.subject or "")
        job = there.privacy.erase(caller.subject or "", HOW, caller.who)
        due = time_text(there.consents.now_ms() + 86_400_000, "UTC", language) + " UTC"
        page = html.plain([language], ["erased", "erased_number"], "../../", time=due, id=job["id"])
        return HTMLResponse(page, 202)


def _trust(desk: OwnDesk, caller: Caller, said: Mapping[str, str]) -> html.Done:
    """What the owner says of contacts, of being away or well; what cannot be taken changes nothing."""
    owner_id, alerts, word, days = caller.subject or "", desk.alerts, said.get("word"), said.get("days", "")
    try:
        if word == "add":
            name, language = said.get("name", "").strip() or None, said.get("language", "")
            chosen = Contact(said.get("channel", ""), said.get("address", "").strip(), language, name)
            alerts.contacts.add(owner_id, chosen, caller.who)
        elif word == "remove":
            alerts.contacts.remove(owner_id, said.get("contact", ""), caller.who)
        elif word == "well":
            alerts.wellbeing.well(owner_id, caller.who)
        elif word == "away" and days in map(str, DAYS):
            until = desk.consents.now_ms() + int(days) * MS_PER_DAY
            alerts.wellbeing.away(owner_id, until, caller.who)
        else:
            return "over"
    except InputError:
        return "no_contact" if word == "add" else "over" if word == "remove" else "no_wellbeing"
    return "said"


async def _sent(request: Request, act: Callable[[Mapping[str, str]], Response]) -> Response:
    """`act` of a form's fields, in a thread of its own."""
    return await run_in_threadpool(act, fields(await request.body(), _MOST_FIELDS))


def _refused(error: Exception, key: str, up: str) -> Response:
    if isinstance(error, Problem) and error.status_code == 429:
        return HTMLResponse(html.plain(_BOTH, ["busy"], up), 429, error.headers)
    if key != ME:
        return HTMLResponse(html.plain(_BOTH, ["dead"], up), 404)
    if isinstance(error, Problem) and error.status_code == 401:
        return HTMLResponse(html.login(up), 401)
    return HTMLResponse(html.plain(_BOTH, ["not_owner"], up), 403)


def _back(key: str, lang: Lang, done: html.Done, at: Place) -> Response:
    """To the page, by GET: a reload sends nothing again."""
    asked = urlencode({"done": done} | ({"lang": lang} if lang else {}))
    place = "" if at is None else f"#a{at}"
    return RedirectResponse(f"../{quote(key, safe='')}?{asked}{place}", 303)


def _purpose(word: str) -> Purpose:
    found = next((one for one in Purpose if one.value == word), None)
    if found is None:
        raise InputError("no such purpose")
    return found


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece
