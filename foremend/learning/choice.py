"""Which probability opens tickets at the least cost on one history: in all, of each fault, and in each service area.

It is shown, and applied by nobody: a history of other faults would say otherwise, and rules weigh more than money.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from models.costs import CostsSettings, Spent, cheapest, spent
from models.evaluation import Figures

Areas = Mapping[str | None, Figures]
"""Figures of one book of rules on the appliances of each service area; None: of those whose area nobody knows."""


def choice(now: Areas, at: Mapping[float, Areas], costs: CostsSettings) -> dict[str, Any]:
    """Costs an appliance-year of the rules as they are (`now`) and with each probability instead (`at`), and the
    cheapest of those: `above`, None where too few failures could be foreseen to choose by."""
    as_is = spent(now, costs)
    otherwise = {above: spent(areas, costs) for above, areas in at.items()}
    known = {area: set(figures.per_fault) for area, figures in now.items()}
    faults = set[str]().union(*known.values())
    years = sum(one.appliance_years for one in now.values())

    def row(years: float, areas: Collection[str | None], of: set[str]) -> dict[str, Any]:
        failures = sum(now[area].per_fault[fault].failures for area in areas for fault in of & known[area])
        curve = {above: _sum(each, areas, of) / years for above, each in otherwise.items()}
        above = cheapest(list(curve.items()), failures)
        return {
            "failures": failures,
            "now": _sum(as_is, areas, of) / years,
            "above": above,
            "then": None if above is None else curve[above],
            "curve": [{"above": above, "cost": cost} for above, cost in curve.items()],
        }

    return {
        "currency": costs.currency,
        **row(years, now, faults),
        "faults": [{"fault": fault, **row(years, now, {fault})} for fault in sorted(faults)],
        "areas": [
            {"area": area, **row(one.appliance_years, [area], faults)}
            for area, one in now.items()
            if area is not None
        ],
    }


def _sum(each: Spent, areas: Collection[str | None], faults: Collection[str]) -> float:
    return sum(cost for (area, fault), cost in each.items() if area in areas and fault in faults)
