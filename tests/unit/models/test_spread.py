"""How much features vary, and what follows from it for what is usual."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.usual.expected import Expected
from models.usual.spread import Spread

FLEET, DAYS = 20, 40
NOWHERE = np.zeros((FLEET, 1))


def learnt(within: float, between: float, away: NDArray[np.float64] = NOWHERE, seed: int = 0) -> Spread:
    """What a fleet teaches whose one feature varies so much within and between appliances."""
    luck, spread = np.random.default_rng(seed), Spread(1, min_siblings=4)
    own = 5 + between * luck.normal(size=(FLEET, 1))
    for _ in range(DAYS):
        spread.learn(own, within * luck.normal(size=(FLEET, 1)) * np.sqrt(1 + away), away)
    return spread


def test_the_spread_within_appliances_is_learnt() -> None:
    """Two kelvin from day to day."""
    assert 1.7 < learnt(2.0, 1.0).within[0] < 2.1


def test_a_faulty_appliance_hardly_widens_the_spread() -> None:
    """One in twenty is off by fifty spreads."""
    luck, spread = np.random.default_rng(1), Spread(1, min_siblings=4)
    for day in range(DAYS):
        residual = luck.normal(size=(FLEET, 1))
        residual[0] += 50 * (day > 10)
        spread.learn(np.full((FLEET, 1), 5.0), residual, NOWHERE)

    assert spread.within[0] < 1.3


def test_nothing_is_known_of_a_fleet_of_one_day() -> None:
    """Twenty appliance-days are too few."""
    spread = Spread(1, min_siblings=4)
    spread.learn(np.full((FLEET, 1), 5.0), np.ones((FLEET, 1)), NOWHERE)

    assert np.isnan(spread.within).all()
    assert np.isnan(spread.shrunk(np.full((1, 1), 5.0), np.ones((1, 1)))[0]).all()


def test_strange_days_are_allowed_more() -> None:
    """The variance doubles at a squared distance of one."""
    away = np.linspace(0, 4, FLEET)[:, None]

    assert 0.5 < learnt(1.0, 1.0, away).strangeness(np.ones((1, 1)))[0, 0] < 2.5


def test_what_is_usual_begins_with_the_fleet_and_becomes_the_appliances_own() -> None:
    """A newcomer is taken for a typical one, with the doubt of the fleet's variety."""
    spread = learnt(1.0, 1.0)
    own = np.array([[np.nan], [9.0], [9.0]])

    usual, doubt = spread.shrunk(own, np.array([[0.0], [1.0], [400.0]]))

    assert abs(usual[0, 0] - 5) < 1
    assert usual[0, 0] < usual[1, 0] < usual[2, 0]
    assert abs(usual[2, 0] - 9) < 0.1
    assert doubt[0, 0] > doubt[1, 0] > doubt[2, 0]


@given(
    own=st.floats(-1e3, 1e3),
    days=st.integers(1, 1000),
    within=st.floats(0.01, 10),
    between=st.floats(0.01, 10),
)
def test_an_appliance_is_pulled_towards_its_fleet_by_a_standard_error_at_most(
    own: float, days: int, within: float, between: float
) -> None:
    """However strange it is among its siblings: it is itself, not faulty."""
    spread = learnt(within, between)

    usual, _ = spread.shrunk(np.array([[own]]), np.array([[float(days)]]))

    assert abs(usual[0, 0] - own) <= spread.within[0] / np.sqrt(days) + 1e-9


def test_a_restored_spread_goes_on_as_the_original() -> None:
    """Snapshot and restore change nothing."""
    spread, copy = learnt(1.0, 2.0), Spread(1, min_siblings=4)
    copy.restore(spread.snapshot())

    np.testing.assert_array_equal(copy.within, spread.within)
    np.testing.assert_array_equal(copy.strangeness(np.ones((1, 1))), spread.strangeness(np.ones((1, 1))))


def test_conditions_explain_what_they_may_and_nothing_else() -> None:
    """The first feature follows the first condition; the second follows it too, but may not be explained by it."""
    luck = np.random.default_rng(6)
    expected = Expected(np.array([[True, False], [True, True]]))
    for _ in range(30):
        terms = luck.normal(size=(FLEET, 2))
        expected.learn(terms, np.column_stack([2 * terms[:, 0], 2 * terms[:, 0]]))

    effect = expected.effect(np.array([[1.0, 0.0]]))

    np.testing.assert_allclose(effect[0], [2, 0], atol=0.05)


def test_what_the_fleet_never_lived_through_is_doubted() -> None:
    """Ten spreads beyond everything it saw."""
    expected, luck = Expected(np.ones((1, 1), bool)), np.random.default_rng(7)
    for _ in range(30):
        expected.learn(luck.normal(size=(FLEET, 1)), luck.normal(size=(FLEET, 1)))

    near, far = expected.leverage(np.array([[1.0], [10.0]]))[:, 0]

    assert near < 0.01
    assert far > 50 * near
