"""How an appliance is, asked of the appliance itself, under `/api/v1`; and what its owner says to the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from fastapi import Depends, FastAPI
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from alerts.diagnosis.desk import (
    Diagnoses,
    NoApplianceError,
    NoDiagnosisError,
    UnwatchedError,
    is_worth_waiting,
)
from alerts.diagnosis.owner_word import OwnerWord, OwnerWords
from alerts.servicing import NotNowError
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import Problem, stated
from foremend.service.sight import Sight
from foremend.service.views import Time
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ids import is_id
from foremend.vocabulary.rights import Caller, Right
from foremend.vocabulary.types import Severity

T = TypeVar("T")
Asking = Annotated[Caller, Depends(Needs(Right.DIAGNOSES_CHANGE))]
_LOOK_EVERY_S = 0.1
_BY_ERROR: dict[type[InputError], int] = {
    NoApplianceError: 404,
    NoDiagnosisError: 404,
    UnwatchedError: 409,
    NotNowError: 409,
}


class FaultOfDiagnosis(BaseModel):
    """A fault that goes on or is foreseen. Texts are by language; `urgency` is 1 (now) to 4, `when` says it in words.

    `as_of` is when it was judged last; `skill` is None where what is wrong has to be found out first.
    """

    fault: str
    title: dict[str, str]
    severity: Severity
    urgency: Annotated[int, Field(ge=1, le=4)]
    when: dict[str, str]
    probability: float | None
    days_to_failure: float | None
    days_low: float | None
    days_high: float | None
    since: Time
    as_of: Time
    evidence: dict[str, list[str]]
    self_help: dict[str, list[str]]
    safety: dict[str, str]
    technician_finds: str
    parts: list[str]
    skill: str | None
    skill_words: dict[str, str]
    finding_id: str
    episode_id: str
    ticket_id: str | None


class DiagnosisView(BaseModel):
    """`reached` says how the asking went, `heard_at` is the appliance's newest reading, `age_s` how old it was.

    `judged` is false where nobody can say whether it is well. `said` is the same in sentences; `next` comes first:
    the owner's own steps, the ticket that there is, a call, or nothing.
    """

    diagnosis_id: str
    appliance_id: str
    appliance_model: str | None
    asked_at: Time
    reached: Literal["fresh", "no_answer", "offline", "not_asked"]
    heard_at: Time | None
    age_s: int | None
    judged: bool
    said: dict[str, list[str]]
    faults: list[FaultOfDiagnosis]
    next: Literal["self_help", "ticket", "call", "nothing"]
    answer: OwnerWord | None
    answered_at: Time | None
    ticket_id: str | None


class AnsweredDiagnosis(DiagnosisView):
    """What became of the owner's word, and `answered`, what to tell the owner, by language."""

    outcome: Literal["solved", "handed_over", "call", "nothing_open"]
    answered: dict[str, str]


class Answering(BaseModel):
    """How the owner's own steps went; `note` is for whoever gets the ticket."""

    model_config = ConfigDict(extra="forbid")
    answer: OwnerWord
    note: Annotated[str, Field(max_length=2_000)] = ""


@dataclass(frozen=True, slots=True)
class DiagnosisDesk:
    """The part of the alerts stage that the routes need."""

    diagnoses: Diagnoses
    words: OwnerWords


def add_diagnoses(app: FastAPI, look: Callable[[Caller], Sight], desk: DiagnosisDesk | None) -> None:
    """Routes over `desk`, of what `look` lets a caller see; without `desk` they answer 503."""

    @app.post(
        "/api/v1/appliances/{appliance_id:path}/diagnosis",
        tags=["diagnoses"],
        operation_id="diagnose",
        responses=stated(400, 404, 409),
    )
    async def diagnose(caller: Asking, appliance_id: str) -> DiagnosisView:
        """Ask the appliance for fresh readings, wait up to ten seconds for them, and say what is wrong and what to do.

        Where it does not answer, from what is known, with its age. 409 where its owner does not agree to monitoring.
        """
        diagnoses, seen = _here(desk).diagnoses, look(caller)
        begun = await run_in_threadpool(_answered, lambda: _begin(diagnoses, seen, appliance_id))
        await _noted(diagnoses, begun)
        return DiagnosisView(**await run_in_threadpool(_answered, lambda: diagnoses.conclude(begun)))

    @app.get(
        "/api/v1/diagnoses/{diagnosis_id}",
        tags=["diagnoses"],
        operation_id="getDiagnosis",
        responses=stated(404, 409),
    )
    def get_diagnosis(caller: Asking, diagnosis_id: str) -> DiagnosisView:
        """One as it was answered then, with the owner's word. Who read it stands in the audit log."""
        diagnoses, seen = _here(desk).diagnoses, look(caller)
        return DiagnosisView(**_answered(lambda: diagnoses.get(diagnosis_id, caller.who, seen.may_diagnose)))

    @app.post(
        "/api/v1/diagnoses/{diagnosis_id}/answer",
        tags=["diagnoses"],
        operation_id="answerDiagnosis",
        responses=stated(404, 409),
    )
    def answer_diagnosis(caller: Asking, diagnosis_id: str, said: Answering) -> AnsweredDiagnosis:
        """Say how the owner's own steps went: solved, or a person takes over with all that was found and tried."""
        words, seen = _here(desk).words, look(caller)
        return AnsweredDiagnosis(
            **_answered(
                lambda: words.take(diagnosis_id, said.answer, caller.who, said.note, seen.may_diagnose)
            )
        )


def _begin(diagnoses: Diagnoses, seen: Sight, appliance_id: str) -> str:
    """Raises NoApplianceError; whoever reaches only the own learns nothing of what others have."""
    if not is_id(appliance_id) or not seen.may_diagnose(appliance_id):
        raise NoApplianceError(f"no appliance {appliance_id[:80]!r}")
    return diagnoses.begin(appliance_id, seen.caller.who)


async def _noted(diagnoses: Diagnoses, diagnosis_id: str) -> None:
    """Until the pipeline noted how the asking went, or for as long as it may take; holds no thread meanwhile."""
    began = time.monotonic()
    while True:
        taken, done = await run_in_threadpool(diagnoses.how_far, diagnosis_id)
        if done or not is_worth_waiting(taken, time.monotonic() - began):
            return
        await asyncio.sleep(_LOOK_EVERY_S)


def _answered(ask: Callable[[], T]) -> T:
    """What `ask` answers, its refusals as problems."""
    try:
        return ask()
    except InputError as error:
        raise Problem(_BY_ERROR.get(type(error), 400), str(error)) from error


def _here(desk: DiagnosisDesk | None) -> DiagnosisDesk:
    if desk is None:
        raise Problem(503, "no appliance can be asked here: this process only shows")
    return desk
