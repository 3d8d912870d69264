"""Starting the same process anew, when only that helps, and ending it when that is asked, at whatever moment.

Anew means `exec`: the process keeps its id, so that whoever supervises it need not know, and nothing of the old one
stays, not a thread and not a socket.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from foremend.vocabulary.errors import UnavailableError

log = logging.getLogger(__name__)

RESTART_S = 3.0
_ASKS = frozenset({signal.SIGINT, signal.SIGTERM})


class StopAsked:
    """SIGINT and SIGTERM of a process that may start anew, from its making on; make it in the main thread.

    While nothing runs yet, or nothing does any more, they end the process with code 0; `tell` has an event set instead.
    """

    def __init__(self) -> None:
        self._asked = False
        self._tell: Callable[[], object] | None = None
        for number in _ASKS:
            signal.signal(number, self._heard)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKS)  # as `start_anew` left them

    @contextmanager
    def tell(self, stop: asyncio.Event) -> Iterator[None]:
        """In the loop that `stop` is waited for in: it is set when the process is asked to end."""
        loop = asyncio.get_running_loop()
        self._tell = lambda: loop.call_soon_threadsafe(stop.set)
        try:
            yield
        finally:
            self._tell = lambda: None  # what is open is closed first

    def or_anew(self, error: UnavailableError) -> NoReturn:
        """Nothing runs any more: replace this process. Raises `error` where it was asked to end meanwhile."""
        if self._asked:
            raise error
        self._tell = None
        start_anew(str(error))

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._tell is None:
            raise SystemExit(0)
        self._tell()


def start_anew(why: str) -> NoReturn:
    """Replace this process by the same command. From any thread."""
    log.error("%s; starting anew", why)
    time.sleep(RESTART_S)
    logging.shutdown()
    signal.pthread_sigmask(
        signal.SIG_BLOCK, _ASKS
    )  # kept over exec: whoever asks now is heard by the new one
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
