"""Drift: a fleet that stays itself is left in peace, one that moved away is told to be learnt again."""

import numpy as np
import pytest
from numpy.typing import NDArray

from foremend.vocabulary.errors import IntegrityError
from foremend.vocabulary.features import Deviation, Kind
from foremend.vocabulary.types import MS_PER_DAY, Finding, Severity
from models.drift import SCORE, DriftWatch

COLUMNS = tuple(Deviation(Kind.SIBLINGS, f"f{k}") for k in range(20))
APPLIANCES = 200
Floats = NDArray[np.float64]


class Fleet:
    """Rows of a day: each appliance keeps its own level, a constant of its, with a little noise a day."""

    def __init__(self, seed: int, appliances: int = APPLIANCES) -> None:
        self._rng = np.random.default_rng(seed)
        self._level = self._rng.normal(size=(appliances, len(COLUMNS)))

    def day(self, shift: Floats | float = 0.0) -> Floats:
        return self._level + shift + self._rng.normal(0, 0.1, self._level.shape)

    def score(self) -> Floats:
        return self._rng.uniform(size=len(self._level))


def learnt(seed: int = 1) -> DriftWatch:
    fleet, watch = Fleet(seed), DriftWatch()
    rows = np.concatenate([fleet.day() for _ in range(10)])
    watch.learn(COLUMNS, rows, np.concatenate([fleet.score() for _ in range(10)]), appliances=APPLIANCES)
    return watch


def lived(watch: DriftWatch, fleet: Fleet, days: range, shift: Floats | float = 0.0) -> list[Finding]:
    return [
        finding
        for day in days
        for finding in watch.judge("rf-260", day * MS_PER_DAY, fleet.day(shift), fleet.score())
    ]


def a_third() -> Floats:
    """A shift of two deviations of every third feature."""
    return np.where(np.arange(len(COLUMNS)) % 3 == 0, 2.0, 0.0)


def test_a_fleet_that_stays_itself_is_left_in_peace() -> None:
    """Other appliances of the same kind, and few of them: no drift in two months."""
    for seed, appliances in ((5, 200), (6, 30), (7, 4)):
        assert lived(learnt(), Fleet(seed, appliances), range(60)) == []


def test_a_third_of_the_features_that_moved_is_a_drift() -> None:
    """One finding, about the fleet, with the features that moved; it costs nobody a ticket."""
    watch, fleet = learnt(), Fleet(5)
    lived(watch, fleet, range(30))

    (finding,) = lived(watch, fleet, range(30, 60), a_third())

    assert (finding.kind, finding.fault, finding.severity) == ("opened", "model-drift", Severity.INFO)
    assert finding.appliance_id == "fleet:rf-260"
    assert {one.feature for one in finding.evidence} <= {f"siblings.f{k}" for k in range(0, len(COLUMNS), 3)}
    assert all(one.usual is not None and one.value > one.usual for one in finding.evidence)


def test_a_drift_that_goes_away_is_closed() -> None:
    """The same episode, once."""
    watch, fleet = learnt(), Fleet(5)
    (opened,) = lived(watch, fleet, range(30), a_third())

    (closed,) = lived(watch, fleet, range(30, 120))

    assert closed.kind == "closed"
    assert closed.episode_id == opened.episode_id


def test_a_score_that_moved_suffices() -> None:
    """Detectors that suddenly think everything strange are outdated, whatever single features say."""
    watch, fleet = learnt(), Fleet(5)

    for day in range(20):
        watch.update(day * MS_PER_DAY, fleet.day(), 1.0 - 0.1 * fleet.score())

    moved = [one.name for one in watch.drifts() if one.drifted]
    assert moved == [SCORE]


def test_a_signal_that_is_gone_has_moved() -> None:
    """A firmware that sends no longer what was learnt."""
    watch, fleet = learnt(), Fleet(5)

    for day in range(20):
        rows = fleet.day()
        rows[:, 3] = np.nan
        watch.update(day * MS_PER_DAY, rows, fleet.score())

    assert watch.drifts()[0].name == "siblings.f3"
    assert watch.drifts()[0].drifted


def test_what_the_season_moves_is_not_compared() -> None:
    """Deviations from the own usual go up and down with the weather, for the whole fleet."""
    fleet, watch = Fleet(1), DriftWatch()
    watch.learn(
        [Deviation(Kind.OWN, one.of) for one in COLUMNS], fleet.day(), fleet.score(), appliances=APPLIANCES
    )

    assert lived(watch, fleet, range(40), 5.0) == []
    assert [one.name for one in watch.drifts()] == [SCORE]


def test_a_model_of_a_simulated_fleet_settles_on_the_real_one_first() -> None:
    """What differs from the simulation is no drift; what differs from the first weeks is."""
    fleet, other = Fleet(1), Fleet(5)
    watch = DriftWatch(settle_days=14)
    watch.learn(COLUMNS, fleet.day(), fleet.score(), appliances=APPLIANCES)

    before = lived(watch, other, range(60), a_third())
    after = lived(watch, other, range(60, 90), -a_third())

    assert before == []
    assert [one.kind for one in after] == ["opened"]


def test_a_day_may_come_in_parts() -> None:
    """Appliances that report late are still of that day."""
    whole, parts, fleet = learnt(), learnt(), Fleet(5)

    for day in range(20):
        rows, score = fleet.day(), fleet.score()
        whole.update(day * MS_PER_DAY, rows, score)
        for part in (slice(0, 150), slice(150, None)):
            parts.update(day * MS_PER_DAY, rows[part], score[part])

    assert parts.drifts() == whole.drifts()


def test_rows_in_which_nothing_is_known_do_not_count() -> None:
    """The first two weeks of an appliance are no drift."""
    watch, fleet = learnt(), Fleet(5)

    for day in range(30):
        watch.update(day * MS_PER_DAY, np.full((APPLIANCES, len(COLUMNS)), np.nan), fleet.score())

    assert watch.drifts() == []


def test_a_feature_that_training_never_saw_never_drifts() -> None:
    """There is nothing to compare it with."""
    watch, fleet = DriftWatch(), Fleet(5)
    watch.learn(COLUMNS, fleet.day(), np.zeros(0), appliances=APPLIANCES, score_appliances=0)

    for day in range(20):
        watch.update(day * MS_PER_DAY, fleet.day(), fleet.score())

    assert next(one for one in watch.drifts() if one.name == SCORE).limit == np.inf


def test_a_snapshot_in_the_middle_changes_nothing() -> None:
    """The restored watch finds what the first would have found, on the same day."""
    watch, restored, fleet, same = learnt(), DriftWatch(), Fleet(5), Fleet(5)
    lived(watch, fleet, range(20))
    lived(learnt(), same, range(20))

    restored.restore(watch.snapshot())

    assert lived(restored, fleet, range(20, 50), a_third()) == lived(watch, same, range(20, 50), a_third())


def test_a_snapshot_of_other_bins_is_refused() -> None:
    """It could not be compared."""
    with pytest.raises(IntegrityError, match="has 5 bins"):
        DriftWatch(bins=5).restore(learnt().snapshot())
