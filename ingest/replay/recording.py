"""Recorded telemetry (text, packed or not, Parquet) -> the blocks that live messages give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic_core import to_json

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.types import Block, DeadLetter
from ingest.replay import clocks
from ingest.replay.columns import Comma, comma_of, numbers, with_units
from ingest.replay.joining import joined
from ingest.replay.mapping import ReplayMapping, load_mapping
from ingest.replay.moments import NO_TIME, Times, format_of, times
from ingest.replay.standing import Standing
from ingest.replay.tables import ROWS_AT_ONCE, Batch, Table
from ingest.replay.whose import LEFT_OUT, NOBODY, Whose
from ingest.units import Conversion, conversion
from ingest.values import Decoded, SignalSpec, SignalSpecs, slack

__all__ = ["ReplayMapping", "load_mapping", "read_file"]

_TOGETHER = 1 << 16  # readings in a block, of a recording that had to be sorted


def read_file(
    path: Path, mapping: ReplayMapping, signals: SignalSpecs, received: int = 0, at_once: int = ROWS_AT_ONCE
) -> Iterator[Decoded]:
    """The file's readings, about `at_once` at a time, each with the dead letters of the rows that cannot be used.

    `signals` is what `ingest.decode.Ingest` takes; `received` (ms UTC) is for the dead letters. A row is bad when its
    time or its appliance id cannot be read, its clock is years off, or no value of it can be used; a bad value beside
    good ones costs itself. Empty rows are gaps. A recording that is not in order of time is sorted. Raises InputError
    where the file cannot be read at all, ConfigError where it and the mapping, or the mapping and the profile, do not
    fit.
    """
    rows = _RowReader(path, mapping, signals, received)
    parts = (rows.decode(batch) for batch in rows.table.batches(at_once=at_once))
    if rows.in_order and rows.standing is None:
        yield from parts
    else:
        yield from _as_one(parts, rows.standing)


def _as_one(parts: Iterable[Decoded], standing: Standing | None) -> Iterator[Decoded]:
    """A recording in order of time, whatever order its rows were in, and with what stood between them."""
    blocks: list[Block] = []
    for part in parts:
        blocks += part.blocks
        yield replace(part, blocks=[], readings=0)
    if not blocks:
        return
    whole = joined(blocks)
    whole = whole.take(np.argsort(whole.time, kind="stable"))
    if standing is not None:
        whole = standing.fill(whole)
    for start in range(0, len(whole), _TOGETHER):
        block = whole.take(slice(start, start + _TOGETHER))
        yield Decoded([block], [], readings=len(block))


class _RowReader:
    """Turns the batches of one file into blocks. It goes through the times of the file first, as one."""

    def __init__(self, path: Path, mapping: ReplayMapping, signals: SignalSpecs, received: int) -> None:
        if mapping.appliance_model not in signals:
            raise ConfigError(f"appliance_model '{mapping.appliance_model}' has no profile")
        self._specs = signals[mapping.appliance_model]
        self._mapping = mapping
        self._conversions = _conversions(mapping, self._specs)
        file_id = mapping.appliance_id.of_file(path)
        self.table = Table(path, mapping)
        self._whose = Whose(mapping, self.table.layout, file_id)
        self._commas: dict[str, Comma | None] = {}
        self._topic = f"replay/{path.name}"
        self._received = received
        self._format = mapping.time.format
        self._time, self._off, self.in_order = self._times()
        self._at = 0  # rows that were decoded
        self.standing = Standing.of(mapping, self.table.layout)

    def decode(self, batch: Batch) -> Decoded:
        """The good rows as a block, the others as dead letters; rows without any value are ignored."""
        reasons: dict[int, str] = {}
        spoilt: dict[int, str] = {}
        columns = {name: self._signal(name, batch, spoilt) for name in self._specs}
        empty = np.isnan(np.array(list(columns.values()))).all(axis=0)
        reasons |= {row: why for row, why in spoilt.items() if empty[row]}
        empty[list(reasons)] = False
        time = self._times_of(batch, ~empty, reasons)
        names, codes = self._appliances(batch, ~empty, reasons)
        empty |= codes == LEFT_OUT
        seq = self._seqs(batch, ~empty, reasons)
        good = ~empty
        good[list(reasons)] = False
        if self.standing is not None:
            self.standing.note_ends(names, codes, time)
        block = Block(self._mapping.appliance_model, names, np.maximum(codes, 0), time, seq, columns).take(
            good
        )
        notes = {row: f"{why}; the rest is used" for row, why in spoilt.items() if row not in reasons}
        letters = self._dead_letters(batch, reasons | notes)
        return Decoded(
            [block] if len(block) else [],
            letters,
            ignored=int(empty.sum()),
            readings=len(block),
            left_out_by=Counter(
                "outside" if "is outside" in why else "not_a_number" for why in notes.values()
            ),
        )

    def _signal(self, name: str, batch: Batch, spoilt: dict[int, str]) -> NDArray[np.float64]:
        """(n,) in the profile's unit, NaN where absent or bad; the latter with a reason in `spoilt`."""
        source, spec = self._mapping.signals.get(name), self._specs[name]
        if source is None:
            return np.full(len(batch.lines), np.nan)
        cells = batch.columns[source.column]
        raw, wrong, missing = numbers(cells, self._comma(name, cells), self._mapping.missing)
        rows = self._whose.is_of(name, batch)
        if rows is not None:
            raw, wrong, missing = np.where(rows, raw, np.nan), wrong & rows, missing & rows
        values = self._conversions[name].apply(raw)
        if wrong.any():
            values, wrong = self._with_units(cells, values, wrong, spec)
        values = _signed(values, source.sign)
        floor = slack(spec)
        if floor:
            values = np.where((values < spec.min) & (values >= spec.min - floor), spec.min, values)
        if self.standing is not None:
            self.standing.note(name, missing)
        outside = (values < spec.min) | (values > spec.max)
        for row in np.flatnonzero(wrong).tolist():
            spoilt.setdefault(row, f"{name}: {_cell(cells, row)} is not a finite number")
        for row in np.flatnonzero(outside).tolist():
            span = f"{spec.min:g}..{spec.max:g} {spec.unit}"
            spoilt.setdefault(row, f"{name}: {values[row]:g} {spec.unit} is outside {span}")
        return np.where(outside | wrong, np.nan, values)

    def _with_units(
        self, cells: pa.Array, values: NDArray[np.float64], wrong: NDArray[np.bool_], spec: SignalSpec
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """`values` and what is `wrong` in them, once cells like `1.2 kW` are read, each in its own unit."""
        rows = np.flatnonzero(wrong)
        raw, units = with_units(cells, rows, self.table.layout.delimiter)
        values, wrong = values.copy(), wrong.copy()
        for unit in set(units):
            with suppress(ConfigError):  # of another quantity, or of no unit at all: it stays wrong
                mine = np.array([one == unit for one in units]) & ~np.isnan(raw)
                values[rows[mine]] = conversion(unit, spec.unit).apply(raw[mine])
                wrong[rows[mine]] = False
        return values, wrong

    def _comma(self, name: str, cells: pa.Array) -> Comma | None:
        """What commas are in this column, told by the first rows that have any."""
        if self._mapping.decimal is not None:
            return "decimal" if self._mapping.decimal == "," else "thousands"
        if self._commas.get(name) is None:
            self._commas[name] = comma_of(cells, self.table.layout.delimiter)
        return self._commas[name]

    def _times(self) -> tuple[NDArray[np.int64], NDArray[np.bool_], bool]:
        """Of all rows of the file: their times, whose clock is years off, and whether the others are in order."""
        source, column = self._mapping.time, self._mapping.appliance_id.column
        wanted = [*source.columns, *([] if column is None else [column])]
        first: list[NDArray[np.int64]] = []
        second: list[NDArray[np.int64]] = []
        whose: list[NDArray[np.int64]] = []
        known: dict[str, int] = {}
        for batch in self.table.batches(wanted):
            if not len(batch.lines):
                continue
            cells = [batch.columns[one] for one in source.columns]
            if not first:
                self._format = format_of(cells, source.format)
            found = times(cells, self._format, source.timezone)
            names, codes = self._whose.appliances(batch)
            ids = np.array([known.setdefault(name, len(known)) for name in names] or [0], np.int64)
            first.append(found.first)
            second.append(found.second)
            whose.append(np.where(codes >= 0, ids[np.maximum(codes, 0)], -1))
        if not first:
            return np.zeros(0, np.int64), np.zeros(0, np.bool_), True
        time = clocks.in_order_of_rows(Times(np.concatenate(first), np.concatenate(second)))
        off = clocks.years_off(time)
        used = (time != NO_TIME) & ~off
        return time, off, not clocks.backwards(time[used], np.concatenate(whose)[used])

    def _times_of(self, batch: Batch, used: NDArray[np.bool_], reasons: dict[int, str]) -> NDArray[np.int64]:
        """(n,) of the batch, by its place in the file."""
        here = slice(self._at, self._at + len(batch.lines))
        self._at += len(batch.lines)
        time, off = self._time[here], self._off[here]
        for row in np.flatnonzero((time == NO_TIME) & used).tolist():
            said = " ".join(str(_value(batch.columns[one], row)) for one in self._mapping.time.columns)
            reasons.setdefault(row, f"time: {said!r:.60} does not fit the format {self._format}")
        for row in np.flatnonzero(off & used).tolist():
            when = datetime.fromtimestamp(time[row] / 1_000, UTC)
            reasons.setdefault(
                row, f"time: {when:%Y-%m-%d %H:%M:%S} is of a clock that is years off: see the rows around it"
            )
        return time

    def _appliances(
        self, batch: Batch, used: NDArray[np.bool_], reasons: dict[int, str]
    ) -> tuple[tuple[str, ...], NDArray[np.int32]]:
        """The ids in this batch, and (n,) which of them each row is of."""
        names, codes = self._whose.appliances(batch)
        column = self._mapping.appliance_id.column
        if column is not None:
            for row in np.flatnonzero((codes == NOBODY) & used).tolist():
                reasons.setdefault(
                    row,
                    f"appliance id: {_cell(batch.columns[column], row)} has other than letters, digits, -, _:"
                    " give it one under appliance_id.names, or write clean: true there",
                )
        return names, codes

    def _seqs(self, batch: Batch, used: NDArray[np.bool_], reasons: dict[int, str]) -> NDArray[np.int64]:
        """(n,) the recorded sequence numbers, -1 where a cell is empty; without such a column the line numbers."""
        if self._mapping.seq is None:
            return batch.lines
        cells = batch.columns[self._mapping.seq]
        raw, wrong, _ = numbers(cells)
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
        said = [(payload, f"line {line}: {reason}") for line, payload, reason in sorted(letters)]
        return [DeadLetter(self._topic, payload, reason, self._received) for payload, reason in said]


def _signed(values: NDArray[np.float64], sign: str) -> NDArray[np.float64]:
    return -values if sign == "reversed" else np.abs(values) if sign == "absolute" else values


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


def _value(cells: pa.Array, row: int) -> object:
    value = cells[row].as_py()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _cell(cells: pa.Array, row: int) -> str:
    return f"{_value(cells, row)!r:.60}"
