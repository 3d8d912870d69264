"""pandas, polars and DuckDB read the Parquet history while the pipeline writes and compacts it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pytest

from foremend.history.compaction import Enough
from foremend.history.parquet import ParquetHistory
from foremend.history.parquet_settings import ParquetSettings
from foremend.history.upkeep import Upkeep
from foremend.vocabulary.types import MS_PER_DAY, Block

DAY = 20_000 * MS_PER_DAY
QUERIES = 15

Seqs = list[int]
Read = Callable[[Path], Seqs]


def by_duckdb(root: Path) -> Seqs:
    """By a list of names, as docs/data-scientists.md says: a glob of DuckDB 2.0 leaves out what moves meanwhile."""
    names = list(map(str, root.rglob("*.parquet")))
    found = duckdb.sql(
        f"SELECT seq FROM read_parquet({names}, hive_partitioning = true, union_by_name = true)"
        " WHERE appliance_model = 'rf-260'"
    )
    return [seq for (seq,) in found.fetchall()]


def by_polars(root: Path) -> Seqs:
    frame = pl.scan_parquet(
        f"{root}/**/*.parquet", hive_partitioning=True, missing_columns="insert", extra_columns="ignore"
    )
    return frame.filter(pl.col("appliance_model") == "rf-260").select("seq").collect()["seq"].to_list()


def by_pandas(root: Path) -> Seqs:
    frame = pd.read_parquet(root, columns=["seq"], filters=[("appliance_model", "==", "rf-260")])
    return frame["seq"].tolist()


def by_pyarrow(root: Path) -> Seqs:
    found = ds.dataset(root, partitioning="hive").to_table(
        ["seq"], filter=ds.field("appliance_model") == "rf-260"
    )
    return found["seq"].to_pylist()


def by_foremend(root: Path) -> Seqs:
    return [seq for block in ParquetHistory(root).read("rf-260", 0, 2**62) for seq in block.seq.tolist()]


class Clock:
    def now_ms(self) -> int:
        return DAY


class Pipeline:
    """Flushes a reading of each of two days at a time, and compacts as soon as there are four files."""

    def __init__(self, root: Path) -> None:
        self.history = ParquetHistory(root, "j")
        self.upkeep = Upkeep(root, ParquetSettings(), Clock())
        self.flushed = 0  # readings that are surely there
        self.compactions = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write), threading.Thread(target=self._compact)]
        self._step()

    def __enter__(self) -> Pipeline:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self) -> None:
        while not self._stop.wait(0.005):
            self._step()

    def _step(self) -> None:
        seq = np.arange(self.flushed, self.flushed + 2)
        times = DAY + np.array([0, MS_PER_DAY]) + seq
        signals = {"power": seq.astype(np.float64)} | (
            {"late_signal": np.ones(2)} if self.flushed > 9 else {}
        )
        self.history.write(Block("rf-260", ("a",), np.zeros(2, np.int32), times, seq, signals, ("1",)))
        self.history.flush(self.flushed, self.flushed + 2)
        self.flushed += 2

    def _compact(self) -> None:
        while not self._stop.wait(0.05):
            report = self.upkeep.round(Enough(open_day=4, closed_day=4))
            self.compactions += report.days_compacted if report else 0


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with Pipeline(tmp_path / "history") as running:
        yield running


@pytest.mark.parametrize("read", [by_duckdb, by_polars, by_pandas, by_pyarrow, by_foremend])
def test_a_query_sees_each_reading_once_or_says_that_files_changed(
    tmp_path: Path, pipeline: Pipeline, read: Read
) -> None:
    """Whatever was flushed before it began, and nothing twice; a query that misses a file it listed is asked again."""
    answered = 0
    while answered < QUERIES or pipeline.compactions < 3:
        surely = pipeline.flushed
        try:
            seqs = read(tmp_path / "history")
        except (FileNotFoundError, duckdb.IOException):
            assert read is not by_foremend
            continue
        answered += 1

        assert len(seqs) == len(set(seqs))
        assert set(range(surely)) <= set(seqs)
