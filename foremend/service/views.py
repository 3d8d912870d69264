"""What the API shows, field by field: anything that is not named here stays inside. Times are RFC 3339, UTC."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, Field

from alerts.held_back import Cause
from alerts.queries import OutboxState, Resolution, TicketStatus
from alerts.wording import iso
from foremend.vocabulary.types import FindingKind, Purpose, Severity


def _as_iso(time: object) -> object:
    return iso(time) if isinstance(time, int) else time


Time = Annotated[str, BeforeValidator(_as_iso), Field(json_schema_extra={"format": "date-time"})]

State = Literal["critical", "warning", "info", "silent", "learning", "not_judged", "ok"]
"""Of an appliance: the most urgent of its open episodes; `silent` where the only news is that nothing is heard.

Without any it is `learning` while what is usual for it is not known, `not_judged` where nothing that it sends can be,
or nobody told, and only else `ok`.
"""

STATES: tuple[State, ...] = get_args(State)

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """A part of a list, newest first; `total` counts the whole of it."""

    items: list[Item]
    total: int


class Part(BaseModel, Generic[Item]):
    """A part of a list; `next_cursor` begins the next one, null where there is none."""

    items: list[Item]
    next_cursor: str | None


class EvidenceView(BaseModel):
    feature: str
    value: float | None
    usual: float | None = None
    siblings: float | None = None
    unit: str = ""


class FindingView(BaseModel):
    id: str
    episode_id: str
    kind: FindingKind
    appliance_id: str
    appliance_model: str
    fault: str
    rule: str
    severity: Severity
    time: Time
    episode_start: Time
    score: float
    probability: float | None
    days_to_failure: float | None
    days_low: float | None
    days_high: float | None
    evidence: list[EvidenceView]


class ClockView(BaseModel):
    """One promise to an owner; it moves while the owner is waited for."""

    due: Time
    met_at: Time | None
    broken: bool
    due_soon_at: Time | None = None  # from then on it is near; left out in the answer to a step


class TicketView(BaseModel):
    ticket_id: str
    episode_id: str
    status: TicketStatus
    appliance_id: str
    appliance_model: str
    fault: str
    title: dict[str, str]
    severity: Severity
    opened_at: Time
    closed_at: Time | None
    version: int = 1  # one more with every change
    changed_at: Time | None = None  # by the clock
    created_at: Time | None = None  # by the clock, too; `opened_at` is the finding's time
    resolution: Resolution | None = None  # what became of it
    found_fault: str | None = None
    visit_from: Time | None = None
    visit_until: Time | None = None
    waiting_since: Time | None = None  # for the owner
    merged_into: str | None = None
    probability: float | None = None
    days_to_failure: float | None = None
    days_low: float | None = None
    days_high: float | None = None
    evidence: dict[str, list[str]] = {}  # sentences by language
    parts: list[str] = []
    skill: str | None = None  # the trade of whoever mends it; null where that has to be found out first
    technician_finds: str = ""
    self_help: dict[str, list[str]] = {}
    safety: dict[str, str] = {}
    promise: dict[str, str] = {}  # until when: first_contact, visit, fix
    clocks: dict[str, ClockView] = {}  # the same, and what became of it
    priority: int = 3  # 1 is the most urgent, 4 the least
    at_stake: list[str] = []  # safety, food, water
    owner_reference: str | None = None  # the owner's id, which says nothing about the person
    service_area: str | None = None
    batch: str | None = None  # by its nameplate; null where nobody told it
    firmware: str | None = None  # the newest that is known; the same
    note: str = ""
    assigned_to: str | None = None
    deliveries: list[DeliveryView] = []


class DeliveryView(BaseModel):
    """How far one message to one receiver is."""

    target: str
    event_type: str
    state: OutboxState
    attempts: int
    error: str
    message_id: str = ""  # the `webhook-id`; what `foremend webhooks replay` takes
    created_at: Time | None = None
    sent_at: Time | None = None


class MessageView(BaseModel):
    """A message in the outbox, without the address it goes to."""

    id: str
    target: str
    event_type: str
    appliance_id: str
    state: OutboxState
    attempts: int
    created_at: Time
    due_at: Time
    sent_at: Time | None
    error: str
    texts: dict[str, str]  # of SMS and push, by language; none for webhooks, whose content is the ticket's


class HeldBackView(BaseModel):
    id: str
    act: str
    purpose: str
    appliance_id: str
    fault: str
    reason: str
    at: Time


class WithheldView(HeldBackView):
    """What did not happen, or, of the causes `quiet_hours` and `rates`, not yet."""

    cause: Cause
    until: Time | None  # when it may leave; null of what never does


class WithheldCount(BaseModel):
    cause: Cause
    purpose: Purpose
    number: int


class WithheldCounts(BaseModel):
    """How much was held back, of nobody by name."""

    since: Time  # what is older is not counted in `never_left`
    never_left: list[WithheldCount]
    waits: list[WithheldCount]  # now


class DeadLetterView(BaseModel):
    id: str
    topic: str
    reason: str
    received: Time
    times: int  # how many such messages it stands for, itself among them
    bytes: int
    preview: str


class ApplianceView(BaseModel):
    appliance_id: str
    appliance_model: str
    category: str
    state: State
    last_seen: Time
    faults: list[str]
    silent: bool = False  # whatever else is known of it
    days_missing: int | None = 0  # with readings, until it is judged; null: not told, -1: by nothing it sends
    firmware: str = ""  # empty where it does not say, or workers heard it


FleetState = Literal[State, "never_heard"]
"""`never_heard`: registered, and nothing ever came."""


class FleetRow(BaseModel):
    """One appliance of the fleet's list."""

    appliance_id: str
    appliance_model: str
    state: FleetState
    faults: list[str]  # of open episodes, what fails first first
    fails_at: Time | None  # when the first of them is expected to, by the fleet's clock
    last_seen: Time | None  # by its own clock; null of one never heard of
    days_missing: int | None  # with readings, until it is judged; null: not told, -1: by nothing it sends
    firmware: (
        str  # the newest of its nameplate; without one what it says itself, empty where workers heard it
    )
    service_area: str | None  # of those registered
    region: str | None  # of its nameplate, for who has the right `owners`; empty where that does not say
    batch: str | None  # the same
    owner_reference: str | None  # of those registered, for who has the right `owners`


class FleetView(BaseModel):
    """The most urgent appliances first; `by_state` and `by_model` count all of them."""

    items: list[ApplianceView]
    total: int
    by_state: dict[State, int]
    by_model: dict[str, int]


class ApplianceDetail(BaseModel):
    appliance: ApplianceView
    episodes: list[FindingView]  # open ones, each by its newest finding
    findings: list[FindingView]
    tickets: list[TicketView]


class PipelineView(BaseModel):
    state: str
    connected: bool
    messages: int
    readings: int
    repeats: int
    late: int
    dead_letters: int
    event_time: Time | None
    position: int
    committed: int
    started_at: Time
    newcomers: int  # appliances heard of for the first time
    resting: int  # appliances whose state is in the store, not in memory


class LaneView(BaseModel):
    """What one receiver, or one channel to owners, still gets."""

    target: str
    waiting: int
    oldest: Time | None  # when the message was written that waits longest
    given_up: int


class VersionsView(BaseModel):
    foremend: str
    python: str
    database: str  # SQLite or PostgreSQL, and its version


class PipelineDetail(BaseModel):
    """The line from end to end, without an appliance."""

    pipeline: PipelineView
    quarantined: dict[str, int]  # by stage, since the process began: mistakes of Foremend's
    left_out: dict[str, int]  # signals of readings that were used, by kind
    streams: dict[str, float]  # seconds since each worker's stream said something; none on one machine
    checks: dict[str, str]  # of this process: `ok`, or what is wrong
    lanes: list[LaneView]
    versions: VersionsView


class DeadLetterGroupView(BaseModel):
    """Dead letters of one topic and kind of reason."""

    id: str
    topic: str
    reason: str  # of one of them
    letters: int
    messages: int  # with those that have no row of their own
    to_send: int  # that can be sent again, and were not
    first: Time
    newest: Time
    replayed_at: Time | None  # the last time that some of them were sent again


class ReplayedView(BaseModel):
    sent: int
    left: int  # of the same group: ask again


class CountsView(BaseModel):
    findings: int
    episodes_open: int
    episodes_critical: int
    episodes_foreseen: int  # with days left
    episodes_new: int  # warnings of what is foreseen that began within the last day of the fleet's clock
    tickets_opened: int
    tickets_open: int
    webhooks_delivered: int
    notifications_sent: int
    held_back: dict[str, int]
    dead_letters: int
    messages: int  # all in the outbox, whatever became of them
    messages_waiting: int
    messages_dead: int


class TrainingView(BaseModel):
    """How far a model is that is being trained beside the pipeline."""

    appliance_model: str
    state: Literal["waiting", "practising", "learning", "trained", "failed"]
    done: float  # share of the practice, 0..1


class ChapterView(BaseModel):
    """What happened for the first time in a demo."""

    name: str
    appliance: str | None = None
    fault: str | None = None
    days: float | None = None  # to the failure that is foreseen
    number: int | None = None  # of appliances


class StoryView(BaseModel):
    """What a demo tells of itself: its clock is no real one."""

    day: int
    days: int
    days_a_second: float
    chapters: list[ChapterView]
    result: dict[str, float | None] | None  # at the end
    next: list[str]  # commands to try


class Summary(BaseModel):
    pipeline: PipelineView
    counts: CountsView
    appliances: int
    by_state: dict[State, int]
    never_heard: int  # registered, and in no state: nothing ever came, though their owners forbid nothing
    days_missing: int | None  # until the last of those that are learning is judged; null where none is
    training: list[TrainingView]
    story: StoryView | None  # only of a demo


class CohortView(BaseModel):
    """Episodes of one fault on one appliance model: how many appliances ever had one, and how many have one now."""

    appliance_model: str
    fault: str
    appliances: int
    episodes: int
    open: int


class Readiness(BaseModel):
    ready: bool
    checks: dict[str, str]


class FaultView(BaseModel):
    """What the catalogue says of a fault, for people. `picture`: `help/{picture}.svg` beside the page shows the owner's
    own steps, where a drawing helps."""

    title: dict[str, str]
    mechanism: dict[str, str]
    technician_finds: dict[str, str]
    picture: str | None


class Vocabulary(BaseModel):
    """Words for what the other answers name, by language."""

    faults: dict[str, FaultView]
    appliance_models: dict[str, dict[str, str]]
    features: dict[str, dict[str, str]]
    parts: dict[str, dict[str, str]]


TicketView.model_rebuild()
