"""What a runtime tells the service about itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """One moment of the pipeline. Counts run since the journal began, so that they survive a restart."""

    state: Literal[
        "starting", "running", "stopping", "stalled"
    ]  # stalled: a part of it was not heard of lately
    connected: bool  # to the broker
    messages: int  # of MQTT; where workers read Kafka, its records
    readings: int
    repeats: int
    late: int
    dead_letters: int
    event_time: int | None  # newest event time, ms UTC; None before the first reading
    position: int  # the journal's last message
    committed: int  # the last message whose effects are in the database
    started_at: int  # ms UTC, wall clock
    newcomers: int = 0  # appliances heard of for the first time
    resting: int = 0  # appliances whose state is in the store and not in memory
    quarantined: Mapping[str, int] = field(default_factory=dict)  # by stage, since the process began


@dataclass(frozen=True, slots=True)
class ApplianceStatus:
    """One appliance that was heard of."""

    appliance_id: str
    appliance_model: str
    category: str
    last_seen: int  # ms UTC, event time
    silent: bool = False  # it says nothing, unlike itself, whether that was told or not


class Pipeline(Protocol):
    """What the service asks of a runtime. Called from other threads: answers must be of one moment and quick."""

    def status(self) -> PipelineStatus: ...

    def fleet(self) -> Sequence[ApplianceStatus]: ...


class Fleet(Protocol):
    """What the page asks of the fleet: never all of it, for it may be millions."""

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


class ListedFleet:
    """The fleet of a pipeline in this process."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def by_model(self) -> Mapping[str, int]:
        return Counter(one.appliance_model for one in self._pipeline.fleet())

    def some(self, ids: Collection[str]) -> list[ApplianceStatus]:
        return [one for one in self._pipeline.fleet() if one.appliance_id in ids]

    def some_and_silent(self, ids: Collection[str]) -> list[ApplianceStatus]:
        return [one for one in self._pipeline.fleet() if one.silent or one.appliance_id in ids]

    def page(
        self, appliance_model: str | None, without: Collection[str], offset: int, limit: int
    ) -> list[ApplianceStatus]:
        asked = (
            one
            for one in self._pipeline.fleet()
            if appliance_model in (None, one.appliance_model) and one.appliance_id not in without
        )
        return sorted(asked, key=lambda one: one.appliance_id)[offset : offset + limit]
