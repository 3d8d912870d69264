"""The watchdog: what stands still although it could go on is told, nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.runtimes.kafka.watchdog import Progress, Watchdog

STALLED_S = 60.0
Look = tuple[float, int, int, bool]
"""When, the next offset, the end of the log, whether storage is away."""

FINE: dict[str, list[Look]] = {
    "it moves": [(0, 10, 100, False), (50, 11, 200, False), (100, 12, 300, False), (150, 13, 400, False)],
    "nothing to do": [(0, 10, 10, False), (100, 10, 10, False), (200, 10, 10, False)],
    "storage is away": [(0, 10, 100, True), (100, 10, 100, True), (200, 10, 100, True)],
    "storage has just come back": [(0, 10, 100, True), (100, 10, 100, True), (140, 10, 100, False)],
    "something to do only now": [(0, 10, 10, False), (100, 10, 10, False), (110, 10, 20, False)],
}


def verdicts(looks: Sequence[Look]) -> list[str | None]:
    watchdog = Watchdog(KafkaSettings(), lambda: Progress({}, False, None), lambda why: None)
    return [
        watchdog.verdict(Progress({3: offset}, away, None), {3: end}, now) for now, offset, end, away in looks
    ]


@pytest.mark.parametrize("why", FINE)
def test_a_worker_that_does_what_it_can_is_left_alone(why: str) -> None:
    """However long it takes."""
    assert verdicts(FINE[why]) == [None] * len(FINE[why])


def test_lag_without_progress_is_told_with_the_partition() -> None:
    """After `stalled_after`, not before."""
    said = verdicts([(0, 10, 100, False), (59, 10, 150, False), (61, 10, 200, False)])

    assert said[:2] == [None, None]
    assert said[2] == "partition 3 stands still for 61 s, 190 records behind"


def test_a_partition_that_comes_anew_has_its_own_time() -> None:
    """What another worker did with it before is not ours."""
    watchdog = Watchdog(KafkaSettings(), lambda: Progress({}, False, None), lambda why: None)
    watchdog.verdict(Progress({3: 10}, False, None), {3: 100}, 0)
    watchdog.verdict(Progress({}, False, None), {}, 30)

    assert watchdog.verdict(Progress({3: 10}, False, None), {3: 100}, 70) is None


def test_a_group_that_never_agrees_is_told() -> None:
    """Five times as late, since taking over includes reading state."""
    watchdog = Watchdog(KafkaSettings(), lambda: Progress({}, False, None), lambda why: None)

    assert watchdog.verdict(Progress({}, False, 0.0), {}, 5 * STALLED_S) is None
    assert watchdog.verdict(Progress({}, False, 0.0), {}, 5 * STALLED_S + 1) is not None


def test_a_worker_that_is_long_at_one_record_is_not_started_anew() -> None:
    """It would begin the same record again, for ever: as with kernels that are compiled on a busy machine."""
    watchdog = Watchdog(KafkaSettings(), lambda: Progress({}, False, None), lambda why: None)
    looks = [
        (now, watchdog.verdict(Progress({3: 10}, False, None, 1.0), {3: 100}, now)) for now in (0, 100, 300)
    ]

    assert [said for _, said in looks] == [None] * 3
    assert watchdog.verdict(Progress({3: 10}, False, None, 1.0), {3: 100}, 302.0) is None
    assert watchdog.verdict(Progress({3: 10}, False, None, 1.0), {3: 100}, 5 * STALLED_S + 62.0) is not None


def test_a_partition_that_gets_nothing_is_told_while_the_worker_is_busy_with_others() -> None:
    """With records that are short."""
    watchdog = Watchdog(KafkaSettings(), lambda: Progress({}, False, None), lambda why: None)
    said = [watchdog.verdict(Progress({3: 10}, False, None, now - 0.1), {3: 100}, now) for now in (0, 30, 61)]

    assert [one is None for one in said] == [True, True, False]
