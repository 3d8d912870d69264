"""Blocks as Arrow tables in the history schema, and back: appliance, time, seq, fw and one float64 column a signal."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from foremend.vocabulary.errors import IntegrityError
from foremend.vocabulary.types import MS_PER_DAY, Block, Forgotten

if TYPE_CHECKING:
    import pyarrow.dataset as ds

KEYS = ("appliance", "time", "seq", "fw")


def to_table(block: Block) -> pa.Table:
    """The block in the history schema; NaN becomes null."""
    ids = pa.array(block.appliance_ids, pa.string())
    firmware = pa.array(block.firmware or ("",) * len(block.appliance_ids), pa.string())
    index = pa.array(block.appliance)
    columns = [ids.take(index), pa.array(block.time), pa.array(block.seq), firmware.take(index)]
    columns += [pa.array(column, from_pandas=True) for column in block.signals.values()]
    return pa.table(columns, names=[*KEYS, *block.signals])


def from_table(appliance_model: str, table: pa.Table) -> Block:
    """A block from a table in the history schema; nulls become NaN."""
    encoded = table["appliance"].combine_chunks().dictionary_encode()
    appliance = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    _, from_end = np.unique(appliance[::-1], return_index=True)
    last = pa.array(len(appliance) - 1 - from_end)
    return Block(
        appliance_model,
        tuple(encoded.dictionary.to_pylist()),
        appliance,
        table["time"].to_numpy(),
        table["seq"].to_numpy(),
        {name: table[name].to_numpy().astype(np.float64) for name in table.column_names if name not in KEYS},
        tuple(table["fw"].take(last).to_pylist()),
    )


def open_files(files: Sequence[Path]) -> ds.Dataset:
    """All of `files` as one, with the columns of each: a file lacks the signals that nobody sent in its time.

    Raises FileNotFoundError when one has gone.
    """
    import pyarrow.dataset as ds  # loads pandas, where that is installed

    schema = pa.unify_schemas([pq.read_schema(file) for file in files])
    return ds.dataset([str(file) for file in files], schema=schema)


def rows_of(
    files: Sequence[Path], start: int, end: int, appliances: Collection[str] | None = None
) -> pa.Table:
    """What `files` have with start <= time < end (ms UTC), of these appliances or of all.

    Raises FileNotFoundError when one has gone.
    """
    if appliances is None:
        return open_files(files).to_table(filter=(pc.field("time") >= start) & (pc.field("time") < end))
    ids = sorted(appliances)
    found = [_rows_of_some(_groups_with(file, ids), start, end, ids) for file in files]
    return pa.concat_tables(found, promote_options="default")


def _rows_of_some(table: pa.Table, start: int, end: int, ids: Sequence[str]) -> pa.Table:
    """By masks: an expression has Arrow plan the work of many threads for a table that is small."""
    mine = table.filter(pc.is_in(table["appliance"], pa.array(ids, pa.string())))
    time = mine["time"].to_numpy()
    return (
        mine
        if time.size and start <= time.min() and time.max() < end
        else mine.filter((time >= start) & (time < end))
    )


def _groups_with(file: Path, ids: Sequence[str]) -> pa.Table:
    """The row groups that may have any of `ids`, sorted; in a file that was compacted, which is sorted, few.

    A data set of Arrow leaves out the same, and costs three times as much to open.
    """
    with pq.ParquetFile(file) as opened:
        column = opened.schema_arrow.get_field_index("appliance")
        groups = [
            number
            for number in range(opened.metadata.num_row_groups)
            if _may_have(opened.metadata.row_group(number).column(column).statistics, ids)
        ]
        return opened.read_row_groups(groups, use_threads=False)


def _may_have(known: pq.Statistics | None, ids: Sequence[str]) -> bool:
    if known is None or not known.has_min_max:
        return True
    first = bisect_left(ids, known.min)
    return first < len(ids) and ids[first] <= known.max


@contextmanager
def damage_named(files: Sequence[Path]) -> Iterator[None]:
    """Around reading `files`: raises IntegrityError, naming those that are damaged, instead of what Arrow says."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        damaged = [str(file) for file in files if not is_whole(file)]
        if not damaged:
            raise
        raise IntegrityError(
            f"{', '.join(damaged)} cannot be read, damaged: put the right one back, or run `foremend doctor` and set"
            " it aside by `foremend doctor --accept-loss files`"
        ) from error


def is_whole(file: Path) -> bool:
    """Whether a Parquet file can be read to its end; one that has gone was compacted, so it is."""
    try:
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches():
                batch.validate(full=True)
    except FileNotFoundError:
        return True
    except (pa.ArrowException, OSError):
        return False
    return True


def split_days(table: pa.Table) -> Iterable[tuple[str, pa.Table]]:
    """The table cut by UTC day, as ('2026-11-21', rows) pairs."""
    day = table["time"].to_numpy() // MS_PER_DAY
    for number in np.unique(day):
        name = str(np.datetime64(int(number), "D"))
        yield name, table.filter(pa.array(day == number))


def without_forgotten(table: pa.Table, appliance_model: str, forgotten: Iterable[Forgotten]) -> pa.Table:
    """`table`, of one appliance model, without what its appliances measured before they were forgotten."""
    for one in _concerning(appliance_model, forgotten):
        gone = (pc.field("appliance") == one.appliance_id) & (pc.field("time") <= one.until)
        table = table.filter(~gone)
    return table


def block_without_forgotten(block: Block, forgotten: Iterable[Forgotten]) -> Block:
    """`block` without what its appliances measured before they were forgotten."""
    for one in _concerning(block.appliance_model, forgotten):
        if one.appliance_id in block.appliance_ids:
            its = block.appliance == block.appliance_ids.index(one.appliance_id)
            block = block.take(~(its & (block.time <= one.until)))
    return block


def _concerning(appliance_model: str, forgotten: Iterable[Forgotten]) -> Iterator[Forgotten]:
    return (one for one in forgotten if one.appliance_model == appliance_model)
