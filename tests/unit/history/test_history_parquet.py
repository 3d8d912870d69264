"""Parquet history stores every reading once, by appliance model and day."""

import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pytest

from foremend.history.parquet import ParquetHistory
from foremend.vocabulary.errors import IntegrityError
from foremend.vocabulary.types import MS_PER_DAY, Block

DAY = 20_000 * MS_PER_DAY


def block(times: list[int], appliance: list[int] | None = None) -> Block:
    n = len(times)
    return Block(
        "rf-260",
        ("a", "b"),
        np.array(appliance or [0] * n, np.int32),
        np.array(times, np.int64),
        np.arange(n, dtype=np.int64),
        {"power": np.arange(n, dtype=np.float64), "door": np.full(n, np.nan)},
        ("1.0", "2.0"),
    )


def test_readings_come_back_by_day_with_everything_they_carried(tmp_path: Path) -> None:
    """Ids, times, numbers, firmware and absent signals survive; a day is a block."""
    history = ParquetHistory(tmp_path)

    history.write(block([DAY + 5, DAY + MS_PER_DAY, DAY + 6], [0, 1, 1]))
    history.flush(0, 3)
    first, second = history.read("rf-260", DAY, DAY + 2 * MS_PER_DAY)

    assert [first.appliance_ids[i] for i in first.appliance] == ["a", "b"]
    assert first.time.tolist() == [DAY + 5, DAY + 6]
    assert first.signals["power"].tolist() == [0, 2]
    assert np.isnan(first.signals["door"]).all()
    assert dict(zip(first.appliance_ids, first.firmware, strict=True)) == {"a": "1.0", "b": "2.0"}
    assert second.time.tolist() == [DAY + MS_PER_DAY]


def test_a_message_of_a_thousand_days_opens_one_file_at_a_time(tmp_path: Path) -> None:
    """Whatever `ingest.oldest` lets pass: the process has a few files left, and that is enough."""
    history = ParquetHistory(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    history.write(block([k * MS_PER_DAY for k in range(1_000)]))

    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 8, hard))
    try:
        history.flush(0, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert len(list(tmp_path.glob("*/*/*.parquet"))) == 1_000


def test_a_replay_after_a_crash_stores_nothing_twice(tmp_path: Path) -> None:
    """What was written beyond the snapshot is forgotten before it is written again."""
    history = ParquetHistory(tmp_path)
    history.write(block([DAY]))
    history.flush(0, 10)
    history.write(block([DAY + 1]))
    history.flush(10, 12)

    restarted = ParquetHistory(tmp_path)
    restarted.forget_after(10)
    restarted.write(block([DAY + 1]))
    restarted.write(block([DAY + 2]))
    restarted.flush(10, 15)

    (day,) = restarted.read("rf-260", DAY, DAY + MS_PER_DAY)
    assert day.time.tolist() == [DAY, DAY + 1, DAY + 2]


@pytest.mark.parametrize("end", [DAY, DAY - 1])
def test_a_range_that_ends_before_the_first_reading_is_empty(tmp_path: Path, end: int) -> None:
    """The end of a range is not part of it."""
    history = ParquetHistory(tmp_path)
    history.write(block([DAY]))
    history.flush(0, 1)

    assert list(history.read("rf-260", DAY - MS_PER_DAY, end)) == []


def test_a_file_half_written_at_a_crash_is_not_read_and_is_cleared(tmp_path: Path) -> None:
    """Whoever reads the folder while the pipeline writes sees whole files only."""
    history = ParquetHistory(tmp_path)
    history.write(block([DAY]))
    history.flush(0, 1)
    (folder,) = tmp_path.glob("appliance_model=rf-260/day=*")
    (folder / ".-000000000000002-000000000000003.parquet.new").write_bytes(b"")

    assert ds.dataset(tmp_path, partitioning="hive").count_rows() == 1
    history.forget_after(1)
    assert [file.name for file in folder.iterdir()] == ["-000000000000001-000000000000001.parquet"]


def read(history: ParquetHistory) -> object:
    return list(history.read("rf-260", DAY, DAY + MS_PER_DAY))


def erase(history: ParquetHistory) -> object:
    return history.forget_appliances("rf-260", ["a"])


def cut_in_half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def garble_the_middle(file: Path) -> None:
    """The footer stays whole, so that only reading the columns can tell."""
    content = bytearray(file.read_bytes())
    content[4:200] = bytes(196)
    file.write_bytes(content)


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("injure", [cut_in_half, garble_the_middle, empty])
@pytest.mark.parametrize("use", [read, erase])
def test_a_damaged_file_is_named_with_the_command_that_tells_more(
    tmp_path: Path, injure: Callable[[Path], None], use: Callable[[ParquetHistory], object]
) -> None:
    """Whoever reads or erases gets a sentence with code 7, not Arrow's words; the file beside it is not blamed."""
    history = ParquetHistory(tmp_path)
    for start in (0, 1_000):
        history.write(block(list(range(DAY + start, DAY + start + 1_000))))
        history.flush(start, start + 1_000)
    damaged, whole = sorted(tmp_path.glob("*/*/*.parquet"))
    injure(damaged)

    with pytest.raises(IntegrityError, match="foremend doctor") as told:
        use(history)

    assert str(damaged) in str(told.value)
    assert str(whole) not in str(told.value)
    assert told.value.exit_code == 7
