"""The page of what was held back, in a real browser: counts for every role, the list for whoever may read messages."""

from __future__ import annotations

from collections.abc import Iterator
from time import time

import pytest
from playwright.sync_api import Browser, Page, expect

from alerts.database import open_database, writing
from alerts.held_back import cause_of
from alerts.tables import FindingRow, HeldBackRow, OutboxRow
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR
from tests.e2e.visiting import Open, serious, service_of, sideways, visits

HOSTILE = "<img src=x onerror=alert(1)>" + "&'\"?#" * 25
NIGHT = "rf-260-night"


def never(n: int, appliance_id: str, purpose: str, reason: str, at: int) -> HeldBackRow:
    return HeldBackRow(
        id=f"hb{n:03d}", act=purpose, purpose=purpose, appliance_id=appliance_id, episode_id="e1",
        fault="not-cooling", reason=reason, cause=cause_of(reason), at=at,
    )  # fmt: skip


def later(n: int, appliance_id: str, target: str, reason: str, at: int) -> OutboxRow:
    return OutboxRow(
        id=f"m{n}", message_id=f"m{n}", target=target, event_type="dev.foremend.warning", purpose=target,
        appliance_id=appliance_id, episode_id="e1", ordering=f"m{n}", body="{}", state="pending", attempts=0,
        due_at=at + 8 * MS_PER_HOUR, created_at=at, error=reason,
    )  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Fifty-six acts held back of four causes, one of them old, and three messages that wait for two."""
    tables = open_database(f"sqlite:///{tmp_path_factory.mktemp('held')}/effects.db")
    now = int(time() * 1000)
    with writing(tables) as session:
        session.add_all(
            never(n, f"rf-260-{n:03d}", "ticket", "never given", now - n * 1000) for n in range(52)
        )
        session.add_all([
            never(60, HOSTILE, "sms", "withdrawn at 2026-01-01T00:00:00Z", now - 1),
            never(61, "rf-260-061", "push", "ended at 2026-01-01T00:00:00Z", now - 2),
            never(62, "rf-260-062", "sms", "the policy strict uses no sms", now - 3),
            never(63, "rf-260-063", "sms", "never given", now - 40 * MS_PER_DAY),
            later(1, NIGHT, "sms", "quiet hours", now),
            later(2, "rf-260-2", "push", "the owner had 3 messages today, as many as the policy allows", now),
            later(3, HOSTILE, "push", "quiet hours", now),
            later(4, "rf-260-4", "push", "sms goes first", now),
            FindingRow(
                id="f1", episode_id="e1", kind="opened", rule="r", time=now, episode_start=now, score=1.0, evidence=[],
                appliance_id=NIGHT, appliance_model="rf-260", fault="not-cooling", severity="warning", at=now,
            ),
        ])  # fmt: skip
    with service_of(tables, (HOSTILE, NIGHT)) as address:
        yield address
    tables.dispose()


@pytest.fixture
def open_page(browser: Browser, place: str) -> Iterator[Open]:
    with visits(browser, place) as open_:
        yield open_


def counts(page: Page, name: str) -> list[list[str]]:
    rows = page.locator(f"section[aria-labelledby={name}] tbody tr")
    return [row.locator("td").all_inner_texts() for row in rows.all()]


def test_it_counts_by_cause_and_purpose_and_each_number_leads_to_its_own(open_page: Open) -> None:
    """What never left in thirty days, and what waits now; nothing of the message that waits for another channel."""
    page = open_page("held-back.html")
    expect(page.locator("#found tbody tr")).to_have_count(50)

    assert counts(page, "hb_never_left") == [
        ["Never agreed", "Service tickets", "52"],
        ["Consent withdrawn", "SMS", "1"],
        ["Consent ended", "Push messages", "1"],
        ["Policy", "SMS", "1"],
    ]
    assert counts(page, "hb_waits") == [
        ["Quiet hours", "Push messages", "1"],
        ["Quiet hours", "SMS", "1"],
        ["Enough messages that day", "Push messages", "1"],
    ]
    page.locator("section[aria-labelledby=hb_never_left] tr", has_text="Policy").get_by_role("link").click()
    expect(page.locator("#found tbody tr")).to_have_count(1)
    expect(page.locator("#found tbody tr")).to_contain_text("the policy strict uses no SMS")
    expect(page.get_by_label("Why")).to_have_value("policy")


def test_pages_follow_one_another(open_page: Open) -> None:
    """The newest first; what is older than the counts is at the end of the list."""
    page = open_page("held-back.html")
    expect(page.locator("#found tbody tr").first).to_contain_text("rf-260-000")
    page.get_by_role("button", name="Next page").click()
    expect(page.locator("#found tbody tr")).to_have_count(6)
    expect(page.locator("#found tbody tr").last).to_contain_text("rf-260-063")
    page.get_by_role("button", name="First page").click()
    expect(page.locator("#found tbody tr")).to_have_count(50)


def test_what_waits_says_until_when(open_page: Open) -> None:
    """By the choice above the list; its fault is that of the finding; the appliance leads to its page."""
    page = open_page("held-back.html")
    page.get_by_label("Show").select_option("true")
    expect(page.locator("#found tbody tr")).to_have_count(3)
    expect(page.locator("#found thead")).to_contain_text("May leave")
    night = page.locator("#found tbody tr", has_text=NIGHT)
    expect(night).to_contain_text("quiet hours where the owner lives")
    expect(page.locator("#found")).to_contain_text("the owner had 3 messages that day")
    expect(night.locator("td").nth(2)).not_to_be_empty()
    night.get_by_role("link").click()
    expect(page.locator("h1")).to_have_text(NIGHT)


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.QUALITY, Role.DATA_SCIENTIST])
def test_who_may_not_read_messages_sees_how_much_and_nobody(open_page: Open, role: Role) -> None:
    """Numbers without links, no id anywhere, and the right that the list needs."""
    page = open_page("held-back.html", role)
    expect(page.locator("#found")).to_contain_text("the list needs the right “messages”")

    assert len(counts(page, "hb_never_left")) == 4
    expect(page.locator("main section a")).to_have_count(0)
    assert "rf-260" not in page.locator("main").inner_text()


def test_an_owner_is_told_which_right_is_missing(open_page: Open) -> None:
    """In the reader's language; the header does not lead there."""
    page = open_page("held-back.html", Role.OWNER, "zh-CN")
    expect(page.get_by_role("alert")).to_contain_text("您没有本页面所需的权限“held-back”")
    page = open_page("tickets.html", Role.OWNER)
    expect(page.locator("#pages a")).to_have_text(["Today", "Fleet", "Tickets"])


def test_what_the_address_asks_wrongly_is_refused_in_a_sentence(open_page: Open) -> None:
    """And nothing fits is said."""
    page = open_page("held-back.html?cause=bogus")
    expect(page.get_by_role("alert")).to_contain_text("This address asks for what there is not: query.cause")
    page.get_by_role("alert").get_by_role("link").click()
    page.get_by_label("What for").select_option("email")
    expect(page.locator("#found")).to_contain_text("Nothing fits.")


def test_hostile_ids_are_text(open_page: Open) -> None:
    page = open_page("held-back.html?cause=withdrawn")
    expect(page.locator("#found tbody tr")).to_have_count(1)
    expect(page.locator("#found tbody .id")).to_have_text(HOSTILE)
    assert page.locator("main img").count() == 0


def test_it_comes_back_with_the_service(open_page: Open) -> None:
    """A gateway answered for it at one look; the next finds it."""
    page = open_page("held-back.html")
    expect(page.locator("#found tbody tr")).to_have_count(50)
    page.route("**/api/v1/held-back?**", lambda route: route.fulfill(status=502, body="<html>soon</html>"))
    page.get_by_label("What for").select_option("sms")
    expect(page.get_by_role("alert")).to_contain_text("Connection lost")
    page.unroute("**/api/v1/held-back?**")
    page.go_back()
    expect(page.locator("#found tbody tr")).to_have_count(50)


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_it_fits_the_narrowest_phone(open_page: Open, language: str) -> None:
    """Nothing is wider than 360 pixels, however long an id is; every word is one of the language."""
    page = open_page("held-back.html?waits=true", locale=language, width=360)
    expect(page.locator("#found tbody tr")).to_have_count(3)

    assert sideways(page) <= 360
    if language == "zh-CN":
        expect(page.locator("h1")).to_have_text("已拦截")
        expect(page.locator("#found")).to_contain_text("用户所在地的免打扰时段")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_keeps_anybody_from_using_it(open_page: Open, theme: str) -> None:
    """As axe-core has it."""
    page = open_page("held-back.html")
    page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
    page.reload()
    expect(page.locator("#found tbody tr").first).to_be_visible()

    assert serious(page) == []


def test_todays_tab_says_why_in_the_readers_language(open_page: Open) -> None:
    """A policy held back as well as consent did; the tab is not called after one of them."""
    page = open_page("", locale="zh-CN")
    page.get_by_role("tab", name="已拦截").click()

    expect(page.get_by_role("tabpanel")).to_contain_text("政策 strict 不使用")
    expect(page.get_by_role("tabpanel")).to_contain_text("从未同意")
