"""The page of consent and audit in a real browser: an owner looked up, handed out, erased, and the log verified."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import update

from alerts.audit_desk import AuditDesk
from alerts.database import writing
from alerts.desk import Alerts, open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.tables import AuditRow
from alerts.vault import open_vault
from foremend.config import Settings
from foremend.installation.erasing import Erasing
from foremend.installation.privacy import PrivacyDesk
from foremend.installation.retaining import open_retention
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import Purpose
from foremend.wiring.desk import guide_of
from tests.e2e.visiting import Open, serious, served, sideways, visits

HOSTILE = "<img src=x onerror=alert(1)>" + "&'\"?" * 12


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    desk = {
        "database": f"sqlite:///{tmp_path}/effects.db", "key_file": tmp_path / "key", "sms": None, "push": None,
        "email": {"file": tmp_path / "email.jsonl"}, "audit": {"anchor_file": tmp_path / "anchors.jsonl"},
    }  # fmt: skip
    return Settings.model_validate({"storage": {"folder": tmp_path / "var"}, "alerts": desk})


@pytest.fixture
def alerts(settings: Settings) -> Iterator[Alerts]:
    """Two owners; of the first a yes said in a wild way, a no, and an anchor behind both."""
    clock = SystemClock()
    guides = {name: guide_of(entry) for name, entry in load_catalogue().items()}
    opened = open_alerts(
        settings.alerts,
        clock,
        open_vault(settings.alerts, os.environ),
        {},
        np.random.default_rng(0),
        guides,
        {},
    )
    opened.owners.register_owners([Owner("o-1", {"sms": "+447400123456"}), Owner("o-2", {})])
    opened.owners.register_appliances(
        [OwnedAppliance("fridge-1", "o-1", "rf-260", "en"), OwnedAppliance("fridge-2", "o-2", "rf-260")]
    )
    opened.consents.say("fridge-1", [Purpose.MONITORING, Purpose.SMS], True, owner_id="o-1", how=HOSTILE)
    opened.consents.say("fridge-1", [Purpose.SMS], False, owner_id="o-1", how="app")
    opened.anchors.write()
    yield opened
    opened.close()


@pytest.fixture
def open_page(browser: Browser, alerts: Alerts, settings: Settings) -> Iterator[Open]:
    clock = SystemClock()
    privacy = PrivacyDesk(settings, alerts, clock, open_retention(settings, alerts, clock))
    audit = AuditDesk(alerts.engine, alerts.anchors)
    with contextlib.ExitStack() as stack:
        parts = {"consents": alerts.consents, "privacy": privacy, "audit": audit}
        place = stack.enter_context(served(alerts.engine, **parts))
        yield stack.enter_context(visits(browser, place))


@pytest.mark.parametrize(("language", "agreed"), [("en-GB", "agreed"), ("zh-CN", "同意")])
def test_an_owner_is_looked_up_and_every_word_is_there(open_page: Open, language: str, agreed: str) -> None:
    """By the keyboard from the beginning of the id; what holds now stands above the ledger, whose rows stay."""
    page = open_page("consent.html", Role.ADMIN, language)
    field = page.locator("input[name=beginning]")
    field.fill("o-")
    field.press("Enter")
    expect(page.locator("#found tbody tr")).to_have_count(2)
    page.locator("#found a.id", has_text="o-1").press("Enter")

    ledger = page.locator("section[aria-labelledby=co_ledger] tbody tr")
    expect(ledger).to_have_count(3)
    expect(ledger.first).to_contain_text(HOSTILE)
    expect(ledger.first).to_contain_text(agreed)
    assert page.locator("main img").count() == 0
    assert "owner=o-1" in page.url


def test_a_receipt_and_everything_are_handed_to_the_browser(open_page: Open) -> None:
    page = open_page("consent.html?owner=o-1", Role.ADMIN)
    with page.expect_download() as receipt:
        page.get_by_role("button", name="Download the receipt").click()
    with page.expect_download() as bundle:
        page.get_by_role("button", name="Export everything").click()

    assert orjson.loads(receipt.value.path().read_bytes())["appliance_id"] == "fridge-1"
    assert bundle.value.suggested_filename == "owner-o-1.zip"
    assert bundle.value.path().read_bytes().startswith(b"PK")
    expect(page.get_by_role("status").first).to_have_text("owner-o-1.zip was handed to your browser.")


def test_an_erasure_asks_for_the_id_once_more_and_survives_the_page(
    open_page: Open, alerts: Alerts, settings: Settings
) -> None:
    """Another id erases nothing; the report has an address, and names no owner."""
    page = open_page("consent.html?owner=o-1", Role.ADMIN)
    page.get_by_label("Your reference").fill("letter of 3 May")
    page.get_by_label("To confirm").fill("o-2")
    page.get_by_role("button", name="Erase everything").click()
    expect(page.locator("#said")).to_have_text("Nothing was erased: what was typed is not the owner's id.")
    assert alerts.erasures.all() == []

    page.get_by_label("To confirm").fill("o-1")
    page.get_by_role("button", name="Erase everything").press("Enter")
    expect(page.locator("#report")).to_contain_text("Under way")
    page.reload()
    expect(page.locator("#report")).to_contain_text("letter of 3 May")
    erasing = Erasing(settings, alerts.erasures, lambda job: None, (), SystemClock().now_ms)
    assert erasing.round() == []
    erasing.close()

    expect(page.locator("#report")).to_contain_text("records of consent")
    expect(page.locator("#report .tag")).to_have_text("Done")
    assert "o-1" not in page.locator("#report").inner_text()


def test_the_log_is_whole_or_it_is_said_where_it_is_not(open_page: Open, alerts: Alerts) -> None:
    """With the last checkpoint and how long it took; then an entry is changed."""
    page = open_page("consent.html", Role.OPERATOR)
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#verdict")).to_have_text("Whole: nothing was changed, removed or put in.")
    expect(page.locator("#audit")).to_contain_text("Last checkpoint")
    expect(page.locator("#audit")).not_to_contain_text("none outside")

    with writing(alerts.engine) as session:
        session.execute(update(AuditRow).where(AuditRow.seq == 2).values(subject="another"))
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#verdict")).to_have_text("Not whole: entry 2 was changed")


def test_whoever_has_not_a_right_sees_which(open_page: Open) -> None:
    """Part by part; and the header leads there only for whoever has one of them."""
    page = open_page("consent.html?owner=o-1", Role.AGENT)
    expect(page.locator("section[aria-labelledby=co_rights]")).to_contain_text("“owners.export”")
    expect(page.locator("#erasures")).to_contain_text("“erasures”")
    expect(page.locator("#audit")).to_contain_text("“audit”")
    page = open_page("consent.html", Role.OPERATOR, "zh-CN")
    expect(page.locator("#find")).to_contain_text("“owners”")
    page = open_page("held-back.html", Role.QUALITY)
    expect(page.locator("#pages")).to_contain_text("Held back")
    expect(page.locator("#pages")).not_to_contain_text("Consent")


def test_an_owner_that_there_is_not_is_told(open_page: Open) -> None:
    page = open_page("consent.html?owner=nobody", Role.ADMIN)
    expect(page.locator("#found").get_by_role("alert")).to_contain_text("It was refused")
    page = open_page("consent.html?beginning=zz", Role.ADMIN)
    expect(page.locator("#found")).to_contain_text("No owner's id begins so")


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_and_nothing_serious_keeps_anybody_from_using_it(
    open_page: Open, language: str, width: int
) -> None:
    page = open_page("consent.html?owner=o-1", Role.ADMIN, language, width)
    expect(page.locator("section[aria-labelledby=co_ledger] tbody tr")).to_have_count(3)
    page.locator("[data-key=verify]").click()
    expect(page.locator("#verdict")).to_be_visible()

    assert sideways(page) <= width
    assert serious(page) == []
