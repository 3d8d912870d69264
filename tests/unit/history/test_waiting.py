"""What waits to be stored: nothing is lost or moved by being cut by day, and storing it takes little memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.history import waiting as waiting_module
from foremend.history.parquet import ParquetHistory
from foremend.history.waiting import CUT_ROWS, Waiting
from foremend.vocabulary.types import MS_PER_DAY, Block

DAY = 20_000 * MS_PER_DAY
MODELS = ("rf-260", "ac-26f")

Row = tuple[str, int]
"""Appliance and time."""


def block(model: str, times: list[int], *signals: str) -> Block:
    """Of one appliance, at these times."""
    n = len(times)
    columns = {name: np.arange(n, dtype=np.float64) for name in signals or ("power",)}
    return Block(model, ("one",), np.zeros(n, np.int32), np.array(times, np.int64), np.arange(n), columns)


def rows_of(waiting: Waiting) -> dict[tuple[str, str], list[int]]:
    """Times by appliance model and day."""
    return {(model, day): table["time"].to_pylist() for model, day, table in waiting.by_day()}


TIMES = st.lists(st.integers(DAY - 2 * MS_PER_DAY, DAY + 2 * MS_PER_DAY), min_size=1, max_size=5)


@given(st.lists(st.tuples(st.sampled_from(MODELS), TIMES), max_size=8), st.integers(1, 9))
def test_every_reading_waits_under_its_day_in_the_order_it_came(
    blocks: list[tuple[str, list[int]]], cut_rows: int
) -> None:
    """However many are cut together; and they wait until they are cleared."""
    waiting, expected = Waiting(), defaultdict[tuple[str, str], list[int]](list)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting_module, "CUT_ROWS", cut_rows)
        for model, times in blocks:
            waiting.add(block(model, times))
            for time in times:
                expected[model, str(np.datetime64(time // MS_PER_DAY, "D"))].append(time)

    first, again = rows_of(waiting), rows_of(waiting)
    count = len(waiting)
    waiting.clear()

    assert first == again == expected
    assert (count, len(waiting)) == (sum(len(times) for _, times in blocks), 0)


def test_blocks_of_other_signals_wait_together() -> None:
    """What one lacks is null, before and after a cut."""
    waiting = Waiting()
    waiting.add(block("rf-260", [DAY] * CUT_ROWS, "power"))
    waiting.add(block("rf-260", [DAY], "current"))

    ((_, _, table),) = waiting.by_day()

    assert (table["power"].null_count, table["current"].null_count) == (1, CUT_ROWS)


@given(st.lists(st.tuples(st.sampled_from(MODELS), TIMES), max_size=8), st.integers(1, 9))
def test_only_what_is_chosen_is_kept(blocks: list[tuple[str, list[int]]], cut_rows: int) -> None:
    """Of one appliance model; the others are not touched, and what went is counted."""
    waiting = Waiting()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting_module, "CUT_ROWS", cut_rows)
        for model, times in blocks:
            waiting.add(block(model, times))
        gone = waiting.keep("rf-260", pc.field("time") >= DAY)

    left = rows_of(waiting)
    said = [(model, time) for model, times in blocks for time in times]
    assert gone == sum(model == "rf-260" and time < DAY for model, time in said)
    assert sorted((model, time) for (model, _), times in left.items() for time in times) == sorted(
        (model, time) for model, time in said if model != "rf-260" or time >= DAY
    )


@pytest.fixture
def pool() -> Iterator[pa.MemoryPool]:
    """What Arrow has allocated since."""
    before, counted = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    pa.set_memory_pool(counted)
    yield counted
    pa.set_memory_pool(before)


def test_storing_takes_little_memory_besides_what_waits(pool: pa.MemoryPool, tmp_path: Path) -> None:
    """A backlog of two days: once it was in memory three times while it was written."""
    history = ParquetHistory(tmp_path / "history", "journal")
    times, signals = np.arange(10_000) * 400, [f"signal-{number}" for number in range(9)]
    for number in range(40):
        history.write(block("rf-260", (DAY + number * 4_000_000 + times).tolist(), *signals))
    waits = pool.bytes_allocated()

    history.flush(0, 1)

    assert pool.max_memory() < 1.5 * waits
    assert len(list((tmp_path / "history").rglob("day=*/*.parquet"))) == 2
