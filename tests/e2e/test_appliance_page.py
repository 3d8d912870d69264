"""The page of one appliance in a real browser: readings, evidence, and why there is no ticket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from foremend.history.parquet import ParquetHistory
from foremend.runtimes.status import ApplianceStatus
from foremend.service.app import create_app
from foremend.service.appliance_pages import AppliancePages
from foremend.service.desks import Desks
from foremend.service.server import Server
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import Block
from tests.conftest import NOW, StillClock
from tests.e2e.visiting import serious

MINUTES = 10
HOSTILE = "<img src=x onerror=alert(1)>"
SLASHED = "hall 2/rf-260/7"
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def address(world: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service on the seeded world, thirty days of one refrigerator, and a stranger of a wild name."""
    history, n = ParquetHistory(tmp_path_factory.mktemp("history")), 30 * 1_440 // MINUTES
    minute = np.arange(n) * MINUTES
    time = NOW - (n - 1) * MINUTES * 60_000 + minute * 60_000
    runs, leak = (minute % 60 < 25).astype(float), minute / minute[-1]
    signals = {
        "power": 1.2 + 91.0 * runs,
        "evaporator_temp": -21.0 - 4 * runs + 7 * leak,
        "cabinet_temp": 4.5 - runs + 2 * leak,
    }
    silence = (leak > 0.3) & (leak < 0.35)
    block = Block("rf-260", ("rf-260-00",), np.zeros(n, np.int32), time, np.arange(n), signals)
    history.write(block.take(~silence))
    history.flush(0, 1)
    for name in (HOSTILE, SLASHED):
        world.pipeline.appliances.append(ApplianceStatus(name, "rf-260", "refrigerator", NOW))
    pages = AppliancePages(world.engine, history, load_profiles(), StillClock())
    with Server(create_app(world.model, desks=Desks(pages=pages)), "127.0.0.1", 0) as address:
        yield address


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Open]:
    """Opens the page of an appliance; a test fails if anything on it went wrong."""
    opened, errors = [], []

    def open_(appliance: str, locale: str = "en-GB", width: int = 1280, more: str = "") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, locale=locale, timezone_id="Asia/Shanghai"
        )
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda one: errors.append(one.text) if one.type == "error" else None)
        page.goto(f"{address}/appliance.html?id={quote(appliance)}{more}")
        return page

    yield open_
    for context in opened:
        context.close()
    assert [one for one in errors if "404" not in one] == []


def test_a_square_leads_to_the_appliances_own_page(browser: Browser, address: str) -> None:
    """From the fleet by two clicks; its address names it."""
    page = browser.new_page(locale="en-GB")
    page.goto(address)
    page.locator('[data-key="rf-260-00"]').click()
    page.get_by_role("link", name="Readings and all that is known").click()

    expect(page.locator("h1")).to_have_text("rf-260-00")
    assert parse_qs(urlsplit(page.url).query)["id"] == ["rf-260-00"]
    page.close()


def test_the_page_shows_why_it_is_critical_where_it_was_measured(open_page: Open) -> None:
    """Probability over time, the signal that is evidence first and in a sentence, values with their age, the ticket."""
    page = open_page("rf-260-00")

    expect(page.locator("#verdict")).to_have_text("Critical")
    expect(page.locator(".panel canvas").first).to_be_visible()
    expect(page.locator(".panel b")).to_have_text(
        ["Refrigerant is leaking out: probability", "evaporator temperature", "power", "cabinet temperature"]
    )
    expect(page.locator(".panel[data-evidence]")).to_contain_text(
        "-14.2 °C · usual -21.3 °C · siblings -20.8 °C"
    )
    expect(page.locator("#values")).to_contain_text("1.2 W this minute")
    expect(page.locator("#episodes")).to_contain_text("93%")
    expect(page.locator("#standing")).to_contain_text("Service ticketsyes")
    expect(page.locator("#span")).to_contain_text("Asia/Shanghai")


def test_readings_are_drawn_but_for_the_silence(open_page: Open) -> None:
    """Of the columns of the power chart over thirty days, those with the line; five in a hundred have none."""
    page = open_page("rf-260-00", more="&days=30")
    expect(page.locator("#span")).to_contain_text("4,104 readings")
    expect(page.locator(".panel canvas")).to_have_count(4)

    drawn = (
        page.locator(".panel", has_text="power")
        .locator("canvas")
        .evaluate(
            """canvas => {
          const { width, height } = canvas, data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
          const isLine = i => data[i + 3] > 200 && data[i + 1] > data[i] + 60;
          const upTo = n => Array.from({ length: n }, (_, i) => i);
          const drawn = upTo(width).filter(x => upTo(height).some(y => isLine(4 * (y * width + x))));
          return drawn.length / width;
        }"""
        )
    )

    assert 0.7 < drawn < 0.9


def test_why_there_is_no_ticket_is_said(open_page: Open) -> None:
    """The owner agreed to be watched, and to nothing more."""
    page = open_page("ac-26f-03")

    expect(page.locator("#standing")).to_contain_text("No ticket for")
    expect(page.locator("#standing")).to_contain_text("consent never given")
    expect(page.locator("#charts")).to_contain_text("Choose a longer span")


def test_the_span_is_in_the_address_and_can_be_sent(open_page: Open) -> None:
    """By keyboard: a shorter span, then closer; who opens the address sees the same."""
    page = open_page("rf-260-00")
    page.get_by_role("button", name="7 days").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#span")).to_contain_text("1,008 readings")
    assert "days=7" in page.url

    page.get_by_role("button", name="Closer").press("Enter")

    expect(page.locator("#span")).to_contain_text("504 readings")
    sent = page.locator("#span").inner_text()
    page.reload()
    expect(page.locator("#span")).to_have_text(sent)


def test_the_page_speaks_chinese(open_page: Open) -> None:
    """All of it, and changes without loading again."""
    page = open_page("rf-260-00", "zh-CN")

    expect(page.locator("html")).to_have_attribute("lang", "zh")
    expect(page.locator("#verdict")).to_have_text("紧急")
    expect(page.locator(".panel b").first).to_have_text("制冷剂泄漏：概率")
    expect(page.locator("#standing")).to_contain_text("服务单是")
    for words in ("制冷剂减少", "只有蒸发器前段结霜"):
        expect(page.locator("#episodes")).to_contain_text(words)
    page.get_by_role("button", name="English").click()
    expect(page.locator("#verdict")).to_have_text("Critical")


def test_a_hostile_id_is_text(open_page: Open) -> None:
    """In the title, and where nothing is known of it."""
    page = open_page(HOSTILE)

    expect(page.locator("h1")).to_have_text(HOSTILE)
    expect(page.locator("#episodes")).to_contain_text("No rule speaks now.")
    assert page.locator("main img").count() == 0


def test_an_id_with_slashes_has_its_page(open_page: Open) -> None:
    """Ids of devices may have any letter; all that the page asks for is found."""
    page = open_page(SLASHED)

    expect(page.locator("h1")).to_have_text(SLASHED)
    expect(page.locator("#episodes")).to_contain_text("No rule speaks now.")
    expect(page.locator("main")).to_contain_text("registered to nobody")


def test_an_appliance_that_nobody_heard_of_is_said_so(open_page: Open) -> None:
    """A link to what was erased, or a slip of the hand."""
    page = open_page("nobody")

    expect(page.locator("#about")).to_contain_text("No appliance “nobody” was heard of")
    expect(page.locator("#found")).to_be_hidden()


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_the_page_fits_the_narrowest_phone(open_page: Open, language: str) -> None:
    """Nothing is wider than 360 pixels, charts included."""
    page = open_page("rf-260-00", language, 360)
    expect(page.locator(".panel canvas").first).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_keeps_anybody_from_using_it(open_page: Open, theme: str) -> None:
    """As axe-core has it, in both themes."""
    page = open_page("rf-260-00")
    page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
    page.reload()
    expect(page.locator(".panel canvas").first).to_be_visible()

    assert serious(page) == []
