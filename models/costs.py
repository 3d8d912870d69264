"""What it costs to be wrong, by fault and service area, in the money of whoever pays. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator

from foremend.vocabulary.schema import Strict
from models.evaluation import Figures

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
LEAST_FAILURES = 5
"""Of fewer failures one more turns the choice: none is suggested."""


class Costs(Strict):
    """What a wider setting says, where a narrower one says otherwise; None: as the wider one.

    >>> Costs(visit=90.0).visit
    90.0
    """

    visit: Amount | None = Field(
        default=None, description="of a technician who finds nothing: each false ticket"
    )
    spoilt_food: Amount | None = Field(
        default=None, description="of a failure nobody foresaw: what the owner loses"
    )
    part: Amount | None = Field(
        default=None, description="of such a failure: what its repair needs more than one in time"
    )
    missed: Amount | None = Field(
        default=None, description="of such a failure: all else, as an urgent visit and goodwill"
    )


class AreaCosts(Costs):
    """Of one service area.

    >>> AreaCosts(visit=140.0, faults={"compressor-wear": {"visit": 210.0}}).faults["compressor-wear"].visit
    210.0
    """

    faults: dict[str, Costs] = Field(default_factory=dict)


class CostsSettings(Strict):
    """Without any: an unforeseen failure is ten needless visits.

    What is said of a fault in an area comes first, then of the area, then of the fault, then of all.

    >>> costs = CostsSettings(currency="EUR", visit=90, missed=300, faults={"refrigerant-leak": {"spoilt_food": 150}})
    >>> wrong(costs, "refrigerant-leak", None), wrong(costs, "fan-wear", "north")
    (Wrong(false=90.0, unforeseen=450.0), Wrong(false=90.0, unforeseen=300.0))
    """

    currency: str | None = Field(
        default=None, min_length=1, max_length=20, description="none: in needless visits"
    )
    visit: Amount = 1.0
    spoilt_food: Amount = 0.0
    part: Amount = 0.0
    missed: Amount = 10.0
    faults: dict[str, Costs] = Field(default_factory=dict)
    areas: dict[str, AreaCosts] = Field(default_factory=dict, description="by the register's service_area")

    @model_validator(mode="after")
    def _is_money(self) -> Self:
        if self.currency is not None and not {"visit", "missed"} <= self.model_fields_set:
            raise ValueError(
                "with a currency say what a needless visit and a missed failure cost: visit:, missed:"
            )
        return self


@dataclass(frozen=True, slots=True)
class Wrong:
    """What each false ticket and each unforeseen failure of one fault costs in one area.

    >>> Wrong(false=90.0, unforeseen=450.0).unforeseen
    450.0
    """

    false: float
    unforeseen: float


def wrong(costs: CostsSettings, fault: str, area: str | None) -> Wrong:
    """What it costs to be wrong about `fault` in `area`, which may be known to nobody."""
    here = costs.areas.get(area or "")
    said: list[Costs | None] = [here.faults.get(fault) if here else None, here, costs.faults.get(fault)]

    def amount(name: str) -> float:
        found = (getattr(one, name) for one in said if one is not None)
        return float(next((one for one in found if one is not None), getattr(costs, name)))

    return Wrong(amount("visit"), sum(map(amount, ("spoilt_food", "part", "missed"))))


Spent = Mapping[tuple[str | None, str], float]
"""Of one book of rules on one history: (area, fault) -> what being wrong cost in all."""


def spent(by_area: Mapping[str | None, Figures], costs: CostsSettings) -> Spent:
    """What it cost that failures were not foreseen, and that tickets were false."""
    return {
        (area, fault): each.unforeseen * (one.failures - one.caught) + each.false * one.false
        for area, figures in by_area.items()
        for fault, one in figures.per_fault.items()
        for each in (wrong(costs, fault, area),)
    }


def cheapest(curve: Sequence[tuple[float, float]], failures: int) -> float | None:
    """Of (probability, cost) the probability that costs least, the highest of several; None: too few failures.

    >>> cheapest([(0.5, 40.0), (0.7, 20.0), (0.8, 20.0), (0.9, 90.0)], failures=12)
    0.8
    """
    if failures < LEAST_FAILURES:
        return None
    least = min(cost for _, cost in curve)
    return max(above for above, cost in curve if cost == least)
