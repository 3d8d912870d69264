"""What each detector sees, and what it must not see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter
from sklearn.ensemble import IsolationForest

from foremend.vocabulary.ports import Snapshot
from foremend.vocabulary.types import Score
from models.detectors import (
    Confirmed,
    ControlCharts,
    CycleStructure,
    FirstRows,
    Isolation,
    ResidualDistance,
    SilenceAndStuck,
)
from models.detectors.base import student_to_normal
from models.trees import as_grown

MINUTE = 60_000
ALARM = 0.99


def noise(rows: int, columns: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(rows, columns))


def wandering(rows: int, seed: int) -> NDArray[np.float64]:
    """A random walk: every level is as usual as the next."""
    return np.cumsum(noise(rows, 1, seed), axis=0)


def switching(rows: int, on: int, off: int, seed: int = 0) -> NDArray[np.float64]:
    """A motor's power, `on` rows running and `off` rows not, in turn."""
    running = np.arange(rows) % (on + off) >= off
    return (80.0 * running + np.random.default_rng(seed).normal(0, 1, rows))[:, None]


def scored(
    detector: object, rows: NDArray[np.float64], unit: int = 0, step: int = MINUTE
) -> NDArray[np.float64]:
    """Scores of one appliance's rows, `step` ms apart."""
    appliance = np.full(len(rows), unit, np.int32)
    return detector.score(appliance, step * np.arange(len(rows)), rows).value  # type: ignore[attr-defined]


class TestControlCharts:
    def test_a_small_lasting_shift_is_seen(self) -> None:
        """A shift of one standard deviation, too small for any single row, alarms within a hundred rows."""
        charts = ControlCharts()
        charts.learn(["temperature"], noise(2_000, 1, seed=1))

        value = scored(charts, noise(200, 1, seed=2) + 1.0)

        assert (value[:100] > ALARM).any()

    def test_a_wandering_signal_does_not_alarm(self) -> None:
        """A random walk leaves every level it learnt; a plain chart would alarm for ever, this one seldom."""
        walk = wandering(3_000, seed=3)
        charts = ControlCharts()
        charts.learn(["temperature"], walk[:400])

        value = scored(charts, walk[400:])

        assert (value > ALARM).mean() < 0.01

    @pytest.mark.parametrize("memory", [0.0, 0.95])
    def test_stationary_signals_keep_the_false_alarm_rate(self, memory: float) -> None:
        """On rows of the assumed kind, independent or slow, a score above 1 - a is rarer than a."""
        rows = lfilter([1.0], [1.0, -memory], noise(55_000, 2, seed=4), axis=0)
        charts = ControlCharts()
        charts.learn(["a", "b"], rows[:5_000])

        value = scored(charts, rows[5_000:])

        assert (value > 0.99).mean() <= 0.01
        assert (value > 0.9).mean() <= 0.1

    def test_a_fault_is_not_learnt(self) -> None:
        """While a large shift lasts the baseline stays where it was, so the alarm does not fade."""
        charts = ControlCharts(relearn_rows=5_000)
        charts.learn(["temperature"], noise(2_000, 1, seed=6))

        value = scored(charts, noise(1_000, 1, seed=7) + 6.0)

        assert (value[50:] > ALARM).all()

    def test_a_new_normal_is_accepted_in_the_end(self) -> None:
        """After a repair or a move the baseline begins anew, once the alarm has lasted `relearn_rows`."""
        charts = ControlCharts(spans=(8,), relearn_rows=300)
        charts.learn(["temperature"], noise(500, 1, seed=8))

        value = scored(charts, noise(4_000, 1, seed=9) + 6.0)

        assert (value[50:300] > ALARM).all()
        assert (value[310:] > ALARM).mean() < 0.01

    def test_what_begins_anew_knows_a_change_from_there(self) -> None:
        """The new baseline is as good as the first one: back to the old level is a shift."""
        charts = ControlCharts(spans=(8,), relearn_rows=300)
        charts.learn(["temperature"], noise(500, 1, seed=8))
        scored(charts, noise(1_000, 1, seed=9) + 6.0)

        assert (scored(charts, noise(100, 1, seed=10))[20:] > ALARM).all()

    def test_state_of_an_earlier_version_goes_on(self) -> None:
        """It counted outlying rows of each chart and nothing else was different: nobody has to learn anew."""
        charts, other = ControlCharts(), ControlCharts()
        charts.learn(["temperature"], noise(2_000, 1, seed=6))
        scored(charts, noise(100, 1, seed=7))
        was = dict(charts.snapshot())
        for part in ("fresh", "state"):
            was[part] = {name: column for name, column in was[part].items() if name != "alarmed"}
            was[part]["outside"] = np.zeros_like(was[part]["mean"], np.int32)

        other.restore(was)

        rows = noise(200, 1, seed=8)
        np.testing.assert_array_equal(scored(other, rows), scored(charts, rows))

    def test_every_appliance_has_its_own_baseline(self) -> None:
        """What one appliance does leaves another's score as it is."""
        alone, together = ControlCharts(), ControlCharts()
        for charts in (alone, together):
            charts.learn(["temperature"], noise(1_000, 1, seed=10))
        rows = noise(300, 1, seed=11)

        scored(together, noise(300, 1, seed=12) + 20.0, unit=1)

        np.testing.assert_array_equal(scored(together, rows), scored(alone, rows))

    def test_a_model_seen_for_the_first_time_learns_as_it_goes(self) -> None:
        """With nothing learnt the charts are silent for eight spans and then know the appliance."""
        charts = ControlCharts(spans=(8,))
        charts.learn(["temperature"], np.empty((0, 1)))

        value = scored(charts, np.vstack([noise(600, 1, seed=13), noise(60, 1, seed=14) + 5.0]))

        assert (value[:63] == 0).all()
        assert value[-1] > ALARM

    def test_bursts_that_were_normal_stay_normal(self) -> None:
        """A signal idle but for short bursts reaches far beyond its deviation; that is how it is."""
        rows = switching(1_400, on=10, off=190)
        charts = ControlCharts()
        charts.learn(["power"], rows[:700])

        assert (scored(charts, rows[700:]) < ALARM).all()

    def test_a_signal_that_never_moved_does_not_alarm_when_it_does(self) -> None:
        """A constant has no scale to judge its first change by."""
        charts = ControlCharts(spans=(8,))
        charts.learn(["code"], np.full((500, 1), 3.0))

        assert (scored(charts, np.full((10, 1), 4.0)) < ALARM).all()

    def test_units_do_not_matter(self) -> None:
        """Watts or kilowatts, the score is the same."""
        small, large = ControlCharts(), ControlCharts()
        small.learn(["power"], 1e-5 * noise(500, 1, seed=15))
        large.learn(["power"], 1e5 * noise(500, 1, seed=15))
        rows = noise(300, 1, seed=16) + 1.0

        np.testing.assert_allclose(scored(small, 1e-5 * rows), scored(large, 1e5 * rows), atol=1e-6)

    def test_many_degrees_of_freedom_are_the_normal_itself(self) -> None:
        """Wallace's transformation tends to the identity, and shrinks where little is known."""
        assert student_to_normal(3.0, 1e6) == pytest.approx(3.0, abs=1e-3)
        assert student_to_normal(-9.92, 2.0) == pytest.approx(
            -2.576, abs=0.15
        )  # two-sided 1 % of Student's t


class TestCycleStructure:
    def test_state_is_stored_as_builds_before_records_did(self) -> None:
        """An array for each of its parts, of the same kind and shape: either takes the other's back."""
        structure = CycleStructure()
        structure.learn(["power", "temp"], np.empty((0, 2)))
        structure.score(np.zeros(3, np.int32), MINUTE * np.arange(3), noise(3, 2, seed=1))

        stored = {name: (one.dtype.str, one.shape) for name, one in structure.snapshot()["state"].items()}

        halves = ("runs", "mean", "square", "recent")
        assert stored == {
            "switching": ("|b1", (1, 2)),
            "low": ("<f8", (1, 2)),
            "high": ("<f8", (1, 2)),
            "length": ("<i4", (1, 2)),
            "state": ("|i1", (1, 2)),
            "whole": ("|i1", (1, 2)),
            "last": ("<i8", (1,)),
            "interval": ("<f8", (1,)),
        } | dict.fromkeys(halves, ("<f8", (1, 2, 2)))

    def test_a_run_that_does_not_end_is_seen(self) -> None:
        """Running on and on, at a level seen every day, alarms."""
        structure = CycleStructure()
        structure.learn(["power"], switching(2_000, on=20, off=60))

        value = scored(structure, switching(400, on=400, off=0, seed=1))

        assert value[30] < ALARM
        assert value[-1] > ALARM

    def test_short_cycling_is_seen(self) -> None:
        """Starting four times as often alarms once recent runs are averaged."""
        structure = CycleStructure()
        structure.learn(["power"], switching(2_000, on=40, off=120))

        value = scored(structure, switching(2_000, on=6, off=18, seed=1))

        assert (value > ALARM).any()

    def test_the_usual_cycles_are_not(self) -> None:
        """The same motor with runs a fifth longer stays quiet."""
        structure = CycleStructure()
        structure.learn(["power"], switching(2_000, on=20, off=60))

        assert (scored(structure, switching(2_000, on=24, off=60, seed=1)) < ALARM).all()

    def test_cycles_that_change_slowly_are_followed(self) -> None:
        """Runs that grow to twice their length over 2,000 runs are no alarm, as they are learnt; one leap is."""
        structure = CycleStructure()
        structure.learn(["power"], switching(2_000, on=20, off=60))
        ageing = np.concatenate([switching(100 * (on + 60), on=on, off=60) for on in range(20, 41)])

        leap = switching(400, on=300, off=100)

        value = scored(structure, np.concatenate([ageing, leap]))

        assert (value[: len(ageing)] < ALARM).all()
        assert value[-1] > ALARM

    def test_a_run_that_a_gap_cuts_is_none(self) -> None:
        """What ran before an appliance was unplugged and what runs after are two runs, neither of them seen whole."""
        structure = CycleStructure()
        structure.learn(["power"], switching(2_000, on=20, off=60))
        rows = np.concatenate([switching(1_600, on=20, off=60), switching(32, on=32, off=0)])
        time = MINUTE * np.arange(len(rows))
        time[-28:] += 600 * MINUTE

        value = structure.score(np.zeros(len(rows), np.int32), time, rows).value

        assert (value < ALARM).all()

    def test_a_signal_without_two_levels_is_silent(self) -> None:
        """Noise has no runs and no pauses."""
        structure = CycleStructure()
        structure.learn(["temperature"], noise(2_000, 1, seed=1))

        assert (scored(structure, noise(500, 1, seed=2)) == 0).all()


class TestSilenceAndStuck:
    def test_silence_is_seen_and_coming_back_is_no_event(self) -> None:
        """After an hour without a reading a minute apart a look alarms; the reading that ends it does not."""
        watch = SilenceAndStuck()
        watch.learn(["power"], noise(500, 1, seed=1))
        scored(watch, noise(500, 1, seed=2))
        unit, last = np.zeros(1, np.int32), 499 * MINUTE

        soon = watch.score(unit, np.array([last + 2 * MINUTE]), np.full((1, 1), np.nan)).value
        late = watch.score(unit, np.array([last + 60 * MINUTE]), np.full((1, 1), np.nan)).value
        back = watch.score(unit, np.array([last + 61 * MINUTE]), np.zeros((1, 1))).value

        assert soon[0] < 0.99
        assert late[0] > ALARM
        assert back[0] == 0.0

    def test_a_stuck_sensor_is_seen(self) -> None:
        """A value that stands still far longer than it ever did alarms."""
        watch = SilenceAndStuck()
        watch.learn(["temperature"], noise(2_000, 1, seed=3))

        value = scored(watch, np.full((60, 1), 0.123))

        assert value[5] < 0.99
        assert value[-1] > ALARM

    def test_a_sensor_that_often_stands_still_is_not_stuck(self) -> None:
        """Plateaus like those learnt are no news."""
        plateaus = np.repeat(noise(200, 1, seed=4), 30, axis=0)
        watch = SilenceAndStuck()
        watch.learn(["set_point"], plateaus[:3_000])

        assert (scored(watch, plateaus[3_000:]) < 0.99).all()


class TestWindowDetectors:
    def test_a_broken_relation_is_far_though_each_value_is_usual(self) -> None:
        """Two columns that always agree, now apart: no single chart would see it."""
        usual = noise(2_000, 1, seed=1) + 0.1 * noise(2_000, 2, seed=2)
        distance = ResidualDistance()
        distance.learn(["inlet", "outlet"], usual)

        value = distance.score(np.zeros(2, np.int32), np.arange(2), np.array([[1.5, 1.5], [1.5, -1.5]])).value

        assert value[0] < 0.95
        assert value[1] > 0.999

    def test_an_isolated_row_scores_high(self) -> None:
        """A row in an empty corner is cut off early."""
        isolation = Isolation()
        isolation.learn(["a", "b"], noise(4_000, 2, seed=3))

        value = isolation.score(
            np.zeros(2, np.int32), np.arange(2), np.array([[0.0, 0.1], [6.0, -6.0]])
        ).value

        assert value[0] < 0.9
        assert value[1] > 0.999

    def test_the_compiled_forest_agrees_with_scikit_learn(self) -> None:
        """Walking the arrays ranks rows exactly as `score_samples` of the same forest does."""
        rows = noise(600, 3, seed=4)
        isolation = Isolation(trees=20, fit_share=0.5)
        isolation.learn(["a", "b", "c"], rows)
        fit = np.sort(np.random.default_rng(0).permutation(600)[:300])
        centre = np.median(rows[fit], axis=0)
        spread = 1.4826 * np.median(np.abs(rows[fit] - centre), axis=0)
        forest = IsolationForest(n_estimators=20, max_samples=256, random_state=0)
        forest.fit(as_grown((rows[fit] - centre) / spread))

        value = isolation.score(np.zeros(600, np.int32), np.arange(600), rows).value

        samples = forest.score_samples(as_grown((rows - centre) / spread))
        order = np.argsort(samples)
        assert (np.diff(value[order]) <= 1e-12).all()


class Repeats:
    """A detector that says what its only column says."""

    name = "repeats"

    def learn(self, names: Sequence[str], features: NDArray[np.float64]) -> None:
        """Nothing to learn."""

    def score(
        self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: NDArray[np.float64]
    ) -> Score:
        return Score(self.name, appliance, time, features[:, 0])

    def snapshot(self) -> Snapshot:
        return {}

    def restore(self, snapshot: Snapshot) -> None:
        """Nothing to restore."""


class TestConfirmed:
    @staticmethod
    def said(*values: float) -> list[float]:
        confirmed = Confirmed("watch", Repeats(), confirm_rows=3, hold_rows=4)
        confirmed.learn(["score"], np.empty((0, 1)))
        return scored(confirmed, np.array(values)[:, None]).tolist()

    def test_a_score_counts_once_it_was_held(self) -> None:
        """Two rows are not three."""
        assert self.said(0.9, 0.9, 0.2, 0.9, 0.9, 0.9) == [0, 0, 0.2, 0.2, 0.2, 0.9]

    def test_a_score_that_counted_stands_for_a_while(self) -> None:
        """A dip is no all-clear."""
        assert self.said(0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1) == [0, 0, 0.9, 0.9, 0.9, 0.9, 0.1]

    def test_state_that_builds_before_records_wrote_is_taken_back(self) -> None:
        """An array for each of its parts, after 0.9, 0.9, 0.2, 0.9 and 0.9."""
        confirmed = Confirmed("watch", Repeats(), confirm_rows=3, hold_rows=4)
        said, held = np.array([[0.9, 0.9, 0.2]]), np.array([[0.2, 0.0, 0.2, 0.2]])
        last = {"said": said, "held": held, "seen": np.array([5])}

        confirmed.restore({"detector": "watch", "names": ["score"], "learnt": 1, "of": {}, "last": last})

        assert scored(confirmed, np.array([[0.9], [0.1]])).tolist() == [0.9, 0.9]
        assert {name: column.dtype for name, column in confirmed.snapshot()["last"].items()} == {
            name: column.dtype for name, column in last.items()
        }


def watch_from(first_rows: int) -> FirstRows:
    watch = FirstRows((ControlCharts(spans=(8,)),), first_rows=first_rows)
    watch.learn(["power"], np.empty((0, 1)))
    return watch


class TestFirstRows:
    def test_an_appliance_is_learnt_from_its_own_first_rows(self) -> None:
        """Silent while it learns, then as if its model had been learnt from those rows."""
        rows = np.concatenate([noise(200, 1, seed=1), noise(100, 1, seed=2) + 5.0])
        charts = ControlCharts(spans=(8,))
        charts.learn(["power"], rows[:200])

        value = scored(watch_from(200), rows)

        assert (value[:200] == 0).all()
        np.testing.assert_array_equal(value[200:], scored(charts, rows[200:]))

    def test_rows_that_wait_survive_a_snapshot(self) -> None:
        """Learning goes on where it was, for appliances that are learnt and for those that wait."""
        watch, other = watch_from(100), watch_from(100)
        for unit, rows in enumerate((30, 150, 70)):
            scored(watch, noise(rows, 1, seed=unit), unit)

        other.restore(watch.snapshot())

        for unit in range(3):
            rest = noise(200, 1, seed=10 + unit)
            np.testing.assert_array_equal(scored(other, rest, unit), scored(watch, rest, unit))
