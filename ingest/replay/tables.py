"""Text and Parquet files as a stream of column batches, with the line each row was on."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from foremend.vocabulary.errors import ConfigError, InputError, UnavailableError
from ingest.replay.files import kind_of, open_text
from ingest.replay.layout import Layout, layout_of
from ingest.replay.mapping import ReplayMapping
from ingest.replay.quotes import Quotes, quotes_of, without_stray
from ingest.replay.times import Column

ROWS_AT_ONCE = 1 << 16
"""As many as are fast to decode, where one file is read at a time."""
_BYTES_A_ROW = 16  # of text, about
_LEAST_BYTES = 1 << 16  # a line must fit


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file. Columns of text are binary, as they were written; Parquet's have their types."""

    columns: dict[Column, pa.Array]
    lines: NDArray[np.int64]  # (n,) 1 = the first line, or row, of the file
    broken: list[tuple[int, str]] = field(default_factory=list)  # lines that are no rows: (line, text)


class Table:
    """A file and the columns that are wanted of it; it can be read several times.

    Raises InputError where the file cannot be read, ConfigError where it lacks a column of the mapping.
    """

    def __init__(self, path: Path, mapping: ReplayMapping) -> None:
        self._path = path
        with _told(path):
            is_text = kind_of(path) == "csv"
            self.layout = layout_of(path, mapping) if is_text else _parquet_layout(path)
            self._quotes = quotes_of(path, self.layout) if is_text else Quotes()
        self._header = mapping.header
        self._time = mapping.time.columns[0]
        self._places = {
            column: self._place(column) for column in (*mapping.columns, *_tell_tales(self.layout, mapping))
        }

    def has(self, column: Column) -> bool:
        """Whether `column` is read, because the mapping names it or the file's writer always has it."""
        return column in self._places

    def batches(self, wanted: Sequence[Column] | None = None, at_once: int = ROWS_AT_ONCE) -> Iterator[Batch]:
        """The `wanted` columns, or all that the mapping names, about so many rows `at_once`."""
        places = {
            column: place for column, place in self._places.items() if wanted is None or column in wanted
        }
        with _told(self._path):
            read = self._parquet if kind_of(self._path) == "parquet" else self._text
            yield from read(places, at_once)

    def _place(self, column: Column) -> int:
        names, width = self.layout.header, self.layout.width
        if isinstance(column, int) and 0 <= column < width:
            return column
        if isinstance(column, str) and column in names:
            return names.index(column)
        has = ", ".join(names) if self._header and names else f"{width} columns"
        raise ConfigError(f"{self._path} has no column {column!r}: it has {has}")

    def _parquet(self, places: dict[Column, int], at_once: int) -> Iterator[Batch]:
        with pq.ParquetFile(self._path) as file:
            names = {column: self.layout.header[place] for column, place in places.items()}
            row = 1
            for records in file.iter_batches(at_once, columns=list(dict.fromkeys(names.values()))):
                columns = {column: records.column(name) for column, name in names.items()}
                yield Batch(columns, np.arange(row, row + len(records), dtype=np.int64))
                row += len(records)

    def _text(self, places: dict[Column, int], at_once: int) -> Iterator[Batch]:
        layout = self.layout
        skipped = layout.before + (1 if layout.header else 0)
        lines = _Lines(first=skipped + 1)
        if layout.writer == "influx":
            places = places | {_ANNOTATION: 0}
        with open_text(self._path) as stream:
            mended = without_stray(stream, self._quotes, layout.delimiter)
            for records in _open_csv(mended, layout, skipped, lines.skip, places, at_once, self._quotes):
                columns = {column: records.column(str(place)) for column, place in places.items()}
                yield _rows_of(columns, self._time, lines.of_next(len(records)), lines.take_broken())
        if broken := lines.take_broken():
            yield Batch(
                {column: pa.array([], pa.binary()) for column in places}, np.zeros(0, np.int64), broken
            )


_ANNOTATION = -1
"""Where InfluxDB's annotations begin: `#group` in the first column, which is empty in rows."""


def _tell_tales(layout: Layout, mapping: ReplayMapping) -> tuple[str, ...]:
    """Columns that a known writer says with each value what it is."""
    of_writer = {"influx": "_field", "home-assistant": "entity_id"}
    name = of_writer.get(layout.writer or "")
    return (name,) if name in layout.header else ()


def _rows_of(
    columns: dict[Column, pa.Array], time: Column, lines: NDArray[np.int64], broken: list[tuple[int, str]]
) -> Batch:
    """Without annotations, and headers that come again with each of InfluxDB's tables."""
    first = columns.pop(_ANNOTATION, None)
    if first is None:
        return Batch(columns, lines, broken)
    again = pc.equal(columns[time], str(time).encode())
    rows = pc.invert(pc.fill_null(pc.or_(pc.starts_with(first, b"#"), again), False))
    kept = rows.to_numpy(zero_copy_only=False)
    return Batch({name: cells.filter(rows) for name, cells in columns.items()}, lines[kept], broken)


def _open_csv(
    stream: Any,
    layout: Layout,
    skipped: int,
    skip: Any,
    places: dict[Column, int],
    at_once: int,
    quotes: Quotes,
) -> Any:
    names = [str(place) for place in range(layout.width)]
    wanted = [str(place) for place in dict.fromkeys(places.values())]
    return pacsv.open_csv(
        stream,
        pacsv.ReadOptions(
            use_threads=False,
            block_size=max(at_once * _BYTES_A_ROW, _LEAST_BYTES),
            column_names=names,
            skip_rows=skipped,
        ),
        pacsv.ParseOptions(
            delimiter=layout.delimiter,
            invalid_row_handler=skip,
            ignore_empty_lines=False,
            newlines_in_values=quotes.over_lines,
        ),
        pacsv.ConvertOptions(
            check_utf8=False, include_columns=wanted, column_types=dict.fromkeys(wanted, pa.binary())
        ),
    )


def _parquet_layout(path: Path) -> Layout:
    with pq.ParquetFile(path) as file:
        names = tuple(file.schema_arrow.names)
    return Layout("", 0, len(names), names)


class _told:
    """What Arrow or a disk says of a file, as one sentence that names it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, FileNotFoundError):
            raise InputError(f"{self._path} does not exist") from error
        if isinstance(error, OSError) and error.errno == errno.EMFILE:
            raise UnavailableError(
                f"{self._path}: this process may open no more files, and reads all that go on at the same time "
                "together: raise the limit (ulimit -n), or replay them in parts"
            ) from error
        if isinstance(error, OSError | pa.ArrowInvalid | UnicodeError | EOFError):
            raise InputError(f"{self._path} cannot be read: {str(error).splitlines()[0]}") from error


class _Lines:
    """Line numbers in spite of lines that Arrow skips because they have too few or too many fields."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._skipped: list[int] = []
        self._broken: list[tuple[int, str]] = []

    def skip(self, row: Any) -> str:
        """Arrow's handler of such a line."""
        self._skipped.append(row.number)
        self._broken.append((row.number, row.text))
        return "skip"

    def of_next(self, count: int) -> NDArray[np.int64]:
        """The lines of the next `count` rows."""
        candidates = np.arange(self._next, self._next + count + len(self._skipped), dtype=np.int64)
        lines = candidates[~np.isin(candidates, self._skipped)][:count]
        if count:
            self._next = int(lines[-1]) + 1
            self._skipped = [line for line in self._skipped if line >= self._next]
        return lines

    def take_broken(self) -> list[tuple[int, str]]:
        broken, self._broken = self._broken, []
        return broken
