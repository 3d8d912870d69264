"""Recorded telemetry (CSV, CSV.gz, Parquet) -> the same blocks that live messages give, and canonical messages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray
from pydantic_core import to_json

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.topics import is_appliance_id, telemetry_topic
from foremend.vocabulary.types import Block, DeadLetter, RawMessage
from ingest.replay.columns import NO_TIME, numbers, texts, times
from ingest.replay.mapping import ReplayMapping, load_mapping
from ingest.replay.tables import Batch, read_batches
from ingest.units import Conversion, conversion
from ingest.values import Decoded, SignalSpec, SignalSpecs

__all__ = ["READINGS_PER_MESSAGE", "ReplayMapping", "load_mapping", "read_file", "to_messages"]

READINGS_PER_MESSAGE = 60


def read_file(
    path: Path, mapping: ReplayMapping, signals: SignalSpecs, received: int = 0
) -> Iterator[Decoded]:
    """The file's readings, some 10,000 a time, each with the dead letters of the rows that cannot be used.

    `signals` is what `ingest.decode.Ingest` takes; `received` (ms UTC) is for the dead letters. A row is bad when its
    time, a number or its appliance id cannot be read, or a value is outside what the signal can measure; the rows
    around it are used. Empty rows are gaps. Raises InputError where the file cannot be read at all, ConfigError where
    it and the mapping, or the mapping and the profile, do not fit.
    """
    rows = _RowReader(path, mapping, signals, received)
    for batch in read_batches(path, mapping):
        yield rows.decode(batch)


def to_messages(block: Block) -> Iterator[RawMessage]:
    """The block as canonical messages: arrays of up to 60 consecutive readings of an appliance, in their order."""
    ends = np.flatnonzero(np.diff(block.appliance)) + 1
    for run in np.split(np.arange(len(block)), ends):
        for start in range(0, len(run), READINGS_PER_MESSAGE):
            yield _message(block, run[start : start + READINGS_PER_MESSAGE])


def _message(block: Block, rows: NDArray[np.intp]) -> RawMessage:
    columns = [column[rows].tolist() for column in block.signals.values()]
    table = zip(block.time[rows].tolist(), block.seq[rows].tolist(), *columns, strict=True)
    readings = [
        {"ts": ts, "seq": seq, "signals": _present(block.signals, values)} for ts, seq, *values in table
    ]
    appliance_id = block.appliance_ids[block.appliance[rows[0]]]
    return RawMessage(
        telemetry_topic(block.appliance_model, appliance_id), orjson.dumps(readings), readings[-1]["ts"]
    )


def _present(names: Iterable[str], values: Iterable[float]) -> dict[str, float]:
    return {name: value for name, value in zip(names, values, strict=True) if not math.isnan(value)}


class _RowReader:
    """Turns the batches of one file into blocks."""

    def __init__(self, path: Path, mapping: ReplayMapping, signals: SignalSpecs, received: int) -> None:
        if mapping.appliance_model not in signals:
            raise ConfigError(f"appliance_model '{mapping.appliance_model}' has no profile")
        self._specs = signals[mapping.appliance_model]
        self._mapping = mapping
        self._conversions = _conversions(mapping, self._specs)
        self._file_id = mapping.appliance_id.of_file(path)
        self._topic = f"replay/{path.name}"
        self._received = received

    def decode(self, batch: Batch) -> Decoded:
        """The good rows as a block, the others as dead letters; rows without any value are ignored."""
        reasons: dict[int, str] = {}
        columns = {name: self._signal(name, batch, reasons) for name in self._specs}
        empty = np.isnan(np.array(list(columns.values()))).all(axis=0)
        empty[list(reasons)] = False
        time = self._times(batch, ~empty, reasons)
        names, codes = self._appliances(batch, ~empty, reasons)
        seq = self._seqs(batch, ~empty, reasons)
        good = ~empty
        good[list(reasons)] = False
        block = Block(self._mapping.appliance_model, names, codes, time, seq, columns).take(good)
        letters = self._dead_letters(batch, reasons)
        return Decoded([block] if len(block) else [], letters, ignored=int(empty.sum()), readings=len(block))

    def _signal(self, name: str, batch: Batch, reasons: dict[int, str]) -> NDArray[np.float64]:
        source, spec = self._mapping.signals.get(name), self._specs[name]
        if source is None:
            return np.full(len(batch.lines), np.nan)
        cells = batch.columns[source.column]
        raw, wrong = numbers(cells)
        values = self._conversions[name].apply(raw)
        for row in np.flatnonzero(wrong).tolist():
            reasons.setdefault(row, f"{name}: {_cell(cells, row)} is not a finite number")
        for row in np.flatnonzero((values < spec.min) | (values > spec.max)).tolist():
            span = f"{spec.min:g}..{spec.max:g} {spec.unit}"
            reasons.setdefault(row, f"{name}: {values[row]:g} {spec.unit} is outside {span}")
        return values

    def _times(self, batch: Batch, used: NDArray[np.bool_], reasons: dict[int, str]) -> NDArray[np.int64]:
        source = self._mapping.time
        cells = batch.columns[source.column]
        time = times(cells, source)
        for row in np.flatnonzero((time == NO_TIME) & used).tolist():
            reasons.setdefault(row, f"time: {_cell(cells, row)} does not fit the format {source.format}")
        return time

    def _appliances(
        self, batch: Batch, used: NDArray[np.bool_], reasons: dict[int, str]
    ) -> tuple[tuple[str, ...], NDArray[np.int32]]:
        """The ids in this batch, and (n,) which of them each row is of (0 where the row is bad)."""
        column = self._mapping.appliance_id.column
        if column is None:
            return (str(self._file_id),), np.zeros(len(batch.lines), np.int32)
        ids = texts(batch.columns[column]).to_pylist()
        names = {name: code for code, name in enumerate(dict.fromkeys(filter(_is_id, ids)))}
        codes = np.fromiter((names.get(name, -1) for name in ids), np.int32, len(ids))
        for row in np.flatnonzero((codes < 0) & used).tolist():
            reasons.setdefault(
                row, f"appliance id: {_cell(batch.columns[column], row)} has other than letters, digits, -, _"
            )
        return tuple(names), np.maximum(codes, 0)

    def _seqs(self, batch: Batch, used: NDArray[np.bool_], reasons: dict[int, str]) -> NDArray[np.int64]:
        """(n,) the recorded sequence numbers, -1 where a cell is empty; without such a column the line numbers."""
        if self._mapping.seq is None:
            return batch.lines
        cells = batch.columns[self._mapping.seq]
        raw, wrong = numbers(cells)
        whole = np.where(np.isnan(raw), -1.0, raw)
        wrong |= (whole != np.floor(whole)) | (np.abs(whole) > 2.0**53)
        for row in np.flatnonzero(wrong & used).tolist():
            reasons.setdefault(row, f"seq: {_cell(cells, row)} is not a whole number")
        return np.where(wrong, -1.0, whole).astype(np.int64)

    def _dead_letters(self, batch: Batch, reasons: Mapping[int, str]) -> list[DeadLetter]:
        """Broken lines as they are, bad rows as the JSON of the cells that were read; in the file's order."""
        letters = [
            (line, text.encode(), "other than the usual number of fields") for line, text in batch.broken
        ]
        for row, reason in reasons.items():
            cells = {str(column): _value(cells, row) for column, cells in batch.columns.items()}
            letters.append((int(batch.lines[row]), to_json(cells), reason))
        return [
            DeadLetter(self._topic, payload, f"line {line}: {reason}", self._received)
            for line, payload, reason in sorted(letters)
        ]


def _conversions(mapping: ReplayMapping, specs: Mapping[str, SignalSpec]) -> dict[str, Conversion]:
    conversions = {}
    for name, source in mapping.signals.items():
        if name not in specs:
            raise ConfigError(
                f"signals: {mapping.appliance_model} has no '{name}'; it has {', '.join(specs)}"
            )
        try:
            conversions[name] = conversion(source.unit, specs[name].unit)
        except ConfigError as error:
            raise ConfigError(f"signals.{name}: {error}") from error
    return conversions


def _is_id(text: str | None) -> bool:
    return text is not None and is_appliance_id(text)


def _value(cells: pa.Array, row: int) -> object:
    value = cells[row].as_py()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _cell(cells: pa.Array, row: int) -> str:
    return f"{_value(cells, row)!r:.60}"
