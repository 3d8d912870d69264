"""The demo tells what happened from what the database knows, in the terminal and on the page alike."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from foremend.commands.demo.screen import DemoScreen, chapter, ending
from foremend.commands.demo.story import NEXT, Story
from foremend.vocabulary.topics import Progress
from foremend.vocabulary.types import MS_PER_DAY

RESULT = {
    "faults_injected": 20,
    "faults_caught": 16,
    "false_tickets": 0,
    "median_lead_days": 21.5,
    "webhooks_delivered": 30,
    "notifications_sent": 40,
    "held_back_by_consent": 12,
    "faults": [{"appliance": "rf-260-00002"}],
}
START = 1_780_000_000_000


@pytest.fixture
def story(world: Any, tmp_path: Path) -> Story:
    """Of a fleet with a past, whose clock is a second further at every look."""
    seconds = iter(range(100))
    return Story(
        world.model._engine, START, 90, 60, tmp_path / "story.json", clock=lambda: float(next(seconds))
    )


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What the screen writes to a terminal of 100 columns that can redraw."""
    shown = StringIO()
    monkeypatch.setattr(
        "foremend.commands.demo.screen.people", Console(file=shown, force_terminal=True, width=100)
    )
    return shown


def at(day: float) -> Progress:
    return Progress(
        messages=10, readings=int(1_000 * day), dead_letters=0, time=START + int(day * MS_PER_DAY)
    )


def test_chapters_are_reached_once_each(story: Story) -> None:
    """From the first reading to what consent held back; a platform that took no ticket is not told of."""
    first = story.look(at(2.0))
    second = story.look(at(4.0))
    third = story.look(at(6.0))

    assert first[:3] == ["fleet", "learning", "oddity"]
    assert {*first, *second} >= {"prediction", "consent", "message"}
    assert "ticket" not in story.chapters
    assert not {*third} & {*first, *second}
    for name, about in story.chapters.items():
        assert "{" not in chapter(name, about)


def test_the_page_reads_what_the_terminal_shows(story: Story) -> None:
    """Day, speed, chapters, the end with its figures, and what to try next."""
    story.look(at(2.0))
    story.look(at(4.0))
    before = json.loads(story.file.read_text())

    story.end(RESULT)
    after = json.loads(story.file.read_text())

    assert (before["day"], before["days"], before["days_a_second"]) == (4, 90, 2.0)
    assert before["result"] is None
    assert [one["name"] for one in before["chapters"]] == list(story.chapters)
    assert after["result"] == {name: value for name, value in RESULT.items() if name != "faults"}
    assert after["next"] == list(NEXT)
    assert ending(RESULT)[0] == (
        "16 of 20 faults foreseen, at the median 21.5 days before they failed; 0 false tickets"
    )


def test_a_terminal_shows_the_start_before_anything_is_known(story: Story, terminal: StringIO) -> None:
    """The five lines are there from the first moment on, when no reading has come yet."""
    with DemoScreen("http://127.0.0.1:8080", story) as screen:
        screen.say("starting: broker, service platform, pipeline")

    shown = terminal.getvalue()
    assert "not begun" in shown
    assert "60 appliances, 0 readings, 0 a second" in shown
    assert "starting: broker, service platform, pipeline" in shown


def test_a_first_start_that_compiles_says_why_nothing_comes(story: Story, terminal: StringIO) -> None:
    """Installed from a wheel nothing is compiled: a minute without a reading has its reason, until the first."""
    with DemoScreen("http://127.0.0.1:8080", story) as screen:
        screen.show(story.look(at(0.0)))
    waiting = terminal.getvalue()
    with DemoScreen("http://127.0.0.1:8080", story) as screen:
        screen.show(story.look(at(2.0)))
    coming = terminal.getvalue().removeprefix(waiting)

    assert "no reading yet: a first start compiles machine code" in waiting
    assert "event-day 2 of 90" in coming
    assert "no reading yet" not in coming


def test_without_a_terminal_the_reason_is_said_once(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at every look."""
    said = StringIO()
    monkeypatch.setattr("foremend.commands.demo.screen.people", Console(file=said, width=100))

    with DemoScreen("http://127.0.0.1:8080", story) as screen:
        for day in (0.0, 0.0, 2.0, 12.0):
            screen.show(story.look(at(day)))

    assert said.getvalue().count("no reading yet") == 1
    assert "event-day 12: " in said.getvalue()


def test_a_terminal_shows_where_the_fleet_is(story: Story, terminal: StringIO) -> None:
    """Its simulated time and how fast that goes by, what came in, and the chapters above it."""
    with DemoScreen("http://127.0.0.1:8080", story) as screen:
        screen.show(story.look(at(2.0)))
        screen.show(story.look(at(4.0)))

    shown = terminal.getvalue()
    assert "day 2: 60 appliances come in over MQTT" in shown
    assert "2.0 days a second, about 43 s left" in shown
    assert "60 appliances, 4,000 readings, 2,000 a second" in shown
    assert "event-day 4 of 90" in shown
