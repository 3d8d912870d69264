"""The official scores, checked by hand on made-up detections."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.cmapss import as_lives, asymmetric_score, remaining_cycles
from benchmarks.metropt import load_start
from benchmarks.nab import probation, reward, score_detections, window_rows
from benchmarks.skab import Counts, count
from foremend.vocabulary.errors import InputError

WINDOWS = [(200, 299), (500, 599)]


def detections(*rows: int) -> NDArray[np.bool_]:
    marks = np.zeros(1_000, np.bool_)
    marks[list(rows)] = True
    return marks


def test_nab_gives_0_for_no_detection_and_100_for_every_window_at_its_first_row() -> None:
    """The two ends of the normalised scale."""
    nothing = score_detections(detections(), WINDOWS, 150)
    perfect = score_detections(detections(200, 500), WINDOWS, 150)

    assert nothing.as_result() == {"normalised": 0.0, "false_positive_rows": 0}
    assert perfect.raw == pytest.approx(2 * reward(-1.0) / reward(-1.0), abs=0.001)
    assert perfect.as_result()["normalised"] == pytest.approx(100.0, abs=0.1)


def test_nab_counts_the_earliest_detection_of_a_window_only() -> None:
    """A later detection in the same window neither adds nor costs."""
    early = score_detections(detections(220), WINDOWS, 150)
    both = score_detections(detections(220, 290), WINDOWS, 150)

    assert both.raw == early.raw


def test_nab_charges_false_positives_by_their_distance_behind_a_window() -> None:
    """Just behind a window is nearly free; before any window, or far behind, costs the full 0.11."""
    base = score_detections(detections(), WINDOWS, 150).raw

    assert score_detections(detections(160), WINDOWS, 150).raw == pytest.approx(base - 0.11)
    assert score_detections(detections(300), WINDOWS, 150).raw == pytest.approx(
        base - 0.11 * 0.0252, abs=1e-4
    )
    assert score_detections(detections(999), WINDOWS, 150).raw == pytest.approx(base - 0.11, abs=1e-4)


def test_nab_ignores_the_probation() -> None:
    """The first 15 % of rows, at most 750, do not count."""
    assert probation(1_000) == 150
    assert probation(22_695) == 750
    assert score_detections(detections(0, 149), WINDOWS, 150).false_positive_rows == 0


def test_nab_windows_must_belong_to_the_series() -> None:
    """A limit that is not a timestamp of the series is refused."""
    time = np.array([0, 300_000, 600_000])

    assert window_rows(time, [["1970-01-01 00:00:00", "1970-01-01 00:05:00"]]) == [(0, 1)]
    with pytest.raises(InputError, match="not in the series"):
        window_rows(time, [["1971-01-01 00:00:00", "1971-01-01 00:05:00"]])


def test_skab_pools_counts_before_it_divides() -> None:
    """Two files together are scored as one."""
    alarm, label = np.array([True, True, False, False]), np.array([True, False, True, False])

    pooled = count(alarm, label) + Counts(true_alarm=2)

    assert pooled.figures() == {"f1": 0.75, "far": 0.5, "mar": 0.25}


def test_metropt_load_is_continuous_after_five_minutes() -> None:
    """A burst of ten rows is normal; thirty in a row begin the failure."""
    current = np.zeros(200)
    current[20:30], current[100:140] = 6.0, 6.0

    assert load_start(current) == 100
    assert load_start(np.zeros(50)) is None


def test_cmapss_late_predictions_cost_more_than_early_ones() -> None:
    """The challenge's asymmetric score."""
    assert asymmetric_score(np.array([0.0])) == 0.0
    assert asymmetric_score(np.array([10.0])) == pytest.approx(np.e - 1)
    assert asymmetric_score(np.array([-13.0])) == pytest.approx(np.e - 1)


def test_cmapss_counts_down_to_the_last_cycle() -> None:
    """An engine that ran to failure has no cycle left at its last row."""
    numbers = np.zeros((5, 26))
    numbers[:, 0], numbers[:, 1] = [1, 1, 1, 2, 2], [1, 2, 3, 1, 2]

    assert remaining_cycles(as_lives(numbers)).tolist() == [2, 1, 0, 1, 0]
