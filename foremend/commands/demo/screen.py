"""The live terminal summary of the demo, on stderr."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from alerts.queries import Counts
from foremend.terminal import people
from foremend.vocabulary.topics import Progress as Pipeline
from foremend.vocabulary.types import MS_PER_DAY


class DemoScreen:
    """A progress bar in event-days above what has happened so far. Without a terminal, a line every ten days."""

    def __init__(self, page: str, days: int, start: int) -> None:
        """`start`, ms UTC, is when the fleet's first day begins."""
        self._page, self._start, self._days = page, start, days
        self.progress = Pipeline(messages=0, readings=0, dead_letters=0, time=0)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=people,
        )
        self._task = self._bar.add_task("starting", total=days)
        self._live = Live(self._bar, console=people, refresh_per_second=4, transient=False)
        self._printed_day = -1

    def __enter__(self) -> DemoScreen:
        people.print(f"the page: [bold]{self._page}[/]")
        if people.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if people.is_terminal:
            self._live.stop()

    def say(self, what: str) -> None:
        """What is going on now."""
        self._bar.update(self._task, description=what)
        if not people.is_terminal:
            people.print(what)

    def show(self, counts: Counts) -> None:
        """Where the fleet's time stands and what has happened."""
        day = max(0, (self.progress.time - self._start) // MS_PER_DAY)
        self._bar.update(self._task, completed=min(day, self._days), description=f"event-day {day}")
        if people.is_terminal:
            self._live.update(self._table(counts))
        elif day // 10 != self._printed_day // 10:
            people.print(
                f"event-day {day}: {counts.tickets_opened} tickets, {self.progress.readings:,} readings"
            )
        self._printed_day = day

    def wait_for_interrupt(self, result: dict[str, Any]) -> None:
        """Keep the page open until Ctrl-C."""
        self.say(
            f"done: {result['faults_caught']} of {result['faults_injected']} faults foreseen; Ctrl-C ends"
        )
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            return

    def _table(self, counts: Counts) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_row(self._bar)
        pairs = {
            "readings": self.progress.readings,
            "findings": counts.findings,
            "tickets opened": counts.tickets_opened,
            "webhooks delivered": counts.webhooks_delivered,
            "SMS and push sent": counts.notifications_sent,
            "held back by consent": sum(counts.held_back.values()),
            "dead letters": self.progress.dead_letters,
        }
        for name, value in pairs.items():
            table.add_row(f"  {name:<22} {value:>12,}")
        return table
