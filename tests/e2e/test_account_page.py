"""A user's own login in a real browser: a second factor set up, used and ended, and the way in by an organisation."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import Engine

from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.rights import Role
from tests.e2e.visiting import PASSWORD, Open, serious, served, sideways, visits
from tests.integration.service.test_openid import open_house
from tests.openid_provider import Provider, open_provider, provider_of_others


@pytest.fixture
def open_page(browser: Browser, tables: Engine) -> Iterator[Open]:
    with served(tables) as place, visits(browser, place, refused="401") as opened:
        yield opened


@pytest.fixture
def provider() -> Iterator[Provider]:
    with open_provider() as found:
        yield found


def enrolled(page: Page, begin: str, confirm: str) -> tuple[str, list[str]]:
    """The secret as the page shows it, and the codes to recover with."""
    page.locator("#factor input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name=begin).click()
    secret = page.locator("#factor p code").inner_text()
    expect(page.locator("#factor input[name=code]")).to_be_focused()
    page.keyboard.type(pyotp.TOTP(secret).now())
    page.get_by_role("button", name=confirm).press("Enter")
    codes = page.locator("#factor li code")
    expect(codes).to_have_count(10)
    expect(page.locator("#factor h2")).to_be_focused()
    page.keyboard.press("Enter")  # once too often
    expect(codes).to_have_count(10)
    return secret, codes.all_inner_texts()


def next_code(secret: str) -> str:
    """One that nobody used: of the step to come, which is taken already."""
    return pyotp.TOTP(secret).at(int(time.time()) + 30)


def come(page: Page, code: str) -> None:
    """With the password, which is asked first, and then with a code."""
    page.locator("#name").fill(Role.AGENT.value)
    page.locator("#password").fill(PASSWORD)
    page.locator("#send").click()
    expect(page.locator("#code")).to_be_focused()
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def leave(page: Page) -> None:
    page.locator("#logout").click()
    expect(page.locator("#code")).to_be_hidden()


def test_a_second_factor_is_set_up_used_and_ended(open_page: Open) -> None:
    """The picture is one, a wrong code is told and changes nothing; a code of the app lets in, one to recover with
    does once, and what is left of them is counted."""
    page = open_page("account.html")
    page.locator("#factor input[name=password]").fill("not this one at all")
    page.get_by_role("button", name="Set a second factor up").click()
    expect(page.locator("#problem")).to_contain_text("The password or the code is wrong")
    secret, (recovery, another, *_) = enrolled(page, "Set a second factor up", "Confirm")
    page.get_by_role("button", name="I have kept them").click()
    expect(page.locator("#factor")).to_contain_text("10 codes to recover with are left")
    leave(page)

    come(page, "000000x")
    expect(page.locator("#problem")).to_contain_text("the code is wrong")
    page.locator("#code").fill(next_code(secret))
    page.keyboard.press("Enter")
    expect(page.locator("#account")).to_have_text(Role.AGENT.value)
    leave(page)
    come(page, recovery)
    page.locator("#account").click()
    expect(page.locator("#factor")).to_contain_text("9 codes to recover with are left")

    for code, problem in ((recovery, "was used before"), (another, "")):
        page.locator("#factor input[name=password]").fill(PASSWORD)
        page.locator("#factor input[name=code]").fill(code)
        page.get_by_role("button", name="End it").click()
        expect(page.locator("#problem")).to_contain_text(problem)
    expect(page.get_by_role("button", name="Set a second factor up")).to_be_visible()


def test_whoever_is_faster_than_the_page_loses_nothing(open_page: Open) -> None:
    """Name and password stay where they are until the page can send them: neither in an address nor in a word of the
    browser's, and one press is enough then."""
    page = open_page("login.html", None)
    held: list[Route] = []
    page.route("**/login.js", lambda route: held.append(route))
    with page.expect_request("**/login.js"):
        page.reload(wait_until="commit")
    page.locator("#name").fill(Role.AGENT.value)
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#send")).to_be_disabled()
    assert PASSWORD.split()[0] not in page.url
    held[0].continue_()

    page.locator("#send").click()
    expect(page.locator("#account")).to_have_text(Role.AGENT.value)


def test_the_picture_of_the_secret_is_shown(open_page: Open) -> None:
    """The page's own rules of what may be fetched let it through."""
    page = open_page("account.html")
    page.locator("#factor input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Set a second factor up").click()

    picture = page.locator("#factor img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


def test_each_step_reads_in_chinese_on_a_phone(open_page: Open) -> None:
    """By the keyboard, without anything that axe-core finds serious, nor wider than the screen."""
    page = open_page("account.html", Role.AGENT, "zh-CN", 360)
    expect(page.locator("h1")).to_have_text("我的账号")
    found = [*serious(page), sideways(page)]
    enrolled(page, "设置第二验证因素", "确认")
    found += [*serious(page), sideways(page)]
    page.get_by_role("button", name="我已保存").press("Enter")
    expect(page.locator("#factor")).to_contain_text("剩余 10 个恢复码")
    found += [*serious(page), sideways(page)]

    assert found == [360] * 3


def test_other_sessions_are_seen_and_ended(open_page: Open) -> None:
    """One by its button, then the others by one; whoever was there has to log in."""
    pages = [open_page("account.html") for _ in range(4)]
    here = pages[3]
    here.reload()
    expect(here.locator("#sessions li")).to_have_count(4)
    here.get_by_role("button", name="End", exact=True).first.click()
    expect(here.locator("#sessions li")).to_have_count(3)
    here.get_by_role("button", name="End all others").click()
    expect(here.locator("#sessions li")).to_have_count(1)

    for other in pages[:3]:
        other.reload()
        expect(other.locator("h1")).to_have_text("Log in")


def test_whoever_the_organisation_knows_comes_in_by_its_button(browser: Browser, tables: Engine) -> None:
    """There and back to the page that was asked for, and out of both; the second factor is the provider's matter."""
    with provider_of_others(sub="kim", groups=["desk"], preferred_username="kim") as issuer:
        server, _ = open_house(tables, SystemClock(), issuer)
        with server as place, visits(browser, place, refused="401") as open_page:
            page = open_page("account.html", None)
            page.route("https://cdn.jsdelivr.net/**", lambda route: route.fulfill(body=""))  # of the provider
            expect(page.locator("h1")).to_have_text("Log in")
            page.get_by_role("button", name="Log in with OpenID Connect").press("Enter")
            page.wait_for_url(f"{issuer}/**")
            page.get_by_role("textbox").fill("kim")
            page.get_by_role("button", name="Authorize").click()

            page.wait_for_url(f"{place}/account.html")
            expect(page.locator("#account")).to_have_text("kim")
            expect(page.locator("#factor")).to_contain_text("You come by your organisation's login")
            page.locator("#logout").click()
            page.wait_for_url(f"{issuer}/**")
            page.goto(f"{place}/account.html")
            expect(page.locator("h1")).to_have_text("Log in")


@pytest.mark.parametrize(
    ("language", "said"),
    [("en-GB", "OpenID Connect knows you, and gives you no role here"), ("zh-CN", "但未给您此处的角色")],
)
def test_whom_the_provider_lets_in_without_a_role_is_told_so(
    browser: Browser, tables: Engine, provider: Provider, language: str, said: str
) -> None:
    """And nobody is in; the page fits a phone."""
    provider.claims["groups"] = ["nobody"]
    server, _ = open_house(tables, SystemClock(), provider.address)
    with server as place, visits(browser, place, refused="401") as open_page:
        page = open_page("login.html", None, language, 360)
        page.locator("#provider").click()

        expect(page.get_by_role("alert")).to_contain_text(said)
        assert "openid" not in page.url
        assert [*serious(page), sideways(page)] == [360]


def test_a_provider_that_is_away_leaves_the_password(
    browser: Browser, tables: Engine, provider: Provider
) -> None:
    """It is told in a sentence, and the button may be tried again."""
    server, _ = open_house(tables, SystemClock(), "http://127.0.0.1:9")
    with server as place, visits(browser, place, refused="401|503") as open_page:
        page = open_page("login.html", None)
        page.locator("#provider").click()

        expect(page.get_by_role("alert")).to_contain_text("does not answer")
        expect(page.locator("#provider")).to_be_enabled()
