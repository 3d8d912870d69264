"""Cohorts that fail more than their siblings, and what comes of the fleet in the next weeks, under `/api/v1`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from alerts.access.pseudonyms import Pseudonyms
from alerts.cohort_alarms import LONGEST_REASON, CohortAlarms, NoAlarmError
from alerts.fleet_reports import FleetReport, FleetReports
from alerts.queries import AlarmState
from alerts.ticket_steps import NotNowError, StaleError
from foremend.learning.members import Failure, iso_day
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import Problem, stated
from foremend.service.v1.conditions import IfMatch, etag, version_of
from foremend.service.views import Time
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.rights import Caller, Right

OfCohorts = Annotated[Caller, Depends(Needs(Right.COHORTS))]
Changing = Annotated[Caller, Depends(Needs(Right.COHORTS_CHANGE))]
Level = Literal["red", "yellow", "blue"]
_STRICT = ConfigDict(extra="forbid")
_MOST_MEMBERS = 1_000
_BY_ERROR: Mapping[type[InputError], int] = {NoAlarmError: 404, NotNowError: 409, StaleError: 412}


class CohortFigures(BaseModel):
    """`failed` of `at_risk` did, where `expected` would if it failed as often as its siblings; `ratio` is how many
    times as often that is, and 95 times in 100 it lies in `ratio_95` for one cohort looked at once. Where no sibling
    failed, half a one is counted: it may be any number of times more."""

    definition: dict[
        str, str
    ]  # columns of the register of nameplates: all of the cohort have these in common
    at_risk: int
    failed: int
    expected: float
    ratio: float
    ratio_95: tuple[float, float]


class CohortFault(BaseModel):
    """A fault that was found on so many of the cohort, and on so many others of its category."""

    fault: str
    failed: int
    others: int


class CohortFeature(BaseModel):
    """By this feature, higher (`up`) or lower than usual, so many failures of the cohort had shown before they were
    found, and so many of `of_others` of its category: more than chance gives."""

    feature: str
    moved: Literal["up", "down"]
    failed: int
    others: int
    of_others: int


class CohortAlarmView(CohortFigures):
    """A cohort that fails more than its siblings, as it was told; `recommended` where something should be done now."""

    alarm_id: str
    level: Level
    state: AlarmState
    day: str  # that it rests on, YYYY-MM-DD
    faults: list[CohortFault]
    features: list[CohortFeature] = []  # that set it apart; none where nobody foresaw its failures
    recommended: Literal["freeze"] | None
    told_at: Time
    acknowledged_by: str | None
    acknowledged_at: Time | None
    closed_by: str | None
    closed_at: Time | None
    reason: str  # why it was closed
    version: int  # one more with every change


class CohortMember(BaseModel):
    """An appliance of the cohort that failed, by its pseudonym."""

    appliance: str
    fault: str
    day: str  # YYYY-MM-DD


class CohortNow(CohortFigures):
    level: Level | None


class Report(BaseModel):
    """`until` is the last whole day that it knows; `trouble` says why there is nothing, in words."""

    until: str | None
    made_at: Time | None
    trouble: str


class CohortReport(Report):
    """The surest hundred cohorts with failures, the surest first."""

    appliances: int
    appliances_without_consent: int
    failures: int
    cohorts: list[CohortNow]


class ForecastRow(BaseModel):
    """Visits of an area (`all`: of all together) or for a part in the week that begins on a day; eight times in ten
    they are from `low` to `high`."""

    by: Literal["area", "part"]
    name: str
    week: str
    visits: float
    low: int
    high: int


class ForecastReport(Report):
    visits: int  # that it was learnt from
    open_tickets: int
    weeks: list[ForecastRow]


class AlarmAcknowledged(BaseModel):
    """Somebody has seen it."""

    model_config = _STRICT
    step: Literal["acknowledged"]


class AlarmClosed(BaseModel):
    """It is seen to: what was done, or why it is none."""

    model_config = _STRICT
    step: Literal["closed"]
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON, pattern=r"\S")]


AlarmStep = Annotated[AlarmAcknowledged | AlarmClosed, Field(discriminator="step")]


@dataclass(frozen=True, slots=True)
class CohortDesk:
    """What the routes are over; `failed` answers which appliances of a cohort failed, by its definition."""

    alarms: CohortAlarms
    reports: FleetReports
    failed: Callable[[Mapping[str, str]], Sequence[Failure]]

    def members(self, alarm_id: str, pseudonyms: Pseudonyms) -> list[CohortMember]:
        """Raises NoAlarmError."""
        return [
            CohortMember(
                appliance=pseudonyms.of("appliance", one.appliance_id), fault=one.fault, day=iso_day(one.day)
            )
            for one in self.failed(self.alarms.one(alarm_id)["definition"])[-_MOST_MEMBERS:]
        ]


def add_cohorts(app: FastAPI, desk: CohortDesk | None, pseudonyms: Pseudonyms | None) -> None:
    """Routes over `desk`; without one they answer 503."""
    _reports(app, desk)

    @app.get("/api/v1/cohort-alarms", tags=["cohorts"], operation_id="listCohortAlarms")
    def list_alarms(caller: OfCohorts, state: AlarmState | None = None) -> list[CohortAlarmView]:
        """Cohorts that fail more than their siblings, what was told last first, 500 at most."""
        return [CohortAlarmView(**one) for one in _here(desk).alarms.some(state)]

    @app.get(
        "/api/v1/cohort-alarms/{alarm_id}",
        tags=["cohorts"],
        operation_id="getCohortAlarm",
        responses=stated(404),
    )
    def get_alarm(caller: OfCohorts, alarm_id: str, response: Response) -> CohortAlarmView:
        """One alarm; its `ETag` is what a step has to name."""
        return _with_etag(response, lambda: _here(desk).alarms.one(alarm_id))

    @app.get(
        "/api/v1/cohort-alarms/{alarm_id}/members",
        tags=["cohorts"],
        operation_id="listCohortMembers",
        responses=stated(404),
    )
    def list_members(caller: OfCohorts, alarm_id: str) -> list[CohortMember]:
        """Its appliances that failed, by pseudonym, the newest 1,000: those whose owners agree now, and no other."""
        if pseudonyms is None:
            raise Problem(503, "there is no key to make pseudonyms with")
        try:
            return _here(desk).members(alarm_id, pseudonyms)
        except NoAlarmError as error:
            raise HTTPException(404, str(error)) from None

    @app.post(
        "/api/v1/cohort-alarms/{alarm_id}/steps",
        tags=["cohorts"],
        operation_id="takeCohortAlarmStep",
        responses=stated(404, 409, 412, 428),
    )
    def take_step(
        caller: Changing, alarm_id: str, step: AlarmStep, response: Response, if_match: IfMatch = None
    ) -> CohortAlarmView:
        """Acknowledge it, or close it with a reason: the alarm afterwards."""
        alarms, version = _here(desk).alarms, version_of(if_match)
        if isinstance(step, AlarmClosed):
            reason = step.reason
            return _with_etag(response, lambda: alarms.close(alarm_id, caller.who, reason, version))
        return _with_etag(response, lambda: alarms.acknowledge(alarm_id, caller.who, version))


def _reports(app: FastAPI, desk: CohortDesk | None) -> None:
    @app.get("/api/v1/cohorts", tags=["cohorts"], operation_id="showCohorts")
    def show_cohorts(caller: OfCohorts) -> CohortReport:
        """How often cohorts fail beside their siblings, as of the last whole day."""
        nothing = {"appliances": 0, "appliances_without_consent": 0, "failures": 0, "cohorts": []}
        return CohortReport(**_report(_here(desk).reports.one("cohorts"), nothing))

    @app.get("/api/v1/forecasts", tags=["cohorts"], operation_id="showForecasts")
    def show_forecasts(caller: OfCohorts) -> ForecastReport:
        """Visits by area and by part in the next eight weeks, as of the last whole day."""
        nothing = {"visits": 0, "open_tickets": 0, "weeks": []}
        return ForecastReport(**_report(_here(desk).reports.one("forecasts"), nothing))


def report_of(found: FleetReport | None) -> dict[str, Any]:
    """The fields of `Report`."""
    if found is None or not found.made:
        return {"until": None, "made_at": None, "trouble": ""}
    return {"until": iso_day(found.day), "made_at": found.at, "trouble": found.trouble}


def _report(found: FleetReport | None, nothing: Mapping[str, Any]) -> dict[str, Any]:
    return {**nothing, **(found.content if found else {}), **report_of(found)}


def _with_etag(response: Response, ask: Callable[[], Mapping[str, Any]]) -> CohortAlarmView:
    try:
        found = ask()
    except InputError as error:
        raise Problem(_BY_ERROR.get(type(error), 422), str(error)) from error
    response.headers["ETag"] = etag(found["version"])
    return CohortAlarmView(**found)


def _here(desk: CohortDesk | None) -> CohortDesk:
    if desk is None:
        raise Problem(503, "nothing is known of cohorts here: this process only shows")
    return desk
