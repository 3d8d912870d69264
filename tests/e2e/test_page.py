"""The console in a real browser, on a real database: what a service manager sees and can do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import Browser, Page, expect

from alerts.access.access import open_access
from alerts.database import open_database, writing
from alerts.shared_status import Said, Seen, say
from alerts.tables import NEVER, ApplianceRow, FindingRow, OpenEpisodeRow, OwnerRow
from alerts.vault import Vault
from foremend.runtimes.clock import SystemClock
from foremend.service.app import create_app
from foremend.service.guard.door import Door
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import Severity
from tests.e2e.visiting import NOW, Open, service_of, visits
from tests.episodes import add_open_episodes


def test_the_page_says_what_matters_first(page: Page) -> None:
    """How many need attention and which fails first, in a sentence; then the line at work in numbers."""
    expect(page.locator("h1")).to_contain_text("appliances need attention")
    expect(page.locator("#link")).to_have_text("Live")
    expect(page.locator(".stage", has_text="Readings")).to_contain_text("7.8M")
    expect(page.locator(".stage", has_text="Tickets")).to_contain_text("6")


def test_every_appliance_is_a_square_with_its_state(page: Page) -> None:
    """Sixty squares; colour is not the only sign; a state can be chosen."""
    expect(page.locator(".cell")).to_have_count(60)
    expect(page.get_by_role("button", name="rf-260-00, Critical, Refrigerant is leaking out")).to_have_text(
        "!"
    )

    page.get_by_role("button", name="Silent 1").click()

    expect(page.locator(".cell")).to_have_count(1)
    expect(page.locator(".cell")).to_have_attribute("data-key", "rf-260-20")


def test_what_fails_first_is_on_top(page: Page) -> None:
    """Open episodes with the time left; the closed one is not there."""
    rows = page.locator("#coming li")

    expect(rows.first).to_contain_text("rf-260-00")
    expect(rows.first).to_contain_text("any time now")
    expect(rows.nth(1)).to_contain_text("9 days")
    expect(page.locator("#coming")).not_to_contain_text("Outdoor coil is dirty")


def test_an_appliance_tells_why_and_what_to_do(page: Page) -> None:
    """A square opens its story: probability, evidence against usual and siblings, what a technician finds.

    What was measured six days ago bears its day, and is not said to be so now.
    """
    page.locator('[data-key="rf-260-00"]').click()

    story = page.get_by_role("dialog")
    expect(story).to_contain_text("93%")
    expect(story.locator("figure", has_text="mean evaporator temperature")).to_contain_text("-21.3 °C")
    expect(story.locator("dt[data-mark=measured]").first).to_have_text("10 Feb")
    expect(story).to_contain_text("any time now1 hour")  # not "1 hour – 1 hour"
    expect(story).to_contain_text("What a technician finds")
    page.keyboard.press("Escape")
    expect(story).not_to_be_visible()


def test_the_page_speaks_chinese(page: Page) -> None:
    """Words, faults and numbers change without loading again, and the choice stays."""
    page.get_by_role("button", name="中文").click()

    expect(page.locator("html")).to_have_attribute("lang", "zh")
    expect(page.locator("#coming li").first).to_contain_text("制冷剂泄漏")
    page.reload()
    expect(page.locator("h1")).to_contain_text("台设备中有 7 台需要关注")


def test_what_was_held_back_is_shown_with_its_reason(page: Page) -> None:
    """Which act, for which appliance, and why; nobody's number is anywhere on the page."""
    page.get_by_role("tab", name="Held back").click()

    expect(page.get_by_role("tabpanel")).to_contain_text("consent never given")
    assert "13912345678" not in page.content()


def test_messages_to_owners_can_be_read(page: Page) -> None:
    """The outbox shows the text that was sent and its state; tabs follow the arrow keys."""
    page.get_by_role("tab", name="Findings").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Tickets")).to_be_focused()
    page.keyboard.press("ArrowRight")

    sms = page.get_by_role("tabpanel").locator("tr", has_text="rf-260-04").filter(has_text="SMS")
    expect(sms).to_contain_text("Stop: in the app")
    expect(sms).to_contain_text("sent")


def test_a_dead_letter_can_be_looked_at(page: Page) -> None:
    """Reason, topic and first bytes, as text and never as markup."""
    page.get_by_role("tab", name="Dead letters").click()

    expect(page.get_by_role("tabpanel")).to_contain_text("ts is not a number")
    expect(page.get_by_role("tabpanel")).to_contain_text('{"ts": NaN}')


def test_the_page_fits_a_phone(page: Page) -> None:
    """Nothing is wider than a narrow screen."""
    page.set_viewport_size({"width": 390, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_whoever_is_not_known_logs_in_and_out(browser: Browser, tmp_path: Path) -> None:
    """A one-time link sets the password, the page opens, and closes again; wrong words are told in two languages."""
    tables = open_database(f"sqlite:///{tmp_path}/effects.db")
    access = open_access(tables, Vault(Fernet.generate_key().decode()), SystemClock())
    _, link = access.users.create("kim", Role.QUALITY, "test")
    model = ReadModel(tables, SharedPipeline(tables, (), SystemClock(), 60_000), {}, {}, {})
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    with Server(create_app(model, door=Door(access, False)), "127.0.0.1", 0) as address:
        page.goto(address)
        expect(page.locator("h1")).to_have_text("Log in")
        page.goto("about:blank")
        page.goto(f"{address}/login.html#link={link}")
        expect(page.locator("#name")).to_have_value("kim")
        assert "#" not in page.url
        page.locator("#password").fill("four plain words together")
        page.locator("#again").fill("something else entirely")
        page.locator("#send").click()
        expect(page.get_by_role("alert")).to_have_text("The two are not the same.")
        page.locator("#again").fill("four plain words together")
        page.locator("#send").click()

        expect(page.locator("#account")).to_have_text("kim")
        expect(page.locator("#logout")).to_have_text("Log out")
        expect(page.locator("#link")).to_have_text("Closed")
        expect(page.locator("#headline")).to_contain_text("“fleet”")
        page.locator("#logout").click()
        expect(page.locator("h1")).to_have_text("Log in")
        page.get_by_role("button", name="中文").click()
        page.locator("#name").fill("kim")
        page.locator("#password").fill("five plain words together")
        page.get_by_role("button", name="登录").click()
        expect(page.get_by_role("alert")).to_have_text("用户名或密码错误。")
        page.locator("#password").fill("four plain words together")
        page.keyboard.press("Enter")
        expect(page.locator("#logout")).to_have_text("退出登录")
    context.close()
    tables.dispose()


def test_the_headline_never_calls_well_what_nobody_can_judge(browser: Browser, tmp_path: Path) -> None:
    """Of three that nothing was found of, one is learning and one sends nothing to compare: neither is well."""
    tables = open_database(f"sqlite:///{tmp_path}/effects.db")
    each = [("plug-1", 4), ("plug-2", -1), ("plug-3", 0)]
    say(tables, Said("s", {}, 1), [Seen(one, "rf-260", "refrigerator", 1, False, days) for one, days in each])
    model = ReadModel(tables, SharedPipeline(tables, (), SystemClock(), 60_000), {}, {}, {})
    page = browser.new_page(locale="en-GB")
    with Server(create_app(model), "127.0.0.1", 0) as address:
        page.goto(address)
        expect(page.locator("h1")).to_have_text(
            "Of 3 appliances nobody can say yet whether 2 are well: 1 still learning, 4 days left, 1 not judged."
        )
        expect(page.locator('[data-key="plug-1"]')).to_have_attribute(
            "aria-label", re.compile("Learning, about 4 days left")
        )
        page.get_by_role("button", name="Not judged 1").click()
        expect(page.locator(".cell")).to_have_count(1)
        page.get_by_role("button", name="中文").click()
        expect(page.locator("h1")).to_have_text(
            "3 台设备中有 2 台尚无法判断是否正常：1 台学习中，还需4天，1 台未判断。"
        )
        page.close()


@pytest.mark.parametrize(
    ("days", "severity", "english", "chinese"),
    [
        (0, None, "The one appliance is well.", "这台设备运行正常。"),
        (
            45,
            None,
            "Nobody can say yet whether the one appliance is well: 1 still learning, 45 days left.",
            "尚无法判断这台设备是否正常：1 台学习中，还需45天。",
        ),
        (0, Severity.WARNING, "The one appliance needs attention.", "这台设备需要关注。"),
        (0, Severity.INFO, "The one appliance is noted, no more.", "这台设备有提示，无其他异常。"),
    ],
)
def test_a_fleet_of_one_is_spoken_of_as_one(
    browser: Browser, tmp_path: Path, days: int, severity: Severity | None, english: str, chinese: str
) -> None:
    """And beside it, whoever was registered and never heard from."""
    tables = open_database(f"sqlite:///{tmp_path}/effects.db")
    say(tables, Said("s", {}, 1), [Seen("rf-260-01", "rf-260", "refrigerator", 1, False, days)])
    with writing(tables) as session:
        session.add(OwnerRow(id="o-1", created_at=1))
        session.flush()
        session.add(
            ApplianceRow(
                id="rf-260-02",
                owner_id="o-1",
                appliance_model="rf-260",
                language="zh",
                timezone="Asia/Shanghai",
            )
        )
        if severity is not None:
            about = {
                "appliance_id": "rf-260-01",
                "appliance_model": "rf-260",
                "fault": "not-cooling",
                "at": 1,
            }
            session.add(
                FindingRow(
                    id="f1", episode_id="e1", kind="opened", rule="r", severity=severity, time=1, episode_start=1,
                    score=1.0, evidence=[], **about,
                )
            )  # fmt: skip
            session.add(OpenEpisodeRow(id="e1", finding_id="f1", severity=severity, fails_at=NEVER, **about))
    model = ReadModel(tables, SharedPipeline(tables, (), SystemClock(), 60_000), {}, {}, {})
    page = browser.new_page(locale="en-GB")
    with Server(create_app(model), "127.0.0.1", 0) as address:
        page.goto(address)
        expect(page.locator("h1")).to_have_text(f"{english} 1 registered appliance was never heard from.")
        page.get_by_role("button", name="中文").click()
        expect(page.locator("h1")).to_have_text(f"{chinese} 另有 1 台已登记的设备从未上报数据。")
        page.close()


MANY = 300


@pytest.fixture
def crowded(tmp_path: Path, browser: Browser) -> Iterator[Open]:
    """A thousand appliances: 300 in harm's way, and one of which a failure is foreseen since an hour."""
    ids = [f"fridge-{n:04}" for n in range(1000)]
    engine = open_database(f"sqlite:///{tmp_path}/effects.db")
    harm = [(one, "not-cooling", "critical", None) for one in ids[:MANY]]
    with writing(engine) as session:
        add_open_episodes(session, [*harm, (ids[-1], "refrigerant-leak", "warning", 20.0)], NOW - 3_600_000)
    with service_of(engine, tuple(ids)) as place, visits(browser, place) as open_:
        yield open_
    engine.dispose()


def test_of_more_than_the_page_can_show_it_says_how_many_they_are(crowded: Open) -> None:
    """It has the 200 most urgent, of which each is in harm's way; what is foreseen is counted with them."""
    page = crowded("")

    expect(page.locator("#needs-list li").first).to_contain_text("300 critical episodes")
    expect(page.locator("#needs-list")).to_contain_text("A prediction of the last day")
    expect(page.locator(".stage", has_text="Faults foreseen").locator(".figure")).to_have_text("1")
    expect(page.locator("#coming .more")).to_have_text(f"Show more ({MANY + 1 - 12})")
    page.locator("#coming .more").click()
    expect(page.locator("#coming li")).to_have_count(200)
    expect(page.locator("#coming .more")).to_have_text(f"Show more ({MANY + 1 - 200})")
    page.locator("#coming .more").click()
    expect(page.locator("tbody tr").first).to_be_visible()
    assert page.url.endswith("fleet.html?sort=days_left")


def test_a_first_look_at_a_large_fleet_costs_little(crowded: Open) -> None:
    """All that is sent for the page, its words, a thousand squares and 200 episodes is under 250 kB."""
    page = crowded("")
    expect(page.locator(".cell")).to_have_count(1000)

    sent = page.evaluate("performance.getEntries().reduce((sum, one) => sum + (one.transferSize ?? 0), 0)")

    assert 20_000 < sent < 250_000
