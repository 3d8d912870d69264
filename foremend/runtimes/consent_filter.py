"""Readings of appliances that nobody may watch, by policy and their owners' words, go no further than the journal."""

from __future__ import annotations

import numpy as np

from alerts.consent.watched import Watched
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Block


class ConsentFilter:
    """Takes rows out of blocks: a look into memory an appliance, none a reading."""

    def __init__(self, watched: Watched, clock: Clock) -> None:
        self._watched, self._clock = watched, clock
        self.held_back = 0  # readings

    def __call__(self, block: Block) -> Block:
        until = np.array(self._watched.until(block.appliance_ids), np.int64)
        allowed = until > self._clock.now_ms()
        if allowed.all():
            return block
        rows = allowed[block.appliance]
        self.held_back += int((~rows).sum())
        return block.take(rows)
