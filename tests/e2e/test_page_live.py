"""The console follows what happens, without being loaded again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from foremend.types import MS_PER_DAY, FindingKind


def test_a_lost_broker_shows_by_itself(world: Any, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page follows what happens without a reload."""
    monkeypatch.setattr(world.pipeline, "now", replace(world.pipeline.now, connected=False))

    expect(page.locator("#link")).to_have_text("Broker away")


def test_a_new_finding_appears_by_itself(world: Any, page: Page) -> None:
    """An episode that opens while one looks is there a moment later, and gone when it closes."""
    opened = world.new_finding
    world.happen(opened)
    square = page.locator(f'.cell[data-key="{opened.appliance_id}"]')

    expect(square).to_have_attribute("data-state", "warning")
    world.happen(replace(opened, kind=FindingKind.CLOSED, time=opened.time + MS_PER_DAY))

    expect(square).to_have_attribute("data-state", "ok")
