"""The service organisations of the benchmark: what is asked at a moment knows nothing of what comes later."""

from __future__ import annotations

import numpy as np

from benchmarks.forecasts import HORIZON, WEEKS, asked_at, coverage, organisation
from models.visits import NEVER


def test_what_is_asked_knows_nothing_later() -> None:
    visits, expected = organisation(3)

    known = asked_at(visits, 120)

    for column in (known.foreseen, known.visited, known.closed):
        assert ((column < 120) | (column == NEVER)).all()
    assert ((known.foreseen < 120) | (known.visited < 120)).all()
    assert expected.shape == (known.group.max() + 1, WEEKS + HORIZON)


def test_a_seed_is_the_same_organisation_every_time() -> None:
    once, again = organisation(4)[0], organisation(4)[0]

    assert np.array_equal(once.visited, again.visited)


def test_the_interval_holds_about_as_often_as_it_says() -> None:
    """One organisation of those that it was made in view of; the figure is the benchmark's over twenty others."""
    assert 0.7 < coverage(range(1, 2))["coverage"] < 0.9
