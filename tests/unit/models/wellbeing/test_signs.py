"""Signs of life: what a person did, and never what a machine does by itself."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.wellbeing.signs import OPERATED, STALE_US, US_PER_MINUTE, heard, signs_of_life

DATA = Path(__file__).parents[4] / ".." / "shared" / "data"
DAY_US = 24 * 60 * US_PER_MINUTE


def minutes(*values: int) -> np.ndarray:
    return np.array(values, np.int64) * US_PER_MINUTE


def test_a_door_that_was_opened_is_a_sign_when_its_count_rises() -> None:
    """At the reading that shows it; a reboot that starts the count anew shows nothing."""
    doors = np.array([5.0, 6.0, np.nan, 6.0, 0.0, 2.0])

    signs = signs_of_life(minutes(0, 1, 2, 3, 4, 5), {"door_openings": doors})

    assert (signs // US_PER_MINUTE).tolist() == [1, 5]


def test_what_happened_nobody_knows_when_is_no_sign() -> None:
    """A device that was away for a day brings a higher count: that says nothing of now."""
    times = np.array([0, STALE_US + 1], np.int64)

    assert not len(signs_of_life(times, {"door_openings": np.array([5.0, 9.0])}))


def test_a_kettle_is_a_sign_when_it_is_switched_on() -> None:
    """Once a boil, whatever it does while it boils."""
    power = np.array([0.4, 0.4, 2_000.0, 2_100.0, 0.5, 1_900.0, 0.4, 0.4, 2_000.0])

    signs = signs_of_life(minutes(0, 30, 31, 32, 33, 34, 35, 60, 61), {"power": power}, "kettle")

    assert (signs // US_PER_MINUTE).tolist() == [31, 61]


def test_a_real_dishwasher_that_dries_was_started_once() -> None:
    """It rests for half an hour, and heats again: nobody did that. Eleven runs in seven days."""
    folder = DATA / "tracebase-kinds" / "Dishwasher"
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}: they are not part of the project")
    times, power = measured(sorted(folder.glob("dev_*.csv.gz")))

    day, signs = np.unique(signs_of_life(times, {"power": power}, "dishwasher") // DAY_US, return_counts=True)

    assert signs.tolist() == [2, 2, 1, 2, 2, 1, 1]
    assert len(day) == 7


def measured(files: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """us UTC and W of days that a plug wrote down."""
    rows = [
        row.split(";") for one in files for row in gzip.decompress(one.read_bytes()).decode().splitlines()
    ]
    times = [datetime.strptime(row[0], "%d/%m/%Y %H:%M:%S").replace(tzinfo=UTC).timestamp() for row in rows]
    return np.array(times, np.int64) * 1_000_000, np.array([float(row[1]) for row in rows])


def test_a_wash_is_a_sign_when_it_is_started() -> None:
    """Its phases and its end are the machine's own."""
    phase = np.array([0.0, 1.0, 3.0, 6.0, 0.0])

    signs = signs_of_life(
        minutes(0, 30, 60, 90, 120), {"programme_phase": phase, "power": phase * 100}, "washing-machine"
    )

    assert (signs // US_PER_MINUTE).tolist() == [30]


@pytest.mark.parametrize("category", ["refrigerator", "water-heater", "air-conditioner", "generic", None])
def test_a_compressor_that_cycles_is_no_sign_of_life(category: str | None) -> None:
    """Nor is any machine of which nobody says that a person operates it."""
    power = np.tile([1.0, 1.0, 90.0, 90.0], 50)

    assert not len(signs_of_life(np.arange(200) * 20 * US_PER_MINUTE, {"power": power}, category))


@given(
    st.lists(st.tuples(st.integers(0, 10**10), st.sampled_from([0.0, 500.0])), max_size=40),
    st.sampled_from(sorted(OPERATED)),
    st.randoms(use_true_random=False),
)
def test_the_order_of_readings_does_not_matter(rows: list[tuple[int, float]], category: str, random) -> None:
    """Messages come late and out of order; signs come out sorted, each once."""
    rows = list(dict(rows).items())
    shuffled = random.sample(rows, len(rows))

    signs = [_of(one, category) for one in (rows, shuffled)]

    np.testing.assert_array_equal(*signs)
    assert (np.diff(signs[0]) > 0).all()


def test_an_appliance_was_heard_from_its_first_word_to_its_last_before_a_break() -> None:
    """Readings an hour apart are one span; a day without is none."""
    spans = heard(minutes(0, 60, 120, 2_000, 2_050))

    assert [(a // US_PER_MINUTE, b // US_PER_MINUTE) for a, b in spans] == [(0, 120), (2_000, 2_050)]


def _of(rows: list[tuple[int, float]], category: str) -> np.ndarray:
    times = np.array([time for time, _ in rows], np.int64)
    return signs_of_life(times, {"power": np.array([value for _, value in rows])}, category)
