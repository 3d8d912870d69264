"""What was never seen: windows unlike all earlier ones of the same appliance, and how unlikely they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import lfilter

from models.detectors import (
    DEFAULTS,
    Combined,
    Confirmed,
    ControlCharts,
    Highest,
    Novelty,
    SilenceAndStuck,
    reading_watch,
)
from models.detectors.tails import TAIL, bound_of, chance, count
from tests.unit.models.test_detectors import ALARM, noise, scored

ROWS = 4_000
DAY = 288  # readings, five minutes apart


def watched(values: NDArray[np.float64], novelty: Novelty | None = None) -> NDArray[np.float64]:
    """Scores of one signal of an appliance that nobody knew before."""
    novelty = novelty or Novelty()
    novelty.learn(["power"], np.empty((0, 1)))
    return scored(novelty, values[:, None])


def by_day(seed: int, days: int = 20) -> NDArray[np.float64]:
    """A smooth day that peaks at noon, with noise."""
    of_day = np.arange(days * DAY) % DAY
    rng = np.random.default_rng(seed)
    return 100.0 * np.exp(-(((of_day - DAY / 2) / 30.0) ** 2)) + rng.normal(0.0, 1.0, days * DAY)


class TestNovelty:
    def test_a_single_odd_reading_stays_in_sight_for_a_window(self) -> None:
        values = noise(ROWS, 1, seed=1)[:, 0]
        values[3_000] += 15.0

        value = watched(values)

        assert (value[3_000 : 3_000 + DEFAULTS.novelty_rows] > ALARM).all()
        assert (value[3_000 + DEFAULTS.novelty_rows : 3_020] < ALARM).all()

    def test_usual_values_at_an_unusual_pace_are_new(self) -> None:
        """A day that falls from its peak within two readings has no value that was not seen every day."""
        values = by_day(seed=2)
        noon = 15 * DAY + DAY // 2
        values[noon : noon + 8] = values[15 * DAY : 15 * DAY + 8]

        value = watched(values)

        assert (value[noon : noon + 4] > ALARM).any()

    def test_what_happens_again_is_no_news(self) -> None:
        values = noise(ROWS, 1, seed=3)[:, 0]
        for start in (1_000, 1_700, 2_400, 3_100):
            values[start : start + 10] += 40.0

        value = watched(values)

        assert (value[1_000:1_004] > ALARM).all()
        assert (value[3_100:3_104] < ALARM).all()

    def test_a_second_way_of_running_is_new_once(self) -> None:
        """Changes to and fro between two modes that are known raise nothing, however rare they are."""
        modes = np.repeat([0.0, 0.0, 0.0, 50.0, 0.0, 0.0, 50.0, 0.0, 50.0, 0.0, 0.0, 0.0, 50.0, 0.0], 300)
        values = modes + noise(len(modes), 1, seed=4)[:, 0]

        value = watched(values)

        assert (value[900:904] > ALARM).any()
        assert (value[1_600:] > ALARM).mean() < 0.003

    def test_the_first_readings_are_only_learnt_from(self) -> None:
        values = noise(ROWS, 1, seed=5)[:, 0]
        values[100:120] += 30.0

        assert (watched(values)[: DEFAULTS.novelty_first_rows] == 0.0).all()

    @pytest.mark.parametrize(
        "values",
        [
            pytest.param(noise(20_000, 1, seed=6)[:, 0], id="independent"),
            pytest.param(np.random.default_rng(7).standard_t(3, 20_000), id="heavy-tailed"),
            pytest.param(np.random.default_rng(8).exponential(1.0, 20_000) ** 3, id="bursts"),
            pytest.param(lfilter([1], [1, -0.99], noise(20_000, 1, seed=9)[:, 0]), id="wandering"),
            pytest.param(np.cumsum(noise(20_000, 1, seed=10)[:, 0]), id="a walk without a home"),
            pytest.param(by_day(seed=11, days=70), id="a rhythm of a day"),
            pytest.param(np.arange(20_000) * 0.01 + noise(20_000, 1, seed=12)[:, 0], id="drifting"),
            pytest.param(np.round(20.0 + np.arange(20_000) * 0.001, 1), id="drifting, in steps"),
            pytest.param(np.random.default_rng(13).poisson(2.0, 20_000).astype(float), id="counts"),
        ],
    )
    def test_healthy_signals_are_told_no_more_often_than_promised(self, values: NDArray[np.float64]) -> None:
        assert (watched(values) > ALARM).mean() <= 0.0125

    def test_what_never_moved_has_no_scale(self) -> None:
        values = np.full(1_000, 5.0)
        values[800:] = 9.0

        assert (watched(values) == 0.0).all()

    def test_one_absurd_value_does_not_blind(self) -> None:
        values = noise(ROWS, 1, seed=14)[:, 0]
        values[1_000] = 1e30
        values[1_400:1_404] += 15.0

        assert (watched(values)[1_400:1_404] > ALARM).any()

    @settings(max_examples=10, deadline=None)
    @given(
        factor=st.floats(1e-6, 1e6).flatmap(lambda x: st.sampled_from([x, -x])),
        offset=st.floats(-1e6, 1e6),
        seed=st.integers(0, 9),
    )
    def test_the_unit_and_the_zero_do_not_matter(self, factor: float, offset: float, seed: int) -> None:
        values = np.round(np.cumsum(noise(900, 1, seed)[:, 0]), 2)
        values[800:803] += 20.0

        there, here = watched(values), watched(factor * (values + offset / max(abs(factor), 1.0)))

        assert ((there > 0.9) == (here > 0.9)).mean() > 0.9  # by the edges of bins
        assert here[800] > ALARM

    def test_the_state_of_an_appliance_does_not_grow(self) -> None:
        novelty = Novelty()
        novelty.learn(["power"], np.empty((0, 1)))
        scored(novelty, noise(300, 1, seed=15))
        before = sum(column.nbytes for column in novelty.snapshot()["state"].values())

        scored(novelty, 1e3 * noise(5_000, 1, seed=16))

        assert sum(column.nbytes for column in novelty.snapshot()["state"].values()) == before

    def test_more_signals_raise_no_more_often(self) -> None:
        novelty = Novelty()
        novelty.learn([str(one) for one in range(6)], np.empty((0, 6)))

        assert (scored(novelty, noise(20_000, 6, seed=17)) > ALARM).mean() <= 0.01


class TestTails:
    @settings(max_examples=6, deadline=None)
    @given(shape=st.floats(0.2, 0.8), scale=st.floats(1e-6, 1e6), seed=st.integers(0, 99))
    def test_the_chance_of_a_magnitude_is_the_share_that_exceeds_it(
        self, shape: float, scale: float, seed: int
    ) -> None:
        """Pareto magnitudes: whether by their histogram or beyond it, within a factor of six."""
        tail = _nothing()
        for value in scale * np.random.default_rng(seed).random(3_000) ** -shape:
            count(tail, value, bound_of(tail), 1e9)
        bound = bound_of(tail)

        for rate in (0.01, 0.001):
            magnitude = scale * rate**-shape
            if magnitude > bound:
                assert rate / 6.0 < chance(tail, magnitude, bound) < 6.0 * rate

    @settings(max_examples=40, deadline=None)
    @given(values=st.lists(st.floats(0.0, 1e12), min_size=1, max_size=300))
    def test_every_magnitude_is_counted_once(self, values: list[float]) -> None:
        tail = _nothing()
        for value in values:
            count(tail, value, 0.0, 1e9)

        assert tail["counts"].sum() == tail["total"] == len(values)

    def test_what_is_long_ago_counts_less(self) -> None:
        tail = _nothing()
        for value in [10.0] * 400 + [1.0] * 4_000:
            count(tail, value, 0.0, 512.0)

        assert bound_of(tail) < 2.0


def _nothing() -> np.void:
    """The record of distances of which there are none yet."""
    return np.zeros(1, np.dtype(TAIL, align=True))[0]


class TestHighest:
    def test_either_member_is_enough_and_neither_is_weakened(self) -> None:
        charts, novelty = ControlCharts(), Novelty()
        either = Highest([ControlCharts(), Novelty()])
        rows = noise(1_500, 1, seed=18)
        rows[1_000] += 15.0
        for one in (charts, novelty, either):
            one.learn(["power"], noise(500, 1, seed=19))

        both = np.maximum(scored(charts, rows), scored(novelty, rows))

        np.testing.assert_array_equal(scored(either, rows), both)

    def test_only_a_watch_of_the_same_members_takes_its_state_back(self) -> None:
        assert reading_watch().layout == reading_watch().layout
        assert Highest([Novelty()]).layout != Highest([SilenceAndStuck()]).layout
        assert Confirmed("reading-watch", Combined([Novelty()])).layout == "reading-watch"  # as it was before
