"""What a runtime tells the service about itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    left_out: Mapping[str, int] = field(
        default_factory=dict
    )  # signals of readings, by kind, since the process began
    forgot: Sequence[str] = ()  # erasures under way of which nothing is in the last durable checkpoint


Standing = Literal["learning", "not_judged", "ok"]


def standing(days_missing: int | None) -> Standing:
    """See `ApplianceStatus.days_missing`."""
    if days_missing is None or days_missing < 0:
        return "not_judged"
    return "learning" if days_missing else "ok"


@dataclass(frozen=True, slots=True)
class Doing:
    """What it does, as far as its readings are in order: up to `until`, ms UTC, event time."""

    running: bool
    starts: int  # since midnight UTC of the day of `until`
    until: int


@dataclass(frozen=True, slots=True)
class ApplianceStatus:
    """One appliance that was heard of.

    `days_missing`: with readings, until it is first judged; -1: it sends nothing that can be, None: nobody told.
    """

    appliance_id: str
    appliance_model: str
    category: str
    last_seen: int  # ms UTC, event time
    silent: bool = False  # it says nothing, unlike itself, whether that was told or not
    learning: bool = False  # it is not known yet what a run of it is
    doing: Doing | None = None  # None where nobody knows, or nobody asked
    days_missing: int | None = 0
    firmware: str = ""  # as it says itself; empty where it does not

    @property
    def standing(self) -> Standing:
        """What it is unless something was found, or it is silent."""
        return standing(self.days_missing)


@dataclass(frozen=True, slots=True)
class Heard:
    """How far one appliance is known, between two blocks: what its messages led to is committed."""

    appliance_model: str
    last_seen: int  # ms UTC, event time
    offline: bool  # by its own word, or the broker's for it
    known: bool  # it speaks, for an hour at least, and it is known what a run of it is


class Pipeline(Protocol):
    """What the service asks of a runtime. Called from other threads: answers must be of one moment and quick."""

    def status(self) -> PipelineStatus: ...

    def fleet(self) -> Sequence[ApplianceStatus]: ...
