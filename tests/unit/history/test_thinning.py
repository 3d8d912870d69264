"""A chart of two years and one of an hour are thinned alike: nothing that sticks out is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from foremend.history import parquet_folder
from foremend.history.parquet import ParquetHistory
from foremend.history.thinning import Thinner
from foremend.vocabulary.types import MS_PER_DAY, Block

DAY = 20_000 * MS_PER_DAY


def of_one(times: list[int], power: list[float]) -> Block:
    n = len(times)
    numbers = np.arange(n, dtype=np.int64)
    return Block(
        "m", ("a",), np.zeros(n, np.int32), np.array(times, np.int64), numbers, {"power": np.array(power)}
    )


def test_lowest_and_highest_survive_and_the_mean_is_over_all_readings() -> None:
    """Also where a stretch begins in one block and ends in the next, as at midnight."""
    thin = Thinner(start=0, width=100, count=3)

    thin.add(of_one([0, 10, 20], [1.0, 900.0, 2.0]))
    thin.add(of_one([30, 250], [3.0, 7.0]))

    power = thin.signals["power"]
    assert power.high.tolist()[::2] == [900.0, 7.0]
    assert power.low.tolist()[::2] == [1.0, 7.0]
    assert power.mean[0] == pytest.approx(226.5)
    assert np.isnan(power.mean[1])
    assert (power.last, power.last_at, thin.readings) == (7.0, 250, 5)


def test_what_is_outside_and_what_is_no_number_is_left_out() -> None:
    """A signal that was never measured is none; the end is not within."""
    thin = Thinner(start=100, width=100, count=1)

    thin.add(of_one([99, 100, 150, 200], [5.0, 1.0, np.nan, 5.0]))
    thin.add(of_one([120], [np.nan]))

    assert thin.signals["power"].high.tolist() == [1.0]
    assert thin.signals["power"].last_at == 100
    assert Thinner(start=900, width=1, count=1).signals == {}


def test_one_appliance_is_found_in_whatever_row_group_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of several flushes, row groups of two readings, ids around it, and one that was never heard of."""
    monkeypatch.setattr(parquet_folder, "ROW_GROUP", 2)
    history = ParquetHistory(tmp_path)
    ids = ("a", "b", "é")
    for flush in range(2):
        time = DAY + np.arange(9) + 100 * flush
        who = np.repeat(np.arange(3, dtype=np.int32), 3)
        history.write(Block("m", ids, who, time, np.arange(9), {"power": np.arange(9.0)}))
        history.flush(flush, flush + 1)

    found = {
        one: [b.time.tolist() for b in history.read("m", DAY + 4, DAY + 106, {one})] for one in (*ids, "aa")
    }

    assert found["a"] == [[DAY + 100, DAY + 101, DAY + 102]]
    assert found["b"] == [[DAY + 4, DAY + 5, DAY + 103, DAY + 104, DAY + 105]]
    assert found["é"] == [[DAY + 6, DAY + 7, DAY + 8]]
    assert found["aa"] == []
