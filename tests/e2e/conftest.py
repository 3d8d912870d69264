"""A real browser for tests of the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import Engine

from alerts.cohort_alarms import CohortAlarms
from alerts.database import open_database
from alerts.fleet_reports import FleetReports
from alerts.outbox import Outbox
from alerts.settings import AlertsSettings
from foremend.runtimes.clock import SystemClock
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.server import Server
from foremend.service.v1.cohorts import CohortDesk

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=20_000)  # the longest a look may take on a machine that is busy


@pytest.fixture(scope="module")
def address(world: Any) -> Iterator[str]:
    """The service on the seeded world."""
    clock = SystemClock()
    alarms = CohortAlarms(world.engine, Outbox(AlertsSettings()), clock, lambda: None)
    cohorts = CohortDesk(alarms, FleetReports(world.engine, clock), lambda named: [])
    with Server(create_app(world.model, desks=Desks(cohorts=cohorts)), "127.0.0.1", 0) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window; skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Engine]:
    """A database of a test's own, open and empty."""
    engine = open_database(f"sqlite:///{tmp_path}/effects.db")
    yield engine
    engine.dispose()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The loaded page; a test fails if anything on it went wrong."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="Asia/Shanghai"
    )
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(address)
    expect(page.locator(".cell").first).to_be_visible()
    yield page
    context.close()
    assert errors == []
