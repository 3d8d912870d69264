"""The clock of this machine."""

from __future__ import annotations

import time

from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.ports import Clock
from ingest.durations import spell

MOST_WAIT_S = 600.0
"""So long a start waits for a clock that is behind; a network that comes later sets it all the same."""


class SystemClock:
    """`foremend.vocabulary.ports.Clock` of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class ClockAtStart:
    """Whether the machine's clock may be right, as far as the readings tell that were taken before it started.

    A board without a clock of its own wakes up at the time of its power cut, until the network tells it better: a
    reading with a time of its own would be refused as one from the future. So nothing is taken from the broker yet,
    which keeps it. Not for ever: the clock may have been ahead before, when the readings without a time got theirs.
    """

    def __init__(self, clock: Clock, ahead_ms: int) -> None:
        """`ahead_ms`: so much later than its reception a reading may be (`ingest.clock_ahead`)."""
        self._clock, self._ahead = clock, ahead_ms
        self._began: float | None = None  # to wait, monotonic, s

    def require(self, newest_ms: int) -> None:
        """Raises UnavailableError while the clock is too far behind `newest_ms`, the newest event time ever taken."""
        behind = newest_ms - self._clock.now_ms()
        if behind <= self._ahead:
            return
        self._began = time.monotonic() if self._began is None else self._began
        if time.monotonic() - self._began < MOST_WAIT_S:
            raise UnavailableError(
                f"this machine's clock is {spell(behind)} behind the newest reading, "
                f"so it may not be set yet (NTP): nothing is taken from the broker for up to {MOST_WAIT_S / 60:.0f} min"
            )
