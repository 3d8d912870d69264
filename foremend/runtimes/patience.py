"""Waiting for what is away: storage, a database, the disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from foremend.errors import UnavailableError

log = logging.getLogger(__name__)
T = TypeVar("T")

RETRY_S = 1.0


class Patience:
    """Tries again until it works, or until `stop` is set. Blocks its thread meanwhile: nothing overtakes."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self.waiting = False  # something is away right now

    def insist(self, act: Callable[[], T]) -> T:
        """Do `act` until the disk, database or history takes it; logs once when lost and once when back.

        Raises UnavailableError on a stop.
        """
        while True:
            try:
                result = act()
            except UnavailableError as error:
                if not self.waiting:
                    log.error("%s; trying again until it works", error)
                self.waiting = True
                if self._stop.wait(RETRY_S):
                    raise
            else:
                if self.waiting:
                    log.warning("storage works again")
                self.waiting = False
                return result
