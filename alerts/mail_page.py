"""An e-mail's HTML: the lines of its text, and nothing from elsewhere, so that nobody hears that it was read."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.channels import Message

if TYPE_CHECKING:
    from jinja2 import Template


def page(message: Message) -> str:
    """The text's lines as paragraphs, the link one that can be followed."""
    return _template().render(
        language=message.language or "en",
        subject=message.subject or "Foremend",
        lines=[line for line in message.body.splitlines() if line],
        link=message.link,
    )


@cache
def _template() -> Template:
    from jinja2 import Environment  # most processes never send an e-mail

    text = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    return Environment(autoescape=True).from_string(text)
