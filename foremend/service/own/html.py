"""The page of an owner as HTML, without a script: what stands in it is escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape
from typing import Literal

from alerts.words.loading import LANGUAGES
from foremend.service.contact_page import DAYS
from foremend.service.own.look import Fault, Message, OwnPage, Shown, Switch, Trusted
from foremend.service.own.words import PURPOSES, WORDS, Language, time_text
from foremend.service.views import TicketView
from foremend.vocabulary.rights import Right

Done = Literal[
    "said",
    "done_solved",
    "done_nothing",
    "done_come",
    "done_call",
    "over",
    "not_sure",
    "no_contact",
    "no_wellbeing",
]
"""What became of the last thing that was done: a key of the words."""

_TONES = {"unwatched": "not_judged"}
_OTHER: dict[Language, Language] = {"en": "zh", "zh": "en"}
_LANGUAGE_NAMES: dict[Language, str] = {"en": "English", "zh": "中文"}
_LANGUAGES_OF_MESSAGES = {"zh": "中文", "en": "English", "de": "Deutsch", "es": "Español", "fr": "Français"}


def whole(page: OwnPage, key: str, language: Language, done: Done | None = None) -> str:
    """The page; `key` is the last part of its address, from which its forms go on."""
    return document(language, _body(page, key, language, done), "../", _languages(language))


def plain(languages: Iterable[Language], keys: Iterable[str], up: str = "../", **filled: str) -> str:
    """A page that says a few sentences in each of some languages, and nothing else."""
    several, said = list(languages), list(keys)
    parts = [_few(one, said, filled) for one in several]
    return document(several[0], parts, up, "")


def login(up: str = "../") -> str:
    """The page for whoever comes without a link and is not logged in."""
    several: tuple[Language, ...] = ("en", "zh")
    parts = [
        f'<section class="card login" lang="{one}"><h1>{WORDS[one]["log_in"]}</h1>'
        f'<a class="primary" href="{up}login.html?next=o/me">{WORDS[one]["to_login"]}</a></section>'
        for one in several
    ]
    return document("en", parts, up, "")


def document(language: Language, parts: Iterable[str], up: str, tools: str) -> str:
    """The frame of every page; `up` leads from the page to where the styles are."""
    words = WORDS[language]
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{words["title"]} · Foremend</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'
        f'<link rel="icon" href="{up}favicon.svg"><link rel="stylesheet" href="{up}style.css">'
        f'<link rel="stylesheet" href="{up}own.css"></head><body><header class="top"><span class="brand">'
        f'<img src="{up}favicon.svg" alt="" width="30" height="30"><span>Foremend</span></span>{tools}</header>'
        f'<main class="own">{"".join(parts)}</main></body></html>'
    )


def _languages(now: Language) -> str:
    other = _OTHER[now]
    return (
        f'<nav class="tools" aria-label="{WORDS[now]["language"]}">'
        f'<a lang="{other}" hreflang="{other}" href="?lang={other}">{_LANGUAGE_NAMES[other]}</a></nav>'
    )


def _few(language: Language, keys: Iterable[str], filled: dict[str, str]) -> str:
    title, *more = [escape(WORDS[language][key].format(**filled)) for key in keys]
    below = "".join(f"<p>{one}</p>" for one in more)
    return f'<section class="card login" lang="{language}"><h1>{title}</h1>{below}</section>'


def _body(page: OwnPage, key: str, language: Language, done: Done | None) -> Iterator[str]:
    words = WORDS[language]
    yield f"<h1>{words['title']}</h1>"
    if done is not None:
        yield f'<p class="card said" role="status">{escape(words[done])}</p>'
    if not page.appliances:
        yield f'<p class="card empty">{words["none"]}</p>'
    open_ = len(page.appliances) == 1
    for number, one in enumerate(page.appliances):
        yield "".join(_appliance(one, number, key, language, page.rights, open_))
    if page.more > 0:
        yield f'<p class="hint">{words["more"].format(count=page.more)}</p>'
    if page.trusted is not None:
        yield "".join(_trusted(page.trusted, key, language))
    yield "".join(_messages(page.messages, language))
    yield "".join(_data(page.rights, key, language))


def _appliance(
    one: Shown, number: int, key: str, language: Language, rights: frozenset[Right], open_: bool
) -> Iterator[str]:
    words = WORDS[language]
    state = _TONES.get(one.state, one.state)
    yield f'<section class="card" id="a{number}" data-state="{state}" aria-labelledby="n{number}">'
    yield f'<div class="card-head"><h2 id="n{number}">{escape(one.name)}</h2>'
    yield f'<span class="id">{escape(one.own.appliance_id)}</span></div>'
    yield f'<p class="verdict"><span class="dot" aria-hidden="true"></span>{escape(_verdict(one, language))}</p>'
    if one.last_seen is not None and one.state != "silent":
        heard = time_text(one.last_seen, one.own.timezone, language)
        yield f'<p class="hint">{escape(words["heard"].format(time=heard))}</p>'
    for fault in one.faults:
        yield "".join(_fault(fault, one, number, key, language, rights))
    if one.switches:
        yield f"<details{' open' if open_ else ''}><summary>{words['agreed']}</summary><ul class='switches'>"
        for each in one.switches:
            yield "".join(_switch(each, one, number, key, language, Right.CONSENTS_CHANGE in rights))
        yield "</ul>"
        receipt = f"{escape(key)}/receipt?appliance={escape(one.own.appliance_id)}"
        yield f'<p class="hint"><a href="{receipt}">{words["receipt"]}</a></p></details>'
    yield "</section>"


def _verdict(one: Shown, language: Language) -> str:
    words = WORDS[language]
    if one.state == "silent" and one.last_seen is not None:
        return words["silent"].format(time=time_text(one.last_seen, one.own.timezone, language))
    if one.state == "learning":
        days = one.days_missing
        return words["learning"].format(days=days) if days and days > 0 else words["learning_some"]
    return words[one.state]


def _fault(
    fault: Fault, one: Shown, number: int, key: str, language: Language, rights: frozenset[Right]
) -> Iterator[str]:
    words, finding = WORDS[language], fault.finding
    yield f'<article class="episode" data-state="{finding.severity.value}"><h3>{escape(fault.what)}</h3>'
    if finding.days_low is not None and finding.days_high is not None:
        low, high = f"{finding.days_low:.0f}", f"{finding.days_high:.0f}"
        yield f"<p>{words['between'].format(low=low, high=high)}</p>"
    if fault.why:
        yield f"<h4>{words['why']}</h4>{_list(fault.why)}"
    yield f"<h4>{words['do']}</h4><p>{escape(fault.do)}</p>"
    if fault.steps:
        yield _list(fault.steps, "ol", ' class="steps"')
    if fault.steps and fault.picture:
        yield f'<img class="drawing" src="../help/{escape(fault.picture)}.svg" alt="" width="160" height="100">'
    if fault.safety:
        yield f'<p class="safety">{escape(words["safety"].format(text=fault.safety))}</p>'
    if Right.TICKETS in rights:
        zone = one.own.timezone
        yield f"<h4>{words['service']}</h4><p>{escape(_service(fault.ticket, zone, language))}</p>"
    if Right.DIAGNOSES_CHANGE in rights:
        version = 0 if fault.ticket is None else fault.ticket.version
        hidden = {"appliance": one.own.appliance_id, "episode": finding.episode_id, "version": str(version)}
        yield _form(key, "word", language, hidden, number)
        for word, text, kind in (("solved", "solved", "quiet"), ("not_solved", "come", "primary")):
            yield f'<button class="{kind}" name="word" value="{word}">{words[text]}</button>'
        yield "</form>"
    yield "</article>"


def _service(ticket: TicketView | None, zone: str, language: Language) -> str:
    words = WORDS[language]
    if ticket is None:
        return words["ticket_none"]
    said = words.get(f"ticket_{ticket.status}", words["ticket_open"])
    if "{time}" not in said:
        return said
    if ticket.visit_from is None:
        return words["ticket_scheduled_some"]
    from_ms = int(datetime.fromisoformat(ticket.visit_from).timestamp() * 1_000)
    return said.format(time=time_text(from_ms, zone, language))


def _switch(
    each: Switch, one: Shown, number: int, key: str, language: Language, may_change: bool
) -> Iterator[str]:
    words, name = WORDS[language], f"{number}-{each.purpose.value}"
    state = words["on" if each.on else "off"]
    yield "<li>"
    if may_change:
        hidden = {"appliance": one.own.appliance_id, "purpose": each.purpose.value}
        yield _form(key, "consent", language, hidden, number)
        yield (
            f'<button class="switch" role="switch" aria-checked="{"true" if each.on else "false"}"'
            f' aria-labelledby="s{name}" aria-describedby="t{name}" name="given" value="{"no" if each.on else "yes"}">'
            f"<span>{state}</span></button></form>"
        )
    else:
        yield f'<span class="tag">{state}</span>'
    yield f'<div><strong id="s{name}">{PURPOSES[language][each.purpose]}</strong>'
    yield f'<p class="hint" id="t{name}">{escape(each.notice)} {escape(_holds(each, one, language))}</p></div></li>'


def _holds(each: Switch, one: Shown, language: Language) -> str:
    words = WORDS[language]
    if each.on and not each.reached:
        return words["no_address"]
    if not each.on:
        return words["no_address"] if not each.reached else ""
    if each.ends_at is None:
        return words["ends_never"]
    return words["until"].format(time=time_text(each.ends_at, one.own.timezone, language))


def _messages(messages: Iterable[Message], language: Language) -> Iterator[str]:
    words, found = WORDS[language], list(messages)
    yield _card("messages", words["messages"])
    if not found:
        yield f'<p class="hint inside">{words["no_messages"]}</p></section>'
        return
    yield '<ol class="told">'
    for one in found:
        when = escape(time_text(one.sent_at, one.timezone, language))
        yield f"<li><small>{when} · {words.get(one.channel, escape(one.channel))}</small><p>{escape(one.text)}</p></li>"
    yield "</ol></section>"


def _trusted(trusted: Trusted, key: str, language: Language) -> Iterator[str]:
    """Whom to tell of a silence, and the owner's words against a false one."""
    words = WORDS[language]
    yield f'{_card("trusted", words["trusted"])}<p>{words["trusted_text"]}</p><ul class="told">'
    for one in trusted.contacts:
        named = f"{escape(one['name'])} · " if one["name"] else ""
        yield f"<li>{named}{words.get(one['channel'], escape(one['channel']))} {escape(one['address'])}"
        yield f"{_form(key, 'wellbeing', language, {'word': 'remove', 'contact': one['id']}, None)}"
        yield f'<button class="quiet">{words["remove"]}</button></form></li>'
    yield "</ul>"
    yield "".join(_add_contact(trusted, key, language))
    yield "".join(_away(trusted, key, language))
    yield "</section>"


def _add_contact(trusted: Trusted, key: str, language: Language) -> Iterator[str]:
    words = WORDS[language]
    channels = [(one, words.get(one, one)) for one in trusted.channels]
    if not channels:
        return
    yield f"<details><summary>{words['add_contact']}</summary>"
    yield _form(key, "wellbeing", language, {"word": "add"}, None)
    yield f'<label for="c-by">{words["contact_by"]}</label>{_select("c-by", "channel", channels, channels[0][0])}'
    yield f'<label for="c-to">{words["contact_to"]}</label>'
    yield '<input id="c-to" name="address" required maxlength="254" autocomplete="off">'
    yield f'<label for="c-name">{words["contact_name"]}</label>'
    yield '<input id="c-name" name="name" maxlength="40" autocomplete="off">'
    tongues = [(one, _LANGUAGES_OF_MESSAGES[one]) for one in LANGUAGES]
    yield f'<label for="c-in">{words["language"]}</label>{_select("c-in", "language", tongues, language)}'
    yield f'<button class="primary">{words["add"]}</button></form></details>'


def _away(trusted: Trusted, key: str, language: Language) -> Iterator[str]:
    words = WORDS[language]
    if trusted.away_until is not None:
        until = time_text(trusted.away_until, trusted.timezone, language)
        yield f"<p>{escape(words['away_until'].format(time=until))}</p>"
    days = [(str(one), words["days"].format(count=one)) for one in DAYS]
    yield f"{_form(key, 'wellbeing', language, {'word': 'away'}, None)}"
    yield f'<label for="c-days">{words["away"]}</label>{_select("c-days", "days", days, "7")}'
    yield f'<button class="quiet">{words["say"]}</button></form>'
    yield f"{_form(key, 'wellbeing', language, {'word': 'well'}, None)}"
    yield f'<button class="primary">{words["well"]}</button></form>'


def _select(id_: str, name: str, options: Iterable[tuple[str, str]], chosen: str) -> str:
    each = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(text)}</option>'
        for value, text in options
    )
    return f'<select id="{id_}" name="{name}">{each}</select>'


def _data(rights: frozenset[Right], key: str, language: Language) -> Iterator[str]:
    words = WORDS[language]
    if not rights & {Right.EXPORT, Right.ERASURES_CHANGE}:
        return
    yield _card("data", words["data"])
    if Right.EXPORT in rights:
        yield f"<p>{words['export_text']}</p>{_form(key, 'export', language, {}, None)}"
        yield f'<button class="quiet">{words["export"]}</button></form>'
    if Right.ERASURES_CHANGE in rights:
        yield f"<details><summary>{words['erase']}</summary><p>{words['erase_text']}</p>"
        yield f"{_form(key, 'erase', language, {}, None)}<label class='sure'>"
        yield f'<input type="checkbox" name="sure" value="yes" required> <span>{words["sure"]}</span></label>'
        yield f'<button class="danger">{words["erase"]}</button></form></details>'
    yield "</section>"


def _card(name: str, title: str) -> str:
    """Its beginning."""
    return (
        f'<section class="card" aria-labelledby="{name}">'
        f'<div class="card-head"><h2 id="{name}">{title}</h2></div>'
    )


def _form(key: str, to: str, language: Language, hidden: dict[str, str], number: int | None) -> str:
    """Its beginning; it is sent to `to` behind the page's own address."""
    place = "" if number is None else f"&amp;at={number}"
    fields = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in hidden.items()
    )
    return f'<form method="post" class="act" action="{escape(key)}/{to}?lang={language}{place}">{fields}'


def _list(lines: Iterable[str], kind: str = "ul", more: str = ' class="lines"') -> str:
    return f"<{kind}{more}>{''.join(f'<li>{escape(one)}</li>' for one in lines)}</{kind}>"
