"""How many are heard of for the first time, for the log, which names nobody: no erasure reaches it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foremend.engine.engine import Engine  # a gateway has none

log = logging.getLogger(__name__)

MINUTE_MS = 60_000
MOST_LINES = 10
"""A minute: who connects plugs by hand sees each of them come, and made-up ids fill no disk."""


class Arrivals:
    """Speaks of one engine's newcomers; call `begin`, then `heard` after each block and `tell` now and then.

    Who has many engines calls `came` and `new` instead of `begin` and `heard`. Belongs to one thread.
    """

    def __init__(self) -> None:
        self._known = self._untold = self._lines = self._minute = 0
        self._any = False

    def begin(self, engine: Engine) -> None:
        """Who is known by now is nobody new: of the last run, or rebuilt from the journal."""
        self._known, self._untold = engine.heard_of(), 0

    def heard(self, engine: Engine, appliance_model: str, readings: int, now_ms: int) -> None:
        """Of a block with so many readings, just processed; `now_ms` by the wall clock."""
        self.came(appliance_model, readings)
        heard_of = engine.heard_of()
        new = heard_of - self._known  # less than none after going back to a snapshot: these were told
        if new > 0:
            self._known = heard_of
            self.new(appliance_model, new, now_ms)

    def came(self, appliance_model: str, readings: int) -> None:
        """So many readings came."""
        if readings and not self._any:
            self._any = True
            log.info("the first readings are here: %d of %s", readings, appliance_model)

    def tell(self, now_ms: int) -> None:
        """Count out, once its minute is over, what had no line of its own."""
        if self._untold and not 0 <= now_ms - self._minute < MINUTE_MS:
            log.info("heard of %d more appliances for the first time", self._untold)
            self._untold = 0

    def new(self, appliance_model: str, new: int, now_ms: int) -> None:
        """So many are heard of for the first time."""
        self.tell(now_ms)
        if not 0 <= now_ms - self._minute < MINUTE_MS:
            self._minute, self._lines = now_ms, 0
        if self._lines == MOST_LINES:
            self._untold += new
            return
        self._lines += 1
        log.info("heard of for the first time: %d of %s", new, appliance_model)
