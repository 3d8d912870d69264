"""What it costs to be wrong with a trained version, as `foremend evaluate` kept it beside the version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel

from foremend.service.views import Time


class ThresholdView(BaseModel):
    """A rule on a probability: it opens for `fault` (`any`: each by itself) above a probability 0..1."""

    rule: str
    fault: str
    above: float


class CostAt(BaseModel):
    """What an appliance-year costs, were every rule on a probability to open at `above`."""

    above: float
    cost: float


class CostView(BaseModel):
    """Costs an appliance-year: `now` with the rules as they were, `then` with the one level `above` that is suggested.

    Both None where fewer than five failures could be foreseen: they choose none. `curve`: of every level tried.
    """

    failures: int
    now: float
    above: float | None
    then: float | None
    curve: list[CostAt]


class FaultCosts(CostView):
    fault: str


class AreaCosts(CostView):
    area: str


class AmountsView(BaseModel):
    """What is said of all where no fault or area says otherwise: a needless visit, and a failure nobody foresaw."""

    visit: float
    unforeseen: float


class EvaluationView(BaseModel):
    """One version on stored history: names of its folder and of the file of outcomes, and what both hold.

    `simulated`: both are practice, no life. `currency` None: in needless visits. `in_force`: the rules that `now` is
    of; `rules_changed`: this process has others. `faults` and `areas` each alone; areas where a cost is of one.
    """

    version: str
    judged_at: Time
    simulated: bool
    history: str
    outcomes: str
    appliances: int
    appliance_years: float
    since: Time
    until: Time
    currency: str | None
    amounts: AmountsView
    in_force: list[ThresholdView]
    rules_changed: bool
    all: CostView
    faults: list[FaultCosts]
    areas: list[AreaCosts]

    @classmethod
    def of(cls, version: str, kept: Mapping[str, Any], in_force: Sequence[Mapping[str, Any]]) -> Self:
        """What was `kept` of `version`; `in_force`: thresholds of now. Raises LookupError, TypeError or ValueError."""
        choice, costs = kept["choice"], kept["costs"]
        unforeseen = sum(costs[name] for name in ("spoilt_food", "part", "missed"))
        return cls(
            version=version,
            all=choice,
            **{name: choice[name] for name in ("currency", "faults", "areas")},
            **{name: kept[name] for name in ("judged_at", "appliance_years", "in_force")},
            **{
                name: kept["data"][name]
                for name in ("simulated", "history", "outcomes", "appliances", "since", "until")
            },
            amounts={"visit": costs["visit"], "unforeseen": unforeseen},
            rules_changed=kept["in_force"] != list(in_force),
        )
