"""Looks now and then whether households whose owners agreed to it have fallen silent, and has their contacts told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from alerts.wellbeing.desk import Household, Wellbeing
from alerts.wellbeing.stored import Signs, Span
from alerts.wellbeing.telling import Found
from foremend.vocabulary.ports import Clock, History
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.rounds import ByRounds, Rounds
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Block
from foremend.vocabulary.wellbeing import DAYS_KEPT
from models.wellbeing import STALE_US, heard, judged, merged, signs_of_life

EVERY_S = 900.0
AGAIN_MS = 8 * MS_PER_HOUR
"""So much before the last reading is read again: what came late is seen."""
LATEST_MS = MS_PER_DAY
"""An appliance that was silent for longer is looked for no further back: each look reads a day at most."""
LEAD_MS = 2 * MS_PER_HOUR
"""Of it, what only leads to the rest: whether a door was opened shows against the reading before."""
_US, _MINUTE_MS = 1_000, 60_000
_MINUTE_US = _MINUTE_MS * _US
_GAP_MINUTES = STALE_US // _MINUTE_US


class WellbeingRounds(ByRounds):
    """In a thread between `start` and `close`; any number of processes may do it beside each other."""

    def __init__(
        self, desk: Wellbeing, history: History, profiles: Mapping[str, Profile], clock: Clock
    ) -> None:
        """`history` is a reader of its own."""
        self._desk, self._history, self._clock = desk, history, clock
        self._categories = {name: one.category for name, one in profiles.items()}
        self._rounds = Rounds("wellbeing", self.round, EVERY_S)

    def round(self) -> int:
        """Look at every household; of how many something was told. Nothing of any is logged.

        Raises what stood in the way of one after the others had their turn.
        """
        is_told, failed = 0, list[Exception]()
        for one in self._desk.households():
            if self._rounds.stopping.is_set():
                break
            try:
                is_told += self._look(one)
            except Exception as error:  # noqa: BLE001 raised at the end: the next household is looked after as ever
                failed.append(error)
        if failed:
            raise failed[0]
        return is_told

    def _look(self, household: Household) -> bool:
        now = self._clock.now_ms()
        found = {one: self._signs(one, model, now) for one, model in household.appliances}
        self._desk.keep_signs(found)
        signs = _instants([minute for one in found.values() for minute in one.minutes])
        house = self._desk.house(household.owner_id)
        quiet = judged(
            signs,
            now * _US,
            ZoneInfo(household.timezone),
            [(since * _US, until * _US) for since, until in house.away],
            None if house.well is None else house.well * _US,
            seen=[
                (since * _MINUTE_US, until * _MINUTE_US)
                for since, until in all_of([one.heard for one in found.values() if one.minutes])
            ],
        )
        silent = (
            None
            if quiet is None
            else Found(quiet.level, quiet.last_sign // _US, quiet.usual_by // _US, quiet.why == "shifted")
        )
        return self._desk.tell(household, silent, int(signs[-1]) // _US if len(signs) else None)

    def _signs(self, appliance_id: str, model: str, now: int) -> Signs:
        """What is known of an appliance, with what was read since the last round."""
        oldest = now - DAYS_KEPT * MS_PER_DAY
        kept = self._desk.signs(appliance_id) or Signs(oldest)
        since = max(kept.until - AGAIN_MS, oldest)
        blocks = self._history.read(model, since, now + 1, appliance_id)
        found = joined(kept, blocks, since, oldest, self._categories.get(model))
        return replace(found, until=max(found.until, now - LATEST_MS))


def joined(kept: Signs, blocks: Iterable[Block], since: int, oldest: int, category: str | None) -> Signs:
    """`kept` with the readings of one appliance from `since` on, ms UTC, without what is before `oldest`.

    `blocks` are as `History.read` has them: no more than a day of readings is held.
    """
    from_minute = (since + (LEAD_MS if kept.minutes or kept.heard else 0)) // _MINUTE_MS
    minutes = {one for one in kept.minutes if one < from_minute}
    spans, until, lead = list(kept.heard), kept.until, list[Block]()
    for block in blocks:
        new = _shown([*lead, block], category)
        minutes |= {int(one) for one in new[new >= block.time[0]] // _MINUTE_MS if one >= from_minute}
        spans += [(a // _MINUTE_US, b // _MINUTE_US) for a, b in heard(block.time * _US)]
        until = max(until, int(block.time[-1]))
        lead = [block.take(block.time >= block.time[-1] - LEAD_MS)]
    return _without(Signs(until, tuple(sorted(minutes)), tuple(merged(spans, _GAP_MINUTES))), oldest)


def _shown(blocks: Sequence[Block], category: str | None) -> NDArray[np.int64]:
    """Of blocks one after the other, ms UTC."""
    names = {name for block in blocks for name in block.signals}
    signals = {
        name: np.concatenate([block.signals.get(name, np.full(len(block), np.nan)) for block in blocks])
        for name in names
    }
    times = np.concatenate([block.time for block in blocks])
    return signs_of_life(times * _US, signals, category) // _US


def all_of(each: Sequence[Sequence[Span]]) -> list[Span]:
    """When every one of several spoke; of none, never.

    >>> all_of([[(0, 10), (20, 30)], [(5, 25)]])
    [(5, 10), (20, 25)]
    """
    if not each:
        return []
    both = list(each[0])
    for other in each[1:]:
        both = [(max(a, c), min(b, d)) for a, b in both for c, d in other if max(a, c) <= min(b, d)]
    return both


def _without(signs: Signs, oldest: int) -> Signs:
    first = oldest // _MINUTE_MS
    spans = tuple((max(a, first), b) for a, b in signs.heard if b >= first)
    return Signs(signs.until, tuple(one for one in signs.minutes if one >= first), spans)


def _instants(minutes: Sequence[int]) -> NDArray[np.int64]:
    """us UTC, sorted, each once."""
    return np.unique(np.array(minutes, np.int64)) * _MINUTE_US
