"""Looks at the clock, by which workers know who is silent: records among the blocks, and no readings.

Workers read no clock, and cannot know whether anybody could be heard: gateways do. Each looks about once a minute,
while it is connected to the MQTT broker, and writes its look into every partition, before whatever comes to it
afterwards. So a worker meets looks and readings in one order, and one that takes a partition over in the same.
"""

from __future__ import annotations

from typing import NamedTuple

from foremend.vocabulary.ports import Clock
from foremend.vocabulary.topics import CLOCK

KEY = CLOCK.encode()
"""Of the record; no appliance model can be called so."""
CAUGHT_UP = b"caught up"
EVERY_MS = 60_000


class Look(NamedTuple):
    """One look; Kafka's time of the record is `wall`."""

    wall: int  # ms UTC, by the clock of the gateway's machine
    caught_up: bool  # nothing waited to be taken

    @property
    def value(self) -> bytes:
        """Of the record."""
        return CAUGHT_UP if self.caught_up else b""


def look_in(key: bytes | None, value: bytes | None, received: int) -> Look | None:
    """The look that a record is; None for every other record."""
    return Look(received, value == CAUGHT_UP) if key == KEY else None


class Looks:
    """When one gateway looks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looked: int | None = None

    def due(self, *, connected: bool, caught_up: bool) -> Look | None:
        """A look, at most one a minute; none while nobody can be heard."""
        now = self._clock.now_ms()
        if not connected or (self._looked is not None and 0 <= now - self._looked < EVERY_MS):
            return None
        self._looked = now
        return Look(now, caught_up)
