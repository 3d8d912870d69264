"""What it costs to be wrong: whose word counts, and which probability costs least."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.schema import validated
from models.costs import LEAST_FAILURES, CostsSettings, Wrong, cheapest, spent, wrong
from models.evaluation import FaultFigures, Figures

SAID = {
    "currency": "EUR",
    "visit": 90,
    "missed": 300,
    "faults": {"leak": {"spoilt_food": 150, "visit": 95}},
    "areas": {"north": {"visit": 140, "faults": {"leak": {"part": 60}}}},
}


def costs(**more: object) -> CostsSettings:
    return validated(CostsSettings, SAID | more, "config.yaml")


@pytest.mark.parametrize(
    ("fault", "area", "each"),
    [
        ("fan", None, Wrong(90, 300)),
        ("fan", "south", Wrong(90, 300)),
        ("leak", None, Wrong(95, 450)),
        ("fan", "north", Wrong(140, 300)),
        ("leak", "north", Wrong(140, 510)),
    ],
)
def test_the_narrower_word_counts(fault: str, area: str | None, each: Wrong) -> None:
    """Of a fault in an area, then of the area, then of the fault, then of all; amount by amount."""
    assert wrong(costs(), fault, area) == each


def test_without_any_an_unforeseen_failure_is_ten_needless_visits() -> None:
    assert wrong(CostsSettings(), "leak", None) == Wrong(1, 10)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"currency": "EUR", "visit": 90}, "say what a needless visit and a missed failure cost"),
        ({"visit": -1}, "greater than or equal to 0"),
        ({"missed": float("inf")}, "finite"),
        ({"faults": {"leak": {"visits": 1}}}, "did you mean 'visit'"),
    ],
)
def test_what_is_no_cost_is_refused_in_a_sentence(said: dict[str, object], sentence: str) -> None:
    """Money without amounts would be relative figures under the name of a currency."""
    with pytest.raises(ConfigError, match=sentence):
        validated(CostsSettings, said, "config.yaml")


def figures(failures: int, caught: int, false: int) -> Figures:
    one = FaultFigures(failures, caught, 0, caught + false, false, (9.0,) * caught)
    return Figures({"leak": one}, 2.0, None, ())


def test_what_is_spent_is_of_missed_failures_and_of_needless_visits() -> None:
    """Each where it was; what was foreseen costs nothing here, as the visit would be due anyway."""
    by_area = {None: figures(4, 1, 2), "north": figures(1, 1, 1)}

    assert spent(by_area, costs()) == {(None, "leak"): 3 * 450 + 2 * 95, ("north", "leak"): 140}


@given(st.dictionaries(st.floats(0, 1), st.floats(0, 1e6), min_size=1), st.integers(0, 20))
def test_nothing_costs_less_than_the_cheapest(curve: dict[float, float], failures: int) -> None:
    """And of those that cost as little none opens fewer tickets; too few failures choose none."""
    above = cheapest(list(curve.items()), failures)

    if failures < LEAST_FAILURES:
        assert above is None
    else:
        assert above is not None
        assert all(
            curve[above] < cost or (curve[above] == cost and above >= at) for at, cost in curve.items()
        )
