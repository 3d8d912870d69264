"""Readings of appliances whose owner withdrew `monitoring` go no further than the journal."""

from __future__ import annotations

import numpy as np

from alerts.consent import ConsentLedger
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Block, Purpose

REFRESH_MS = 1_000


class ConsentFilter:
    """Takes rows out of blocks. Asks the ledger at most once a second: that is how fast a withdrawal works.

    An appliance that nobody registered has no owner who could object; it is let through.
    """

    def __init__(self, ledger: ConsentLedger, clock: Clock) -> None:
        self._ledger, self._clock = ledger, clock
        self._withdrawn: frozenset[str] = frozenset()
        self._asked = 0
        self.held_back = 0  # readings

    def __call__(self, block: Block) -> Block:
        self._refresh()
        if self._withdrawn.isdisjoint(block.appliance_ids):
            return block
        allowed = np.array([appliance_id not in self._withdrawn for appliance_id in block.appliance_ids])
        rows = allowed[block.appliance]
        self.held_back += int((~rows).sum())
        return block.take(rows)

    def withdrawn(self) -> frozenset[str]:
        """Whose owners do not want them watched, as last asked."""
        return self._withdrawn

    def _refresh(self) -> None:
        now = self._clock.now_ms()
        if now - self._asked >= REFRESH_MS:
            self._withdrawn = self._ledger.refused(Purpose.MONITORING)
            self._asked = now
