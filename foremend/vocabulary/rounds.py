"""What is done now and again in a thread of its own, and what is tried again until it works: said once, never ended."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from foremend.vocabulary.aside import Aside

log = logging.getLogger(__name__)


class Lapse:
    """Something that is tried again: says once when it fails and once when it works again.

    `trouble` is what is wrong now, in words; None while all is well. Read it from any thread.
    """

    def __init__(self, what: str) -> None:
        """`what` works again, in the line that says so: `storage`."""
        self.what = what
        self.trouble: str | None = None

    def failed(self, why: object) -> None:
        if self.trouble is None:
            log.error("%s; trying again until it works", why)
        self.trouble = str(why)

    def worked(self) -> None:
        if self.trouble is not None:
            log.warning("%s works again", self.what)
        self.trouble = None


class Rounds:
    """Calls `act` between `start` and `close`, every so often. Whatever it raises ends no more than that round."""

    def __init__(
        self, what: str, act: Callable[[], object], every_s: float, again_s: float | None = None
    ) -> None:
        """`what` it is in the log, and its thread's name; `again_s` is the rest after a round that raised."""
        self._act, self._every_s = act, every_s
        self._again_s = every_s if again_s is None else again_s
        self._lapse, self._aside = Lapse(what), Aside(what)
        self._thread = threading.Thread(target=self._run, name=what, daemon=True)
        self.stopping = threading.Event()
        """Set by `close`: a long round looks at it between its parts."""

    def start(self) -> None:
        self._thread.start()

    @property
    def trouble(self) -> str | None:
        """Why the last round failed, in words; None where it did not. From any thread."""
        return self._lapse.trouble

    def close(self) -> None:
        """End after the round that is under way, or sooner where that looks at `stopping`."""
        self.stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        stopped = False
        while not stopped:
            stopped = self.stopping.wait(self._once())

    def _once(self) -> float:
        """How long to rest, in s."""
        try:
            self._act()
        except Exception as error:  # noqa: BLE001 the thread outlives what nobody foresaw of one round
            self._lapse.failed(f"{self._lapse.what}: {self._aside.reason(error)}")
            return self._again_s
        self._lapse.worked()
        return self._every_s


class ByRounds:
    """What is done in rounds inherits: by themselves in a thread between `start` and `close`."""

    _rounds: Rounds

    def start(self) -> None:
        """The first round begins at once."""
        self._rounds.start()

    def trouble(self) -> str | None:
        """Why the last round by itself could not be done; None where it could. From any thread."""
        return self._rounds.trouble

    def close(self) -> None:
        """End after the round that is under way, or sooner where that looks whether it shall stop."""
        self._rounds.close()
