"""Today's page in a real browser: what happened since somebody last looked, and nothing at the first visit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, update

from alerts.database import open_database, writing
from alerts.tables import FindingRow
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import MS_PER_HOUR
from tests.e2e.visiting import NOW, Open, serious, service_of, sideways, visits
from tests.episodes import add_open_episodes

HOSTILE = "<img src=x onerror=alert(1)>"
DENIED = """for (const store of ["localStorage", "sessionStorage"])
    Object.defineProperty(window, store, {get() { throw new DOMException("denied", "SecurityError"); }});"""
FOUND = [("rf-1", "refrigerant-leak", "critical", 9.0), (HOSTILE, "not-cooling", "warning", None)]


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Engine]:
    """A prediction and a finding of a minute ago, by the clock on the wall; the fleet's own is another."""
    engine = open_database(f"sqlite:///{tmp_path}/effects.db")
    with writing(engine) as session:
        add_open_episodes(session, FOUND, NOW)
    with writing(engine) as session:
        session.execute(update(FindingRow).values(at=SystemClock().now_ms() - 60_000))
    yield engine
    engine.dispose()


@pytest.fixture
def open_page(browser: Browser, tables: Engine) -> Iterator[Open]:
    with service_of(tables, ("rf-1", HOSTILE)) as place, visits(browser, place) as open_:
        yield open_


def come_back(page: Page, hours: float) -> None:
    """As if this browser had been here so long ago."""
    page.evaluate(
        "since => { localStorage.setItem('looked agent', Date.now() - since); sessionStorage.clear(); }",
        hours * MS_PER_HOUR,
    )
    page.reload()


@pytest.mark.parametrize(("language", "words"), [("en-GB", "A new prediction"), ("zh-CN", "1 项新预测")])
def test_what_is_new_since_the_last_visit_is_told_with_links(
    open_page: Open, language: str, words: str
) -> None:
    """Nothing at the first visit; a reload goes on with the same; hostile ids are text."""
    page = open_page("", Role.AGENT, language)
    expect(page.locator("#needs-list li").first).to_be_visible()
    expect(page.locator("#since")).to_be_hidden()

    come_back(page, 2)
    for _ in range(2):
        expect(page.locator("#since-list .count")).to_have_count(2)
        expect(page.locator("#since-list")).to_contain_text(words)
        expect(page.locator("#since-list")).to_contain_text(HOSTILE)
        page.reload()
    assert page.locator("#since img").count() == 0
    page.locator("#since-list a", has_text="rf-1").click()
    expect(page).to_have_url(page.url.split("appliance.html")[0] + "appliance.html?id=rf-1")


def test_where_nothing_is_new_it_says_so(open_page: Open, tables: Engine) -> None:
    """On a phone's width, too, and with nothing serious for axe."""
    with writing(tables) as session:
        session.execute(update(FindingRow).values(at=1))
    page = open_page("", Role.AGENT, "en-GB", 360)
    expect(page.locator("#needs-list li").first).to_be_visible()
    come_back(page, 2)

    expect(page.locator("#since-list")).to_have_text("Nothing new.")
    assert sideways(page) <= 360
    assert serious(page) == []


def test_a_browser_that_keeps_nothing_shows_the_page_all_the_same(open_page: Open) -> None:
    """Each look at its store is refused; the language holds until the page is left."""
    page = open_page("")
    page.add_init_script(DENIED)
    page.reload()
    expect(page.locator("#needs-list li").first).to_be_visible()
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("button", name="退出登录")).to_be_visible()
    expect(page.locator("#since")).to_be_hidden()
    page.goto(f"{page.url}login.html")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


@pytest.mark.parametrize("looked", ["9e99", "-1", "soon", "4102444800000"])
def test_what_nobody_can_have_kept_counts_as_nothing(open_page: Open, looked: str) -> None:
    """A moment that is none, or of a clock that was wrong, and a language that nobody speaks."""
    page = open_page("")
    expect(page.locator("#needs-list li").first).to_be_visible()
    page.evaluate(
        "at => { sessionStorage.clear(); localStorage.setItem('looked agent', at);"
        " localStorage.setItem('language', '!'); localStorage.setItem('theme', '!'); }",
        looked,
    )
    page.reload()
    expect(page.locator("#needs-list li").first).to_be_visible()
    expect(page.locator("#since")).to_be_hidden()
    page.wait_for_function("Number(localStorage.getItem('looked agent')) > 1.7e12")


def test_where_it_cannot_be_asked_nobody_hears_that_nothing_is_new(open_page: Open) -> None:
    page = open_page("")
    expect(page.locator("#needs-list li").first).to_be_visible()
    page.route("**/api/v1/findings?**", lambda route: route.fulfill(status=502, body="soon"))
    with page.expect_response("**/api/v1/findings?**"):
        come_back(page, 2)
    expect(page.locator("#needs-list li").first).to_be_visible()
    expect(page.locator("#since")).to_be_hidden()
