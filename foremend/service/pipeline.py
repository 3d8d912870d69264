"""What the page asks of a pipeline, be it in this process or shared by many, and the one that is in this process."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import Engine

from alerts.queries import ANY, Registered, Traits, fitting, registered
from alerts.shared_status import Behind, Order, Wanted
from foremend.runtimes.status import ApplianceStatus, Pipeline, PipelineStatus
from foremend.service.fleet_look import FleetLook, Known
from foremend.service.health import Probe
from foremend.service.lately import Lately
from foremend.service.metrics import Family
from foremend.service.pipeline_metrics import pipeline_families

_SILENT = "silent"


class ShownPipeline(Protocol):
    """A pipeline and its fleet, of which nobody asks for all: it may be millions."""

    def status(self) -> PipelineStatus: ...

    def heard_ago_ms(self) -> Mapping[str, int]:
        """How long ago each of its streams last said something, in ms of wall clock; none where it is this process."""
        ...

    def probes(self) -> Sequence[Probe]:
        """What of it must be well for this process to be ready."""
        ...

    def families(self) -> Iterable[Family]:
        """Its numbers."""
        ...

    def by_model(self) -> Mapping[str, int]:
        """How many appliances of each model were heard of."""
        ...

    def some(self, ids: Collection[str]) -> list[ApplianceStatus]:
        """Those of `ids` that were heard of."""
        ...

    def some_and_silent(self, ids: Collection[str]) -> list[ApplianceStatus]:
        """As `some`, and those that say nothing, told or not."""
        ...

    def unheard(self, register: Engine, after: str, limit: int) -> list[Registered]:
        """Some of those registered that were never heard of, `limit` at most, by id behind `after`; none at the end."""
        ...

    def known(self) -> Known:
        """How well those are known that are not silent."""
        ...

    def page(
        self, wanted: Wanted, without: Collection[str], offset: int, limit: int
    ) -> list[ApplianceStatus]:
        """By id, those that are not in `without`."""
        ...

    def in_order(
        self, register: Engine, wanted: Wanted, order: Order, behind: Behind | None, limit: int
    ) -> list[ApplianceStatus]:
        """At most `limit` behind another, by id in the order of code points or by when they were last heard of.

        `register`: where traits are looked up.
        """
        ...


class OwnPipeline:
    """The pipeline of this process: it must run, and be connected to the broker."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._lately = Lately(lambda: FleetLook(pipeline.fleet()), lambda look: len(look.each))
        self._aged: tuple[Sequence[ApplianceStatus], dict[Order, Sequence[ApplianceStatus]]] = ((), {})
        self._fitting: tuple[Traits, Sequence[ApplianceStatus], Sequence[ApplianceStatus]] = (
            ANY,
            (),
            (),
        )

    def status(self) -> PipelineStatus:
        return self._pipeline.status()

    def heard_ago_ms(self) -> Mapping[str, int]:
        """`ShownPipeline.heard_ago_ms`."""
        return {}

    def probes(self) -> Sequence[Probe]:
        """That it runs, and that the broker is there."""
        return Probe("pipeline", self._not_running), Probe("broker", self._not_connected)

    def families(self) -> Iterable[Family]:
        """All that it counts."""
        return pipeline_families(self.status())

    def by_model(self) -> Mapping[str, int]:
        """`ShownPipeline.by_model`."""
        return self._fleet().by_model

    def some(self, ids: Collection[str]) -> list[ApplianceStatus]:
        """`ShownPipeline.some`."""
        return self._fleet().some(ids)

    def some_and_silent(self, ids: Collection[str]) -> list[ApplianceStatus]:
        """`ShownPipeline.some_and_silent`."""
        return self._fleet().some_and_silent(ids)

    def unheard(self, register: Engine, after: str, limit: int) -> list[Registered]:
        """`ShownPipeline.unheard`."""
        heard = self._fleet().by_id
        while part := registered(register, after, limit):
            after = part[-1].appliance_id
            if found := [one for one in part if one.appliance_id not in heard]:
                return found
        return []

    def known(self) -> Known:
        """`ShownPipeline.known`."""
        return self._fleet().known

    def page(
        self, wanted: Wanted, without: Collection[str], offset: int, limit: int
    ) -> list[ApplianceStatus]:
        """`ShownPipeline.page`."""
        found = (one for one in self._fleet().each if takes(wanted, one) and one.appliance_id not in without)
        return list(islice(found, offset, offset + limit))

    def in_order(
        self, register: Engine, wanted: Wanted, order: Order, behind: Behind | None, limit: int
    ) -> list[ApplianceStatus]:
        """`ShownPipeline.in_order`."""
        fleet, key = self._sorted(order)
        fleet = self._narrowed(register, wanted.traits, fleet) if wanted.traits else fleet
        at = 0 if behind is None else bisect_right(fleet, key(behind), key=key)
        if order == "appliance_id":
            at = max(at, bisect_left(fleet, wanted.begins, key=lambda one: one.appliance_id))
        found: list[ApplianceStatus] = []
        for place in range(at, len(fleet)):
            one = fleet[place]
            if takes(wanted, one):
                found.append(one)
            elif order == "appliance_id" and not one.appliance_id.startswith(wanted.begins):
                break  # the others are behind all that begin so
            if len(found) == limit:
                break
        return found

    def _sorted(self, order: Order) -> tuple[Sequence[ApplianceStatus], Callable[[Any], Any]]:
        """The fleet, and by what it is sorted; what it takes to sort it by age is only spent if somebody asks so."""
        fleet, key = self._fleet().each, _KEYS[order]
        if order == "appliance_id":
            return fleet, key
        if self._aged[0] is not fleet:
            self._aged = (fleet, {})
        by_age = self._aged[1]
        if order not in by_age:
            by_age[order] = sorted(fleet, key=key)
        return by_age[order], key

    def _narrowed(
        self, register: Engine, traits: Traits, fleet: Sequence[ApplianceStatus]
    ) -> Sequence[ApplianceStatus]:
        """Of `fleet` those that fit; a list asks several times, and is answered by one look."""
        known, of, fit = self._fitting
        if known != traits or of is not fleet:
            ids = fitting(register, traits)
            fit = [one for one in fleet if one.appliance_id in ids]
            self._fitting = (traits, fleet, fit)
        return fit

    def _fleet(self) -> FleetLook:
        return self._lately.seen()

    def _not_running(self) -> str | None:
        state = self.status().state
        return None if state == "running" else state

    def _not_connected(self) -> str | None:
        return None if self.status().connected else "not connected"


_KEYS: Mapping[Order, Callable[[Any], Any]] = {
    "appliance_id": lambda one: one.appliance_id,
    "last_seen": lambda one: (one.last_seen, one.appliance_id),
    "-last_seen": lambda one: (-one.last_seen, one.appliance_id),
}


def takes(wanted: Wanted, one: ApplianceStatus) -> bool:
    """Whether it is one of them."""
    stands = _SILENT if one.silent else one.standing
    return (
        wanted.appliance_model in (None, one.appliance_model)
        and wanted.standing in (None, stands)
        and one.appliance_id.startswith(wanted.begins)
    )
