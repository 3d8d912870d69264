"""The page of an owner in a real browser: on a phone, by keyboard, in both languages and themes, without a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import Purpose
from tests.own_house import FRIDGE, HOSTILE, OWNER, House, open_house

AXE = (Path(__file__).parent / "axe-core/axe.min.js").read_text("utf-8")
PASSWORD = "four plain words together"
MOST_BYTES = 60_000
"""Of a first view with everything that it loads: a phone on a slow link has it in three seconds at 160 kbit/s."""
Open = Callable[..., Page]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Told of a leak, with a fault of a wild name beside it."""
    with open_house(tmp_path, f"sqlite:///{tmp_path / 'foremend.db'}", SystemClock()) as found:
        found.say(FRIDGE, Purpose.MONITORING, Purpose.TICKET, Purpose.SMS)
        found.find()
        found.find(fault=HOSTILE, rule=HOSTILE)
        yield found


@pytest.fixture
def open_page(browser: Browser, house: House) -> Iterator[Open]:
    """Opens it by a link; a test fails if anything on it went wrong, or anything was fetched from elsewhere."""
    opened: list[BrowserContext] = []
    errors: list[str] = []

    def open_(query: str = "", width: int = 360, **context: Any) -> Page:
        opened.append(browser.new_context(viewport={"width": width, "height": 740}, **context))
        page = opened[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda one: errors.append(one.text) if one.type == "error" else None)
        page.on("request", lambda one: None if one.url.startswith(house.address) else errors.append(one.url))
        page.on("dialog", lambda one: errors.append(one.message))
        page.goto(house.address + house.link() + query)
        return page

    yield open_
    for context in opened:
        context.close()
    assert errors == []


def violations(page: Page) -> list[str]:
    """All that axe finds by its rules of WCAG 2.2, levels A and AA, and its best practices."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found]


def open_all(page: Page) -> None:
    for one in page.locator("summary").all():
        one.click()


def crossed(request: Request) -> int:
    """Bytes of its answer, body and headers."""
    sizes = request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nobody_is_kept_from_using_it(open_page: Open, language: str, theme: Any, width: int) -> None:
    """Nothing to mend for axe, nothing wider than the screen, every button large enough for a thumb."""
    page = open_page(f"?lang={language}", width, color_scheme=theme)
    open_all(page)

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sizes = page.locator("button, summary").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 44


def test_a_switch_is_turned_by_keyboard_without_a_script(open_page: Open, house: House) -> None:
    """It is a switch for who hears the page, and the answer is said."""
    page = open_page("?lang=en", java_script_enabled=False)
    page.get_by_text("What I agreed to").first.focus()
    page.keyboard.press("Enter")
    switch = page.get_by_role("switch", name="Text messages").first
    expect(switch).to_be_checked()

    switch.focus()
    page.keyboard.press("Space")

    expect(page.get_by_role("status")).to_have_text("It is noted, and holds from now on.")
    assert not house.alerts.consent.is_given(FRIDGE, Purpose.SMS)


def test_it_was_solved_is_said_with_one_tap_in_chinese(open_page: Open) -> None:
    """The warning of the leak has a ticket, which ends; the page goes on in Chinese."""
    page = open_page("?lang=zh")

    page.locator("article", has_text="制冷剂").get_by_role("button", name="已经解决").click()

    expect(page.get_by_role("status")).to_contain_text("已记录为解决")
    expect(page.locator("html")).to_have_attribute("lang", "zh")


def test_an_owner_who_logs_in_is_on_the_own_page(browser: Browser, house: House) -> None:
    """The first page would show nothing to an owner."""
    link = house.alerts.access.users.create("rosa", Role.OWNER, "test", OWNER)[1]
    house.alerts.access.entrance.set_password(link, PASSWORD, "127.0.0.1")
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale="en-GB")
    page = context.new_page()
    page.goto(f"{house.address}/login.html")

    page.locator("#name").fill("rosa")
    page.locator("#password").fill(PASSWORD)
    page.locator("#send").click()

    page.wait_for_url(f"{house.address}/o/me")
    expect(page.locator("h1")).to_have_text("My appliances")
    page.locator("summary", has_text="What I agreed to").first.click()
    page.get_by_role("switch", name="Text messages").first.click()
    expect(page.get_by_role("status")).to_have_text("It is noted, and holds from now on.")
    context.close()


def test_whatever_somebody_called_a_fault_is_text(open_page: Open) -> None:
    """It is read, and does nothing."""
    page = open_page("?lang=en")

    expect(page.locator("article", has_text=HOSTILE)).to_have_count(1)
    expect(page.locator("article img")).to_have_count(0)


def test_a_drawing_shows_what_may_be_tried(open_page: Open, house: House) -> None:
    """Beside the steps, where one helps; it says nothing that they do not, and is fetched from here."""
    house.find(fault="door-gasket-leak")

    page = open_page("?lang=en")

    drawing = page.locator("article", has_text="Wipe the seal").locator("img")
    expect(drawing).to_have_attribute("alt", "")
    assert drawing.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


def test_everything_is_downloaded_and_erased_from_the_phone(open_page: Open, house: House) -> None:
    """The browser itself asks for the tick; afterwards the page says until when it is done."""
    page = open_page("?lang=en")
    with page.expect_download() as loading:
        page.get_by_role("button", name="Download everything").click()
    assert loading.value.suggested_filename == "owner.zip"
    page.locator("summary", has_text="Erase everything").click()
    erase = page.get_by_role("button", name="Erase everything")
    erase.click()
    assert house.alerts.erasures.all() == []

    page.get_by_label("Yes, remove everything about me and my appliances.").check()
    erase.click()

    expect(page.locator("h1")).to_contain_text("It has begun.")
    assert len(house.alerts.erasures.all()) == 1


def test_the_first_view_is_small(house: House, browser: Browser) -> None:
    """All that it loads, as it crosses the network."""
    context = browser.new_context()
    page = context.new_page()
    sizes: list[int] = []
    page.on(
        "requestfinished",
        lambda one: sizes.append(
            sum(one.sizes()[key] for key in ("responseBodySize", "responseHeadersSize"))
        ),
    )
    page.goto(house.address + house.link(), wait_until="networkidle")
    context.close()

    assert len(sizes) >= 3
    assert sum(sizes) < MOST_BYTES


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1280, "light")])
def test_whom_to_tell_of_a_silence_is_named_on_a_phone(
    house: House, open_page: Open, width: int, scheme: str
) -> None:
    """The form is found by its labels, what is kept comes back masked, and axe finds nothing wrong with it."""
    house.say(FRIDGE, Purpose.WELLBEING)
    page = open_page(width=width, color_scheme=scheme, java_script_enabled=True)

    page.get_by_text("Name somebody").click()
    page.get_by_label("Telephone number or e-mail address").fill("+86 139 1234 5678")
    page.get_by_label("What this person calls you").fill("Mum")
    page.get_by_role("button", name="Keep").click()

    expect(page.get_by_text("Mum · text message ***678")).to_be_visible()
    page.get_by_text("Name somebody").click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
