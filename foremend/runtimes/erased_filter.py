"""Readings of appliances whose owner is being erased, from before the asking: nobody uses them any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Block, Forgotten

REFRESH_MS = 1_000


class ErasedFilter:
    """Takes rows out of blocks, then has `permitted` look at the rest. Asks at most once a second who is erased."""

    def __init__(
        self,
        erased: Callable[[], Sequence[Forgotten]],
        permitted: Callable[[Block], Block],
        clock: Clock,
    ) -> None:
        self._ask, self._permitted, self._clock = erased, permitted, clock
        self._until: dict[tuple[str, str], int] = {}
        self._asked = 0

    def __call__(self, block: Block) -> Block:
        now = self._clock.now_ms()
        if not 0 <= now - self._asked < REFRESH_MS:
            self._until = {(one.appliance_model, one.appliance_id): one.until for one in self._ask()}
            self._asked = now
        if self._until:
            until = [self._until.get((block.appliance_model, one), -1) for one in block.appliance_ids]
            block = block.take(block.time > np.array(until, np.int64)[block.appliance])
        return self._permitted(block)
