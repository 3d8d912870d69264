"""Readings in order, once each, and the same however they were cut into blocks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.reorder import MAX_HELD, REMEMBERED, Released, Reorder

LATENESS = 100
NAN = float("nan")


def push(reorder: Reorder, *readings: tuple) -> Released:
    """Push (appliance, time, seq, *values) readings; one value of 1.0 where none is given."""
    values = [reading[3:] or (1.0,) for reading in readings]
    return reorder.push(
        np.array([reading[0] for reading in readings], np.int32),
        np.array([reading[1] for reading in readings], np.int64),
        np.array([reading[2] for reading in readings], np.int64),
        np.array(values, np.float64).reshape(len(readings), len(values[0]) if values else 1),
    )


def rows(released: Released) -> list[tuple[int, int, int]]:
    """(appliance, time, seq) of what was released."""
    return list(zip(released.appliance.tolist(), released.time.tolist(), released.seq.tolist(), strict=True))


def test_a_reading_waits_until_its_appliance_is_past_the_lateness():
    """At exactly the lateness one may still come before it, so it waits."""
    reorder = Reorder(1, LATENESS)

    at_bound = push(reorder, (0, 1000, 1), (0, 1000 + LATENESS, 2))
    past_bound = push(reorder, (0, 1001 + LATENESS, 3))

    assert rows(at_bound) == []
    assert rows(past_bound) == [(0, 1000, 1)]


def test_other_appliances_do_not_push_a_reading_out():
    """Each appliance has its own clock: one that is behind is not late."""
    reorder = Reorder(1, LATENESS)

    released = push(reorder, (0, 1000, 1), (1, 900_000, 1), (0, 1050, 2))

    assert rows(released) == []
    assert not released.late.any()


def test_readings_leave_by_appliance_time_and_seq():
    """The order of arrival within the lateness does not matter."""
    reorder = Reorder(1, LATENESS)
    push(reorder, (1, 30, 1), (0, 20, 9), (1, 10, 2), (0, 20, 3), (1, 20, 1))

    released = push(reorder, (0, 500, 1), (1, 500, 1))

    assert rows(released) == [(0, 20, 3), (0, 20, 9), (1, 10, 2), (1, 20, 1), (1, 30, 1)]


def test_values_go_with_their_reading():
    """Sorting moves whole rows."""
    reorder = Reorder(2, LATENESS)
    push(reorder, (0, 20, 2, 2.0, 22.0), (0, 10, 1, 1.0, NAN))

    released = reorder.flush()

    np.testing.assert_array_equal(released.values, [[1.0, NAN], [2.0, 22.0]])


def test_what_comes_after_its_time_was_closed_is_late():
    """Late is judged against the appliance's newest time before the reading itself."""
    reorder = Reorder(1, LATENESS)

    released = push(reorder, (0, 1000, 1), (0, 900, 2), (0, 899, 3), (1, 5, 1), (0, 99_999, 4), (0, 1001, 5))

    assert released.late.tolist() == [False, False, True, False, False, True]
    assert rows(released) == [(0, 900, 2), (0, 1000, 1)]


def test_a_repeat_is_dropped():
    """Same appliance, time and seq: counted, not used again; another appliance's is its own."""
    reorder = Reorder(1, LATENESS)

    pushed = push(reorder, (0, 10, 1), (0, 10, 1), (1, 10, 1), (0, 10, 2))

    assert pushed.repeats == 1
    assert rows(reorder.flush()) == [(0, 10, 1), (0, 10, 2), (1, 10, 1)]


def test_a_repeat_of_what_was_released_is_a_repeat_and_not_late():
    """A broker that sends again after a crash brings back readings that have been used already."""
    reorder = Reorder(1, LATENESS)
    push(reorder, (0, 10, 1), (0, 5000, 2))

    again = push(reorder, (0, 10, 1), (0, 11, 1))

    assert again.repeats == 1
    assert again.late.tolist() == [False, True]


def test_a_late_reading_is_late_once():
    """What was stored as late is not stored again."""
    reorder = Reorder(1, LATENESS)
    push(reorder, (0, 5000, 2), (0, 10, 1))

    again = push(reorder, (0, 10, 1))

    assert (again.repeats, again.late.any()) == (1, False)


def test_late_repeats_are_known_among_the_last_readings_only():
    """What an appliance remembers is bounded; beyond it, a repeat counts as late."""
    reorder = Reorder(1, LATENESS)
    push(reorder, *((0, 1000 * number, number) for number in range(REMEMBERED + 1)))

    again = push(reorder, (0, 1000, 1), (0, 0, 0))

    assert again.late.tolist() == [False, True]
    assert again.repeats == 1


def test_scalars_of_one_time_are_merged():
    """Devices that send one signal a message number nothing: two of one time are one reading."""
    reorder = Reorder(2, LATENESS)

    pushed = push(reorder, (0, 10, -1, 5.0, NAN), (0, 10, -1, NAN, 7.0), (0, 10, -1, 6.0, NAN))

    assert (pushed.merged, pushed.repeats) == (1, 1)
    np.testing.assert_array_equal(reorder.flush().values, [[5.0, 7.0]])


def test_flush_releases_everything_and_closes_its_times():
    """After the end of a replay the same readings again are repeats, older ones late."""
    reorder = Reorder(1, LATENESS)
    push(reorder, (0, 10, 1), (0, 20, 2), (1, 5, 1))

    assert rows(reorder.flush()) == [(0, 10, 1), (0, 20, 2), (1, 5, 1)]
    again = push(reorder, (0, 20, 2), (0, 15, 3), (0, 21, 4))
    assert (again.repeats, again.late.tolist(), reorder.held) == (1, [False, True, False], 1)


def test_an_appliance_cannot_fill_the_memory():
    """Of too many readings within the lateness the oldest goes early; the order stays."""
    reorder = Reorder(1, lateness_ms=1_000_000)

    released = push(reorder, *((0, number, 7) for number in range(MAX_HELD + 2)), (0, 1, 8))

    assert rows(released) == [(0, 0, 7), (0, 1, 7)]
    assert released.late.nonzero()[0].tolist() == [MAX_HELD + 2]
    assert reorder.held == MAX_HELD


def test_an_empty_block_is_fine():
    """Nothing in, nothing out."""
    assert len(push(Reorder(1, LATENESS))) == 0


READINGS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 400),
        st.integers(-1, 2),
        st.sampled_from([1.0, 2.0, NAN]),
        st.sampled_from([3.0, NAN]),
    ),
    max_size=60,
)


def run(readings: list[tuple], cuts: list[int], restart: bool = False) -> tuple:
    """Everything that leaves, sorted by appliance as each push sorts it, and the counts and late marks."""
    reorder, parts = Reorder(2, LATENESS), []
    edges = [0, *sorted(cut for cut in cuts if cut <= len(readings)), len(readings)]
    for start, end in pairwise(edges):
        parts.append(push(reorder, *readings[start:end]))
        if restart:
            snapshot, reorder = reorder.snapshot(), Reorder(2, LATENESS)
            reorder.restore(snapshot)
    parts.append(reorder.flush())
    order = np.argsort(np.concatenate([part.appliance for part in parts]), kind="stable")
    columns = [
        np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("appliance", "time", "seq", "values")
    ]
    late = np.concatenate([part.late for part in parts])
    return columns, late.tolist(), sum(part.repeats for part in parts), sum(part.merged for part in parts)


@settings(deadline=None)  # the first example may compile, and machines are shared
@given(READINGS, st.lists(st.integers(0, 60), max_size=8), st.booleans())
def test_cuts_and_restarts_change_nothing(readings, cuts, restart):
    """One block, many blocks, and a restart after each give the same readings in the same order."""
    whole, cut = run(readings, []), run(readings, cuts, restart)

    for one, other in zip(whole[0], cut[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert whole[1:] == cut[1:]


@settings(deadline=None)  # the first example may compile, and machines are shared
@given(READINGS)
def test_every_reading_is_accounted_for(readings):
    """Pushed = released + repeats + merged + late, and each appliance's readings leave in strict order."""
    (appliance, time, seq, _), late, repeats, merged = run(readings, [])

    assert len(readings) == len(time) + sum(late) + repeats + merged
    keys = list(zip(appliance.tolist(), time.tolist(), seq.tolist(), strict=True))
    assert keys == sorted(set(keys))


def by_the_book(readings: list[tuple]) -> tuple[list, list[bool], int]:
    """The rules of the module's docstring, one reading at a time: what is released, late marks, repeats."""
    newest: dict[int, int] = {}
    seen, used, late, repeats = set(), [], [], 0
    for appliance, time, seq, *_ in readings:
        key = (appliance, time, seq)
        is_repeat, is_late = key in seen, time < newest.get(appliance, time) - LATENESS
        repeats += is_repeat
        late.append(is_late and not is_repeat)
        if not is_repeat and not is_late:
            used.append(key)
            newest[appliance] = max(time, newest.get(appliance, time))
        seen.add(key)
    return sorted(used), late, repeats


@settings(deadline=None)  # the first example may compile, and machines are shared
@given(READINGS.map(lambda readings: [reading for reading in readings if reading[2] >= 0]))
def test_numbered_readings_go_by_the_book(readings):
    """The same verdicts as the plainest program that follows the rules."""
    (appliance, time, seq, _), late, repeats, _ = run(readings, [])

    used = list(zip(appliance.tolist(), time.tolist(), seq.tolist(), strict=True))
    assert (used, late, repeats) == by_the_book(readings)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_growing_fleet_loses_nothing(size):
    """New appliances and more held readings than there was room for."""
    reorder, released = Reorder(1, LATENESS), 0
    readings = [(number % 97, 10 * number, number) for number in range(3000)]

    for start in range(0, len(readings), size):
        released += len(push(reorder, *readings[start : start + size]))

    assert released + len(reorder.flush()) == 3000


def test_a_snapshot_holds_the_fleet_without_its_spare_room():
    """Room grows by doubling; what is stored of it would be written and read by every checkpoint."""
    reorder = Reorder(1, LATENESS)
    for appliance in range(9):
        push(reorder, (appliance, 10, 1))

    snapshot = reorder.snapshot()

    assert len(snapshot["newest"]) == len(snapshot["recent"]) == 9
