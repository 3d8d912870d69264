"""The page of cohorts in a real browser: what stands out and why, seen and closed, and the weeks to come."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine

from alerts.cohort_alarms import CohortAlarms
from alerts.fleet_reports import FleetReports
from alerts.outbox import Outbox
from alerts.settings import AlertsSettings
from foremend.learning.members import Failure, Since, is_in
from foremend.runtimes.clock import SystemClock
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.service.v1.cohorts import CohortDesk
from foremend.vocabulary.rights import Role
from tests.e2e.visiting import Open, serious, service_of, sideways, visits

HOSTILE = "<img src=x onerror=alert(1)>" + "&'\"?" * 20
DAY = 20_458
FIGURES = {"at_risk": 1_900, "failed": 12, "expected": 1.5, "ratio": 9.0, "ratio_95": [4.0, 20.0]}
BATCH = {"appliance_model": "rf-260", "batch": "2025-44"}
FORECAST = [
    {
        "by": by,
        "name": name,
        "week": f"2026-01-{6 + 7 * week:02d}",
        "visits": 3.5 + week,
        "low": week,
        "high": 8,
    }
    for by, name in (("area", "north"), ("area", ""), ("area", "all"), ("part", "start relay"))
    for week in range(3)
]


def alarm(level: str, **definition: str) -> dict[str, Any]:
    faults = [{"fault": "refrigerant-leak", "failed": 12, "others": 3}]
    features = [{"feature": "starts_per_hour", "moved": "up", "failed": 9, "others": 1, "of_others": 40}]
    found = {"definition": definition, "faults": faults, "features": features}
    return {"day": "2026-01-05", "level": level} | found | FIGURES


@pytest.fixture
def desk(tables: Engine) -> CohortDesk:
    """A red batch, a blue model of a wild region, and reports of both kinds."""
    clock = SystemClock()
    alarms = CohortAlarms(tables, Outbox(AlertsSettings()), clock, lambda: None)
    reports = FleetReports(tables, clock)
    alarms.tell([alarm("red", **BATCH), alarm("blue", appliance_model="rf-260", region=HOSTILE)])
    for name in ("cohorts", "forecasts"):
        assert reports.claim(name, DAY)
    head = {"appliances": 1_900, "appliances_without_consent": 100, "failures": 15}
    rows = [FIGURES | {"definition": BATCH, "level": "red"}]
    rows.append(FIGURES | {"definition": {"appliance_model": "rf-260", "firmware": ""}, "level": None})
    reports.keep("cohorts", DAY, head | {"cohorts": rows})
    reports.keep("forecasts", DAY, {"visits": 90, "open_tickets": 4, "weeks": FORECAST})
    since = Since("refrigerator", "rf-260", "2025-44", "north", "", 20_000, 20_000)
    failures = [Failure("rf-secret", "refrigerant-leak", DAY, since)]
    return CohortDesk(alarms, reports, lambda named: [one for one in failures if is_in(named, one.since)])


@pytest.fixture
def open_page(browser: Browser, tables: Engine, desk: CohortDesk) -> Iterator[Open]:
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(service_of(tables, ("rf-1",), cohorts=desk))
        yield stack.enter_context(visits(browser, place))


def test_an_alarm_shows_what_it_rests_on_and_its_members_by_pseudonym(open_page: Open) -> None:
    """Level, figures with their interval, faults, what is recommended, the surest first; no appliance by its id."""
    page = open_page("cohorts.html", Role.QUALITY)
    expect(page.get_by_role("article").first).to_contain_text("red")
    red = page.get_by_role("article", name="model rf-260, batch 2025-44")
    expect(red).to_contain_text("Freeze recommended")
    facts = dict(zip(red.locator("dt").all_inner_texts(), red.locator("dd").all_inner_texts(), strict=True))
    assert (facts["Failed"], facts["Expected"], facts["Times as often"]) == (
        "12 of 1,900 failed", "1.5", "9.0 (4.0–20.0)",
    )  # fmt: skip
    expect(red).to_contain_text("Refrigerant is leaking out: 12 here, 3 on others")
    expect(red).to_contain_text("starts per hour higher: 9 of 12 here, 1 of 40 others")

    red.get_by_text("Which appliances failed").click()
    expect(red.locator("details code")).to_have_count(1)
    assert red.locator("details code").inner_text().startswith("ps_")
    assert "rf-secret" not in page.content()
    expect(page.locator("#pages a[aria-current]")).to_have_text("Cohorts")


def test_it_is_acknowledged_and_closed_with_a_reason_by_the_keyboard(
    open_page: Open, desk: CohortDesk
) -> None:
    """Who, when and why are on the page and in the row; nothing is closed without a reason."""
    page = open_page("cohorts.html", Role.QUALITY)
    red = page.get_by_role("article", name="batch 2025-44")
    red.get_by_role("button", name="Acknowledge").press("Enter")
    expect(page.get_by_role("status").filter(has_text="Done: acknowledged.")).to_be_visible()
    expect(red).to_contain_text("acknowledged by")

    red.get_by_role("button", name="Close").press("Enter")
    expect(red.get_by_role("textbox")).to_be_focused()  # the browser asks for the reason
    red.get_by_role("textbox").fill("recalled <b>today</b>")
    red.get_by_role("textbox").press("Enter")
    expect(red).to_contain_text("recalled <b>today</b>")
    expect(red.get_by_role("button")).to_have_count(0)
    assert [one["state"] for one in desk.alarms.some() if one["level"] == "red"] == ["closed"]

    page.get_by_label("Show").select_option("open")
    expect(page.get_by_role("article")).to_have_count(1)


def test_whoever_comes_second_is_told_what_it_is_now(open_page: Open, desk: CohortDesk) -> None:
    """And sees it; what was typed is not sent."""
    page = open_page("cohorts.html", Role.QUALITY)
    red = page.get_by_role("article", name="batch 2025-44")
    red.get_by_role("textbox").fill("mine")
    (alarm_id,) = (one["alarm_id"] for one in desk.alarms.some() if one["level"] == "red")
    desk.alarms.close(alarm_id, "lee", "theirs")

    red.get_by_role("textbox").press("Enter")
    expect(
        page.get_by_role("status").filter(has_text="Somebody was there first: it is closed")
    ).to_be_visible()
    expect(red).to_contain_text("theirs")


def test_cohorts_and_weeks_are_tables_with_their_intervals(open_page: Open) -> None:
    """The surest cohorts against what was expected, and visits by area and part."""
    page = open_page("cohorts.html", Role.QUALITY)
    cohorts = page.locator("section[aria-labelledby=ch_cohorts]")
    expect(cohorts).to_contain_text(
        "Until 2026-01-05: 15 failures of 1,900 appliances; 100 more are left out"
    )
    expect(cohorts.locator("tbody tr")).to_have_count(2)
    expect(cohorts.locator("tbody tr").last).to_contain_text("firmware not told")
    areas = page.locator("section[aria-labelledby=ch_visits] tbody tr")
    assert [row.locator("td").first.inner_text() for row in areas.all()] == [
        "north",
        "not told",
        "all together",
    ]
    expect(areas.first).to_contain_text("4.5 (1–8)")
    expect(page.locator("section[aria-labelledby=ch_parts] tbody tr")).to_have_count(1)


def test_a_red_one_that_nobody_has_seen_stands_on_todays_page(open_page: Open, desk: CohortDesk) -> None:
    """For who may see cohorts; it leads there, and goes once somebody has seen it."""
    page = open_page("", Role.OPERATOR)
    need = page.locator("#needs li", has_text="A cohort fails more than its siblings")
    expect(need).to_contain_text("batch 2025-44")
    expect(page.locator("#needs")).not_to_contain_text("region")
    need.get_by_role("link").first.click()
    expect(page.get_by_role("article")).to_have_count(2)

    page = open_page("", Role.AGENT)
    expect(page.locator("#needs")).to_be_visible()
    expect(page.locator("#needs")).not_to_contain_text("cohort")
    expect(page.locator("#pages")).not_to_contain_text("Cohorts")


def test_who_may_look_alone_has_no_buttons_and_who_may_not_is_told_the_right(open_page: Open) -> None:
    """A data scientist reads; an agent hears which right is missing."""
    page = open_page("cohorts.html", Role.DATA_SCIENTIST)
    expect(page.get_by_role("article")).to_have_count(2)
    expect(page.get_by_role("article").get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("article").first).to_contain_text("foremend cohorts alarms acknowledge ca")

    page = open_page("cohorts.html", Role.AGENT)
    expect(page.get_by_role("alert")).to_contain_text("You have not the right “cohorts”")


def test_before_the_first_day_it_says_how_it_begins(browser: Browser, tables: Engine) -> None:
    """An empty register; at a machine without a login."""
    alarms = CohortAlarms(tables, Outbox(AlertsSettings()), SystemClock(), lambda: None)
    empty = CohortDesk(alarms, FleetReports(tables, SystemClock()), lambda named: [])
    model = ReadModel(tables, SharedPipeline(tables, (), SystemClock(), 60_000), {}, {}, {})
    app = create_app(model, desks=Desks(cohorts=empty))
    with Server(app, "127.0.0.1", 0) as address, visits(browser, address, login=False) as open_:
        page = open_("cohorts.html")
        expect(page.locator("main")).to_contain_text("No cohort stands out.")
        expect(page.locator("main")).to_contain_text("foremend nameplates import FILE")


def test_it_comes_back_with_the_service_and_a_wild_address_is_refused(open_page: Open) -> None:
    """What went wrong is said; the way out is a link."""
    page = open_page("cohorts.html?state=bogus", Role.QUALITY)
    expect(page.get_by_role("alert")).to_contain_text("This address asks for what there is not")
    page.get_by_role("alert").get_by_role("link").click()
    expect(page.get_by_role("article")).to_have_count(2)
    page.route(
        "**/api/v1/cohort-alarms?**", lambda route: route.fulfill(status=502, body="<html>soon</html>")
    )
    page.get_by_label("Show").select_option("closed")
    expect(page.get_by_role("alert")).to_contain_text("Connection lost")
    page.unroute("**/api/v1/cohort-alarms?**")
    page.go_back()
    expect(page.get_by_role("article")).to_have_count(2)


def test_hostile_names_are_text(open_page: Open) -> None:
    page = open_page("cohorts.html", Role.QUALITY)
    expect(page.get_by_role("article").filter(has_text=HOSTILE)).to_have_count(1)
    assert page.locator("main img").count() == 0


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_it_fits_the_narrowest_phone(open_page: Open, language: str) -> None:
    """Nothing is wider than 360 pixels; every word is one of the language."""
    page = open_page("cohorts.html", Role.QUALITY, locale=language, width=360)
    expect(page.get_by_role("article")).to_have_count(2)

    assert sideways(page) <= 360
    if language == "zh-CN":
        expect(page.locator("h1")).to_have_text("群体")
        expect(page.get_by_role("article").first).to_contain_text("1,900 台中有 12 台故障")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_keeps_anybody_from_using_it(open_page: Open, theme: str) -> None:
    """As axe-core has it."""
    page = open_page("cohorts.html", Role.QUALITY)
    page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
    page.reload()
    expect(page.get_by_role("article").first).to_be_visible()

    assert serious(page) == []
