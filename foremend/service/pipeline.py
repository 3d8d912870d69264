"""What the page asks of a pipeline, be it in this process or shared by many, and the one that is in this process."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Protocol

from foremend.runtimes.status import ApplianceStatus, Pipeline, PipelineStatus, Standing, standing
from foremend.service.health import Probe
from foremend.service.metrics import Family
from foremend.service.pipeline_metrics import pipeline_families

_MANY = 1_000
_RARELY = 10.0
"""Of more than so many, a look serves for so many times as long as it took."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which appliances of the fleet; what is left out takes all. Of a `standing` none is silent."""

    appliance_model: str | None = None
    standing: Standing | None = None

    def takes(self, one: ApplianceStatus) -> bool:
        """Whether it is one of them."""
        return self.appliance_model in (None, one.appliance_model) and (
            self.standing is None or (self.standing == one.standing and not one.silent)
        )


@dataclass(frozen=True, slots=True)
class Known:
    """How many appliances that are not silent stand how, by appliance model; `longest`: days that one is missing."""

    by_model: Mapping[str, Mapping[Standing, int]]
    longest: int | None


class ShownPipeline(Protocol):
    """A pipeline and its fleet, of which nobody asks for all: it may be millions."""

    def status(self) -> PipelineStatus: ...

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

    def never_heard(self, ids: Sequence[str]) -> frozenset[str]:
        """Those of `ids`, which are in the order of code points, that were never heard of."""
        ...

    def known(self) -> Known:
        """How well those are known that are not silent."""
        ...

    def page(self, asked: Asked, without: Collection[str], offset: int, limit: int) -> list[ApplianceStatus]:
        """By id, those that are not in `without`."""
        ...


class OwnPipeline:
    """The pipeline of this process: it must run, and be connected to the broker."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._looked: tuple[float, Sequence[ApplianceStatus]] = (0.0, ())
        self._ids: frozenset[str] = frozenset()

    def status(self) -> PipelineStatus:
        return self._pipeline.status()

    def probes(self) -> Sequence[Probe]:
        """That it runs, and that the broker is there."""
        return Probe("pipeline", self._not_running), Probe("broker", self._not_connected)

    def families(self) -> Iterable[Family]:
        """All that it counts."""
        return pipeline_families(self.status())

    def by_model(self) -> Mapping[str, int]:
        """`ShownPipeline.by_model`."""
        return Counter(one.appliance_model for one in self._fleet())

    def some(self, ids: Collection[str]) -> list[ApplianceStatus]:
        """`ShownPipeline.some`."""
        return [one for one in self._fleet() if one.appliance_id in ids]

    def some_and_silent(self, ids: Collection[str]) -> list[ApplianceStatus]:
        """`ShownPipeline.some_and_silent`."""
        return [one for one in self._fleet() if one.silent or one.appliance_id in ids]

    def never_heard(self, ids: Sequence[str]) -> frozenset[str]:
        """`ShownPipeline.never_heard`."""
        self._fleet()
        return frozenset(ids) - self._ids

    def known(self) -> Known:
        """`ShownPipeline.known`."""
        return known((one.appliance_model, one.silent, one.days_missing, 1) for one in self._fleet())

    def page(self, asked: Asked, without: Collection[str], offset: int, limit: int) -> list[ApplianceStatus]:
        """`ShownPipeline.page`."""
        found = (one for one in self._fleet() if asked.takes(one) and one.appliance_id not in without)
        return list(islice(found, offset, offset + limit))

    def _fleet(self) -> Sequence[ApplianceStatus]:
        """By id. Of a large fleet as it was lately: to look at it again takes a tenth of the time at most."""
        until, fleet = self._looked
        began = monotonic()
        if began > until:
            fleet = sorted(self._pipeline.fleet(), key=lambda one: one.appliance_id)
            self._ids = frozenset([one.appliance_id for one in fleet])
            took = monotonic() - began
            self._looked = (monotonic() + (_RARELY * took if len(fleet) > _MANY else 0.0), fleet)
        return fleet

    def _not_running(self) -> str | None:
        state = self.status().state
        return None if state == "running" else state

    def _not_connected(self) -> str | None:
        return None if self.status().connected else "not connected"


def known(each: Iterable[tuple[str, bool, int | None, int]]) -> Known:
    """Of appliance model, whether silent, days that are missing, and how many such appliances there are."""
    by_model: defaultdict[str, Counter[Standing]] = defaultdict(Counter)
    longest = 0
    for model, silent, days, appliances in each:
        if not silent:
            by_model[model][standing(days)] += appliances
            longest = max(longest, days or 0)
    return Known(by_model, longest or None)
