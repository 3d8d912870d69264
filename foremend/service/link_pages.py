"""The frame of pages behind a link in a message: no script, no menu, nothing that leads elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

NOBODYS = ("en", "zh")
"""Languages of what is said to somebody whose own is not known."""
AWAY_S = 60
"""After so long it is worth to try again."""


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
