"""The console follows what happens, without being loaded again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from foremend.learning.progress import Training
from foremend.vocabulary.types import MS_PER_DAY, FindingKind


def test_a_lost_broker_shows_by_itself(world: Any, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page follows what happens without a reload."""
    monkeypatch.setattr(world.pipeline, "now", replace(world.pipeline.now, connected=False))

    expect(page.locator("#link")).to_have_text("Broker away")


def test_one_is_no_plural(world: Any, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of messages, in the strip of the line."""
    monkeypatch.setattr(world.pipeline, "now", replace(world.pipeline.now, messages=1))
    expect(page.locator("#flow")).to_contain_text("1 message")
    expect(page.locator("#flow")).not_to_contain_text("1 messages")


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


def test_the_page_tells_the_demo_and_what_is_being_trained(
    world: Any, page: Page, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The clock reads as simulated, chapters are marked as they come, and the end has figures and what to try next."""
    story = tmp_path / "story.json"
    told = {
        "day": 31,
        "days": 90,
        "days_a_second": 1.5,
        "chapters": [
            {"name": "fleet", "number": 60},
            {"name": "oddity", "appliance": "rf-260-00", "fault": "refrigerant-leak"},
        ],
        "result": None,
        "next": ["foremend init home"],
    }
    story.write_text(json.dumps(told | {"day": 0, "chapters": []}))
    monkeypatch.setattr(world.model, "_training", lambda: [Training("wh-60", "practising", 0.43)])
    monkeypatch.setattr(world.model, "_story_file", story)

    expect(page.locator("#story-first")).to_contain_text("a first start compiles machine code")

    story.write_text(json.dumps(told))

    expect(page.locator("#story-first")).to_have_count(0)
    expect(page.locator("#story-clock")).to_contain_text("day 31 of 90 of simulated time, 1.5 days a second")
    expect(page.locator("#clock")).to_contain_text("Simulated time")
    expect(page.locator("#training")).to_contain_text("43 % practised, 0 more to train")
    expect(page.locator('.story li[data-reached="yes"]')).to_have_count(2)
    expect(page.locator(".story li[aria-current]")).to_contain_text("rf-260-00: Refrigerant is leaking out")

    result = {
        "faults_injected": 20,
        "faults_caught": 16,
        "false_tickets": 0,
        "median_lead_days": 21.5,
        "notifications_sent": 40,
        "held_back_by_consent": 12,
    }
    story.write_text(json.dumps(told | {"result": result}))

    expect(page.locator(".ending")).to_contain_text("16 of 20 faults foreseen")
    expect(page.locator(".ending code")).to_have_text("foremend init home")
