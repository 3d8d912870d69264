"""Every reading of personal data has an entry in the audit log: one place that writes it."""

from __future__ import annotations

import threading

from sqlalchemy import Engine

from alerts.change import change
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.ports import Clock

AGAIN_MS = 3_600_000
"""A page asks every two seconds: what it showed a caller stands in the log once an hour."""
EVERYBODY = "*"
"""The subject of a list that nobody narrowed to one appliance."""
_MOST_WAITING = 100
_MOST_KNOWN = 10_000

_Read = tuple[str, str, str]
"""Who, what, of whom."""


def note_read(engine: Engine, clock: Clock, what: str, subject: str, by: str) -> None:
    """That `by` read `what` (`owner`, `consent`) of `subject`, an id. Raises UnavailableError: then show nothing."""
    with change(engine, clock) as work:
        work.note(f"{what}.read", subject, by=by)


class Reads:
    """Readings that come again and again, each in the log once an hour by one process. From any thread.

    On a full disk the page is needed: readings then wait in memory, a hundred at most, and are written first of all as
    soon as anything can be.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock
        self._noted: dict[_Read, int] = {}
        self._waiting: list[_Read] = []
        self._lock = threading.Lock()

    def note(self, what: str, subject: str, by: str) -> None:
        """That `by` reads `what` of `subject`, an id or `EVERYBODY`.

        Raises UnavailableError where too many wait: then show nothing.
        """
        read, now = (by, what, subject), self._clock.now_ms()
        with self._lock:
            if 0 <= now - self._noted.get(read, now - AGAIN_MS) < AGAIN_MS:
                return
            self._waiting.append(read)
            try:
                self._write()
            except UnavailableError:
                if len(self._waiting) > _MOST_WAITING:
                    self._waiting.pop()
                    raise
            self._remember(read, now)

    def _write(self) -> None:
        with change(self._engine, self._clock) as work:
            for by, what, subject in self._waiting:
                work.note(f"{what}.read", subject, by=by)
        self._waiting = []

    def _remember(self, read: _Read, now: int) -> None:
        if len(self._noted) >= _MOST_KNOWN:
            self._noted = {one: at for one, at in self._noted.items() if now - at < AGAIN_MS}
            if len(self._noted) >= _MOST_KNOWN:
                self._noted = {}
        self._noted[read] = now
