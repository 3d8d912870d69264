"""CSV and Parquet files as a stream of column batches, with the line each row was on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from foremend.vocabulary.errors import ConfigError, InputError
from ingest.replay.mapping import Column, ReplayMapping, kind_of

_CSV_BLOCK_BYTES = 1 << 20
_PARQUET_BLOCK_ROWS = 1 << 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file. CSV columns are binary, as they were written; Parquet's have their types."""

    columns: dict[Column, pa.Array]
    lines: NDArray[np.int64]  # (n,) 1 = the first line, or row, of the file
    broken: list[tuple[int, str]] = field(default_factory=list)  # lines that are no rows: (line, text)


def read_batches(path: Path, mapping: ReplayMapping) -> Iterator[Batch]:
    """The columns that `mapping` names.

    Raises InputError where the file cannot be read, ConfigError where it lacks a column.
    """
    read = _read_csv if kind_of(path) == "csv" else _read_parquet
    try:
        yield from read(path, mapping)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error


def _read_parquet(path: Path, mapping: ReplayMapping) -> Iterator[Batch]:
    with pq.ParquetFile(path) as file:
        names = _resolve(path, mapping, file.schema_arrow.names)
        row = 1
        for records in file.iter_batches(_PARQUET_BLOCK_ROWS, columns=list(dict.fromkeys(names.values()))):
            columns = {column: records.column(name) for column, name in names.items()}
            yield Batch(columns, np.arange(row, row + len(records), dtype=np.int64))
            row += len(records)


def _read_csv(path: Path, mapping: ReplayMapping) -> Iterator[Batch]:
    with pa.input_stream(str(path)) as stream:
        names = _resolve(path, mapping, _open_csv(stream, mapping, _skip, None).schema.names)
    lines = _Lines(first=2 if mapping.header else 1)
    with pa.input_stream(str(path)) as stream:
        for records in _open_csv(stream, mapping, lines.skip, list(dict.fromkeys(names.values()))):
            columns = {column: records.column(name) for column, name in names.items()}
            yield Batch(columns, lines.of_next(len(records)), lines.take_broken())
    if broken := lines.take_broken():
        yield Batch({column: pa.array([], pa.binary()) for column in names}, np.zeros(0, np.int64), broken)


def _open_csv(stream: Any, mapping: ReplayMapping, skip: Any, names: Sequence[str] | None) -> Any:
    return pacsv.open_csv(
        stream,
        pacsv.ReadOptions(
            use_threads=False, block_size=_CSV_BLOCK_BYTES, autogenerate_column_names=not mapping.header
        ),
        pacsv.ParseOptions(delimiter=mapping.delimiter, invalid_row_handler=skip, ignore_empty_lines=False),
        pacsv.ConvertOptions(
            check_utf8=False, include_columns=names, column_types=dict.fromkeys(names or (), pa.binary())
        ),
    )


def _skip(row: Any) -> str:
    return "skip"


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


def _resolve(path: Path, mapping: ReplayMapping, present: Sequence[str]) -> dict[Column, str]:
    """Each column of the mapping -> its name in the file. Raises ConfigError where there is none."""
    names: dict[Column, str] = {}
    for column in mapping.columns:
        if isinstance(column, int) and 0 <= column < len(present):
            names[column] = present[column]
        elif column in present:
            names[column] = str(column)
        else:
            has = f"{len(present)} columns" if not mapping.header else ", ".join(present)
            raise ConfigError(f"{path} has no column {column!r}: it has {has}")
    return names
