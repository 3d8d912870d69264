"""Waiting for what is away: storage, a database, the disk. Nobody else waits, and nobody else says so."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.rounds import Lapse

T = TypeVar("T")

RETRY_S = 1.0


class Patience:
    """Tries again until it works, or until `stop` is set. Blocks its thread meanwhile: nothing overtakes."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._lapse = Lapse("storage")

    @property
    def waiting(self) -> bool:
        """Whether something is away right now."""
        return self._lapse.trouble is not None

    @property
    def trouble(self) -> str | None:
        """What is away right now, in words."""
        return self._lapse.trouble

    def insist(self, act: Callable[[], T]) -> T:
        """Do `act` until the disk, database or history takes it.

        Raises UnavailableError on a stop.
        """
        while True:
            try:
                result = act()
            except UnavailableError as error:
                self._lapse.failed(error)
                if self._stop.wait(RETRY_S):
                    raise UnavailableError(f"stopped while waiting: {error}") from error
            else:
                self._lapse.worked()
                return result
