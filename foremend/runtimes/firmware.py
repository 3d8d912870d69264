"""What appliances say of their firmware, into the register of nameplates: now and then, beside the pipeline.

Lanes know the last word of each appliance, so readings cost nothing for it, and nothing has to be remembered here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from alerts.nameplates import FirmwareWord
from foremend.engine.lane import NO_TIME, Lane
from foremend.vocabulary.rounds import ByRounds, Rounds

EVERY_S = 900.0


class FirmwareRounds(ByRounds):
    """Rounds of it, by themselves in a thread between `start` and `close`, or one by `round`."""

    def __init__(
        self, lanes: Callable[[], Iterable[Lane]], hear: Callable[[Iterable[FirmwareWord]], int]
    ) -> None:
        """`lanes` are those of this process now; `hear` takes in what is news."""
        self._lanes, self._hear = lanes, hear
        self._rounds = Rounds("firmware", self.round, EVERY_S)

    def round(self) -> int:
        """Tell the register what each appliance said last; how many changes that were. Raises UnavailableError while
        the database is away."""
        return self._hear(word for lane in list(self._lanes()) for word in _words(lane))


def _words(lane: Lane) -> Iterator[FirmwareWord]:
    """Copies, as the pipeline goes on meanwhile; of whom nothing was said yet there is nothing."""
    each = zip(list(lane.ids), list(lane.firmware), lane.last_seen.tolist(), strict=False)
    for appliance_id, version, seen in each:
        if version and seen != NO_TIME:
            yield FirmwareWord(appliance_id, version, seen)
