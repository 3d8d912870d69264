"""Work that one thread has another one do, between two pieces of that one's own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from foremend.vocabulary.errors import ForemendError, UnavailableError


class Errand:
    """Asked for once, done once or not at all."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._taken, self._done = threading.Lock(), threading.Event()
        self._failed: ForemendError | None = None

    def do(self) -> None:
        """In the thread whose work it is; one that nobody waits for any more is left. What is known to fail is told."""
        if not self._taken.acquire(blocking=False):
            return
        try:
            self._work()
        except ForemendError as error:
            self._failed = error
        finally:
            self._done.set()

    def await_done(self, wait_s: float) -> None:
        """Returns when it is done. Raises UnavailableError where it was not begun in time, and what it failed with."""
        if not self._done.wait(wait_s) and self._taken.acquire(blocking=False):
            raise UnavailableError(f"the pipeline did not get to it within {wait_s:g} s")
        self._done.wait()
        if self._failed is not None:
            raise self._failed
