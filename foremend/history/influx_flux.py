"""The Flux queries that history needs, and InfluxDB's annotated CSV as Arrow tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foremend.history.influx_lines import NS_PER_MS
from foremend.vocabulary.errors import UnavailableError

LATEST_MS = 7_258_118_400_000  # 2200-01-01: InfluxDB's nanoseconds end in 2262
ROWS_AT_ONCE = 50_000

# Every reading has the field seq.
DAYS = """\
from(bucket: {bucket})
  |> range(start: {start}, stop: {stop})
  |> filter(fn: (r) => r._measurement == {appliance_model} and r._field == "seq")
  |> aggregateWindow(every: 1d, fn: count, createEmpty: false, timeSrc: "_start")
  |> group()
  |> unique(column: "_time")
  |> keep(columns: ["_time"])
"""

READINGS = """\
from(bucket: {bucket})
  |> range(start: {start}, stop: {stop})
  |> filter(fn: (r) => r._measurement == {appliance_model})
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> drop(columns: ["_start", "_stop", "_measurement"])
  |> group()
"""

READINGS_OF_SOME = READINGS.replace(
    "r._measurement == {appliance_model})",
    "r._measurement == {appliance_model} and ({appliances}))",
)
IDS_AT_ONCE = 100
"""Appliances of one question. InfluxDB looks names joined by `or` up in its index; for `contains` it reads all."""

COUNT = """\
from(bucket: {bucket})
  |> range(start: {start}, stop: {stop})
  |> filter(fn: (r) => r._measurement == {appliance_model} and ({appliances}) and r._field == "seq")
  |> count()
  |> keep(columns: ["_value"])
"""


def query(
    text: str, bucket: str, appliance_model: str, start: int, end: int, appliances: Iterable[str] = ()
) -> str:
    """DAYS, READINGS or, of these `appliances`, READINGS_OF_SOME or COUNT, for start <= time < end (ms UTC)."""
    return text.format(
        bucket=_literal(bucket),
        appliance_model=_literal(appliance_model),
        appliances=" or ".join(f"r.appliance == {_literal(one)}" for one in appliances),
        start=time(max(start, 0)),
        stop=time(min(end, LATEST_MS)),
    )


def tables(rows: Iterable[list[str]]) -> Iterator[pa.Table]:
    """Tables of text columns from the rows of annotated CSV, at most `ROWS_AT_ONCE` rows each; empty is null.

    Raises UnavailableError for an error that InfluxDB reports within its answer.
    """
    header: list[str] | None = None
    kept: list[list[str]] = []
    for row in rows:
        annotation = row[0].startswith("#")
        if kept and (annotation or len(kept) == ROWS_AT_ONCE):
            yield _table(header or [], kept)
            kept = []
        if annotation:
            header = None
        elif header is None:
            header = row
        else:
            kept.append(row)
    if kept:
        yield _table(header or [], kept)


def times_ms(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """RFC 3339 text as int64 ms UTC; what is below a millisecond is dropped."""
    stamps = pc.cast(column, pa.timestamp("ns", "UTC")).cast(pa.int64())
    return pc.divide(stamps, NS_PER_MS)


def readings(table: pa.Table) -> pa.Table:
    """A table of READINGS in the history schema: appliance, time, seq, fw and one float64 column a signal."""
    names = [name for name in table.column_names if name not in ("_time", "appliance", "seq", "fw")]
    fw = pc.fill_null(table["fw"], "") if "fw" in table.column_names else pa.repeat("", len(table))
    seq = table["seq"].cast(pa.float64()).cast(pa.int64())
    columns = [table["appliance"], times_ms(table["_time"]), seq, fw]
    columns += [table[name].cast(pa.float64()) for name in names]
    return pa.table(columns, names=["appliance", "time", "seq", "fw", *names])


def _table(header: list[str], rows: list[list[str]]) -> pa.Table:
    if "error" in header:
        raise UnavailableError(f"InfluxDB broke off the query: {rows[0][header.index('error')]}")
    columns = {name: values for name, values in zip(header, zip(*rows, strict=True), strict=True) if name}
    arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    drop = {"result", "table"}  # of the format, not of the data
    return pa.table(
        {
            name: pc.if_else(pc.equal(array, ""), None, array)
            for name, array in arrays.items()
            if name not in drop
        }
    )


def time(ms: int) -> str:
    """ms UTC as Flux and the API write it."""
    return f"{np.datetime64(ms, 'ms')}Z"


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'
