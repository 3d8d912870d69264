"""The pages of the console as they are sent: whole, in one frame, and with all that they will ask for named at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from foremend.console.pages import STATIC, Console, pages
from foremend.service.server import Server

NAMES = sorted(pages())


class Tags(HTMLParser):
    """Every tag that is open, and attributes of all that there are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags(name: str) -> list[tuple[str, dict[str, str | None]]]:
    found = Tags(pages()[name].decode())
    assert found.open == []
    return found.all


def imported(name: str) -> Iterator[str]:
    """By every line of a script that names another one."""
    for line in (STATIC / name).read_text("utf-8").splitlines():
        yield from re.findall(r'"\./([\w.-]+\.js)"', line)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole(name: str) -> None:
    """Each tag ends; it has one header at its top and one main part, and a script of its own."""
    found = tags(name)

    assert [attrs.get("class") for tag, attrs in found if tag == "header"].count("top") == 1
    assert sum(tag == "main" for tag, _ in found) == 1
    assert sum(tag == "script" and attrs.get("type") == "module" for tag, attrs in found) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_module_is_named_before_a_script_asks_for_it(name: str) -> None:
    """Those that a script imports and those that these import: no other, each once, and each there."""
    found = tags(name)
    script = next(
        str(attrs["src"]) for tag, attrs in found if tag == "script" and attrs.get("type") == "module"
    )
    wanted, left = set[str](), [script]
    while left:
        new = set(imported(left.pop())) - wanted
        wanted |= new
        left += new

    assert [attrs["href"] for _, attrs in found if attrs.get("rel") == "modulepreload"] == sorted(wanted)


def test_a_page_that_the_browser_has_is_not_sent_again() -> None:
    """By its name and as the first page; other files are as they are on the disk."""
    app = Starlette(routes=[Mount("/", Console())])
    with Server(app, "127.0.0.1", 0) as address, httpx.Client(base_url=address) as client:
        first = client.get("/")
        again = client.get("/index.html", headers={"If-None-Match": first.headers["etag"]})
        other = client.get("/fleet.html", headers={"If-None-Match": first.headers["etag"]})
        style = client.get("/style.css")

    assert (first.status_code, first.content) == (200, pages()["index.html"])
    assert (again.status_code, again.content) == (304, b"")
    assert (other.status_code, other.content) == (200, pages()["fleet.html"])
    assert style.content == (STATIC / "style.css").read_bytes()
