"""Looks now and then whether households whose owners agreed to it have fallen silent, and has their contacts told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from alerts.wellbeing.desk import Household, Wellbeing
from alerts.wellbeing.stored import House, Signs
from alerts.wellbeing.telling import Found
from foremend.jobs.wellbeing_signs import MINUTE_MS, Listening, all_of, by_appliance
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.ports import Clock, History
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.rounds import ByRounds, Rounds
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR
from foremend.vocabulary.wellbeing import DAYS_KEPT
from models.wellbeing import judged

EVERY_S = 900.0
AGAIN_MS = 8 * MS_PER_HOUR
"""So much before the last reading is read again: what came late is seen."""
LATEST_MS = MS_PER_DAY
"""An appliance that was silent for longer is looked for no further back: each look reads a day at most."""
AT_ONCE = 250
"""Appliances whose readings are read together: a day of readings each minute of so many is some 40 MB."""
_US = 1_000
_MINUTE_US = MINUTE_MS * _US


class WellbeingRounds(ByRounds):
    """In a thread between `start` and `close`; any number of processes may do it beside each other."""

    def __init__(
        self,
        desk: Wellbeing,
        history: History,
        profiles: Mapping[str, Profile],
        clock: Clock,
        at_once: int = AT_ONCE,
    ) -> None:
        """`history` is a reader of its own; readings of `at_once` appliances are read together."""
        self._desk, self._history, self._clock, self._at_once = desk, history, clock, at_once
        self._categories = {name: one.category for name, one in profiles.items()}
        self._rounds = Rounds("wellbeing", self.round, EVERY_S)

    def round(self) -> int:
        """Look at every household; of how many something was told. Nothing of any is logged.

        Raises what stood in the way of one after the others had their turn.
        """
        failed = list[Exception]()
        is_told = sum(self._look(some, failed) for some in _blocks(self._desk.households(), self._at_once))
        if failed:
            raise failed[0]
        return is_told

    def _look(self, some: Sequence[Household], failed: list[Exception]) -> int:
        """At several together; where one of them stands in the way, at either half, so that it is left out alone."""
        if self._rounds.stopping.is_set():
            return 0
        now = self._clock.now_ms()
        try:
            found = self._heard([appliance for one in some for appliance in one.appliances], now)
            self._desk.keep_signs(found)
            houses = self._desk.houses([one.owner_id for one in some])
        except UnavailableError as error:  # no household's own: the halves would wait as long, for nothing
            failed.append(error)
            return 0
        except Exception as error:  # noqa: BLE001 raised at the end: the others are looked after as ever
            if len(some) == 1:
                failed.append(error)
                return 0
            middle = len(some) // 2
            return sum(self._look(half, failed) for half in (some[:middle], some[middle:]))
        return sum(self._tell(one, found, houses[one.owner_id], now, failed) for one in some)

    def _heard(self, appliances: Iterable[tuple[str, str]], now: int) -> dict[str, Signs]:
        """What is known of appliances, given as (id, model), with what was read since the last round, by id."""
        oldest = now - DAYS_KEPT * MS_PER_DAY
        models = dict(appliances)
        kept = self._desk.signs(models)
        # by the day from which on to read: of a new household sixty, of the others none of them
        groups: defaultdict[tuple[str, int], dict[str, int]] = defaultdict(dict)
        for one, model in models.items():
            since = max(kept[one].until - AGAIN_MS, oldest) if one in kept else oldest
            groups[model, since // MS_PER_DAY][one] = since
        found = dict[str, Signs]()
        for (model, _), each in groups.items():
            listening = {
                one: Listening(kept.get(one) or Signs(oldest), since, self._categories.get(model))
                for one, since in each.items()
            }
            for block in self._history.read(model, min(each.values()), now + 1, listening.keys()):
                for one, readings in by_appliance(block):
                    listening[one].hear(readings)
            found |= {one: heard.signs(oldest) for one, heard in listening.items()}
        return {one: replace(signs, until=max(signs.until, now - LATEST_MS)) for one, signs in found.items()}

    def _tell(
        self,
        household: Household,
        found: Mapping[str, Signs],
        house: House,
        now: int,
        failed: list[Exception],
    ) -> bool:
        try:
            its = [found[one] for one, _ in household.appliances]
            signs = _instants([minute for one in its for minute in one.minutes])
            silent = _silence(household, its, signs, house, now)
            if silent is None and house.silence is None:
                return False
            return self._desk.tell(household, silent, int(signs[-1]) // _US if len(signs) else None)
        except Exception as error:  # noqa: BLE001 raised at the end: the next household is looked after as ever
            failed.append(error)
            return False


def _blocks(households: Iterable[Household], most: int) -> Iterator[list[Household]]:
    """Of `most` appliances, or of one household that has more."""
    block, many = list[Household](), 0
    for one in households:
        if block and many + len(one.appliances) > most:
            yield block
            block, many = [], 0
        block.append(one)
        many += len(one.appliances)
    if block:
        yield block


def _silence(
    household: Household, its: Sequence[Signs], signs: NDArray[np.int64], house: House, now: int
) -> Found | None:
    """Of a household with these signs of each appliance, `signs` of all together, us UTC."""
    quiet = judged(
        signs,
        now * _US,
        ZoneInfo(household.timezone),
        [(since * _US, until * _US) for since, until in house.away],
        None if house.well is None else house.well * _US,
        seen=[
            (since * _MINUTE_US, until * _MINUTE_US)
            for since, until in all_of([one.heard for one in its if one.minutes])
        ],
    )
    if quiet is None:
        return None
    return Found(quiet.level, quiet.last_sign // _US, quiet.usual_by // _US, quiet.why == "shifted")


def _instants(minutes: Sequence[int]) -> NDArray[np.int64]:
    """us UTC, sorted, each once."""
    return np.unique(np.array(minutes, np.int64)) * _MINUTE_US
