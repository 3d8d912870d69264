"""Runs what knows no deadline and no stop, as libraries that send messages do, so that it has both."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from alerts.inner_addresses import Connections
from foremend.vocabulary.errors import UnavailableError

Errand = Callable[[Connections], None]
_STOPS = "broken off: Foremend stops"


@dataclass(slots=True)
class _UnderWay:
    """One errand, in a thread of its own."""

    connections: Connections
    done: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None

    def hangs(self) -> bool:
        """Whether it goes on; then its connections end, as an answer that never ends would keep it."""
        if self.done.is_set():
            return False
        self.connections.cut()
        return True


class Courier:
    """Runs one errand at a time, each in a thread: with its deadline, or a cut, what it had connected to ends."""

    def __init__(self, name: str, longest: int, *, public_only: bool) -> None:
        """`name` is for sentences, `longest` in ms; `public_only`: addresses of the world alone may be reached."""
        self._name, self.longest, self._public_only = name, longest, public_only
        self._cut = threading.Event()
        self._last: _UnderWay | None = None

    def run(self, errand: Errand) -> None:
        """Returns once it is done. Raises what it raised, and UnavailableError at the deadline or a cut."""
        if self._last is not None and self._last.hangs():
            raise UnavailableError(f"{self._name}: an earlier message still hangs")
        if self._cut.is_set():
            raise UnavailableError(_STOPS)
        self._last = under_way = _UnderWay(Connections(public_only=self._public_only))
        threading.Thread(
            target=_carry, args=(under_way, errand), name=f"send by {self._name}", daemon=True
        ).start()
        in_time = self._cut.is_set() or under_way.done.wait(self.longest / 1000)
        if self._cut.is_set():
            raise UnavailableError(_STOPS)
        if not in_time:
            under_way.connections.cut()
            raise UnavailableError(f"{self._name}: no answer within {self.longest} ms")
        if under_way.error is not None:
            raise under_way.error

    def wait(self) -> None:
        """Until the last errand's thread is through with it, whoever still waited for it."""
        if self._last is not None:
            self._last.done.wait()

    def cut(self) -> None:
        """Who waits for an errand under way waits no more, and its connections end; from another thread."""
        self._cut.set()
        if self._last is not None:
            self._last.connections.cut()
            self._last.done.set()


def silence(loggers: Iterable[str]) -> None:
    """Let loggers of libraries that know a secret or an address write nothing to ours."""
    for name in loggers:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _carry(under_way: _UnderWay, errand: Errand) -> None:
    try:
        with under_way.connections.watched():
            errand(under_way.connections)
    except Exception as error:  # noqa: BLE001 raised where somebody waits for it
        under_way.error = error
    finally:
        under_way.done.set()
