"""A way through the fleet in one order, from any place on.

Those with open episodes are few and sorted in memory; all others come from the pipeline in its order, a chunk at a
time, and both are merged. So a page costs the same wherever it begins.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Literal, NamedTuple, get_args

from sqlalchemy import Engine

from alerts.queries import ANY, NEVER, Traits
from alerts.shared_status import Behind, Order, Standing, Wanted
from foremend.runtimes.status import ApplianceStatus
from foremend.service.fleet_cursor import Place
from foremend.service.pipeline import ShownPipeline, takes
from foremend.service.states import FOUND, severest
from foremend.service.views import STATES, FindingView, FleetState, State

Sort = Literal["urgency", "days_left", "last_seen", "-last_seen"]
SORTS: tuple[Sort, ...] = get_args(Sort)
_ORDERS: Mapping[Sort, Order] = {"last_seen": "last_seen", "-last_seen": "-last_seen"}
_STANDINGS: Mapping[State, Standing] = {one: one for one in get_args(Standing)}
_FIRST, _MOST = 200, 1_000  # appliances asked for at once, at first and later


@dataclass(frozen=True, slots=True)
class FleetFilter:
    """What the list is narrowed to; what is left out takes all. `appliances` bounds who is seen at all.

    `search`: how the id begins, as it is written; with `owners` also how the reference of the owner does. With
    `nameplates` rows say what stands on them.
    """

    state: FleetState | None = None
    appliance_model: str | None = None
    fault: str | None = None
    search: str = ""
    traits: Traits = ANY
    owners: bool = False
    nameplates: bool = False
    appliances: frozenset[str] | None = None


class One(NamedTuple):
    """An appliance at its place: `value` ascends, then its id. `status` None: it was never heard of."""

    rank: int
    value: int
    appliance_id: str
    appliance_model: str
    status: ApplianceStatus | None
    episodes: Sequence[FindingView]  # open ones, what fails first first


@dataclass(frozen=True, slots=True)
class Walk:
    """`ill`: open episodes by appliance, what fails first first; `of_owners`: whom a search means besides ids.

    These, and the appliances of `wanted`, are those that fit the traits that are wanted; of all others `register` says.
    """

    register: Engine
    pipeline: ShownPipeline
    wanted: FleetFilter
    state: State | None
    sort: Sort
    ill: Mapping[str, Sequence[tuple[int, FindingView]]]
    of_owners: frozenset[str]

    def behind(self, place: Place | None) -> Iterator[One]:
        """All of the heard that are wanted, from the first behind `place` on."""
        ranked = self.sort == "urgency" and self.state is None
        phases: Sequence[State | None] = STATES if ranked else (self.state,)
        for rank, phase in enumerate(phases):
            if place is None or rank >= place.rank:
                start = place if place is not None and rank == place.rank else None
                parts = (self._with_episodes(rank, phase, start), self._others(rank, phase, start))
                yield from merge(*parts, key=lambda one: one[1:3])

    def _with_episodes(self, rank: int, state: State | None, start: Place | None) -> Iterator[One]:
        chosen = [one for one, each in self.ill.items() if self._is_wanted(one, each, state)]
        known = {one.appliance_id: one for one in self.pipeline.some(chosen)} if self._by_age else {}
        chosen = [one for one in chosen if one in known] if self._by_age else chosen
        keys = sorted((self._value(one, known), one) for one in chosen)
        keys = keys[0 if start is None else bisect_right(keys, tuple(start[1:])) :]
        for at in range(0, len(keys), _FIRST):
            chunk = keys[at : at + _FIRST]
            heard = known or {one.appliance_id: one for one in self.pipeline.some([one for _, one in chunk])}
            for value, one in chunk:
                if one in heard:
                    episodes = [episode for _, episode in self.ill[one]]
                    yield One(rank, value, one, heard[one].appliance_model, heard[one], episodes)

    def _is_wanted(
        self, appliance_id: str, each: Sequence[tuple[int, FindingView]], state: State | None
    ) -> bool:
        wanted = self.wanted
        return (
            state in (None, severest(episode for _, episode in each))
            and wanted.fault in (None, *(episode.fault for _, episode in each))
            and wanted.appliance_model in (None, each[0][1].appliance_model)
            and (wanted.appliances is None or appliance_id in wanted.appliances)
            and (appliance_id.startswith(wanted.search) or appliance_id in self.of_owners)
        )

    @property
    def _by_age(self) -> bool:
        return self.sort in _ORDERS

    def _value(self, appliance_id: str, known: Mapping[str, ApplianceStatus]) -> int:
        return self._age(known[appliance_id]) if self._by_age else self.ill[appliance_id][0][0]

    def _age(self, one: ApplianceStatus) -> int:
        if not self._by_age:
            return NEVER
        return -one.last_seen if self.sort == "-last_seen" else one.last_seen

    def _others(self, rank: int, state: State | None, start: Place | None) -> Iterator[One]:
        """Those without an open episode."""
        if self.wanted.fault is not None or state in FOUND:
            return iter(())
        standing = None if state is None else _STANDINGS[state]
        wanted = Wanted(self.wanted.appliance_model, standing, self.wanted.search, self.wanted.traits)
        if self.wanted.appliances is not None:
            found = self._listed(self.wanted.appliances, wanted)
        elif self.of_owners:
            found = merge(
                self._listed(self.of_owners, wanted, ranged=True),
                self._in_chunks(wanted, start),
                key=self._key,
            )
        else:
            found = self._in_chunks(wanted, start)
        last = None if start is None else start[1:]
        placed = (One(rank, *self._key(one), one.appliance_model, one, ()) for one in found)
        return (
            one for one in placed if one.appliance_id not in self.ill and (last is None or one[1:3] > last)
        )

    def _key(self, one: ApplianceStatus) -> tuple[int, str]:
        return self._age(one), one.appliance_id

    def _listed(self, ids: frozenset[str], wanted: Wanted, ranged: bool = False) -> Iterable[ApplianceStatus]:
        """Of a few; `ranged` leaves out those that a search by id finds anyway."""
        found = self.pipeline.some(ids)
        if ranged:
            found = [one for one in found if not one.appliance_id.startswith(wanted.begins)]
            wanted = Wanted(wanted.appliance_model, wanted.standing)
        return sorted((one for one in found if takes(wanted, one)), key=self._key)

    def _in_chunks(self, wanted: Wanted, start: Place | None) -> Iterator[ApplianceStatus]:
        order: Order = _ORDERS.get(self.sort, "appliance_id")
        behind = self._behind(start)
        many = _FIRST
        while chunk := self.pipeline.in_order(self.register, wanted, order, behind, many):
            yield from chunk
            behind = Behind(chunk[-1].last_seen, chunk[-1].appliance_id)
            many = _MOST

    def _behind(self, start: Place | None) -> Behind | None:
        if start is None or (not self._by_age and start.value < NEVER):
            return None  # with an estimate: all without come behind
        return Behind(abs(start.value) if self._by_age else 0, start.appliance_id)
