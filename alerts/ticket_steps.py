"""What can be done about a ticket, step by step, and from where: data, no database.

A step is one word with what belongs to it, the same from the API, the command line and a signed webhook.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, TypeAdapter, model_validator

from alerts.tables import ENDED, LIVE, Resolution, TicketStatus
from foremend.vocabulary.catalogue.inquiries import Reply, load_inquiries
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ids import nearest
from foremend.vocabulary.schema import Strict


class NoTicketError(InputError):
    """There is none by that id."""


class NotNowError(InputError):
    """The ticket is not where this step begins, or it contradicts what is known."""


class StaleError(InputError):
    """The ticket changed since it was read."""


class UsedKeyError(InputError):
    """The same key came before with something else."""


LATEST = 4_102_444_800_000  # 2100-01-01: no visit and no repair is later


def _as_ms(value: object) -> object:
    """RFC 3339 with a zone, or ms UTC."""
    if not isinstance(value, str):
        return value
    if value.isdecimal() and len(value) < 20:
        return int(value)
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return round(moment.astimezone(UTC).timestamp() * 1_000)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{value!r:.60} is no time: write 2026-03-01T09:30:00+08:00, or ms UTC") from error
    raise ValueError(f"{value!r:.60} has no zone: write 2026-03-01T09:30:00+08:00")


_MS = Annotated[int, Field(ge=0, le=LATEST)]
_Written = _MS | Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Moment = Annotated[_MS, BeforeValidator(_as_ms, json_schema_input_type=_Written)]
"""ms UTC; written as RFC 3339 or as a number."""
Note = Annotated[str, Field(max_length=2_000)]
Word = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=120)]
Who = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class _Step(Strict):
    note: Note = ""
    """For people here; it leaves in no event."""


class Acknowledged(_Step):
    """Somebody has read it."""

    step: Literal["acknowledged"]


class Assigned(_Step):
    """Whose it is from now on; nobody's without `technician`."""

    step: Literal["assigned"]
    technician: Who | None = None


class Contacted(_Step):
    """Somebody spoke to the owner."""

    step: Literal["contacted"]


class Scheduled(_Step):
    """Somebody comes, in this time."""

    step: Literal["scheduled"]
    visit_from: Moment
    visit_until: Moment

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.visit_until <= self.visit_from:
            raise ValueError("visit_until is not after visit_from")
        return self


class OnTheWay(_Step):
    """The technician has left for the owner."""

    step: Literal["on_the_way"]


class Waiting(_Step):
    """The owner has to say or do something first: clocks stand."""

    step: Literal["waiting"]


class Resumed(_Step):
    """The owner did: clocks go on."""

    step: Literal["resumed"]


class Resolved(_Step):
    """What was found. It ends the ticket, and models learn from it where the owner agreed to that."""

    step: Literal["resolved"]
    result: Resolution
    fault: Word | None = None
    """What was found where it was another fault, or what was solved remotely; else the one foreseen counts."""
    found_at: Moment | None = None
    repaired_at: Moment | None = None
    reason: Note = ""
    """Needed where it contradicts an earlier outcome."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.result is Resolution.OTHER_FAULT and self.fault is None:
            raise ValueError("result other_fault needs the fault")
        if self.fault is not None and self.result in (Resolution.NO_FAULT, Resolution.DECLINED):
            raise ValueError(f"result {self.result.value} has no fault: leave it out")
        if None not in (self.found_at, self.repaired_at) and self.repaired_at < self.found_at:  # type: ignore[operator]
            raise ValueError("it cannot have been repaired before the fault was found")
        return self


class Closed(_Step):
    """Nothing more is done about it."""

    step: Literal["closed"]


class Reopened(_Step):
    """It is not over after all."""

    step: Literal["reopened"]
    reason: Annotated[Note, Field(min_length=1)]


class Merged(_Step):
    """Another ticket of the same appliance is about the same cause: this one ends in it."""

    step: Literal["merged"]
    into: Annotated[str, Field(min_length=1, max_length=40)]


class SelfHelp(_Step):
    """The owner tried what the guide says, and it did not mend it: a person has to see to it."""

    step: Literal["self_help"]
    word: Literal["not_solved", "could_not"]
    fault: Word | None = None
    """Whose steps; else the one foreseen."""
    diagnosis_id: Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9_]*$")] = ""
    """In which they were named, if it was one."""


class Answered(Strict):
    """What an owner said to a question, or a guided test showed; a later word on the same one corrects it."""

    step: Literal["answered"]
    inquiry: Word
    """By its name in the catalogue of questions and tests."""
    answer: Reply

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.inquiry not in load_inquiries():
            near = nearest(self.inquiry, load_inquiries())
            raise ValueError(
                f"there is no question or test {self.inquiry!r}{f': did you mean {near!r}?' if near else ''}"
            )
        return self


class Noted(_Step):
    """Something worth keeping."""

    step: Literal["noted"]
    note: Annotated[Note, Field(min_length=1)]


Step = (
    Acknowledged | Assigned | Contacted | Scheduled | OnTheWay | Waiting | Resumed | Resolved | Closed
    | Reopened | Merged | SelfHelp | Answered | Noted
)  # fmt: skip
AnyStep = Annotated[Step, Field(discriminator="step")]
STEP: TypeAdapter[Step] = TypeAdapter(AnyStep)

FROM: Mapping[str, frozenset[TicketStatus]] = {
    "acknowledged": frozenset({TicketStatus.OPEN, TicketStatus.SCHEDULED}),
    "assigned": LIVE,
    "contacted": LIVE,
    "scheduled": LIVE,
    "on_the_way": LIVE - {TicketStatus.ON_THE_WAY},
    "waiting": LIVE,
    "resumed": LIVE,
    "resolved": LIVE | ENDED,
    "closed": LIVE | {TicketStatus.RESOLVED},
    "reopened": ENDED | {TicketStatus.MERGED},
    "merged": LIVE,
    "self_help": LIVE,
    "answered": LIVE,
    "noted": frozenset(TicketStatus),
}
"""Where each step may begin; `tests/integration/alerts/test_ticket_steps.py` tries all others."""

TO: Mapping[str, TicketStatus] = {
    "acknowledged": TicketStatus.ACKNOWLEDGED,
    "scheduled": TicketStatus.SCHEDULED,
    "on_the_way": TicketStatus.ON_THE_WAY,
    "resolved": TicketStatus.RESOLVED,
    "closed": TicketStatus.CLOSED,
    "reopened": TicketStatus.OPEN,
    "merged": TicketStatus.MERGED,
}
"""Steps that are not here leave the ticket where it is."""

UNTOLD = frozenset({"noted", "answered"})
"""Steps that no receiver hears of."""

OF_THE_OWNER = frozenset({"contacted", "scheduled", "on_the_way", "waiting", "reopened", "answered"})
"""Steps that need the owner's yes to tickets at that moment."""

OF_THE_DESK = frozenset({"assigned", "merged", "reopened"})
"""Steps that need the right for all tickets: a technician does not give tickets away."""


def require_from(step: str, status: TicketStatus) -> None:
    """Raises NotNowError with the states in which `step` is possible."""
    if status not in FROM[step]:
        states = ", ".join(one.value for one in TicketStatus if one in FROM[step])
        raise NotNowError(f"the ticket is {status.value}: {step} is possible while it is one of {states}")


def answers(steps: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Reply]:
    """Inquiry -> the word on it that counts, of a ticket's steps in order, each with its details.

    The newest counts. What was said before a ticket was opened again is of another time.
    """
    found: dict[str, Reply] = {}
    for step, details in steps:
        if step == "reopened":
            found.clear()
        elif step == "answered":
            found[details["inquiry"]] = details["answer"]
    return found
