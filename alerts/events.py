"""The catalogue of events: every type that leaves for webhook receivers, when, and what its `data` holds.

What is sent is made where it happens; this is the promise about it, in the documents of the API, and tests hold the two
together. Members may be added, none is taken away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from alerts.tables import Resolution, TicketStatus
from foremend.vocabulary.types import Purpose, Severity

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339 in UTC with milliseconds."""
ClockName = Literal["first_contact", "visit", "fix"]
_NOTHING_ELSE = ConfigDict(extra="forbid")


class ClockData(BaseModel):
    """One promise: until when, when it was kept, and whether it is broken."""

    model_config = _NOTHING_ELSE
    due: Moment
    met_at: Moment | None
    broken: bool


class TicketData(BaseModel):
    """The whole ticket as it was then; of several take the one with the highest `version`."""

    model_config = _NOTHING_ELSE
    ticket_id: str
    episode_id: str
    status: TicketStatus
    appliance_id: str
    appliance_model: str
    fault: str
    severity: Severity
    opened_at: Moment
    closed_at: Moment | None
    version: int
    changed_at: Moment
    resolution: Resolution | None
    found_fault: str | None
    visit_from: Moment | None
    visit_until: Moment | None
    waiting_since: Moment | None
    merged_into: str | None
    title: dict[str, str]
    rule: str
    score: float
    probability: float | None
    days_to_failure: float | None
    days_low: float | None
    days_high: float | None
    evidence: dict[str, list[str]]
    parts: list[str]
    skill: str | None = None  # the trade of whoever mends it; null where that has to be found out first
    technician_finds: str
    self_help: dict[str, list[str]]
    safety: dict[str, str]
    at_stake: list[str]
    owner_reference: str | None
    service_area: str | None
    batch: str | None = None
    firmware: str | None = None  # the newest that is known
    priority: Annotated[int, Field(ge=1, le=4)]
    clocks: dict[ClockName, ClockData]
    promise: dict[ClockName, Moment] = {}


class TicketClockData(TicketData):
    """The ticket, and which promise it is about."""

    clock: ClockName


class ConsentChangedData(BaseModel):
    """`tickets` are those that are withdrawn with it; `reason` is there where a yes ended without a word."""

    model_config = _NOTHING_ELSE
    appliance_id: str
    purpose: Purpose
    given: bool
    at: Moment
    tickets: list[str]
    reason: str = ""


class ConsentEndingData(BaseModel):
    """Whose yes to what ends, and when."""

    model_config = _NOTHING_ELSE
    appliance_id: str
    purpose: Purpose
    ends_at: Moment


class ErasureData(BaseModel):
    """What a receiver has to erase, until when, and by which reference it was asked for."""

    model_config = _NOTHING_ELSE
    erasure_id: str
    reference: str
    asked_at: Moment
    due_at: Moment
    appliances: list[str]
    tickets: list[str]


class CohortFaultData(BaseModel):
    """A fault that was found on so many of the cohort, and on so many others of the same category."""

    model_config = _NOTHING_ELSE
    fault: str
    failed: int
    others: int


class CohortFeatureData(BaseModel):
    """By this feature, higher (`up`) or lower than usual, so many failures of the cohort had shown before they were
    found, and so many of `of_others` of the same category: more than chance gives."""

    model_config = _NOTHING_ELSE
    feature: str
    moved: Literal["up", "down"]
    failed: int
    others: int
    of_others: int


class CohortAlarmData(BaseModel):
    """A cohort that came to a level. Which appliances those are is asked for at `members`, by who may."""

    model_config = _NOTHING_ELSE
    alarm_id: str
    level: Literal["red", "yellow", "blue"]
    definition: dict[
        str, str
    ]  # columns of the register of nameplates: all of the cohort have these in common
    day: str  # the day that it rests on, YYYY-MM-DD
    at_risk: int  # of the cohort on that day
    failed: int
    expected: float  # if it failed as often as its siblings
    ratio: float  # how many times as often it fails
    ratio_95: Annotated[list[float], Field(min_length=2, max_length=2)]
    faults: list[CohortFaultData]
    features: list[CohortFeatureData]  # that set it apart; none where nobody foresaw its failures
    recommended: Literal["freeze"] | None
    members: str  # path of the API


class TryData(BaseModel):
    """Nothing has to be done about it."""

    model_config = _NOTHING_ELSE
    endpoint: str


@dataclass(frozen=True, slots=True)
class Kind:
    """`when` it leaves, what the event's `subject` names, and what `data` holds."""

    when: str
    subject: str
    data: type[BaseModel]


def _ticket(when: str, data: type[BaseModel] = TicketData) -> Kind:
    return Kind(when, "the ticket", data)


EVENTS: Mapping[str, Kind] = {
    "foremend.ticket.opened": _ticket("an episode began that matters, and the owner agreed to tickets"),
    "foremend.ticket.updated": _ticket("it became more severe, its estimate moved, or a week has passed"),
    "foremend.ticket.closed": _ticket("the episode ended, or somebody closed it"),
    "foremend.ticket.reopened": _ticket(
        "the fault came back, became more severe, or somebody opened it again"
    ),
    "foremend.ticket.due_soon": _ticket("three quarters of the time for a promise are over", TicketClockData),
    "foremend.ticket.overdue": _ticket("a promise is broken", TicketClockData),
    "foremend.ticket.acknowledged": _ticket("somebody has seen it"),
    "foremend.ticket.assigned": _ticket("it is somebody's, or nobody's"),
    "foremend.ticket.contacted": _ticket("somebody spoke to the owner"),
    "foremend.ticket.scheduled": _ticket("a visit was agreed on"),
    "foremend.ticket.on_the_way": _ticket("the technician has left for the owner"),
    "foremend.ticket.waiting": _ticket("the owner is waited for: its clocks stand"),
    "foremend.ticket.resumed": _ticket("the owner is waited for no more"),
    "foremend.ticket.resolved": _ticket("somebody said what it was"),
    "foremend.ticket.merged": _ticket("another ticket has the same cause"),
    "foremend.ticket.self_help": _ticket("the owner tried what the guide says, and it did not mend it"),
    "foremend.consent.changed": Kind(
        "an owner changed their mind about a purpose, or a yes ended", "the appliance", ConsentChangedData
    ),
    "foremend.consent.ending": Kind("a yes ends within thirty days", "the appliance", ConsentEndingData),
    "foremend.erasure.completed": Kind("an owner was erased", "the erasure", ErasureData),
    "foremend.cohort.alarm": Kind(
        "a batch, firmware or appliance model came to a level of failing more than its siblings, once each level",
        "the cohort alarm",
        CohortAlarmData,
    ),
    "foremend.test": Kind("somebody tried the endpoint", "the endpoint", TryData),
}
"""By type."""
