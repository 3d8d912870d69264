"""The fleets that a fault predictor practises on: every fault often enough, whole, and in more than one season.

A natural fleet has few faults of each kind, and many begin before the own usual is known or end after the history.
Here faults are dealt out evenly and begin once the usual is known, a few appliances have two, and some have none.
Slow faults run in time lapse, so that a short history sees them to their end; labels give their natural days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from models.settings import TrainingSettings
from simulators.categories import fault_effect
from simulators.scenario import Scenario, ScriptedFault, appliance_id

SEASONS = (date(2026, 1, 1), date(2026, 6, 10))
"""First days of the fleets: winter and summer, so that what heats or cools is used while its faults grow and after."""
_ONSET_DAYS = (12.0, 30.0)  # the own usual is nearly known
_LONGEST_DAYS = 50.0  # what takes longer runs in time lapse
_FEW_FAULTS = 10  # what the settings are made for: more faults need more examples of each, to be told apart
_TWO_FAULTS = 0.1  # share of the ill appliances


@dataclass(frozen=True, slots=True)
class PracticeFleet:
    """A scenario with its seed; `lapse` says how many natural days one simulated day of a fault stands for."""

    scenario: Scenario
    seed: int
    lapse: dict[tuple[int, str], float]  # (row, fault) -> 1 or more


def practice_fleets(
    appliance_model: str, faults: tuple[str, ...], settings: TrainingSettings
) -> Iterator[PracticeFleet]:
    """One fleet a season; together they have `settings.appliances` appliances, more if there are many faults."""
    rng = np.random.default_rng(settings.seed)
    count = round(settings.appliances * max(1.0, len(faults) / _FEW_FAULTS) ** 2) // len(SEASONS)
    for number, start in enumerate(SEASONS):
        scripted, lapse = [], {}
        for row, fault in _dealt(rng, faults, count, settings.fault_rate):
            appliance = appliance_id(appliance_model, row)
            days = float(rng.uniform(*fault_effect(appliance_model, fault).days))
            lapse[row, fault] = max(1.0, days / _LONGEST_DAYS)
            scripted.append(
                ScriptedFault(
                    appliance=appliance,
                    fault=fault,
                    onset_day=float(rng.uniform(*_ONSET_DAYS)),
                    days_to_failure=days / lapse[row, fault],
                )
            )
        scenario = Scenario(
            name="practice",
            start=start,
            days=settings.days,
            appliances={appliance_model: count},
            faults=tuple(scripted),
        )
        yield PracticeFleet(scenario, settings.seed + number, lapse)


def _dealt(
    rng: np.random.Generator, faults: tuple[str, ...], count: int, rate: float
) -> Iterator[tuple[int, str]]:
    """(row, fault): dealt out like cards, so that none is rare, to `rate` of `count` appliances."""
    ill = rng.permutation(count)[: round(rate * count)]
    rounds = len(ill) // len(faults) + 1
    first, second = (np.concatenate([rng.permutation(len(faults)) for _ in range(rounds)]) for _ in range(2))
    for turn, row in enumerate(ill.tolist()):
        yield row, faults[first[turn]]
        if rng.random() < _TWO_FAULTS and first[turn] != second[turn]:
            yield row, faults[second[turn]]
