"""The fleet as a list that is searched, narrowed, sorted and read in parts, however large it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from sqlalchemy import Engine

from alerts import queries
from alerts.queries import NEVER, Traits
from alerts.wording import iso
from foremend.service.fleet_cursor import Place, read_cursor, write_cursor
from foremend.service.fleet_walk import FleetFilter, One, Sort, Walk
from foremend.service.pipeline import ShownPipeline
from foremend.service.states import state_of
from foremend.service.unheard import Unheard
from foremend.service.views import FindingView, FleetRow, Part
from foremend.vocabulary.types import MS_PER_DAY

_BLOCK = 1_000
_MOST_OF_OWNERS = 1_000


class FleetList:
    """Every method raises UnavailableError while the database is away."""

    def __init__(
        self,
        engine: Engine,
        pipeline: ShownPipeline,
        episodes: Callable[[], Sequence[FindingView]],
        unheard: Unheard,
    ) -> None:
        self._engine, self._pipeline = engine, pipeline
        self._episodes, self._unheard = episodes, unheard

    def part(self, wanted: FleetFilter, sort: Sort, limit: int, cursor: str | None) -> Part[FleetRow]:
        """`limit` rows behind `cursor`. Raises InputError for a cursor that is none."""
        found = list(islice(self._walk(wanted, sort, read_cursor(cursor, sort)), limit + 1))
        more = write_cursor(sort, Place(*found[limit - 1][:3])) if len(found) > limit else None
        return Part(items=self._rows(found[:limit], wanted), next_cursor=more)

    def blocks(self, wanted: FleetFilter, sort: Sort) -> Iterator[list[FleetRow]]:
        """All of them, a thousand at a time; nothing is held in the database between two."""
        walk = self._walk(wanted, sort, None)
        while block := list(islice(walk, _BLOCK)):
            yield self._rows(block, wanted)

    def _walk(self, wanted: FleetFilter, sort: Sort, place: Place | None) -> Iterator[One]:
        owned, state = self._of_owners(wanted), wanted.state
        if state == "never_heard":
            return self._never_heard(wanted, owned, "" if place is None else place.appliance_id)
        ill = self._ill()
        if wanted.traits:
            mine = wanted.appliances
            fits = queries.fitting(self._engine, wanted.traits, {*owned, *ill, *(mine or ())})
            owned, ill = owned & fits, {one: each for one, each in ill.items() if one in fits}
            wanted = replace(wanted, appliances=None if mine is None else mine & fits)
        return Walk(self._engine, self._pipeline, wanted, state, sort, ill, owned).behind(place)

    def _never_heard(self, wanted: FleetFilter, owned: frozenset[str], after: str) -> Iterator[One]:
        for one in self._that_fit(self._unheard.each(after), wanted.traits):
            if (
                wanted.appliance_model in (None, one.appliance_model)
                and (wanted.appliances is None or one.appliance_id in wanted.appliances)
                and (one.appliance_id.startswith(wanted.search) or one.appliance_id in owned)
                and wanted.fault is None
            ):
                yield One(0, 0, one.appliance_id, one.appliance_model, None, ())

    def _that_fit(self, each: Iterator[queries.Registered], traits: Traits) -> Iterator[queries.Registered]:
        if not traits:
            yield from each
            return
        while some := list(islice(each, _BLOCK)):
            fits = queries.fitting(self._engine, traits, [one.appliance_id for one in some])
            yield from (one for one in some if one.appliance_id in fits)

    def _ill(self) -> Mapping[str, Sequence[tuple[int, FindingView]]]:
        found: defaultdict[str, list[tuple[int, FindingView]]] = defaultdict(list)
        for one in self._episodes():
            found[one.appliance_id].append((_fails_at(one), one))
        for each in found.values():
            each.sort(key=lambda pair: pair[0])
        return found

    def _of_owners(self, wanted: FleetFilter) -> frozenset[str]:
        """None where they are too many to be meant."""
        if not (wanted.search and wanted.owners):
            return frozenset()
        found = queries.of_owners(self._engine, wanted.search, _MOST_OF_OWNERS + 1)
        return found if len(found) <= _MOST_OF_OWNERS else frozenset()

    def _rows(self, found: Sequence[One], wanted: FleetFilter) -> list[FleetRow]:
        said = queries.known_of(self._engine, [one.appliance_id for one in found])
        return [_row(one, said.get(one.appliance_id, queries.Known()), wanted) for one in found]


def _row(one: One, said: queries.Known, wanted: FleetFilter) -> FleetRow:
    status, first = one.status, _fails_at(one.episodes[0]) if one.episodes else NEVER
    return FleetRow(
        appliance_id=one.appliance_id,
        appliance_model=one.appliance_model,
        state="never_heard" if status is None else state_of(one.episodes, status),
        faults=[episode.fault for episode in one.episodes],
        fails_at=None if first == NEVER else iso(first),
        last_seen=None if status is None else iso(status.last_seen),
        days_missing=None if status is None else status.days_missing,
        firmware=said.firmware or ("" if status is None else status.firmware),
        service_area=said.service_area,
        region=said.region if wanted.nameplates else None,
        batch=said.batch if wanted.nameplates else None,
        owner_reference=said.owner_id if wanted.owners else None,
    )


def _fails_at(one: FindingView) -> int:
    """Event time, ms UTC."""
    return NEVER if one.days_to_failure is None else _ms(one.time) + round(one.days_to_failure * MS_PER_DAY)


def _ms(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)
