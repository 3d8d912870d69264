"""Clocks that are ahead: what a device says it measured in the future must not make what follows too late.

Readings are put in order by the newest time of their appliance, so one that is an hour ahead would shut out the
hour that follows. A clock that leaps ahead of reception is taken to be wrong by so much, until it says otherwise.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.columns import Columns
from ingest.durations import spell
from ingest.memory import remember

_MOST = 100_000
_TOLD = 100

log = logging.getLogger(__name__)


class Clocks:
    """By how much the clocks of appliances are ahead, of those that leapt; only these are remembered.

    One that is within `lateness` (ms) ahead shuts out nothing, and is believed; so is one that goes ahead step by step.
    """

    def __init__(self, lateness: int) -> None:
        self._lateness = lateness
        self._wrong: dict[
            str, tuple[int, int]
        ] = {}  # appliance -> its newest time and how much that is ahead, ms
        self._told: set[str] = set()

    def leaps(self, readings: Columns, ahead: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """(n,) ms to take off each time, None where no clock leapt; `ahead` (n,) is by how much it is after reception.

        Rows are in order of arrival, those of one message together; readings of one message keep their distances.
        """
        leapt = ahead > self._soon
        if not self._wrong and not leapt.any():
            return None
        doubted = np.array([name in self._wrong for name in readings.ids], np.bool_)
        doubted[readings.appliance[leapt]] = True
        messages = np.unique(readings.messages[doubted[readings.appliance]])
        rows = np.flatnonzero(np.isin(readings.messages, messages)).tolist()
        off = np.zeros(len(ahead), np.int64)
        for _, group in groupby(rows, key=readings.messages.__getitem__):
            of_message = list(group)
            newest = max(of_message, key=readings.time.__getitem__)
            name = readings.ids[readings.appliance[newest]]
            off[of_message] = self._of(name, int(readings.time[newest]), int(ahead[newest]))
        return off

    def snapshot(self) -> Mapping[str, Any]:
        return {name: list(known) for name, known in self._wrong.items()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue where `snapshot` was taken."""
        self._wrong = {name: (newest, off) for name, (newest, off) in snapshot.items()}

    @property
    def _soon(self) -> int:
        return self._lateness // 2

    def _of(self, appliance: str, newest: int, ahead: int) -> int:
        """What its clock is taken to be ahead, ms, now that it says `newest`."""
        if ahead <= self._soon:
            self._wrong.pop(appliance, None)
            return 0
        known = self._wrong.get(appliance)
        off = 0 if known is None else known[1]
        leapt = known is None or newest > known[0] + self._lateness
        if leapt and ahead - off > self._lateness:
            off = ahead
            self._tell(appliance, ahead)
        remember(self._wrong, appliance, (newest, off), _MOST)
        return off

    def _tell(self, appliance: str, ahead: int) -> None:
        if appliance not in self._told and len(self._told) < _TOLD:
            self._told.add(appliance)
            log.warning(
                "a clock is %s ahead: its readings are taken as of their arrival (said once a clock)",
                spell(ahead),
            )
