"""A clock that is ahead does not shut out what follows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clocks import Clocks
from ingest.columns import Columns
from ingest.reorder import Reorder

MINUTE = 60_000
TELEMETRY = "dt/appliance/refrigerator/fridge-1/telemetry"


@pytest.fixture
def hear(make_ingest, message, reading, now):
    """The times, in minutes from `now`, of readings that arrive at one minute and say another."""
    ingest = make_ingest()

    def of(*said):
        sent = [
            message(reading(ts=now + says * MINUTE, seq=...), TELEMETRY, received=now + at * MINUTE)
            for at, says in said
        ]
        blocks = [block for one in sent for block in ingest.decode([one]).blocks]
        return [round((int(time) - now) / MINUTE) for block in blocks for time in block.time]

    return of


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([(0, 0), (1, 51), (2, 2), (3, 3)], [0, 1, 2, 3]),  # ahead once
        ([(0, 50), (1, 51), (2, 52), (3, 3)], [0, 1, 2, 3]),  # ahead until a time server answers
        ([(0, 8), (1, 9), (2, 2)], [8, 9, 2]),  # within the lateness nothing is shut out
        ([(0, 30), (1, 58), (2, 59), (3, 3)], [0, 1, 2, 3]),  # leaps twice
        ([(0, -50), (1, -49), (2, 2)], [-50, -49, 2]),  # a backlog is as old as it says
        ([(at, 2 * at) for at in range(40)], [2 * at for at in range(40)]),  # step by step: believed
    ],
)
def test_a_clock_that_leaps_ahead_is_taken_as_of_arrival(hear, said, expected):
    """By as much as it leapt, until it is right again."""
    assert hear(*said) == expected


def test_readings_of_one_message_keep_their_distances(make_ingest, message, reading, now):
    """The newest of them is as of arrival."""
    array = [reading(ts=now + at * MINUTE, seq=...) for at in (20, 30, 40)]

    decoded = make_ingest().decode([message(array)])

    assert [int(time) - now for time in decoded.blocks[0].time] == [-20 * MINUTE, -10 * MINUTE, 0]
    assert decoded.left_out_by["time"] == 3


def test_a_restart_remembers_by_how_much_a_clock_is_ahead(make_ingest, message, reading, now):
    """Else its backlog would be told twice, at two times."""
    ingest, restarted = make_ingest(), make_ingest()
    ahead = lambda seq: message(reading(ts=now + 40 * MINUTE + seq, seq=seq))  # noqa: E731

    ingest.decode([ahead(1)])
    restarted.restore(ingest.snapshot())
    decoded = restarted.decode([ahead(2)])

    assert int(decoded.blocks[0].time[0]) - now == 1


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([-60, -5, 0, 5, 30, 60])), min_size=1, max_size=30)
)
def test_whatever_clocks_say_what_follows_in_time_is_not_late(said):
    """A reading of the moment of its arrival is used, wherever the clock leapt before."""
    clocks, order = Clocks(10 * MINUTE), Reorder(1, 10 * MINUTE)
    received = 1_732_190_000_000

    for wait, ahead in [*said, (1, 0)]:
        received += wait * MINUTE
        time = np.array([received + ahead * MINUTE])
        zero = np.zeros(1, np.int64)
        off = clocks.leaps(Columns(zero, ("a",), zero, time, zero, np.ones((1, 1)), ()), time - received)
        released = order.push(
            np.zeros(1, np.int32), time if off is None else time - off, np.full(1, -1), np.ones((1, 1))
        )

    assert not released.late.any()
