"""The page of the fleet in a real browser: search, filters, order, pages, the file, and what the headline leads to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from alerts.database import open_database, writing
from alerts.shared_status import Said, Seen, say
from alerts.tables import ApplianceRow, FirmwareRow, NameplateRow, OwnerRow
from foremend.vocabulary.rights import Role
from tests.e2e.visiting import NOW, STATUS, Open, serious, served, visits
from tests.episodes import add_open_episodes

HOSTILE = "<img src=x onerror=alert(1)>" + "&'\"?#" * 25
ILL = [
    ("rf-260-003", "refrigerant-leak", "critical", 9.0),
    ("rf-260-005", "condenser-fouling", "warning", None),
    (HOSTILE, "not-cooling", "warning", 30.0),
]
PLATES = [("rf-260-011", "2025-44", "2.0"), ("rf-260-005", "2025-44", "1.0"), (HOSTILE, HOSTILE[:100], "2.0")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the service of a hundred and one appliances is, and users of four roles; one was never heard of."""
    tables = open_database(f"sqlite:///{tmp_path_factory.mktemp('fleet')}/effects.db")
    models = [(n, "rf-260" if n % 10 else "ac-35i") for n in range(100)]
    ids = {HOSTILE: "rf-260", **{f"{model}-{n:03d}": model for n, model in models}}
    days = {"rf-260-007": 4, "rf-260-008": -1}
    say(tables, Said("s", asdict(STATUS), NOW), [
        Seen(one, model, "c", NOW - n * 3_600_000, one == "rf-260-009", days.get(one, 0))
        for n, (one, model) in enumerate(ids.items())
    ])  # fmt: skip
    with writing(tables) as session:
        session.add(OwnerRow(id="owner-7", created_at=1))
        session.flush()
        for one in ("rf-260-011", "rf-260-new"):
            session.add(
                ApplianceRow(
                    id=one, owner_id="owner-7", appliance_model="rf-260", language="zh", timezone="Asia/Shanghai",
                    service_area="north",
                )
            )  # fmt: skip
        for one, batch, firmware in PLATES:
            session.add(
                NameplateRow(
                    appliance_id=one, category="c", appliance_model="rf-260", batch=batch, region="east",
                    installed_at=1, at=1,
                )
            )  # fmt: skip
            session.add(FirmwareRow(appliance_id=one, since=1, version=firmware, at=1))
        add_open_episodes(session, ILL, NOW)
    with served(tables) as address:
        yield address
    tables.dispose()


@pytest.fixture
def open_page(browser: Browser, place: str) -> Iterator[Open]:
    with visits(browser, place) as open_:
        yield open_


def rows(page: Page) -> list[str]:
    return page.locator("tbody tr td:first-child .id").all_inner_texts()


def test_the_most_urgent_come_first_with_what_was_found_and_how_long_is_left(open_page: Open) -> None:
    """By the fleet's clock; how many there are; each leads to its own page."""
    page = open_page("fleet.html")

    first = page.locator("tbody tr").first
    for words in ("rf-260-003", "Critical", "Refrigerant is leaking out", "9 days", "1 Jan, 08:00"):
        expect(first).to_contain_text(words)
    expect(page.locator("#about")).to_have_text("50 on this page; 101 appliances were heard of.")
    expect(page.locator("#pages a[aria-current]")).to_have_text("Fleet")
    expect(page.get_by_label("State").locator("option", has_text="Never heard from (1)")).to_have_count(1)
    first.get_by_role("link").click()
    expect(page.locator("h1")).to_have_text("rf-260-003")


def test_pages_follow_one_another_and_back(open_page: Open) -> None:
    """The second has others; the third ends; Back and the first page are there."""
    page = open_page("fleet.html")
    expect(page.locator("tbody tr")).to_have_count(50)
    one = rows(page)
    page.get_by_role("button", name="Next page").click()
    expect(page.locator("tbody tr").first).not_to_contain_text(one[0])
    two = rows(page)
    page.get_by_role("button", name="Next page").click()
    expect(page.locator("tbody tr")).to_have_count(1)

    assert len(set(one + two + rows(page))) == 101
    expect(page.get_by_role("button", name="Next page")).to_have_count(0)
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("button", name="First page").click()
    expect(page.locator("tbody tr").first).to_contain_text("rf-260-003")


def test_a_search_is_typed_and_stays_in_the_address(open_page: Open) -> None:
    """By keyboard, without a button; the focus stays; an owner's reference finds the owner's."""
    page = open_page("fleet.html")
    box = page.get_by_label("Id or owner's reference begins with")
    box.press_sequentially("rf-260-01")
    expect(page.locator("tbody tr")).to_have_count(9)
    expect(box).to_be_focused()
    box.fill("owner-7")
    expect(page.locator("tbody tr")).to_have_count(1)

    expect(page.locator("tbody tr")).to_contain_text("rf-260-011")
    expect(page.locator("tbody tr")).to_contain_text("north")
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_label("Id or owner's reference begins with")).to_have_value("owner-7")


def test_filters_and_order_are_in_the_address_and_can_be_sent(open_page: Open, place: str) -> None:
    """State, model, fault; Back shows what was before; nothing fits is said."""
    page = open_page("fleet.html")
    page.get_by_label("State").select_option("warning")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_label("Order").select_option("days_left")
    page.get_by_label("Fault").select_option("not-cooling")
    expect(page.locator("tbody tr")).to_have_count(1)

    assert parse_qs(urlsplit(page.url).query) == {
        "state": ["warning"], "sort": ["days_left"], "fault": ["not-cooling"],
    }  # fmt: skip
    page.get_by_label("Appliance model").select_option("ac-35i")
    expect(page.locator("#found")).to_contain_text("No appliance fits.")
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("tbody tr")).to_have_count(50)


def test_batch_region_firmware_and_area_are_typed(open_page: Open) -> None:
    """By keyboard, what this page's appliances have is offered; the address, a view and the file hold it."""
    page = open_page("fleet.html")
    expect(page.locator("tbody tr")).to_have_count(50)
    offered = page.locator("#said-batch option")
    expect(offered).to_have_count(2)
    assert {one.get_attribute("value") for one in offered.all()} == {"2025-44", HOSTILE[:100]}
    box = page.get_by_label("Batch")
    box.fill("2025-44")
    box.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(box).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("2.0")
    page.keyboard.press("Tab")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_label("Order")).to_be_focused()
    page.get_by_label("Service area").fill("north")
    page.get_by_label("Service area").press("Enter")

    expect(page.locator("tbody tr")).to_contain_text("rf-260-011")
    asked = {"batch": ["2025-44"], "firmware": ["2.0"], "service_area": ["north"]}
    assert parse_qs(urlsplit(page.url).query) == asked
    with page.expect_download() as begun:
        page.get_by_role("link", name="Download as CSV").click()
    lines = Path(begun.value.path()).read_text("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines] == ["appliance_id", "rf-260-011"]
    page.get_by_role("button", name="Save this view").press("Enter")
    page.keyboard.type("new firmware")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_label("Saved views").select_option("new firmware")
    expect(page.get_by_label("Batch")).to_have_value("2025-44")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert parse_qs(urlsplit(page.url).query) == asked


def test_what_is_half_typed_stays_when_the_page_looks_again(open_page: Open) -> None:
    page = open_page("fleet.html")
    page.clock.install()
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(50)
    with_another = page.evaluate("fetch('api/summary').then(said => said.json())") | {"appliances": 102}
    box = page.get_by_label("Batch")
    box.press_sequentially("2025")

    page.route("**/api/summary", lambda route: route.fulfill(json=with_another))
    page.clock.run_for(31_000)
    expect(page.locator("#about")).to_contain_text("102 appliances")
    expect(box).to_have_value("2025")
    expect(box).to_be_focused()


def test_nameplates_are_for_who_may_read_them(open_page: Open) -> None:
    """Another sees neither column nor filter, and is told which right an address asks for; an owner has the own."""
    page = open_page("fleet.html", Role.OPERATOR)
    expect(page.locator("tbody tr")).to_have_count(50)
    expect(page.get_by_label("Firmware")).to_be_visible()
    for name in ("Batch", "Region"):
        expect(page.get_by_label(name)).to_have_count(0)
        expect(page.get_by_role("columnheader", name=name)).to_have_count(0)
    page = open_page("fleet.html?batch=2025-44", Role.OPERATOR)
    expect(page.get_by_role("alert")).to_contain_text("right “owners”")
    page = open_page("fleet.html?region=east", Role.OWNER)
    expect(page.locator("tbody tr")).to_have_count(1)
    assert rows(page) == ["rf-260-011"]


def test_the_file_has_what_the_list_is_narrowed_to(open_page: Open) -> None:
    """As it is downloaded."""
    page = open_page("fleet.html?state=warning")
    expect(page.locator("tbody tr")).to_have_count(2)
    with page.expect_download() as begun:
        page.get_by_role("link", name="Download as CSV").click()
    lines = Path(begun.value.path()).read_text("utf-8-sig").splitlines()

    assert begun.value.suggested_filename == "appliances.csv"
    assert len(lines) == 3
    assert lines[2].startswith("rf-260-005,rf-260,warning,condenser-fouling")


def test_what_nobody_heard_of_is_told_without_a_page_of_its_own(open_page: Open) -> None:
    page = open_page("fleet.html?state=never_heard")

    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("rf-260-new")
    expect(page.locator("tbody tr")).to_contain_text("Never heard from")
    expect(page.locator("tbody a")).to_have_count(0)


def test_counts_of_the_headline_lead_to_those_they_count(open_page: Open, place: str) -> None:
    """Each a link with words; the first to fail leads to its own page."""
    page = open_page("")
    headline = page.locator("h1")
    expect(headline).to_have_text(
        "3 of 101 appliances need attention. The first to fail is rf-260-003, in about 9 days. Besides: 1 silent,"
        " 1 still learning, 4 days left, 1 not judged. 1 registered appliance was never heard from."
    )
    for words, state in (
        ("1 silent", "silent"),
        ("1 still learning, 4 days left", "learning"),
        ("1 not judged", "not_judged"),
        ("1 registered appliance", "never_heard"),
    ):
        expect(headline.get_by_role("link", name=words)).to_have_attribute(
            "href", f"fleet.html?state={state}"
        )
    expect(headline.get_by_role("link", name="3 of 101 appliances")).to_have_attribute("href", "fleet.html")
    headline.get_by_role("link", name="1 silent").click()
    expect(page.locator("tbody tr")).to_contain_text("rf-260-009")


def test_what_the_address_asks_wrongly_is_refused_in_a_sentence(open_page: Open, place: str) -> None:
    """A state that there is not, and a cursor that is none, are no empty list."""
    for asked, words in (
        ("state=bogus", "query.state: Input should be 'critical'"),
        ("cursor=bogus", "this cursor is none"),
        (f"search={'a' * 101}", "query.search: String should have at most 100 characters"),
    ):
        page = open_page(f"fleet.html?{asked}")
        expect(page.get_by_role("alert")).to_contain_text(f"This address asks for what there is not: {words}")
    page.get_by_role("alert").get_by_role("link", name="Clear filters").click()
    expect(page.locator("tbody tr")).to_have_count(50)


def test_it_comes_back_with_the_service(open_page: Open) -> None:
    """A gateway answered for it at one look; the next finds it."""
    page = open_page("fleet.html")
    expect(page.locator("tbody tr")).to_have_count(50)
    page.route("**/api/v1/appliances?**", lambda route: route.fulfill(status=200, body="<html>soon</html>"))
    page.get_by_label("State").select_option("ok")
    expect(page.get_by_role("alert")).to_contain_text("Connection lost")
    page.unroute("**/api/v1/appliances?**")
    page.get_by_label("State").select_option("silent")

    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_without_the_right_it_is_said_what_is_missing(open_page: Open) -> None:
    """In the reader's language; who reaches pseudonyms hears that, too."""
    page = open_page("fleet.html", Role.QUALITY, "zh-CN")
    expect(page.get_by_role("alert")).to_contain_text("您没有本页面所需的权限“fleet”")
    page = open_page("fleet.html", Role.DATA_SCIENTIST)
    expect(page.get_by_role("alert")).to_contain_text("reaches pseudonyms alone")


def test_an_owner_sees_the_own_and_no_counts_of_others(open_page: Open) -> None:
    page = open_page("fleet.html", Role.OWNER)

    expect(page.locator("#about")).to_have_text("1 on this page.")
    assert rows(page) == ["rf-260-011"]
    expect(page.get_by_label("Id begins with")).to_be_visible()


def test_hostile_ids_are_text(open_page: Open, place: str) -> None:
    """In the list, in the link to its page, and in a search."""
    page = open_page(f"fleet.html?search={quote('<img')}")
    expect(page.locator("tbody tr")).to_have_count(1)

    assert rows(page) == [HOSTILE]
    assert page.locator("main img").count() == 0
    page.locator("tbody a").click()
    expect(page.locator("h1")).to_have_text(HOSTILE)


def test_it_speaks_chinese(open_page: Open) -> None:
    """Changed without loading again."""
    page = open_page("fleet.html", locale="zh-CN")
    expect(page.locator("tbody tr").first).to_contain_text("制冷剂泄漏")
    for name in ("批次", "区域", "固件", "服务区域"):
        expect(page.get_by_label(name, exact=True)).to_be_visible()
    expect(page.get_by_label("设备或用户编号开头")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.locator("tbody tr").first).to_contain_text("Refrigerant is leaking out")
    expect(page.get_by_label("Id or owner's reference begins with")).to_be_visible()


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_it_fits_the_narrowest_phone(open_page: Open, language: str) -> None:
    """Nothing is wider than 360 pixels, however long an id is; the filters leave room for the first appliance."""
    page = open_page("fleet.html?state=warning", locale=language, width=360)
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody tr").first).to_be_in_viewport()

    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_keeps_anybody_from_using_it(open_page: Open, theme: str) -> None:
    """As axe-core has it; the headline with its links, too."""
    page = open_page("fleet.html")
    page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
    for path, there in (("fleet.html", "tbody tr"), ("", "h1 a")):
        page.goto(f"{urlsplit(page.url).scheme}://{urlsplit(page.url).netloc}/{path}")
        expect(page.locator(there).first).to_be_visible()
        assert serious(page) == []


def test_a_view_is_kept_by_a_name_and_opened_again(open_page: Open) -> None:
    """In this browser alone; forgotten by a press, and a name is text."""
    page = open_page("fleet.html?state=warning&search=rf")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Save this view").press("Enter")
    page.keyboard.type(HOSTILE[:28])
    page.keyboard.press("Enter")
    expect(page.get_by_label("Saved views")).to_have_value("search=rf&state=warning")

    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_label("Saved views").select_option(HOSTILE[:28])
    expect(page.locator("tbody tr")).to_have_count(1)
    assert parse_qs(urlsplit(page.url).query) == {"state": ["warning"], "search": ["rf"]}
    page.get_by_role("button", name="Forget the view").click()
    expect(page.get_by_label("Saved views")).to_have_count(0)


def test_a_view_that_the_browser_cannot_keep_lasts_until_the_page_is_left(open_page: Open) -> None:
    """Its store is full, or holds what is none of this page's: it is said, and nothing stops."""
    page = open_page("fleet.html?state=warning")
    page.evaluate("localStorage.setItem('fleet views', '{')")
    page.add_init_script(
        "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
    )
    page.reload()
    page.get_by_role("button", name="Save this view").click()
    page.keyboard.type("mine")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Saved views")).to_have_value("state=warning")
    expect(page.get_by_role("status").filter(has_text="This browser keeps nothing")).to_be_visible()

    page.reload()
    expect(page.locator("tbody tr").first).to_be_visible()
    expect(page.get_by_label("Saved views")).to_have_count(0)


def test_a_first_look_costs_little(open_page: Open) -> None:
    """All that is sent for the page, its words and fifty rows is under 250 kB."""
    page = open_page("fleet.html")
    expect(page.locator("tbody tr")).to_have_count(50)

    sent = page.evaluate("performance.getEntries().reduce((sum, one) => sum + (one.transferSize ?? 0), 0)")

    assert 20_000 < sent < 250_000
