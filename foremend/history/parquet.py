"""History as Parquet: <root>/appliance_model=<m>/day=<YYYY-MM-DD>/<journal>-<from>-<to>.parquet.

A file's name is the journal and the span of its positions that it covers. After a crash the pipeline replays from
its snapshot and `forget_after` first removes what was written beyond it, so a reading is stored once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from foremend.types import MS_PER_DAY, Block

KEYS = ("appliance", "time", "seq", "fw")


class ParquetHistory:
    """Collects blocks in memory and writes them on `flush`, one file per appliance model and day."""

    def __init__(self, root: Path, journal: str = "") -> None:
        """`journal` is the id of the journal whose positions `flush` and `forget_after` speak of."""
        self._root, self._journal = root, journal
        self._waiting: dict[str, list[pa.Table]] = defaultdict(list)
        self.waiting_rows = 0

    def write(self, block: Block) -> None:
        if len(block):
            self._waiting[block.appliance_model].append(to_table(block))
            self.waiting_rows += len(block)

    def flush(self, after: int, up_to: int) -> None:
        """Write what waits; it came from journal positions in (after, up_to]."""
        for appliance_model, tables in self._waiting.items():
            table = pa.concat_tables(tables, promote_options="permissive")
            for day, part in split_days(table):
                folder = self._root / f"appliance_model={appliance_model}" / f"day={day}"
                write_atomically(part, folder / f"{self._journal}-{after + 1:015d}-{up_to:015d}.parquet")
        self._waiting.clear()
        self.waiting_rows = 0

    def forget_after(self, position: int) -> None:
        """Remove files of readings beyond `position`: the replay from there writes them again."""
        for half_written in self._root.glob("appliance_model=*/day=*/.*.new"):
            half_written.unlink()
        for file in self._root.glob(f"appliance_model=*/day=*/{self._journal}-*.parquet"):
            if int(file.name.removeprefix(f"{self._journal}-").split("-")[0]) > position:
                file.unlink()

    def forget_appliance(self, appliance_model: str, appliance: str) -> None:
        """Remove every reading of one appliance, those that wait too; other files are left as they are."""
        others = pc.field("appliance") != appliance
        tables = [table.filter(others) for table in self._waiting.pop(appliance_model, [])]
        if tables:
            self._waiting[appliance_model] = tables
        self.waiting_rows = sum(len(table) for waiting in self._waiting.values() for table in waiting)
        for file in (self._root / f"appliance_model={appliance_model}").glob("day=*/*.parquet"):
            _keep(file, others)

    def read(self, appliance_model: str, start: int, end: int) -> Iterator[Block]:
        """Blocks of one day each with start <= time < end (ms UTC), sorted by time."""
        folder = self._root / f"appliance_model={appliance_model}"
        for day in sorted(folder.glob("day=*")):
            first = day_start_ms(day.name.removeprefix("day="))
            files = [str(file) for file in sorted(day.glob("*.parquet"))]
            if not files or first + MS_PER_DAY <= start or first >= end:
                continue
            chosen = (
                ds.dataset(files).to_table().filter((pc.field("time") >= start) & (pc.field("time") < end))
            )
            if chosen.num_rows:
                yield from_table(appliance_model, chosen.sort_by([("time", "ascending")]))


def to_table(block: Block) -> pa.Table:
    """The block in the history schema: appliance, time, seq, fw and one float64 column a signal."""
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


def _keep(file: Path, chosen: pc.Expression) -> None:
    """Leave only the chosen rows in `file`; without any, remove it."""
    table = pq.ParquetFile(file).read()
    kept = table.filter(chosen)
    if not kept.num_rows:
        file.unlink()
    elif kept.num_rows < table.num_rows:
        write_atomically(kept, file)


def split_days(table: pa.Table) -> Iterable[tuple[str, pa.Table]]:
    """The table cut by UTC day, as ('2026-11-21', rows) pairs."""
    day = table["time"].to_numpy() // MS_PER_DAY
    for number in np.unique(day):
        name = str(np.datetime64(int(number), "D"))
        yield name, table.filter(pa.array(day == number))


def write_atomically(table: pa.Table, path: Path) -> None:
    """Readers see the whole file or none; a crash leaves at most a hidden file that no reader of Parquet looks at."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(path)


def day_start_ms(day: str) -> int:
    """'2026-11-21' -> ms UTC of its midnight."""
    return int(np.datetime64(day, "ms").astype(np.int64))
