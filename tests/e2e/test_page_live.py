"""The console follows what happens, without being loaded again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from foremend.vocabulary.types import MS_PER_DAY, FindingKind


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


def test_many_that_fall_silent_together_are_a_line_without_a_story(world: Any, page: Page) -> None:
    """However many engines tell of them: in words and in the colour of silence.

    There is nothing to open, so nothing goes wrong when one tries.
    """
    told = [
        replace(
            world.new_finding, appliance_id=many, fault="silent-together", rule="silent-together", evidence=()
        )
        for many in ("*rf-260/0", "*ac-35i/3")
    ]
    world.happen(*told)
    row = page.locator("#coming li", has_text="Many appliances at once")

    expect(row).to_have_count(1)
    expect(row).to_contain_text("Many fell silent at once")
    row.get_by_role("button").click()

    expect(page.locator("#link")).to_have_text("Live")
    expect(page.get_by_role("tabpanel").get_by_text("Many appliances at once").first).to_be_visible()
    world.happen(*(replace(one, kind=FindingKind.CLOSED, time=one.time + MS_PER_DAY) for one in told))
    expect(row).to_have_count(0)
