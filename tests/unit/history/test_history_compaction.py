"""Compaction and retention of Parquet history."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from foremend.history import compaction, exchange
from foremend.history.compaction import BY_ITSELF, ON_COMMAND
from foremend.history.parquet import ParquetHistory
from foremend.history.parquet_folder import Folder
from foremend.history.parquet_settings import ParquetSettings
from foremend.history.upkeep import Report, Upkeep
from foremend.vocabulary.errors import RefusedError
from foremend.vocabulary.types import MS_PER_DAY, Block, Forgotten

DAY = 20_000 * MS_PER_DAY
MODEL = "rf-260"


class FixedClock:
    """Stands still."""

    def __init__(self, now: int = DAY) -> None:
        self._now = now

    def now_ms(self) -> int:
        return self._now


def block(times: list[int], appliance: str = "a", signal: str = "power", seq: int = 0) -> Block:
    n = len(times)
    return Block(
        MODEL,
        (appliance,),
        np.zeros(n, np.int32),
        np.array(times, np.int64),
        np.full(n, seq, np.int64),
        {signal: np.arange(n, dtype=np.float64)},
        ("1.0",),
    )


def flushed_often(root: Path, times: int = 10, day: int = DAY, stream: str = "j") -> ParquetHistory:
    """A minute a flush, of two appliances; everything but the last flush is settled."""
    history = ParquetHistory(root, stream)
    for k in range(times):
        history.write(block([day + k * 60_000], "b"))
        history.write(block([day + k * 60_000], "a"))
        history.flush(k, k + 1)
    return history


def round_of(root: Path, retention: int | None = None, now: int = DAY) -> Report:
    report = Upkeep(root, ParquetSettings(retention=retention), FixedClock(now)).round(ON_COMMAND)
    assert report is not None
    return report


def files(root: Path) -> list[str]:
    return sorted(file.name for file in root.rglob("*.parquet"))


def stored(history: ParquetHistory) -> list[tuple[str, int]]:
    return sorted(
        (one.appliance_ids[one.appliance[i]], int(one.time[i]))
        for one in history.read(MODEL, 0, 2**62)
        for i in range(len(one))
    )


def test_settled_files_of_a_day_become_one(tmp_path: Path) -> None:
    """The last flush may still be replayed, so it stays as it is; nothing is lost."""
    history = flushed_often(tmp_path, 10)
    before = stored(history)

    report = round_of(tmp_path)

    compacted, last = files(tmp_path)
    assert compacted.startswith("compacted-")
    assert last == "j-000000000000010-000000000000010.parquet"
    assert (report.files_before, report.files_after, report.readings) == (9, 1, 18)
    assert report.bytes_after < report.bytes_before
    assert stored(history) == before


def test_a_stop_settles_the_last_flush_at_the_next_start(tmp_path: Path) -> None:
    """The pipeline then says from where it replays."""
    flushed_often(tmp_path, 3)

    ParquetHistory(tmp_path, "j").forget_after(3)
    round_of(tmp_path)

    assert len(files(tmp_path)) == 1


def test_compacted_rows_are_sorted_by_appliance_and_time(tmp_path: Path) -> None:
    """So that the readings of one appliance are near each other on disk."""
    flushed_often(tmp_path, 4)
    round_of(tmp_path)

    (file,) = tmp_path.rglob("compacted-*.parquet")
    table = pq.ParquetFile(file).read()

    assert table["appliance"].to_pylist() == ["a", "a", "a", "b", "b", "b"]
    assert table["time"].to_pylist() == [DAY, DAY + 60_000, DAY + 120_000] * 2


def test_repeats_are_dropped(tmp_path: Path) -> None:
    """A late reading that a gateway sent again after a crash; the same moment with another seq is another reading."""
    history = ParquetHistory(tmp_path, "j")
    for k in range(3):
        history.write(block([DAY, DAY + 1]))
        history.flush(k, k + 1)
    history.write(block([DAY], seq=1))
    history.flush(3, 4)
    history.forget_after(4)

    report = round_of(tmp_path)

    assert stored(history) == [("a", DAY), ("a", DAY), ("a", DAY + 1)]
    assert report.repeats == 4


def test_a_signal_that_only_some_files_have_is_kept(tmp_path: Path) -> None:
    """Where it was not sent it is unknown."""
    history = ParquetHistory(tmp_path, "j")
    history.write(block([DAY], signal="power"))
    history.flush(0, 1)
    history.write(block([DAY + 1], signal="door"))
    history.flush(1, 2)
    history.forget_after(2)
    (before,) = history.read(MODEL, 0, 2**62)

    round_of(tmp_path)

    (after,) = history.read(MODEL, 0, 2**62)
    for found in (before, after):
        np.testing.assert_array_equal(found.signals["power"], [0.0, np.nan])
        np.testing.assert_array_equal(found.signals["door"], [np.nan, 0.0])


def test_a_large_day_becomes_several_bounded_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parted by appliance, so that each of them is in one file; memory holds one file's readings at a time."""
    monkeypatch.setattr(compaction, "MOST_ROWS", 40)
    history = ParquetHistory(tmp_path, "j")
    for k in range(10):
        for appliance in ("a", "b", "c", "d", "e"):
            history.write(block([DAY + k, DAY + 100 + k], appliance))
        history.flush(k, k + 1)
    history.forget_after(10)
    before = stored(history)

    round_of(tmp_path)

    tables = [pq.ParquetFile(file).read() for file in sorted(tmp_path.rglob("*.parquet"))]
    assert [table.num_rows for table in tables] == [40, 40, 20]
    assert [sorted(set(table["appliance"].to_pylist())) for table in tables] == [
        ["a", "b"],
        ["c", "d"],
        ["e"],
    ]
    assert stored(history) == before


def test_late_readings_join_the_compacted_file(tmp_path: Path) -> None:
    """A day compacted again is still one file, under a name that was not there before."""
    history = flushed_often(tmp_path, 5)
    history.forget_after(5)
    round_of(tmp_path)
    first = files(tmp_path)
    history.write(block([DAY + 5], "late"))
    history.write(block([DAY + MS_PER_DAY]))
    history.flush(5, 6)
    history.forget_after(6)

    round_of(tmp_path)

    day = [file.name for file in (tmp_path / f"appliance_model={MODEL}" / "day=2024-10-04").iterdir()]
    assert len(day) == 1
    assert day != first
    assert ("late", DAY + 5) in stored(history)


def test_by_itself_it_leaves_a_few_files_alone(tmp_path: Path) -> None:
    """Each exchange may break a query that is under way, so it must be worth it."""
    flushed_often(tmp_path, BY_ITSELF.closed_day)
    upkeep = Upkeep(tmp_path, ParquetSettings(), FixedClock())

    report = upkeep.round()

    assert report is not None
    assert report.days_compacted == 0


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    """Only what a flush or a compaction wrote is taken; the rest comes along."""
    flushed_often(tmp_path, 4)
    (day,) = tmp_path.glob("*/day=*")
    shutil.copy(next(day.glob("j-*1.parquet")), day / "part-0.parquet")

    round_of(tmp_path)

    assert "part-0.parquet" in files(tmp_path)


def test_a_file_that_cannot_be_read_is_named_and_stops_no_other_day(tmp_path: Path) -> None:
    """The day is left as it is."""
    flushed_often(tmp_path, 4)
    history = flushed_often(tmp_path, 4, DAY + MS_PER_DAY, "other")
    history.forget_after(4)
    broken = next(tmp_path.glob("*/day=2024-10-04/j-*1.parquet"))
    broken.write_bytes(b"PAR1")

    report = round_of(tmp_path)

    assert report.days_compacted == 1
    assert "day=2024-10-04" in report.failed[0]
    assert broken.exists()


def test_a_compacted_file_that_is_damaged_is_named_and_stops_no_other_day(tmp_path: Path) -> None:
    """Late readings make its closed day worth another compaction: that day is told, the next one compacted."""
    history = flushed_often(tmp_path, 10, stream="a")
    round_of(tmp_path)
    history.forget_after(10)
    flushed_often(tmp_path, 10, DAY + MS_PER_DAY, stream="b")
    (compacted,) = tmp_path.rglob("compacted-*")
    compacted.write_bytes(b"not parquet")

    report = round_of(tmp_path)

    assert len(report.failed) == 1
    assert str(compacted) in report.failed[0]
    assert report.days_compacted == 1


@pytest.mark.parametrize("atomic", [True, False])
def test_a_reader_that_opened_a_day_before_the_exchange_lists_all_of_its_old_files(
    tmp_path: Path, atomic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listed while they were deleted, those that were left were all the readings of that day."""
    if not atomic:
        monkeypatch.setattr(exchange, "_exchanged", lambda one, other: False)
    flushed_often(tmp_path, 10)
    (day,) = tmp_path.glob("*/day=*")
    before = files(tmp_path)
    opened = os.open(day, os.O_RDONLY)

    round_of(tmp_path)
    with os.scandir(opened) as entries:
        listed = sorted(entry.name for entry in entries)
    os.close(opened)

    assert files(tmp_path) != before
    assert listed == before


def in_the_past(root: Path) -> list[Path]:
    """Files of days that were exchanged for others."""
    return list(Folder(root).work.glob("past/**/*.parquet"))


def test_old_files_go_once_nobody_can_be_listing_them(tmp_path: Path) -> None:
    """With the first round after it; the one before leaves them."""
    flushed_often(tmp_path, 10)
    round_of(tmp_path)
    round_of(tmp_path)
    left = in_the_past(tmp_path)
    for one in (Folder(tmp_path).work / "past").iterdir():
        at = one.stat().st_mtime - exchange.LISTED_S
        os.utime(one, (at, at))

    round_of(tmp_path)

    assert len(left) == 10
    assert in_the_past(tmp_path) == []


def test_who_is_forgotten_is_in_no_old_file_either(tmp_path: Path) -> None:
    """An erasure waits for no reader."""
    history = flushed_often(tmp_path, 10)
    round_of(tmp_path)

    history.forget_appliances(MODEL, ["a"])

    assert in_the_past(tmp_path) == []


def test_a_clock_that_was_set_back_keeps_no_old_file_from_an_erasure(tmp_path: Path) -> None:
    """As on a machine that began without the right time: its old files are of a later year than now."""
    history = flushed_often(tmp_path, 10)
    round_of(tmp_path)
    for one in (Folder(tmp_path).work / "past").iterdir():
        later = one.stat().st_mtime + 365 * 86_400
        os.utime(one, (later, later))

    history.forget_appliances(MODEL, ["a"])

    assert in_the_past(tmp_path) == []


def test_days_over_the_retention_go(tmp_path: Path) -> None:
    """Whole days, once their last reading is old enough; the others stay."""
    history = ParquetHistory(tmp_path, "j")
    history.write(block([DAY, DAY + MS_PER_DAY, DAY + 2 * MS_PER_DAY]))
    history.flush(0, 1)

    report = round_of(tmp_path, retention=MS_PER_DAY, now=DAY + 2 * MS_PER_DAY)

    assert report.days_over_retention == 1
    assert [time for _, time in stored(history)] == [DAY + MS_PER_DAY, DAY + 2 * MS_PER_DAY]


def test_without_a_retention_nothing_goes(tmp_path: Path) -> None:
    """Readings are kept for ever unless somebody says otherwise."""
    history = flushed_often(tmp_path, 1)

    round_of(tmp_path, now=DAY + 10_000 * MS_PER_DAY)

    assert len(stored(history)) == 2


def test_while_another_process_is_at_it_a_round_is_left_out(tmp_path: Path) -> None:
    """One at a time, whichever process it is."""
    with Folder(tmp_path).upkeep():
        report = Upkeep(tmp_path, ParquetSettings(), FixedClock()).round(ON_COMMAND)

    assert report is None


def test_a_writer_whose_stream_was_taken_over_is_refused(tmp_path: Path) -> None:
    """A worker that lost its partition and does not know yet would store what its successor replays."""
    old = flushed_often(tmp_path, 2)
    old.write(block([DAY + 500_000]))

    new = ParquetHistory(tmp_path, "j")
    new.forget_after(1)
    new.write(block([DAY + 60_000], "a"))
    new.flush(1, 2)

    with pytest.raises(RefusedError, match="taken over by another process"):
        old.flush(2, 3)
    assert stored(new) == [("a", DAY), ("a", DAY + 60_000), ("b", DAY)]


def test_whoever_lost_a_stream_takes_nothing_of_the_new_owner_with_it(tmp_path: Path) -> None:
    """Going back to its own snapshot, it is refused, and what was stored meanwhile stays."""
    old = flushed_often(tmp_path, 2)
    new = ParquetHistory(tmp_path, "j")
    new.forget_after(2)
    new.write(block([DAY + 600_000], "b"))
    new.flush(2, 3)
    before = stored(new)

    with pytest.raises(RefusedError, match="was taken over by another process"):
        old.forget_after(0)

    assert stored(new) == before
    new.flush(3, 3)  # it is still its owner


def test_whoever_is_late_takes_nothing_of_the_owner_before_with_it(tmp_path: Path) -> None:
    """Its snapshot was read before others had made a later one, and the lock on that says so."""
    flushed_often(tmp_path, 5)
    before = stored(ParquetHistory(tmp_path))

    def shut_out() -> None:
        raise RefusedError("another worker holds the partition")

    with pytest.raises(RefusedError, match="another worker holds the partition"):
        ParquetHistory(tmp_path, "j").forget_after(0, shut_out)

    assert stored(ParquetHistory(tmp_path)) == before


def test_a_stream_forgets_only_its_own_files(tmp_path: Path) -> None:
    """Even where one stream's name begins as another's."""
    for stream in ("foremend-1", "foremend-11", "foremend-1-2"):
        flushed_often(tmp_path, 2, stream=stream)

    ParquetHistory(tmp_path, "foremend-1").forget_after(0)

    assert {name.rsplit("-", 2)[0] for name in files(tmp_path)} == {"foremend-11", "foremend-1-2"}


def test_a_flush_leaves_out_what_was_forgotten(tmp_path: Path) -> None:
    """What an appliance measured before, not what it measures later."""
    history = ParquetHistory(tmp_path, "j", lambda: [Forgotten(MODEL, "leaves", DAY + 1)])
    history.write(block([DAY, DAY + 1, DAY + 2], "leaves"))
    history.write(block([DAY], "stays"))

    history.flush(0, 1)

    assert stored(history) == [("leaves", DAY + 2), ("stays", DAY)]


def test_a_compacted_file_forgets_an_appliance(tmp_path: Path) -> None:
    """And says how many readings went; compacting again does not bring them back."""
    history = flushed_often(tmp_path, 5)
    round_of(tmp_path)

    gone = history.forget_appliances(MODEL, ["a"])
    history.forget_after(5)
    round_of(tmp_path)

    assert gone == 5
    assert {appliance for appliance, _ in stored(history)} == {"b"}


def test_a_stop_gives_a_compaction_up(tmp_path: Path) -> None:
    """A pipeline that is told to end does not sort a day first; the day is as it was."""
    history = flushed_often(tmp_path, 5)
    before = files(tmp_path), stored(history)
    upkeep = Upkeep(tmp_path, ParquetSettings(), FixedClock())
    upkeep.close()

    report = upkeep.round(ON_COMMAND)

    assert report is not None
    assert report.days_compacted == 0
    assert (files(tmp_path), stored(history)) == before


def test_a_disk_that_refuses_half_way_leaves_the_day_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two renames where folders cannot be exchanged, which is the worst moment."""
    history = flushed_often(tmp_path, 5)
    before = files(tmp_path), stored(history)
    rename = Path.rename

    def refusing(self: Path, target: Path) -> Path:
        if "next" in self.parts and "last" not in self.parts:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(exchange, "_exchanged", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", refusing)
    report = round_of(tmp_path)

    assert "Input/output error" in report.failed[0]
    assert (files(tmp_path), stored(history)) == before


@pytest.mark.parametrize("atomic", [True, False])
def test_nothing_that_is_written_during_an_exchange_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, atomic: bool
) -> None:
    """A flush that comes between reading the old files and the exchange; also where folders cannot be exchanged."""
    if not atomic:
        monkeypatch.setattr(exchange, "_exchanged", lambda one, other: False)
    history = flushed_often(tmp_path, 5)
    monkeypatch.setattr(compaction, "_merge", then(compaction._merge, lambda: write_late(history)))

    round_of(tmp_path)

    assert len(files(tmp_path)) == 3
    assert len(stored(history)) == 11


def then(act: Callable[..., tuple[int, int]], after: Callable[[], None]) -> Callable[..., tuple[int, int]]:
    def both(*arguments: object) -> tuple[int, int]:
        result = act(*arguments)
        after()
        return result

    return both


def write_late(history: ParquetHistory) -> None:
    history.write(block([DAY + 7], "late"))
    history.flush(5, 6)
