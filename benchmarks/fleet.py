"""The simulated fleet: appliance models, households and seeds never trained on, through the whole engine.

One appliance model of each category, of air conditioners one of each kind, is trained as at a first start. Others,
which borrow from the one most like them (`foremend.learning.cold_start`), are then lived through, reading by reading,
with the rules of config.yaml; a ticket is what those rules open at `act_from` or above. Simulated faults prove that the
pipeline finds what it was built to find; they prove nothing about households.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from foremend.config import Settings, load_settings
from foremend.engine.fitted import FittedModel
from foremend.engine.follow import follow
from foremend.jobs.evaluate import tickets
from foremend.learning.cold_start import borrowings
from foremend.learning.model_building import fitted_predictor
from foremend.learning.practice_rows import as_block, simulated_rows
from foremend.vocabulary.profiles import Profile, load_profiles
from foremend.vocabulary.types import MS_PER_DAY
from models.evaluation import Figures, TrueFault, figures
from models.settings import TrainingSettings
from rules.evaluator import RuleBook
from simulators.fleet.fleet import Fleet
from simulators.fleet.history import truth
from simulators.fleet.scenario import Scenario, plain_fleet

TRAINED = ("rf-260", "ac-35f", "ac-35i", "wh-60", "wm-7")
JUDGED = ("rf-140", "rf-520", "ac-26f", "ac-72i", "wh-100", "wm-10")
SEED = 20_261


@dataclass(frozen=True, slots=True)
class Size:
    """How much is simulated."""

    appliances: int = 80  # of each judged model
    days: int = 240
    training: TrainingSettings = field(default_factory=TrainingSettings)
    trained: Sequence[str] = TRAINED
    judged: Sequence[str] = JUDGED
    seed: int = SEED


FULL = Size()
QUICK = Size(
    appliances=40,
    days=120,
    training=TrainingSettings(appliances=40),
    trained=("rf-260", "wh-60"),
    judged=("rf-520", "wh-100"),
)


def run(size: Size = FULL) -> dict[str, object]:
    """Train, live through, judge: the figures over all judged models, and per fault."""
    settings, profiles = load_settings(), load_profiles()
    fitted = {name: fit(profiles[name], size.training, settings.models.horizon_days) for name in size.trained}
    fitted |= borrowings(profiles, fitted)
    results = [live_through(name, profiles, fitted, settings, size) for name in size.judged]
    return summary(dict(zip(size.judged, results, strict=True)))


def fit(profile: Profile, training: TrainingSettings, horizon_days: float) -> FittedModel:
    """The predictor that a first start would train."""
    rows = simulated_rows(profile, training)
    predictor = fitted_predictor(profile, rows, horizon_days, training.rarer, training.seed)
    return FittedModel("benchmark", rows.names, (), predictor)


def live_through(
    name: str,
    profiles: Mapping[str, Profile],
    fitted: Mapping[str, FittedModel],
    settings: Settings,
    size: Size,
) -> Figures:
    """One fleet of appliance model `name`, from the first reading to the last ticket."""
    scenario = plain_fleet({name: size.appliances}, size.days, 0.5, start=date(2027, 4, 1))
    fleet = Fleet(scenario, size.seed)
    days = follow(
        profiles[name],
        map(as_block, fleet.telemetry()),
        rules=RuleBook(settings.rules),
        fitted=fitted[name],
        lateness_ms=settings.ingest.lateness,
    )
    return figures(
        tickets(days.findings, settings.alerts.act_from),
        true_faults(fleet),
        days.ran(),
        profiles[name].faults,
        until=scenario.end_ms,
        appliance_years=size.appliances * _years(scenario),
    )


def true_faults(fleet: Fleet) -> list[TrueFault]:
    """The truth of a simulated fleet."""
    return [
        TrueFault(row.appliance, row.fault, row.onset, row.first_sign, row.failure, row.repaired)
        for row in truth(fleet)
    ]


def summary(results: Mapping[str, Figures]) -> dict[str, object]:
    """The figures over all models together; macro recall is the mean over (model, fault) pairs with failures."""
    years = sum(one.appliance_years for one in results.values())
    table = {
        f"{model}/{fault}": {
            "failures": row.failures,
            "recall": _rounded(row.recall),
            "precision": _rounded(row.precision),
            "median_lead_days": _rounded(row.median_lead_days),
            "false_tickets": row.false,
            "unforeseeable": row.unforeseeable,
        }
        for model, result in results.items()
        for fault, row in result.per_fault.items()
    }
    rows = [row for result in results.values() for row in result.per_fault.values()]
    recalls = [row.recall for row in rows if row.recall is not None]
    lead = [days for one in results.values() for days in one.early_lead_days]
    return {
        "recall": _rounded(float(np.mean(recalls)) if recalls else None),
        "false_tickets_per_100_appliance_years": _rounded(100 * sum(row.false for row in rows) / years),
        "median_lead_days": _rounded(float(np.median(lead)) if lead else None),
        "appliance_years": _rounded(years),
        "per_model": {model: _of_model(result) for model, result in results.items()},
        "per_fault": table,
    }


def _of_model(result: Figures) -> dict[str, float | None]:
    return {
        "recall": _rounded(result.recall),
        "recall_with_unforeseeable": _rounded(result.recall_all),
        "false_tickets_per_100_appliance_years": _rounded(result.false_per_100_appliance_years),
        "median_lead_days": _rounded(result.median_lead_days),
    }


def _years(scenario: Scenario) -> float:
    return (scenario.end_ms - scenario.start_ms) / MS_PER_DAY / 365.25


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: `--quick` for two small fleets, `--seed` for others than those published."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="two categories, 40 appliances, 120 days")
    parser.add_argument("--seed", type=int, default=SEED, help="of the judged fleets; training has its own")
    given = parser.parse_args(arguments)
    result = run(replace(QUICK if given.quick else FULL, seed=given.seed))
    words = (
        "Fleet: macro recall {recall}, {false_tickets_per_100_appliance_years} false tickets per 100 appliance-years, "
        "{median_lead_days} days ahead where that is possible"
    )
    sys.stdout.write((json.dumps(result, indent=1) if given.json else words.format(**result)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
