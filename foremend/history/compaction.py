"""Many small files of a day into few: sorted by appliance and time, each reading once.

Only settled files are taken, so that `forget_after` never has to take a reading out of a compacted one. Nothing is
written over: the new files have names of their own, and come into the day's folder together, in one exchange.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from foremend.history import exchange
from foremend.history.parquet_folder import Folder, flushed, write_durably
from foremend.history.tables import damage_named, open_files
from foremend.vocabulary.errors import UnavailableError

if TYPE_CHECKING:
    import pyarrow.dataset as ds

MOST_ROWS = 1_000_000
"""About the most readings in a file: what is sorted in memory at once, 0.4 GB, and 10 to 15 MB on disk."""

_PREFIX = "compacted-"
_ORDER = [("appliance", "ascending"), ("time", "ascending"), ("seq", "ascending")]


@dataclass(frozen=True, slots=True)
class Enough:
    """How many files are worth a compaction: in a day that goes on, and in one that is over."""

    open_day: int
    closed_day: int


BY_ITSELF = Enough(open_day=240, closed_day=8)
"""An hour of checkpoints every 15 s, since each exchange may fail a query under way; late readings of a closed day."""

ON_COMMAND = Enough(open_day=2, closed_day=2)


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did to one day."""

    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    readings: int
    repeats: int


def worthwhile(folder: Folder, enough: Enough) -> list[tuple[Path, list[Path]]]:
    """The days to compact with the files to take, oldest first. A day is over when its model has a later one."""
    found = []
    for model in folder.models():
        days = folder.days(model)
        for day in days:
            files = _candidates(folder, day, closed=day != days[-1])
            if len(files) >= (enough.open_day if day == days[-1] else enough.closed_day):
                found.append((day, files))
    return sorted(found, key=lambda one: one[0].name)


def compact(
    folder: Folder, day: Path, files: Sequence[Path], stopped: Callable[[], bool] = lambda: False
) -> Compacted | None:
    """Exchange `files` of `day` for few; None when `stopped`, asked now and then, said so. Hold `upkeep`.

    Raises UnavailableError when one has gone or the disk refuses, IntegrityError for one that is damaged. The day is
    then, and after a stop, as it was.
    """
    new = exchange.prepared(folder, day)
    try:
        with damage_named(files):
            readings, kept = _merge(files, new, folder.work / "spill", stopped)
        if stopped():
            return None
        made = list(new.iterdir())
        sizes = sum(map(_size, files)), sum(map(_size, made))
        with folder.exchanging():
            _take_along(day, {file.name for file in files}, new)
            exchange.put_in_place(folder, day)
    except OSError as error:
        raise UnavailableError(f"{day} cannot be compacted: {error}") from error
    finally:
        exchange.recover(folder, exchange.LISTED_S)
    return Compacted(len(files), len(made), *sizes, readings, readings - kept)


def _candidates(folder: Folder, day: Path, closed: bool) -> list[Path]:
    """Settled files; of those compacted before, in a day that is over, the ones that are not full."""
    if day.is_symlink():
        return []
    files = sorted(day.glob("*.parquet"))
    fresh = [file for file in files if (name := flushed(file)) and folder.is_settled(name)]
    if closed:
        fresh += [file for file in files if file.name.startswith(_PREFIX) and not _is_full(file)]
    return fresh


def _take_along(day: Path, taken: set[str], new: Path) -> None:
    """Link what stays of `day` into `new`: what was written meanwhile, what is not settled, what is not ours."""
    present = {file.name for file in day.iterdir() if not file.name.startswith(".")}
    if gone := taken - present:
        raise FileNotFoundError(f"{min(gone)} was removed meanwhile")
    for name in present - taken:
        os.link(day / name, new / name)


def _merge(files: Sequence[Path], into: Path, spill: Path, stopped: Callable[[], bool]) -> tuple[int, int]:
    """Write the readings of `files`, each once, into few files; how many there were and how many are left."""
    # Never a name that was there: whoever listed the folder before must not find other readings under it.
    name = hashlib.sha256("\n".join(file.name for file in files).encode()).hexdigest()[:12]
    readings = kept = 0
    for number, share in enumerate(_shares(files, spill, stopped)):
        table = _without_repeats(share.sort_by(_ORDER))
        write_durably(table, into / f"{_PREFIX}{name}-{number:04d}.parquet")
        readings, kept = readings + share.num_rows, kept + table.num_rows
    return readings, kept


def _without_repeats(table: pa.Table) -> pa.Table:
    """Of rows, sorted, with the same appliance, time and seq the first."""
    code = table["appliance"].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    keys = (code, table["time"].to_numpy(), table["seq"].to_numpy())
    new = np.ones(len(code), bool)
    new[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return table if new.all() else table.filter(pa.array(new))


def _shares(files: Sequence[Path], spill: Path, stopped: Callable[[], bool]) -> Iterator[pa.Table]:
    """All readings, parted by appliance into tables of at most about MOST_ROWS; in memory is one at a time."""
    data = open_files(files)
    rows = sum(map(_rows, files))
    if rows <= MOST_ROWS:
        yield data.to_table(use_threads=False)
        return
    spill.mkdir(parents=True)
    for file in _spilled(data, _bounds(data, rows), spill, stopped):
        if stopped():
            return
        with pa.memory_map(str(file)) as source:
            yield pa.ipc.open_file(source).read_all()


def _bounds(data: ds.Dataset, rows: int) -> list[str]:
    """The first appliance of each share but the first."""
    counts: Counter[str] = Counter()
    for batch in data.to_batches(columns=["appliance"], use_threads=False):
        for one in pc.value_counts(batch["appliance"]).to_pylist():
            counts[one["values"]] += one["counts"]
    ids = sorted(counts)
    before = np.cumsum([0, *(counts[name] for name in ids)])[:-1]
    share = before * -(-rows // MOST_ROWS) // rows
    return [ids[i] for i in np.flatnonzero(np.diff(share)) + 1]


def _spilled(data: ds.Dataset, bounds: Sequence[str], spill: Path, stopped: Callable[[], bool]) -> list[Path]:
    """One file of Arrow a share, in one pass over the data."""
    files = [spill / f"{k:04d}.arrow" for k in range(len(bounds) + 1)]
    with ExitStack() as stack:
        writers = [stack.enter_context(pa.ipc.new_file(str(file), data.schema)) for file in files]
        for batch in data.to_batches(use_threads=False):
            if stopped():
                break
            ids = batch["appliance"].dictionary_encode()
            of_id = np.searchsorted(
                np.array(bounds, dtype=str), np.array(ids.dictionary.to_pylist()), side="right"
            )
            share = of_id[ids.indices.to_numpy(zero_copy_only=False)]
            for k in np.unique(share):
                writers[k].write_batch(batch.filter(pa.array(share == k)))
    return files


def _is_full(file: Path) -> bool:
    """A damaged one is not: the compaction of its day then tells of it, and other days go on."""
    try:
        return _rows(file) >= MOST_ROWS // 2
    except pa.ArrowException:
        return False


def _rows(file: Path) -> int:
    return int(pq.read_metadata(file).num_rows)


def _size(file: Path) -> int:
    return file.stat().st_size
