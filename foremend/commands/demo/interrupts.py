"""Ctrl-C at any moment: one exception, once, and never between a child's birth and somebody who ends it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_waiting: list[int] = []
_shields = 0


class Interrupted(SystemExit):
    """Somebody asked the process to end; leaving by it unwinds what was started."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Meanwhile the first SIGINT or SIGTERM raises Interrupted; what comes while that unwinds is too late to matter."""
    before = {number: signal.signal(number, _heard) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def shielded() -> Iterator[None]:
    """Until its end nothing is raised; what was heard meanwhile is raised then."""
    global _shields
    _shields += 1
    try:
        yield
    finally:
        _shields -= 1
    if _waiting and not _shields:
        _raise(_waiting.pop())


def wait_for_signal() -> None:
    """For ever; raises Interrupted."""
    while True:
        time.sleep(1)


def _heard(number: int, _frame: object) -> None:
    if _shields:
        _waiting.append(number)
    else:
        _raise(number)


def _raise(number: int) -> None:
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(128 + number)
