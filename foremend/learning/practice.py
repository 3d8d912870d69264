"""The fleets that a fault predictor practises on: every fault often enough, whole, and in every season.

A natural fleet has few faults of each kind, and many begin before the own usual is known or end after the history.
Here faults are dealt out like cards, and an appliance has one after the other, each at its natural speed: once the own
usual is known, and again some weeks after a repair. Some appliances have none. A card that is out of season waits for
the next appliance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from foremend.vocabulary.types import MS_PER_DAY
from models.settings import TrainingSettings
from simulators.categories import fault_effect
from simulators.fleet.faults import in_season
from simulators.fleet.fleet import Fleet
from simulators.fleet.household import CLIMATES, Climate
from simulators.fleet.population import populate
from simulators.fleet.scenario import Scenario, ScriptedFault, appliance_id

SEASONS = (date(2026, 1, 1), date(2026, 6, 10))
"""First days of the fleets that fall ill: winter and summer, so that what heats or cools is used while its faults grow
and after. Summer comes last: what had to wait for it is dealt out then."""
CHANGES = (date(2026, 9, 10), date(2026, 4, 15))
"""First days of the fleets that stay well while heating follows cooling, or cooling heating. A fault there would often
have begun before anybody saw what is usual."""
FLEETS = len(SEASONS) + len(CHANGES)
_STAY_WELL = 0.2  # appliances of those fleets, over those of the others
_ONSET_DAYS = (12.0, 30.0)  # the own usual is nearly known
_BETWEEN_DAYS = (14.0, 30.0)  # from a failure, repaired within days, to the next onset
_SEEN = 0.75  # share of a course that must fit into the days, unless it is an appliance's first
_FEW_FAULTS = 7  # what the settings are made for: more faults need more examples of each, to be told apart


def practice_fleets(
    appliance_model: str, faults: Sequence[str], settings: TrainingSettings
) -> Iterator[Fleet]:
    """Fleets of `settings.appliances` together, more if there are many faults; then those that stay well."""
    deck = _Deck(np.random.default_rng(settings.seed), appliance_model, faults)
    ill = settings.appliances * max(1.0, len(faults) / _FEW_FAULTS) ** 2
    for seed, start in enumerate(SEASONS, settings.seed):
        scenario = _scenario(appliance_model, start, round(ill / 2), settings)
        climates = [CLIMATES[member.region] for member in populate(scenario, seed).members]
        dealt = tuple(deck.deal(scenario, climates, settings.fault_rate))
        yield Fleet(scenario.model_copy(update={"faults": dealt}), seed)
    for seed, start in enumerate(CHANGES, settings.seed + len(SEASONS)):
        yield Fleet(_scenario(appliance_model, start, round(_STAY_WELL * ill / 2), settings), seed)


def _scenario(appliance_model: str, start: date, count: int, settings: TrainingSettings) -> Scenario:
    return Scenario(name="practice", start=start, days=settings.days, appliances={appliance_model: count})


@dataclass(slots=True)
class _Deck:
    """All faults of an appliance model, shuffled again whenever none is left that could come."""

    rng: np.random.Generator
    appliance_model: str
    faults: Sequence[str]
    cards: list[str] = field(default_factory=list)

    def deal(self, scenario: Scenario, climates: Sequence[Climate], rate: float) -> Iterator[ScriptedFault]:
        """Faults for the share `rate` of the appliances, one per climate, each for as long as the next one fits."""
        count = len(climates)
        for row in self.rng.permutation(count)[: round(rate * count)]:
            onset, first = float(self.rng.uniform(*_ONSET_DAYS)), True
            while (found := self._find(climates[row], scenario.start_ms, onset)) is not None:
                card, days = found
                if not first and onset + _SEEN * days > scenario.days:
                    break
                yield ScriptedFault(
                    appliance=appliance_id(self.appliance_model, int(row)),
                    fault=self.cards.pop(card),
                    onset_day=onset,
                    days_to_failure=days,
                )
                onset, first = onset + days + float(self.rng.uniform(*_BETWEEN_DAYS)), False

    def _find(self, climate: Climate, start: int, onset: float) -> tuple[int, float] | None:
        """The first card that could come now in `climate`, and its days to failure; None where none could."""
        since = start + round(onset * MS_PER_DAY)
        for card in range(len(self.cards) + len(self.faults)):
            if card == len(self.cards):
                self.cards += [self.faults[k] for k in self.rng.permutation(len(self.faults))]
            effect = fault_effect(self.appliance_model, self.cards[card])
            days = float(self.rng.uniform(*effect.days))
            if in_season(effect, climate, since, since + round(days * MS_PER_DAY)):
                return card, days
        return None
