"""Which event times a worker believes: one far off would move the clock of its whole fleet.

Gateways have refused, reading by reading, what is too old or ahead; records are looked at again, because anybody may
write to a topic. A gateway keeps what it took while Kafka is away, so Kafka's own time may be later than the reception.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_DAY, Block
from ingest.settings import IngestSettings

EVER = (946_684_800_000, 4_102_444_800_000)
"""From the year 2000 to 2099, ms UTC, whatever the settings allow."""

KAFKA_AWAY_MS = 7 * MS_PER_DAY
"""How much later than MQTT's message its record may be, and be believed."""

CLOCKS_APART_MS = MS_PER_DAY
"""Of the machines of gateways and Kafka."""


@dataclass(frozen=True, slots=True)
class EventTimes:
    """`oldest` and `clock_ahead` of `ingest:`, ms; without them only the century counts."""

    oldest: int | None = None
    clock_ahead: int | None = None

    @classmethod
    def of(cls, settings: IngestSettings) -> EventTimes:
        return cls(settings.oldest, settings.clock_ahead)

    def believed(self, block: Block, received: int) -> NDArray[np.bool_]:
        """(n,) which readings of `block`, which Kafka `received` (ms UTC), have a time that can be."""
        first, end = EVER
        if self.oldest is not None:
            first = max(first, received - self.oldest - KAFKA_AWAY_MS)
        if self.clock_ahead is not None:
            end = min(end, received + self.clock_ahead + CLOCKS_APART_MS)
        return (block.time >= first) & (block.time < end)


ANY_TIME = EventTimes()
"""Of this century."""
