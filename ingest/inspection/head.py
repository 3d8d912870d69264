"""The first rows of a stranger's table: where they begin, what parts their cells, and whether they have names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from foremend.vocabulary.errors import InputError
from ingest.inspection.roles import Seen, seen
from ingest.replay.files import encoding_of, head_of, kind_of
from ingest.replay.layout import Writer, cells, first_row, sniffed, writer_of

_MOST_ROWS = 1_000
_NUMBER_OR_TIME = re.compile(
    r"[-+]?[\d.,' ]*\d[\d.,' ]*([eE][-+]?\d+)?|\d{1,4}[./-]\d{1,2}[./-]\d{1,4}.*|\d{1,2}:\d{2}.*"
)


@dataclass(frozen=True, slots=True)
class Head:
    """What the beginning of a file shows."""

    columns: tuple[Seen, ...]
    delimiter: str  # "" of Parquet
    before: int  # lines before the header, or before the rows where there is none
    header: bool
    encoding: str
    writer: Writer | None = None

    def named(self, *names: str) -> Seen | None:
        """The first of these columns that is there."""
        return next((one for name in names for one in self.columns if one.name == name), None)


def look(path: Path) -> Head:
    """The head of a table. Raises InputError where it is none, or is empty."""
    return _of_parquet(path) if kind_of(path) == "parquet" else _of_text(path)


def _of_parquet(path: Path) -> Head:
    with pq.ParquetFile(path) as file:
        records = next(file.iter_batches(_MOST_ROWS), None)
        if records is None:
            raise InputError(f"{path} holds no rows")
        columns = [seen(name, name, records.column(name), "") for name in file.schema_arrow.names]
    return Head(tuple(columns), "", 0, True, "Parquet")


def _of_text(path: Path) -> Head:
    lines = head_of(path).splitlines()
    lines = (lines[:-1] if len(lines) > 2 else lines)[: _MOST_ROWS + 100]  # the last may be cut
    if not any(map(str.strip, lines)):
        raise InputError(f"{path} holds no rows")
    delimiter = sniffed(lines)
    rows = [cells(line, delimiter) for line in lines]
    at = first_row(lines, delimiter)
    header = not any(_NUMBER_OR_TIME.fullmatch(cell) for cell in rows[at] if cell)
    writer = writer_of(lines, rows[at]) if header else None
    body = [row for row in rows[at + header :] if len(row) == len(rows[at])]
    body = [row for row in body if row != rows[at] and not row[0].startswith("#")]
    if not body:
        raise InputError(
            f"{path} holds no rows that look alike: say in a mapping what it is (examples/mappings)"
        )
    names = rows[at] if header else [""] * len(rows[at])
    columns = []
    for place, name in enumerate(names):
        column = name if name and names.count(name) == 1 else place
        cells_ = pa.array([row[place].encode() for row in body], pa.binary())
        columns.append(seen(column, name, cells_, delimiter))
    return Head(tuple(columns), delimiter, at, header, encoding_of(path) or "utf-8", writer)
