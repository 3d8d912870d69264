"""Which probability would cost least: in all, by fault, by area."""

from __future__ import annotations

from typing import Any

from foremend.learning.choice import choice
from models.costs import CostsSettings
from models.evaluation import FaultFigures, Figures

COSTS = CostsSettings.model_validate(
    {"currency": "EUR", "visit": 100, "missed": 300, "areas": {"north": {"visit": 1_000}}}
)


def one(caught: int, false: int) -> FaultFigures:
    return FaultFigures(10, caught, 0, caught + false, false, (9.0,) * caught)


def fleet(caught: int, false: int) -> dict[str | None, Figures]:
    """Two areas in which a leak shows alike; only in the north a fan is known."""
    leak = {"leak": one(caught, false)}
    return {
        None: Figures(leak, 10.0, None, ()),
        "north": Figures(leak | {"fan": one(10, 0)}, 5.0, None, ()),
    }


def chosen() -> dict[str, Any]:
    """Tickets open at 0.9 for four of ten, at 0.5 for nine, and two false ones."""
    return choice(fleet(4, 0), {0.5: fleet(9, 2), 0.9: fleet(4, 0)}, COSTS)


def test_dear_visits_choose_otherwise_than_cheap_ones() -> None:
    """In the north a needless visit costs more than three missed failures; elsewhere it is the other way round."""
    found = chosen()
    (north,) = found["areas"]

    assert (north["area"], north["now"], north["above"], north["then"]) == (
        "north",
        6 * 300 / 5,
        0.9,
        6 * 300 / 5,
    )
    assert north["curve"] == [
        {"above": 0.5, "cost": (300 + 2 * 1_000) / 5},
        {"above": 0.9, "cost": 6 * 300 / 5},
    ]
    assert (found["above"], found["currency"], found["failures"]) == (0.5, "EUR", 30)
    assert found["then"] == (300 + 2 * 100 + 300 + 2 * 1_000) / 15 < found["now"] == 2 * 6 * 300 / 15


def test_each_fault_has_a_choice_of_its_own() -> None:
    """One that costs the same everywhere opens as few tickets as it can."""
    fan, leak = chosen()["faults"]

    assert (fan["fault"], fan["now"], fan["above"]) == ("fan", 0, 0.9)
    assert (leak["fault"], leak["failures"], leak["above"]) == ("leak", 20, 0.5)
