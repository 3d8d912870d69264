"""The frame of pages behind a link in a message: no script, no menu, nothing that leads elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import TypeVar
from urllib.parse import parse_qsl

from fastapi.responses import HTMLResponse

from alerts.words.loading import words_of
from foremend.vocabulary.errors import UnavailableError

T = TypeVar("T")
ONE_CLICK = ("List-Unsubscribe", "One-Click")
"""What a mail program's own button sends (RFC 8058, section 3.1)."""
NOBODYS = ("en", "zh")
"""Languages of what is said to somebody whose own is not known."""
AWAY_S = 60
"""After so long it is worth to try again."""


def answered(
    ask: Callable[[], T | None],
    dead: Callable[[str], str],
    card: Callable[[T], tuple[str, str]],
    headers: Mapping[str, str],
) -> HTMLResponse:
    """What is found, as the `card` of its language; `dead` says in a language that the link leads to nothing."""
    try:
        found = ask()
    except UnavailableError:
        busy = [said(one, words_of(one).stop_page.busy) for one in NOBODYS]
        return HTMLResponse(page(NOBODYS[0], busy), 503, {**headers, "Retry-After": str(AWAY_S)})
    if found is None:
        return HTMLResponse(page(NOBODYS[0], [said(one, dead(one)) for one in NOBODYS]), 404, headers)
    language, shown = card(found)
    return HTMLResponse(page(language, [shown]), 200, headers)


def is_one_click(body: bytes) -> bool:
    """Whether a mail program sends this, as a form of either encoding."""
    return all(word.encode() in body for word in ONE_CLICK)


def fields(body: bytes, most: int) -> dict[str, str]:
    """What a form says; nothing where it has more than `most` fields.

    >>> fields(b"word=away&days=7", 2), fields(b"a=1&b=2&c=3", 2)
    ({'word': 'away', 'days': '7'}, {})
    """
    text = body.decode(errors="replace")
    if text.count("&") >= most:
        return {}
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=most))


def said(language: str, title: str, *more: str) -> str:
    """A card that says a few sentences."""
    below = "".join(f"<p>{escape(one)}</p>" for one in more)
    return f'<section class="card login" lang="{language}"><h1>{escape(title)}</h1>{below}</section>'


def page(language: str, parts: Iterable[str]) -> str:
    """The whole page around some cards."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>Foremend</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'
        '<link rel="icon" href="../favicon.svg"><link rel="stylesheet" href="../style.css"></head>'
        f'<body><main class="narrow">{"".join(parts)}</main></body></html>'
    )


def sends_forms(policy: str) -> dict[str, str]:
    """Headers for a page that may send its own form, by the CSP of all pages."""
    return {"Content-Security-Policy": policy.replace("form-action 'none'", "form-action 'self'")}
