"""The fleets that a fault predictor practises on: every fault often enough, whole, and in every season.

A natural fleet has few faults of each kind, and many begin before the own usual is known or end after the history.
Here faults are dealt out like cards, and an appliance has one after the other, each at its natural speed: once the own
usual is known, and again some weeks after a repair. Some appliances have none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

from models.settings import TrainingSettings
from simulators.categories import fault_effect
from simulators.fleet import Fleet
from simulators.scenario import Scenario, ScriptedFault, appliance_id

SEASONS = (date(2026, 1, 1), date(2026, 6, 10))
"""First days of the fleets: winter and summer, so that what heats or cools is used while its faults grow and after."""
_ONSET_DAYS = (12.0, 30.0)  # the own usual is nearly known
_BETWEEN_DAYS = (14.0, 30.0)  # from a failure, repaired within days, to the next onset
_SEEN = 0.75  # share of a course that must fit into the days, unless it is an appliance's first
_FEW_FAULTS = 7  # what the settings are made for: more faults need more examples of each, to be told apart


def practice_fleets(
    appliance_model: str, faults: Sequence[str], settings: TrainingSettings
) -> Iterator[Fleet]:
    """One fleet a season; together they have `settings.appliances` appliances, more if there are many faults."""
    rng = np.random.default_rng(settings.seed)
    count = round(settings.appliances * max(1.0, len(faults) / _FEW_FAULTS) ** 2) // len(SEASONS)
    for number, start in enumerate(SEASONS):
        scenario = Scenario(
            name="practice",
            start=start,
            days=settings.days,
            appliances={appliance_model: count},
            faults=tuple(_dealt(rng, appliance_model, faults, count, settings)),
        )
        yield Fleet(scenario, settings.seed + number)


def _dealt(
    rng: np.random.Generator,
    appliance_model: str,
    faults: Sequence[str],
    count: int,
    settings: TrainingSettings,
) -> Iterator[ScriptedFault]:
    """Faults for `settings.fault_rate` of `count` appliances: each gets the next cards for as long as they fit."""
    cards = _shuffled(rng, faults)
    fault = next(cards)
    for row in rng.permutation(count)[: round(settings.fault_rate * count)]:
        onset, first = float(rng.uniform(*_ONSET_DAYS)), True
        while True:
            days = float(rng.uniform(*fault_effect(appliance_model, fault).days))
            if not first and onset + _SEEN * days > settings.days:
                break
            yield ScriptedFault(
                appliance=appliance_id(appliance_model, int(row)),
                fault=fault,
                onset_day=onset,
                days_to_failure=days,
            )
            onset, first = onset + days + float(rng.uniform(*_BETWEEN_DAYS)), False
            fault = next(cards)


def _shuffled(rng: np.random.Generator, faults: Sequence[str]) -> Iterator[str]:
    """All faults again and again, each round in an order of its own."""
    while True:
        yield from (faults[k] for k in rng.permutation(len(faults)))
