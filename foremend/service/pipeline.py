"""What the page asks of a pipeline, be it in this process or shared by many, and the one that is in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from foremend.runtimes.status import ApplianceStatus, Pipeline, PipelineStatus
from foremend.service.health import Probe
from foremend.service.metrics import Family
from foremend.service.pipeline_metrics import pipeline_families


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

    def page(
        self, appliance_model: str | None, without: Collection[str], offset: int, limit: int
    ) -> list[ApplianceStatus]:
        """By id, those that are not in `without`; of one model, or of all."""
        ...


class OwnPipeline:
    """The pipeline of this process: it must run, and be connected to the broker."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

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
        return Counter(one.appliance_model for one in self._pipeline.fleet())

    def some(self, ids: Collection[str]) -> list[ApplianceStatus]:
        """`ShownPipeline.some`."""
        return [one for one in self._pipeline.fleet() if one.appliance_id in ids]

    def some_and_silent(self, ids: Collection[str]) -> list[ApplianceStatus]:
        """`ShownPipeline.some_and_silent`."""
        return [one for one in self._pipeline.fleet() if one.silent or one.appliance_id in ids]

    def page(
        self, appliance_model: str | None, without: Collection[str], offset: int, limit: int
    ) -> list[ApplianceStatus]:
        """`ShownPipeline.page`."""
        asked = (
            one
            for one in self._pipeline.fleet()
            if appliance_model in (None, one.appliance_model) and one.appliance_id not in without
        )
        return sorted(asked, key=lambda one: one.appliance_id)[offset : offset + limit]

    def _not_running(self) -> str | None:
        state = self.status().state
        return None if state == "running" else state

    def _not_connected(self) -> str | None:
        return None if self.status().connected else "not connected"
