"""The page of what goes with failures in a real browser: asked for, shown with figures, what if, and as a file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine

from alerts.fleet_reports import FleetReports
from foremend.learning.insights_report import report_name
from foremend.runtimes.clock import SystemClock
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.service.v1.insights import InsightsDesk
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.rights import Role
from tests.e2e.visiting import Open, serious, service_of, sideways, visits

HOSTILE = "<img src=x onerror=alert(1)>" + "&'\"?" * 12
DAY = 20_458
CURVE = {
    "age": [10.0, 40.0, 90.0],
    "hazard": [0.1, 0.2, 0.5],
    "low": [0.0, 0.1, 0.2],
    "high": [0.2, 0.4, 1.0],
}
SHAPE = {"shape": 2.4, "low": 1.8, "high": 3.1, "scale": 900.0}


def named(feature: str, ratio: float, *along: str) -> dict[str, Any]:
    effect = {"ratio": ratio, "low": ratio / 1.2, "high": ratio * 1.2, "p": 1e-6, "spread": 0.29}
    return {
        "feature": feature, "title": {"en": "starts per hour", "zh": "每小时启动次数"}, "ratio": ratio,
        "ratio_95": [round(ratio / 1.2, 2), round(ratio * 1.2, 2)], "for": "34% more",
        "more": {"value": 0.34, "unit": None}, "along": list(along), "p": 1e-6, "effect": effect,
    }  # fmt: skip


FOUND = {
    "appliance_model": "rf-260", "fault": None, "appliances": 1_900, "left_out": 40, "failures": 61,
    "lead_days": 60, "spells": 8_000, "named": [named("starts_per_hour", 1.8, "pause_mean_s")],
    "alone": [{"feature": "starts_per_hour", "z": 6.1, "p": 1e-9}, {"feature": "power_max", "z": 0.3, "p": 0.7}],
    "unusable": ["power_min"], "what_if": [],
    "lives": {
        f"batch {HOSTILE}": {"appliances": 90, "failures": 12, "curve": CURVE, "weibull": SHAPE},
        "firmware 2.0": {"appliances": 800, "failures": 30, "curve": CURVE, "weibull": None},
    },
}  # fmt: skip


@pytest.fixture
def desk(tables: Engine) -> InsightsDesk:
    """A report of rf-260; of others nothing yet."""
    clock = SystemClock()
    reports = FleetReports(tables, clock)
    name = report_name("rf-260", None)
    assert reports.claim_anew(name)
    reports.keep(name, DAY, FOUND)

    def begin(model: str, fault: str | None, lead_days: int) -> bool:
        return reports.claim_anew(report_name(model, fault))

    shares = {report_name("rf-140", None): 0.25}
    return InsightsDesk(reports, load_profiles(), begin, lambda: shares, tables, clock)


@pytest.fixture
def open_page(browser: Browser, tables: Engine, desk: InsightsDesk) -> Iterator[Open]:
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(service_of(tables, ("rf-1",), insights=desk))
        yield stack.enter_context(visits(browser, place))


def test_a_report_is_reached_from_the_list_and_has_figures_beside_its_tables(open_page: Open) -> None:
    """What is named with its interval, lives of batches and firmware, each figure loaded and with words."""
    page = open_page("insights.html", Role.QUALITY)
    expect(page.locator("#pages a[aria-current]")).to_have_text("Insights")
    row = page.locator("tbody tr").filter(has_text="rf-260")
    expect(row).to_contain_text("starts per hour")
    row.get_by_role("link").click()

    rows = page.locator("section[aria-labelledby=in_named] tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("34% more")
    expect(rows).to_contain_text("1.5–2.16")
    expect(page.locator("section[aria-labelledby=in_state]")).to_contain_text("61 failures in 8,000 months")
    lives = page.locator("section[aria-labelledby=in_lives]")
    expect(lives.locator("tbody tr").first).to_contain_text(HOSTILE)
    expect(lives.locator("tbody tr").last).to_contain_text("too few failures")
    figures = page.locator("main img")
    expect(figures).to_have_count(3)
    for figure in figures.all():
        figure.scroll_into_view_if_needed()
        expect(figure).to_have_js_property("complete", True)
        assert figure.evaluate("one => one.naturalWidth") > 100
        assert figure.get_attribute("alt")


def test_what_if_is_answered_at_once_and_of_what_is_not_named_nobody_can_say(open_page: Open) -> None:
    """By the keyboard; a third less starts leave fewer failures."""
    page = open_page("insights.html?model=rf-260", Role.QUALITY)
    page.get_by_label("Change, in %").fill("-33")
    page.get_by_label("Change, in %").press("Enter")
    expect(page.locator("#answer")).to_contain_text("times as many failures (0.")

    page.locator("select[data-key=feature]").select_option("power_max")
    page.get_by_role("button", name="How many failures?").click()
    expect(page.locator("#answer")).to_contain_text("not named, so nobody can say")


def test_it_is_looked_for_anew_when_somebody_with_the_right_asks(open_page: Open, desk: InsightsDesk) -> None:
    """And shown as being looked for, with how much of the history is read, until it is there."""
    page = open_page("insights.html?model=rf-140", Role.QUALITY)
    expect(page.locator("main")).to_contain_text("Nobody has asked yet.")
    page.get_by_role("button", name="Look anew").press("Enter")
    expect(page.locator("main")).to_contain_text("Being looked for: 25% of the history read")

    desk.reports.keep(report_name("rf-140", None), DAY, {}, "3 failures are too few")
    expect(page.locator("main")).to_contain_text("3 failures are too few")
    expect(page.get_by_role("button", name="Look anew")).to_be_visible()


def test_a_newer_report_has_figures_of_its_own(open_page: Open, desk: InsightsDesk) -> None:
    """Under the same address the browser went on showing the picture that it had, beside a new table."""
    page = open_page("insights.html?model=rf-260", Role.QUALITY)
    figure = page.locator("section[aria-labelledby=in_named] img")
    expect(figure).to_have_js_property("complete", True)
    before = figure.evaluate("one => one.naturalHeight")

    page.get_by_role("button", name="Look anew").click()
    expect(page.locator("main")).to_contain_text("Being looked for")
    more = [*FOUND["named"], named("power_max", 1.4)]
    desk.reports.keep(report_name("rf-260", None), DAY, FOUND | {"named": more})

    expect(page.locator("section[aria-labelledby=in_named] tbody tr")).to_have_count(2)
    expect(figure).to_have_js_property("complete", True)
    assert figure.evaluate("one => one.naturalHeight") > before


def test_whoever_sits_at_the_machine_looks_and_reads_the_command(
    browser: Browser, tables: Engine, desk: InsightsDesk
) -> None:
    """There is no login, and so nobody who could have asked."""
    model = ReadModel(tables, SharedPipeline(tables, (), SystemClock(), 60_000), {}, {}, {})
    app = create_app(model, desks=Desks(insights=desk))
    with Server(app, "127.0.0.1", 0) as address, visits(browser, address, login=False) as open_:
        page = open_("insights.html?model=rf-260")
        expect(page.locator("section[aria-labelledby=in_named] tbody tr")).to_have_count(1)
        expect(page.locator("main")).to_contain_text("foremend insights --appliance-model rf-260")
        expect(page.get_by_role("button", name="Look anew")).to_have_count(0)


def test_who_may_not_look_is_told_the_right(open_page: Open) -> None:
    page = open_page("insights.html", Role.AGENT)
    expect(page.get_by_role("alert")).to_contain_text("You have not the right “cohorts”")
    expect(page.locator("#pages a[aria-current]")).to_have_text("Insights")


@pytest.mark.parametrize(
    ("language", "said"), [("en-GB", "what goes with failures"), ("zh-CN", "哪些特征与故障相关")]
)
def test_the_report_is_a_file_that_needs_nothing_else(open_page: Open, language: str, said: str) -> None:
    """With its figures, in the language of the page, and hostile names as text."""
    page = open_page("insights.html?model=rf-260", Role.QUALITY, locale=language)
    with page.expect_download() as coming:
        page.locator("a[download]").click()
    text = coming.value.path().read_text("utf-8")

    assert coming.value.suggested_filename == "insights-rf-260.html"
    assert said in text
    assert text.count("<svg") >= 3
    assert "<img" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_what_there_is_not_is_said(open_page: Open) -> None:
    """With the way back."""
    page = open_page("insights.html?model=no-such", Role.QUALITY)
    expect(page.get_by_role("alert")).to_contain_text("There is no such appliance model or fault")
    page.get_by_role("alert").get_by_role("link").click()
    expect(page.locator("tbody tr").first).to_be_visible()


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("path", ["insights.html", "insights.html?model=rf-260"])
def test_it_fits_the_narrowest_phone(open_page: Open, path: str, language: str) -> None:
    """Nothing is wider than 360 pixels; every word is one of the language."""
    page = open_page(path, Role.QUALITY, locale=language, width=360)
    expect(page.locator("#found[aria-busy=false] tbody tr").first).to_be_visible()

    assert sideways(page) <= 360
    if language == "zh-CN":
        expect(page.locator("h1")).to_have_text("故障关联")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_keeps_anybody_from_using_it(open_page: Open, theme: str) -> None:
    """As axe-core has it."""
    page = open_page("insights.html?model=rf-260", Role.QUALITY)
    page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
    page.reload()
    expect(page.locator("section[aria-labelledby=in_named]")).to_be_visible()

    assert serious(page) == []
