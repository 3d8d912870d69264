"""What goes with failures of an appliance model, under `/api/v1/insights`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine

from alerts.change import change
from alerts.fleet_reports import FleetReport, FleetReports
from foremend.learning.insights_page import Language, forest, lives_figure, page
from foremend.learning.insights_report import LEAD_DAYS, otherwise, report_name, require_change
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import Problem, stated
from foremend.service.v1.cohorts import OfCohorts, Report, report_of
from foremend.service.v1.tickets import Again, Svg
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.rights import Caller, Right

Asking = Annotated[Caller, Depends(Needs(Right.INSIGHTS_CHANGE))]
Fault = Annotated[str | None, Query(max_length=200)]


class InsightsInList(Report):
    """`under_way`: somebody looks for it now, of whose history the `share` was read, where that is known."""

    appliance_model: str
    faults: list[str]  # that can be asked for by themselves
    under_way: bool
    share: float | None
    failures: int
    named: list[str]  # features


class More(BaseModel):
    """What one spread more is: a share (0.3: 30 % more) where `unit` is null, else a difference in it."""

    value: float
    unit: str | None


class NamedFeature(BaseModel):
    """Appliances with one spread `more` of it fail `ratio` times as often, 95 times in 100 between the two of
    `ratio_95`; `along` are features that hardly move apart from it: as well theirs."""

    feature: str
    ratio: float
    ratio_95: tuple[float, float]
    more: More
    along: list[str]
    p: float


class FeatureAlone(BaseModel):
    """By itself: whether those with more of it fail more (z > 0) or less often."""

    feature: str
    z: float
    p: float


class HazardCurve(BaseModel):
    """Failures that an appliance would have had by an age (days), 95 times in 100 from `low` to `high`."""

    age: list[float]
    hazard: list[float]
    low: list[float]
    high: list[float]


class WeibullShape(BaseModel):
    """Below 1 early failures, about 1 chance, above 1 wear; 95 times in 100 from `low` to `high`."""

    shape: float
    scale: float  # days by which 63 in 100 have failed
    low: float
    high: float


class Life(BaseModel):
    by: Literal["batch", "firmware"]
    name: str
    appliances: int
    failures: int
    curve: HazardCurve
    weibull: WeibullShape | None  # null: too few failures, or ages too much alike


class InsightsReport(InsightsInList):
    """What goes with failures need not be their cause: a trial tells that."""

    fault: str | None  # null: of any
    appliances: int
    left_out: int  # whose owners do not agree
    spells: int  # months of appliances that were compared
    lead_days: int  # what a month knows of an appliance was measured so long before it
    features: list[NamedFeature]
    alone: list[FeatureAlone]
    unusable: list[str]  # hardly known, or the same everywhere
    lives: list[Life]


class WhatIf(BaseModel):
    """`failures` as a share of today's, if `feature` were `change` more; null of one that is not named. `along` is the
    named one from which it hardly moves apart."""

    feature: str
    change: float
    failures: float | None
    failures_95: tuple[float, float] | None
    along: str | None


class InsightsAsked(BaseModel):
    """Of one `fault`, or of any. A symptom shows `lead_days` before a failure at most: what was before it counts."""

    model_config = ConfigDict(extra="forbid")
    fault: str | None = None
    lead_days: Annotated[int, Field(ge=0, le=365)] = LEAD_DAYS


@dataclass(frozen=True, slots=True)
class InsightsDesk:
    """What the routes are over. `begin` has a report made, False where somebody is at it; `shares` says how far the
    reports are that this process makes."""

    reports: FleetReports
    profiles: Mapping[str, Profile]
    begin: Callable[[str, str | None, int], bool]
    shares: Callable[[], Mapping[str, float]]
    engine: Engine
    clock: Clock

    def every(self) -> list[InsightsInList]:
        """A row for each appliance model, of any fault."""
        names = {report_name(name, None): name for name in self.profiles}
        found = self.reports.some(names)
        return [self._in_list(model, name, found.get(name)) for name, model in names.items()]

    def one(self, appliance_model: str, fault: str | None) -> InsightsReport:
        """Raises HTTPException 404 for a model or fault that is none."""
        self.require(appliance_model, fault)
        name = report_name(appliance_model, fault)
        found = self.reports.some([name]).get(name)
        head = self._in_list(appliance_model, name, found).model_dump()
        return InsightsReport(**head, fault=fault, **_content(found))

    def content(self, appliance_model: str, fault: str | None) -> dict[str, Any]:
        """The report as it is kept. Raises HTTPException 404 where there is none."""
        self.require(appliance_model, fault)
        found = self.reports.one(report_name(appliance_model, fault))
        if found is None or not found.content:
            raise HTTPException(404, f"nothing was found of {appliance_model} yet")
        return found.content

    def ask(self, appliance_model: str, asked: InsightsAsked, caller: Caller) -> InsightsReport:
        """Raises HTTPException as `one`."""
        self.require(appliance_model, asked.fault)
        if self.begin(appliance_model, asked.fault, asked.lead_days):
            with change(self.engine, self.clock) as work:
                work.note("insights_asked", appliance_model, by=caller.who, **asked.model_dump())
        return self.one(appliance_model, asked.fault)

    def what_if(self, appliance_model: str, fault: str | None, feature: str, by: float) -> WhatIf:
        """Raises HTTPException as `content`, Problem 422 for a feature or a change that is none."""
        named = self.content(appliance_model, fault)["named"]
        features = {one.name: one for one in self.profiles[appliance_model].daily_features}
        try:
            require_change(feature, by, features)
        except InputError as error:
            raise Problem(422, str(error)) from error
        return WhatIf(**otherwise(named, feature, by, features))

    def require(self, appliance_model: str, fault: str | None) -> None:
        if (profile := self.profiles.get(appliance_model)) is None:
            raise HTTPException(404, f"there is no appliance model {appliance_model[:60]!r}")
        if fault is not None and fault not in profile.faults:
            raise HTTPException(404, f"{appliance_model} has no fault {fault[:60]!r}")

    def _in_list(self, model: str, name: str, found: FleetReport | None) -> InsightsInList:
        content = found.content if found else {}
        return InsightsInList(
            appliance_model=model,
            faults=list(self.profiles[model].faults),
            under_way=found is not None and found.under_way,
            share=self.shares().get(name),
            failures=content.get("failures", 0),
            named=[one["feature"] for one in content.get("named", ())],
            **report_of(found),
        )


def add_insights(app: FastAPI, desk: InsightsDesk | None) -> None:
    """Routes over `desk`; without one they answer 503."""

    @app.get("/api/v1/insights", tags=["insights"], operation_id="listInsights")
    def list_insights(caller: OfCohorts) -> list[InsightsInList]:
        """Of each appliance model: which features go with its failures, and whether that is being looked for."""
        return _here(desk).every()

    @app.get(
        "/api/v1/insights/{appliance_model}",
        tags=["insights"],
        operation_id="getInsights",
        responses=stated(404),
    )
    def get_insights(caller: OfCohorts, appliance_model: str, fault: Fault = None) -> InsightsReport:
        """What goes with failures of a model, and how long its batches and firmware last; nobody by name."""
        return _here(desk).one(appliance_model, fault)

    @app.post(
        "/api/v1/insights/{appliance_model}",
        status_code=202,
        tags=["insights"],
        operation_id="askForInsights",
        responses=stated(404),
    )
    def ask_for_insights(caller: Asking, appliance_model: str, asked: InsightsAsked) -> InsightsReport:
        """Have it looked for anew, in a process of its own; look at the report until it is no more `under_way`."""
        return _here(desk).ask(appliance_model, asked, caller)

    @app.get(
        "/api/v1/insights/{appliance_model}/what-if",
        tags=["insights"],
        operation_id="askWhatIf",
        responses=stated(404),
    )
    def ask_what_if(
        caller: OfCohorts,
        appliance_model: str,
        feature: Annotated[str, Query(max_length=200)],
        change: float,
        fault: Fault = None,
    ) -> WhatIf:
        """How many of the failures there would be if a feature were otherwise: `change` -0.33 is a third less."""
        return _here(desk).what_if(appliance_model, fault, feature, change)

    _figures(app, desk)


def _figures(app: FastAPI, desk: InsightsDesk | None) -> None:
    @app.get(
        "/api/v1/insights/{appliance_model}/named.svg",
        tags=["insights"],
        operation_id="getInsightsNamedFigure",
        response_class=Svg,
        responses=stated(404),
    )
    def get_named(
        caller: OfCohorts,
        appliance_model: str,
        fault: Fault = None,
        language: Language = "en",
        again: Again = None,
    ) -> Response:
        """How many times as often those with more of each named feature fail, with intervals."""
        return _drawn(forest(_here(desk).content(appliance_model, fault)["named"], language))

    @app.get(
        "/api/v1/insights/{appliance_model}/lives.svg",
        tags=["insights"],
        operation_id="getInsightsLivesFigure",
        response_class=Svg,
        responses=stated(404),
    )
    def get_lives(
        caller: OfCohorts,
        appliance_model: str,
        by: Literal["batch", "firmware"] = "batch",
        fault: Fault = None,
        language: Language = "en",
        again: Again = None,
    ) -> Response:
        """Failures that an appliance would have had by its age, of batches or firmware with the most of them."""
        return _drawn(lives_figure(_here(desk).content(appliance_model, fault)["lives"], by, language))

    @app.get(
        "/api/v1/insights/{appliance_model}/report.html",
        tags=["insights"],
        operation_id="downloadInsights",
        response_class=HTMLResponse,
        responses=stated(404),
    )
    def download(
        caller: OfCohorts, appliance_model: str, fault: Fault = None, language: Language = "en"
    ) -> Response:
        """All of it as one file with figures that needs nothing else."""
        found = _here(desk).content(appliance_model, fault)
        named = {"Content-Disposition": f'attachment; filename="insights-{appliance_model}.html"'}
        return HTMLResponse(page(found, language), headers=named)


def _drawn(figure: str) -> Svg:
    if not figure:
        raise HTTPException(404, "there is nothing to draw")
    return Svg(figure)


def _content(found: FleetReport | None) -> dict[str, Any]:
    content = dict(found.content) if found else {}
    counts = {name: content.get(name, 0) for name in ("appliances", "left_out", "spells", "lead_days")}
    lists = {name: content.get(name, []) for name in ("alone", "unusable")}
    return {
        **counts,
        **lists,
        "features": content.get("named", []),
        "lives": _lives(content.get("lives", {})),
    }


def _lives(lives: Mapping[str, Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return [
        dict(zip(("by", "name"), name.split(" ", 1), strict=True)) | dict(one) for name, one in lives.items()
    ]


def _here(desk: InsightsDesk | None) -> InsightsDesk:
    if desk is None:
        raise Problem(503, "nothing is known of what goes with failures here: this process only shows")
    return desk
