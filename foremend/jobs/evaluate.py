"""`foremend evaluate`: stored versions on stored history with known outcomes, through the rules of config.yaml."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from alerts.database import open_database
from alerts.queries.traits import known_of, service_areas
from foremend.config import Settings, load_settings
from foremend.engine.fitted import FittedModel, Scored, scored
from foremend.engine.follow import Days, follow
from foremend.learning.choice import Areas, choice
from foremend.learning.evaluation_page import page
from foremend.learning.model_building import load_fitted
from foremend.learning.outcomes import read_outcomes
from foremend.learning.past import DaysRead, all_of, stored_in
from foremend.learning.stored import open_registry
from foremend.plan.judgement import costs
from foremend.plan.problem import refusal
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import ConfigError, UnavailableError
from foremend.vocabulary.ids import nearest
from foremend.vocabulary.profiles import Profile, load_profiles, profile_of
from foremend.vocabulary.types import MS_PER_DAY, Finding, FindingKind, Prediction, Severity
from models import evaluation
from models.evaluation import Figures, TrueFault, Warned
from models.predictors.days import probability_within
from models.registry.card import ModelCard
from models.registry.registry import Registry
from rules.evaluator import RuleBook
from rules.reach import thresholds, why_mute
from rules.settings import ProbabilityCondition, RulesSettings
from simulators.fleet.history import read_truth

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
LEAD_DAYS = (0, 3, 7, 14, 21, 30, 45, 60, 90)
WITHIN_DAYS = (7.0, 30.0, 60.0)
_SEVERITIES = tuple(Severity)


def evaluate(
    appliance_model: str,
    version: str | None,
    history: Path,
    outcomes: Path,
    out: Path | None,
    config: Path | None,
    progress: DaysRead = lambda done, total: None,
) -> dict[str, Any]:
    """Judge `version` (none: the challenger, else the champion) and the champion on the same data.

    Writes report.json and report.html into `out`, if given. What it costs to be wrong is kept with each version, for
    the console; `not_kept` says why where it could not be. Raises ConfigError when there is nothing to judge.
    """
    settings = load_settings(config)
    profiles = load_profiles(settings.profiles.folders)
    if strange := list(costs(settings.models.costs, profiles)):
        raise refusal(strange)
    profile = profile_of(profiles, appliance_model)
    if mute := why_mute(settings.rules, profile):
        raise ConfigError(mute)
    registry = open_registry(settings.models)
    aliases = registry.aliases(appliance_model)
    chosen = version or aliases.challenger or aliases.champion
    if chosen is None:
        raise ConfigError(f"{appliance_model} has no trained model: run 'foremend train' first")
    _require_areas(settings)
    lived = _lived(profile, history, settings, progress)
    truth = true_faults(outcomes, appliance_model, settings.models.horizon_days)
    areas = _areas(lived.ids, settings)
    names = dict.fromkeys(name for name in (chosen, aliases.champion) if name)
    report = {
        "appliance_model": appliance_model,
        "judged": chosen,
        "champion": aliases.champion,
        "judged_at": SystemClock().now_ms(),
        "foremend": metadata.version("foremend"),
        "data": _data(lived, history, outcomes),
        "appliance_years": lived.appliance_years,
        "costs": settings.models.costs.model_dump(exclude_none=True),
        "in_force": thresholds(settings.rules, profile),
        "versions": {
            name: {
                **_origin(registry.card(appliance_model, name)),
                **judge(load_fitted(appliance_model, name, registry), lived, truth, profile, settings, areas),
            }
            for name in names
        },
    }
    report["not_kept"] = _keep(report, registry)
    if out is not None:
        _write(report, out)
    return report


def in_short(report: Mapping[str, Any]) -> dict[str, Any]:
    """The sums of every version, for people."""
    kept = ("recall", "recall_of_all_failures", "false_tickets_per_100_appliance_years", "median_lead_days")
    return {
        name: {
            **{key: figures[key] for key in kept},
            "cost_per_appliance_year": figures["choice"]["now"],
            "cheapest_above": figures["choice"]["above"],
        }
        for name, figures in report["versions"].items()
    }


def judge(
    fitted: FittedModel,
    lived: Days,
    truth: Sequence[TrueFault],
    profile: Profile,
    settings: Settings,
    areas: Mapping[str, str | None],
) -> dict[str, Any]:
    """All figures of one version on one history; `areas`: of each appliance where it is served."""
    if fitted.names != lived.names:
        raise ConfigError(f"{fitted.version} knows other features than this history has: train it again")
    said = [scored(fitted, day.deviations, day.news) for day in lived.each]
    ran, served = lived.ran(), _by_area(areas)

    def at(rules: RulesSettings) -> tuple[Figures, Areas]:
        opened = list(tickets(_findings(said, lived.ids, profile, rules), settings.alerts.act_from))
        judged = partial(evaluation.figures, watched=ran, faults=profile.faults, until=lived.until)
        everybody = judged(opened, truth, appliance_years=lived.appliance_years)
        if len(served) == 1:
            return everybody, dict.fromkeys(served, everybody)
        return everybody, {
            area: judged(
                [one for one in opened if one.appliance in ids],
                [one for one in truth if one.appliance in ids],
                appliance_years=lived.appliance_years * len(ids) / len(areas),
            )
            for area, ids in served.items()
        }

    result, now = at(settings.rules)
    otherwise = {above: at(_with_threshold(settings.rules, above)) for above in THRESHOLDS}
    worth = choice(now, {above: by_area for above, (_, by_area) in otherwise.items()}, settings.models.costs)
    return {
        **_sums(result),
        "per_fault": {fault: _row(row, result.appliance_years) for fault, row in result.per_fault.items()},
        "lead_time_curve": _lead_time(result),
        "cost_curve": [
            {"above": above, "cost_per_appliance_year": point["cost"], **_sums(otherwise[above][0])}
            for above, point in zip(THRESHOLDS, worth["curve"], strict=True)
        ],
        "choice": worth,
        **_probabilities(said, lived.ids, truth),
    }


def true_faults(outcomes: Path, appliance_model: str, horizon_days: float) -> list[TrueFault]:
    """The truth.json of a simulation, or confirmed outcomes: then a fault counts as under way for `horizon_days`."""
    if _is_simulated(outcomes):
        return [
            TrueFault(row.appliance, row.fault, row.onset, row.first_sign, row.failure, row.repaired)
            for row in read_truth(outcomes)
            if row.appliance_model == appliance_model
        ]
    span = round(horizon_days * MS_PER_DAY)
    return [
        TrueFault(
            one.appliance_id,
            one.fault,
            one.confirmed_at - span,
            None,
            one.confirmed_at,
            one.confirmed_at if one.repaired_at is None else one.repaired_at,
        )
        for one in read_outcomes(outcomes)
    ]


def _is_simulated(outcomes: Path) -> bool:
    return outcomes.suffix == ".json"


def tickets(findings: Iterable[Finding], act_from: Severity) -> Iterator[Warned]:
    """What opens a ticket."""
    for one in findings:
        urgent = _SEVERITIES.index(one.severity) >= _SEVERITIES.index(act_from)
        if one.kind is FindingKind.OPENED and urgent:
            yield Warned(one.appliance_id, one.fault, one.time)


def _lived(profile: Profile, folder: Path, settings: Settings, progress: DaysRead) -> Days:
    """Everything stored; `simulate --out` puts it into a folder `history`."""
    total = len(list(folder.glob(f"**/appliance_model={profile.name}/day=*")))
    stored = all_of(stored_in(folder), profile.name, progress, total)
    days = follow(profile, stored, lateness_ms=settings.ingest.lateness)
    if not days.each:
        raise ConfigError(f"{folder} holds no whole day of {profile.name}: name a folder with its history")
    return days


def _areas(ids: Sequence[str], settings: Settings) -> dict[str, str | None]:
    """Of each appliance its service area, by the register; nobody is asked where no cost is of an area."""
    if not settings.models.costs.areas:
        return dict.fromkeys(ids)
    with _register(settings) as register:
        known = known_of(register, ids)
    return {one: known[one].service_area if one in known else None for one in ids}


@contextmanager
def _register(settings: Settings) -> Iterator[Engine]:
    register = open_database(settings.alerts.database)
    try:
        yield register
    finally:
        register.dispose()


def _require_areas(settings: Settings) -> None:
    """Before any history is read: of an area that nobody is served in every cost would be counted as elsewhere."""
    areas = settings.models.costs.areas
    if not areas:
        return
    with _register(settings) as register:
        known = service_areas(register)
    for area in areas:
        if area not in known:
            near = nearest(area, known)
            meant = f"did you mean {near!r}?" if near else f"it has {', '.join(known) or 'none'}"
            raise ConfigError(f"models.costs.areas: the register has no service area {area!r}: {meant}")


def _by_area(areas: Mapping[str, str | None]) -> dict[str | None, set[str]]:
    found: defaultdict[str | None, set[str]] = defaultdict(set)
    for appliance_id, area in areas.items():
        found[area].add(appliance_id)
    return dict(sorted(found.items(), key=lambda one: one[0] or ""))


def _data(lived: Days, history: Path, outcomes: Path) -> dict[str, Any]:
    """What was judged by: whose past, from when to when (ms UTC), and whose word for what was wrong."""
    return {
        "history": history.name,
        "outcomes": outcomes.name,
        "simulated": _is_simulated(outcomes),
        "appliances": len(lived.ids),
        "since": min(int(day.plain.time.min()) for day in lived.each) - MS_PER_DAY,
        "until": lived.until,
    }


def _origin(card: ModelCard) -> dict[str, Any]:
    """When a version was made (ms UTC), by which recipe and from what."""
    return {"made_at": card.made_at, "recipe": card.recipe, "trained_on": dict(card.trained_on)}


def _findings(
    said: Sequence[Scored], ids: Sequence[str], profile: Profile, rules: RulesSettings
) -> list[Finding]:
    state = RuleBook(rules).state_for(profile)
    return [one for day in said for one in day.judged_by(state, ids, lambda *_: ())]


def _with_threshold(rules: RulesSettings, above: float) -> RulesSettings:
    """The same book with every rule on a probability opening at `above`."""
    book = tuple(
        rule.model_copy(
            update={
                "when": rule.when.model_copy(update={"above": above}),
                "clear_below": min(rule.clear_below or above, above),
            }
        )
        if isinstance(rule.when, ProbabilityCondition)
        else rule
        for rule in rules.book
    )
    return rules.model_copy(update={"book": book})


def _probabilities(said: Sequence[Scored], ids: Sequence[str], truth: Sequence[TrueFault]) -> dict[str, Any]:
    """Calibration of every (row, fault) and coverage of the intervals of days."""
    predictions = [day.prediction for day in said]
    days = np.concatenate([_days_to_failure(ids, prediction, truth) for prediction in predictions])
    foreseen = {
        name: np.concatenate([getattr(p, name) for p in predictions]) for name in ("days_low", "days_high")
    }
    horizon = predictions[0].horizon_days
    within = {
        f"{limit:g}": evaluation.brier(
            np.concatenate([probability_within(p, limit) for p in predictions]), days <= limit
        )
        for limit in (*(limit for limit in WITHIN_DAYS if limit < horizon), horizon)
    }
    likely = np.concatenate([p.probability for p in predictions])
    return {
        "calibration": evaluation.calibration(likely.ravel(), (days <= horizon).ravel()),
        "brier_within_days": within,
        "interval_coverage": evaluation.interval_coverage(
            np.where(days <= horizon, days, np.nan), foreseen["days_low"], foreseen["days_high"]
        ),
    }


def _days_to_failure(
    ids: Sequence[str], prediction: Prediction, truth: Sequence[TrueFault]
) -> NDArray[np.float64]:
    """(n, faults) true days to failure; inf where that fault is not under way or never fails."""
    days = np.full(prediction.probability.shape, np.inf)
    row_of = {ids[row]: k for k, row in enumerate(prediction.appliance)}
    for one in truth:
        row = row_of.get(one.appliance)
        if row is None or one.failure is None or one.fault not in prediction.faults:
            continue
        time = int(prediction.time[row])
        if one.onset <= time <= (one.failure if one.over is None else one.over):
            days[row, prediction.faults.index(one.fault)] = max(one.failure - time, 0) / MS_PER_DAY
    return days


def _sums(result: Figures) -> dict[str, Any]:
    return {
        "recall": result.recall,
        "recall_of_all_failures": result.recall_all,
        "false_tickets_per_100_appliance_years": result.false_per_100_appliance_years,
        "median_lead_days": result.median_lead_days,
    }


def _row(row: evaluation.FaultFigures, years: float) -> dict[str, Any]:
    return {
        "failures": row.failures,
        "unforeseeable": row.unforeseeable,
        "tickets": row.warnings,
        "precision": row.precision,
        "recall": row.recall,
        "median_lead_days": row.median_lead_days,
        "false_alarms_per_appliance_year": row.false / years,
    }


def _lead_time(result: Figures) -> list[dict[str, float]]:
    """Share of all failures that could be foreseen which were told at least so many days before."""
    rows = result.per_fault.values()
    lead, failures = [days for row in rows for days in row.lead_days], sum(row.failures for row in rows)
    shares = evaluation.lead_time_curve(lead, failures, LEAD_DAYS)
    return [{"days": days, "share": share} for days, share in zip(LEAD_DAYS, shares, strict=True)]


def _keep(report: Mapping[str, Any], registry: Registry) -> str | None:
    """Lay what it costs to be wrong beside each version; what a read-only registry says, else None."""
    shared = ("judged_at", "foremend", "data", "appliance_years", "costs", "in_force")
    about = {name: report[name] for name in shared}
    try:
        for version, figures in report["versions"].items():
            registry.note_evaluation(
                report["appliance_model"], version, {**about, "choice": figures["choice"]}
            )
    except UnavailableError as error:
        return str(error)
    return None


def _write(report: Mapping[str, Any], out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.json").write_text(json.dumps(report, indent=2))
        (out / "report.html").write_text(page(report), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write to {out}: {error.strerror}") from error
