"""What the demo shows in the terminal, on stderr: five live lines, and a line for every chapter of its story."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from foremend.commands.demo.interrupts import Interrupted, wait_for_signal
from foremend.commands.demo.story import NEXT, Story
from foremend.terminal import people

_EVERY_DAYS = 10  # a line, where the terminal cannot redraw
_FIRST = "no reading yet: a first start compiles machine code, once, for a minute or more"
_CHAPTERS = {
    "fleet": "{number} appliances come in over MQTT",
    "learning": "each is compared with its own past and its siblings; nobody is warned yet",
    "oddity": "the first oddity: {appliance}, {fault}",
    "prediction": "the first prediction: {appliance}, {fault}, in about {days:.0f} days",
    "consent": "before anything is sent, the owner's consent is asked for",
    "ticket": "the first ticket is at the service platform: {appliance}, {fault}",
    "message": "its owner was told by SMS and push: see outbox/sms.jsonl",
    "withdrawal": "an owner withdrew consent: {appliance} is watched, and no ticket or message leaves",
}


class DemoScreen:
    """Five live lines; without a terminal a line every ten days. Chapters stay above them in both."""

    def __init__(self, page: str, story: Story) -> None:
        self._page, self._story = page, story
        self._live = Live(console=people, refresh_per_second=4, transient=False)
        self._printed_day = -1
        self._now = "starting"

    def __enter__(self) -> DemoScreen:
        people.print(f"the page: [bold]{self._page}[/]")
        if people.is_terminal:
            self._live.start()
            self._live.update(self._lines())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if people.is_terminal:
            self._live.stop()

    def say(self, what: str) -> None:
        """What is going on now."""
        self._now = what
        if people.is_terminal:
            self._live.update(self._lines())
        else:
            people.print(what)

    def show(self, reached: list[str]) -> None:
        """Where the fleet's time stands, and the chapters that were `reached`."""
        for name in reached:
            people.print(
                f"day {self._story.day}: {chapter(name, self._story.chapters[name])}", highlight=False
            )
        day, counts, waits = self._story.day, self._story.counts, not self._story.progress.readings
        self._now = _FIRST if waits else f"event-day {day} of {self._story.days}"
        if people.is_terminal:
            self._live.update(self._lines())
        elif waits:
            if self._printed_day < 0:
                people.print(_FIRST)
        elif day // _EVERY_DAYS != self._printed_day // _EVERY_DAYS and counts is not None:
            tickets, readings = counts.tickets_opened, self._story.progress.readings
            people.print(f"event-day {day}: {tickets} tickets, {readings:,} readings")
        self._printed_day = day

    def wait_for_interrupt(self, result: Mapping[str, Any]) -> None:
        """Tell the end, and keep the page open until Ctrl-C."""
        self.say("the season is over; the page stays until Ctrl-C")
        for sentence in ending(result):
            people.print(sentence, highlight=False, soft_wrap=True)
        try:
            wait_for_signal()
        except Interrupted:
            return

    def _lines(self) -> Group:
        """The five."""
        story, counts = self._story, self._story.counts
        table = Table.grid(padding=(0, 2))
        table.add_row(Text("simulated", style="dim"), self._clock())
        table.add_row(Text("fleet", style="dim"), self._fleet())
        if counts is not None:
            table.add_row(
                Text("seen", style="dim"),
                f"{counts.findings:,} findings, {counts.tickets_opened} tickets opened",
            )
            table.add_row(
                Text("sent", style="dim"),
                f"{counts.webhooks_delivered} webhooks, {counts.notifications_sent} SMS and push; "
                f"held back: {sum(counts.held_back.values())}",
            )
        table.add_row(ProgressBar(story.days, story.day, width=12), f"{self._now} · {self._page}")
        return Group(table)

    def _clock(self) -> str:
        story = self._story
        if not story.progress.time:
            return "not begun"
        when = datetime.fromtimestamp(story.progress.time / 1_000, UTC)
        speed = story.days_a_second
        left = f", about {(story.days - story.day) / speed:.0f} s left" if speed > 0 else ""
        return f"{when:%d %b %Y %H:%M}, {speed:.1f} days a second{left}"

    def _fleet(self) -> str:
        story = self._story
        return (
            f"{story.appliances} appliances, {story.progress.readings:,} readings, "
            f"{story.readings_a_second:,.0f} a second, {story.progress.dead_letters} unusable"
        )


def chapter(name: str, about: Mapping[str, Any]) -> str:
    """A chapter in a sentence."""
    return _CHAPTERS[name].format(**about)


def ending(result: Mapping[str, Any]) -> list[str]:
    """How it came out, and what to try next."""
    lead = result["median_lead_days"]
    early = "" if lead is None else f", at the median {lead:g} days before they failed"
    return [
        f"{result['faults_caught']} of {result['faults_injected']} faults foreseen{early}; "
        f"{result['false_tickets']} false tickets",
        f"{result['webhooks_delivered']} webhooks delivered, {result['notifications_sent']} SMS and push sent, "
        f"{result['held_back_by_consent']} acts held back by consent",
        "what to try next:",
        *(f"  {command}" for command in NEXT),
    ]
