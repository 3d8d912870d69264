"""What the demo tells while it runs: which chapters were reached, and how fast the fleet's time goes by.

The page reads it from a file (`service.story`), the terminal shows the same. It knows what the effects database knows,
and nothing of the truth until the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine

from alerts import queries
from alerts.queries import Counts
from foremend.vocabulary.topics import Progress
from foremend.vocabulary.types import MS_PER_DAY

Told = dict[str, Any]
NEXT = (
    "foremend demo --scenario bad-batch",
    "foremend init home",
    "foremend simulate --out past --days 120",
)
_SPEED_OVER_S = 5.0
_KNOWN = 1_000  # findings looked at for the first that foresees a failure


@dataclass(slots=True)
class Story:
    """One run's. `start` and `days` of the fleet; `file` is written anew whenever something changed."""

    database: Engine
    start: int  # ms UTC
    days: int
    appliances: int
    file: Path
    clock: Callable[[], float] = time.monotonic
    progress: Progress = field(default_factory=lambda: Progress(0, 0, 0, 0))
    counts: Counts | None = None
    chapters: dict[str, Told] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    _past: list[tuple[float, int, int]] = field(default_factory=list)  # wall s, event ms, readings

    def look(self, progress: Progress) -> list[str]:
        """Take what is known now; the chapters that were reached since the last look."""
        now = self.clock()
        self.progress, self.counts = progress, queries.counts(self.database)
        self._past.append((now, progress.time or self.start, progress.readings))
        self._past = [one for one in self._past if now - one[0] <= _SPEED_OVER_S] or self._past[-1:]
        reached = dict(self._reached())
        self.chapters |= reached
        self.write()
        return list(reached)

    def end(self, result: Mapping[str, Any]) -> None:
        """Tell how it came out."""
        self.result = {name: value for name, value in result.items() if name != "faults"}
        self.write()

    @property
    def day(self) -> int:
        """Event-days that are over."""
        return min(self.days, max(0, (self.progress.time - self.start) // MS_PER_DAY))

    @property
    def days_a_second(self) -> float:
        """Event-days of the last seconds, over them; 0 before anything is known."""
        return self._rise(1) / MS_PER_DAY

    @property
    def readings_a_second(self) -> float:
        """As `days_a_second`."""
        return self._rise(2)

    def _rise(self, column: int) -> float:
        """Of a column of the past, a second."""
        if not self._past:
            return 0.0
        first, last = self._past[0], self._past[-1]
        return (last[column] - first[column]) / (last[0] - first[0]) if last[0] > first[0] else 0.0

    def write(self) -> None:
        """Whoever reads the file sees it as it was or as it is now."""
        told = {
            "day": self.day,
            "days": self.days,
            "days_a_second": round(self.days_a_second, 2) if self.result is None else 0.0,
            "chapters": [{"name": name, **about} for name, about in self.chapters.items()],
            "result": self.result,
            "next": NEXT,
        }
        fresh = self.file.with_suffix(".new")
        fresh.write_bytes(orjson.dumps(told))
        fresh.replace(self.file)

    def _reached(self) -> Iterator[tuple[str, Told]]:
        """Each chapter once, when it begins."""
        for name, find in _CHAPTERS.items():
            if name not in self.chapters and (found := find(self)) is not None:
                yield name, found


def _fleet(story: Story) -> Told | None:
    return {"number": story.appliances} if story.progress.readings else None


def _learning(story: Story) -> Told | None:
    return {} if story.day >= 1 else None


def _oddity(story: Story) -> Told | None:
    found = queries.findings(story.database, limit=1)
    if not found.total:
        return None
    return _about(queries.findings(story.database, 1, found.total - 1).items[0])


def _prediction(story: Story) -> Told | None:
    if "oddity" not in story.chapters:
        return None
    foreseen = [
        one
        for one in queries.findings(story.database, _KNOWN).items
        if one["days_to_failure"] is not None and one["kind"] == "opened"
    ]
    return {**_about(foreseen[-1]), "days": foreseen[-1]["days_to_failure"]} if foreseen else None


def _consent(story: Story) -> Told | None:
    counts = story.counts
    asked = counts is not None and (counts.tickets_opened or counts.held_back)
    return {} if asked else None


def _ticket(story: Story) -> Told | None:
    if story.counts is None or not story.counts.webhooks_delivered:
        return None
    found = queries.tickets(story.database, limit=1)
    return _about(queries.tickets(story.database, 1, found.total - 1).items[0]) if found.total else None


def _message(story: Story) -> Told | None:
    return {} if story.counts is not None and story.counts.notifications_sent else None


def _withdrawal(story: Story) -> Told | None:
    held = queries.held_back(story.database, _KNOWN).items
    withdrawn = [one for one in held if one["reason"].startswith("withdrawn")]
    return _about(withdrawn[-1]) if withdrawn else None


def _about(one: Mapping[str, Any]) -> Told:
    return {"appliance": one["appliance_id"], "fault": one["fault"]}


_CHAPTERS: Mapping[str, Callable[[Story], Told | None]] = {
    "fleet": _fleet,
    "learning": _learning,
    "oddity": _oddity,
    "prediction": _prediction,
    "consent": _consent,
    "ticket": _ticket,
    "message": _message,
    "withdrawal": _withdrawal,
}
