"""The pains of the systems before us, each made impossible and tested by its name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, FindingKind, Rows
from rules.question import Question

START = 20_000 * MS_PER_DAY

WARM = """
- name: warm
  fault: cabinet-too-warm
  when: {signal: cabinet_temp, above: 10, unit: degC}
  sustained_for: 2 h
  clear_below: 8
  clear_after: 3 h
"""
PREDICTED = """
- name: predicted
  when: {probability: any, above: 0.8}
  sustained_for: 2 d
  clear_below: 0.4
  clear_after: 2 d
"""
SILENT = """
- name: quiet
  fault: silent
  when: {silent_for: 3 d}
  severity: info
"""
OVERLOAD = """
- {name: overload, fault: overload, when: {signal: current, statistic: max, above: 5, unit: A}}
"""


def test_duplicate_alarms_from_two_messages_milliseconds_apart(bench: Any) -> None:
    """Two windows a millisecond apart are one episode and one finding."""
    overload = bench(OVERLOAD)

    findings = overload.windows("hour", [9, 9, 9], [START, START + 1, START + 2], "current_max")

    assert [finding.kind for finding in findings] == [FindingKind.OPENED]


def test_no_hysteresis_so_alarms_flap(bench: Any, told: Any) -> None:
    """Values that swing about the level that opens keep one episode open."""
    warm = bench(WARM)

    findings = warm.hours([11, 11, 11] + [9.5, 10.5] * 50)

    assert told(findings) == [("opened", 3)]


def test_no_clear_after_n_without_recurrence(bench: Any, told: Any) -> None:
    """An episode closes only when every window for `clear_after` was clear, counted anew after a recurrence."""
    warm = bench(WARM)

    findings = warm.hours([11, 11, 11, 5, 5, 11, 5, 5, 5, 5])

    assert told(findings) == [("opened", 3), ("closed", 10)]


def test_late_data_breaks_stateful_rules(bench: Any) -> None:
    """A window from before the last one neither opens, closes nor reopens anything."""
    warm = bench(WARM)
    warm.hours([11, 11, 11, 5, 5, 5, 5])

    late = warm.hours([30, 30, 30, 30, 30], at=0.5)

    assert late == []
    assert [f.kind for f in warm.hours([11, 11, 11], at=8)] == [FindingKind.OPENED]


def test_late_data_of_another_kind_does_not_reopen(bench: Any, told: Any) -> None:
    """Daily rows from before the end of an episode that hourly windows closed belong to that episode."""
    both = bench(
        OVERLOAD + "- {name: by-day, fault: overload, when: {feature: peaks, above: 3}, sustained_for: 1 d}"
    )
    both.hours([9, 1], at=240, column="current_max")

    assert both.days("day", [5, 5, 5], at=2, column="peaks") == []
    assert told(both.days("day", [5, 5], at=11, column="peaks"), MS_PER_DAY) == [("opened", 12)]


def test_alarm_times_from_the_server_instead_of_the_reading(bench: Any) -> None:
    """A finding carries the event time of its verdict, and the episode the event time of its first window."""
    (opened,) = bench(WARM).hours([4, 11, 11, 11])

    assert opened.time == START + 4 * MS_PER_HOUR
    assert opened.episode_start == START + 2 * MS_PER_HOUR


@pytest.mark.parametrize("restart_after", range(1, 12))
def test_state_lost_at_restart(bench: Any, restart_after: int) -> None:
    """Restored from a snapshot at any window, the findings are those of an uninterrupted run."""
    values = [4, 11, 11, 11, 11, 9, 7, 7, 7, 7, 12, 4]
    before, after, whole = bench(WARM), bench(WARM), bench(WARM)

    findings = before.hours(values[:restart_after])
    after.rules.restore(before.rules.snapshot())
    findings += after.hours(values[restart_after:], at=restart_after + 1)

    assert findings == whole.hours(values)


def test_a_message_every_second_while_an_alarm_stays_active(bench: Any) -> None:
    """A thousand windows of an open episode bring one finding."""
    overload = bench(OVERLOAD)

    findings = overload.windows("hour", [9.0] * 1000, [START + 1000 * i for i in range(1000)], "current_max")

    assert len(findings) == 1


def test_an_update_a_day_at_most(bench: Any) -> None:
    """A probability that swings from window to window is spoken of once a day."""
    predicted = bench(PREDICTED)
    predicted.probabilities([0.85, 0.85, 0.85])
    hourly = [START + 3 * MS_PER_DAY + i * MS_PER_HOUR for i in range(1, 49)]

    swinging = np.tile([0.99, 0.81], 24)[:, None]
    rows = Rows(np.zeros(48, np.int32), np.array(hourly), ("refrigerant-leak",), swinging)
    findings = predicted.rules.evaluate(Question("prediction", predicted.ids, rows))

    assert [f.kind for f in findings] == [FindingKind.UPDATED]


def test_false_events_when_a_device_comes_back_online(bench: Any, told: Any) -> None:
    """A warm window before a silence and one after it are not a warm spell in between."""
    warm = bench(WARM)
    warm.hours([11])

    back = warm.hours([11, 11, 11], at=50)

    assert told(back) == [("opened", 52)]


def test_a_silence_is_no_proof_of_recovery(bench: Any, told: Any) -> None:
    """One clear window before a silence and one after it do not close an episode."""
    warm = bench(WARM)
    warm.hours([11, 11, 11, 5])

    back = warm.hours([5, 5, 5, 5], at=50)

    assert told(back) == [("closed", 53)]


def test_no_alarm_when_data_stops(bench: Any, told: Any) -> None:
    """An appliance that falls silent is found after the time its rule allows, and closed when it speaks again."""
    quiet = bench(SILENT)
    silent = [day * MS_PER_DAY for day in (0, 1, 2, 3.5, 4.5, 0.1)]

    findings = quiet.days("silence", silent, column="silent_ms")

    assert told(findings, MS_PER_DAY) == [("opened", 4), ("closed", 6)]
    assert (findings[0].evidence[0].value, findings[0].evidence[0].unit) == (84.0, "h")
