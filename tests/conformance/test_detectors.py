"""One check suite that every detector passes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from foremend.vocabulary.errors import ConfigError, InputError, IntegrityError
from foremend.vocabulary.ports import Detector
from models.detectors import (
    Combined,
    ControlCharts,
    CycleStructure,
    Isolation,
    Novelty,
    ResidualDistance,
    SilenceAndStuck,
    hour_watch,
    reading_watch,
    window_watch,
)
from models.detectors.base import Starting

NAMES = ("power", "cabinet_temp", "duty")
FLEET = 5
STREAMING = (ControlCharts, CycleStructure, SilenceAndStuck, Novelty, reading_watch, hour_watch)
STARTING = (ControlCharts, CycleStructure, SilenceAndStuck)
WINDOWED = (ResidualDistance, Isolation, window_watch)


def normal_rows(count: int, seed: int) -> NDArray[np.float64]:
    """A motor that switches every 20 rows, a temperature and a duty, with noise."""
    rng = np.random.default_rng(seed)
    power = 60.0 * (np.arange(count) // 20 % 2) + rng.normal(0, 2, count)
    return np.stack([power, rng.normal(4, 0.3, count), rng.normal(0.4, 0.02, count)], axis=1)


def fleet_rows(count: int, seed: int) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
    """Interleaved rows of a small fleet, one a minute and appliance."""
    appliance = (np.arange(count) % FLEET).astype(np.int32)
    time = 60_000 * (np.arange(count, dtype=np.int64) // FLEET)
    return appliance, time, np.repeat(normal_rows(count // FLEET + 1, seed), FLEET, axis=0)[:count]


@pytest.fixture(params=[*STREAMING, *WINDOWED], ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest) -> Callable[[], Detector]:
    return request.param


@pytest.fixture
def learnt(make: Callable[[], Detector]) -> Detector:
    detector = make()
    detector.learn(NAMES, normal_rows(600, seed=1))
    return detector


def leaves(value: Any) -> Iterator[Any]:
    """Everything in a snapshot that is not a container."""
    if isinstance(value, Mapping):
        for part in value.values():
            yield from leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def test_a_score_has_one_value_a_row_within_0_and_1(learnt: Detector) -> None:
    """Whatever the rows, there is one value between 0 and 1 for each, with its appliance and time."""
    appliance, time, rows = fleet_rows(500, seed=2)
    rows[::7] *= 1e6
    rows[::11] *= -1e6

    score = learnt.score(appliance, time, rows)

    assert score.detector == learnt.name
    assert score.value.shape == (500,)
    assert ((score.value >= 0) & (score.value <= 1)).all()
    np.testing.assert_array_equal(score.appliance, appliance)
    np.testing.assert_array_equal(score.time, time)


def test_unknown_values_are_tolerated(learnt: Detector) -> None:
    """NaN and infinite values neither fail nor turn into a score that is not a number."""
    appliance, time, rows = fleet_rows(500, seed=3)
    rows[::3, 0], rows[::5, 1], rows[::50] = np.nan, np.inf, np.nan

    score = learnt.score(appliance, time, rows)

    assert np.isfinite(score.value).all()


def test_a_column_that_was_never_known_is_tolerated(make: Callable[[], Detector]) -> None:
    """A sensor that is absent while learning does not stop the others."""
    detector, rows = make(), normal_rows(600, seed=1)
    rows[:, 1] = np.nan
    detector.learn(NAMES, rows)

    score = detector.score(*fleet_rows(200, seed=2))

    assert np.isfinite(score.value).all()


def test_nothing_learnt_yet_is_silent_and_not_an_error(make: Callable[[], Detector]) -> None:
    """A model seen for the first time starts with no rows, and its first rows raise nothing."""
    detector = make()
    detector.learn(NAMES, np.empty((0, 3)))

    score = detector.score(*fleet_rows(50, seed=2))

    assert (score.value < 0.5).all()


def test_no_rows_give_no_scores(learnt: Detector) -> None:
    """An empty block is allowed."""
    score = learnt.score(np.empty(0, np.int32), np.empty(0, np.int64), np.empty((0, 3)))

    assert score.value.shape == (0,)


def test_blocks_may_be_cut_anywhere(make: Callable[[], Detector]) -> None:
    """One block gives the same scores as the same rows in many blocks."""
    whole, parts = make(), make()
    appliance, time, rows = fleet_rows(600, seed=4)
    for detector in (whole, parts):
        detector.learn(NAMES, normal_rows(600, seed=1))

    at_once = whole.score(appliance, time, rows).value
    cuts = [0, 1, 2, 50, 333, 600]
    pieces = [parts.score(appliance[a:b], time[a:b], rows[a:b]).value for a, b in itertools.pairwise(cuts)]

    np.testing.assert_allclose(np.concatenate(pieces), at_once, rtol=1e-12)


def test_a_snapshot_continues_where_it_was_taken(make: Callable[[], Detector], learnt: Detector) -> None:
    """A fresh detector that restores a snapshot scores the next rows as the first one does."""
    appliance, time, rows = fleet_rows(400, seed=5)
    learnt.score(appliance[:200], time[:200], rows[:200])
    other = make()

    other.restore(learnt.snapshot())

    expected = learnt.score(appliance[200:], time[200:], rows[200:]).value
    np.testing.assert_array_equal(other.score(appliance[200:], time[200:], rows[200:]).value, expected)


def test_a_snapshot_does_not_change_afterwards(make: Callable[[], Detector], learnt: Detector) -> None:
    """Scoring on does not reach into a snapshot that was taken before."""
    block = fleet_rows(200, seed=6)
    learnt.score(*block)
    snapshot = learnt.snapshot()
    expected = learnt.score(*block).value
    other = make()

    other.restore(snapshot)

    np.testing.assert_array_equal(other.score(*block).value, expected)


def test_a_snapshot_needs_no_pickle(learnt: Detector) -> None:
    """It holds numeric arrays, texts and numbers only."""
    learnt.score(*fleet_rows(100, seed=7))

    for leaf in leaves(learnt.snapshot()):
        assert isinstance(leaf, (str, int, float, np.ndarray))
        assert not isinstance(leaf, np.ndarray) or leaf.dtype.kind in "biuf"


def test_another_detectors_snapshot_is_refused(learnt: Detector) -> None:
    """Restoring state of another kind is an integrity error, not a wrong score."""
    snapshot = {**learnt.snapshot(), "detector": "another"}

    with pytest.raises(IntegrityError, match="another"):
        learnt.restore(snapshot)


def test_the_same_seed_gives_the_same_scores(make: Callable[[], Detector]) -> None:
    """Two detectors that see the same rows agree to the last bit."""
    scores = []
    for detector in (make(), make()):
        detector.learn(NAMES, normal_rows(600, seed=1))
        scores.append(detector.score(*fleet_rows(300, seed=8)).value)

    np.testing.assert_array_equal(scores[0], scores[1])


def test_other_columns_are_refused(learnt: Detector) -> None:
    """Rows with another number of columns than learnt are an input error that names both."""
    with pytest.raises(InputError, match="3 columns"):
        learnt.score(np.zeros(1, np.int32), np.zeros(1, np.int64), np.zeros((1, 2)))


def test_scoring_before_learning_is_refused(make: Callable[[], Detector]) -> None:
    """A detector that knows no columns says what to do."""
    with pytest.raises(ConfigError, match="call learn first"):
        make().score(np.zeros(1, np.int32), np.zeros(1, np.int64), np.zeros((1, 3)))


def test_healthy_rows_seldom_alarm(learnt: Detector) -> None:
    """Rows like those learnt score above 0.99 in few of a hundred rows."""
    score = learnt.score(np.zeros(2_000, np.int32), 60_000 * np.arange(2_000), normal_rows(2_000, seed=9))

    assert (score.value > 0.99).mean() <= 0.02


@pytest.mark.parametrize("make_one", STARTING, ids=lambda make: make.__name__)
def test_beginning_with_its_own_rows_is_as_learning_them(make_one: Callable[[], Starting]) -> None:
    """An appliance that begins with its own rows is scored as if its whole model had learnt them; others are not."""
    learnt, begun = make_one(), make_one()
    learnt.learn(NAMES, normal_rows(600, seed=1))
    begun.learn(NAMES, np.empty((0, 3)))
    begun.begin(3, normal_rows(600, seed=1))
    time, rows = 60_000 * np.arange(400), 1.5 * normal_rows(400, seed=2)

    expected = learnt.score(np.zeros(400, np.int32), time, rows).value

    np.testing.assert_array_equal(begun.score(np.full(400, 3, np.int32), time, rows).value, expected)
    assert (begun.score(np.zeros(40, np.int32), time[:40], rows[:40]).value == 0).all()


@pytest.mark.parametrize("make_one", WINDOWED, ids=lambda make: make.__name__)
def test_conformal_scores_keep_their_false_alarm_rate(make_one: Callable[[], Detector]) -> None:
    """On exchangeable rows a score above 1 - a is as rare as a, within three binomial deviations of both draws."""
    rng = np.random.default_rng(10)
    learn, rows = rng.standard_t(3, (8_000, 3)), rng.standard_t(3, (20_000, 3))
    detector = make_one()
    detector.learn(NAMES, learn)

    value = detector.score(np.zeros(len(rows), np.int32), np.arange(len(rows)), rows).value

    for a in (0.1, 0.01):
        spread = np.sqrt(a * (1 - a) * (1 / len(rows) + 1 / 4_000))
        assert (value >= 1 - a).mean() <= a + 3 * spread


def test_shares_must_fit_the_members() -> None:
    """A combination refuses shares that do not sum to 1 or are not one a member."""
    with pytest.raises(ConfigError, match="2 detectors"):
        Combined((ControlCharts(), CycleStructure()), shares=(0.5, 0.6))


def test_a_combination_of_other_members_is_refused() -> None:
    """A snapshot of two detectors does not restore a combination of three."""
    two, three = window_watch(), Combined((ControlCharts(), CycleStructure(), SilenceAndStuck()))
    two.learn(NAMES, normal_rows(100, seed=1))

    with pytest.raises(IntegrityError, match="2 detectors"):
        three.restore(two.snapshot())
