"""MetroPT-3, a metro train's air compressor with real air leaks (Veloso et al., 2022).

The watch learns from the first normal rows; the rest of them must raise nothing; each failure segment, joined to the
normal rows, should be seen soon after the motor begins to run loaded without a break. Rows are 10 s apart, the failure
files carry no times.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks._common import Result, Setup, Watched, columns_of, files_in, main, read_table, watch_series
from foremend.vocabulary.errors import InputError
from models.detectors import (
    DEFAULTS,
    Confirmed,
    ControlCharts,
    CycleStructure,
    FirstRows,
    SilenceAndStuck,
)
from models.detectors.base import Starting

_ROW_MS = 10_000
_LOADED_A = 5.0
"""Between about 4 A unloaded and the 5.1 A and more that every loaded row shows."""

_CONTINUOUS_ROWS = 30
"""5 min: normal load comes in bursts of 10 rows."""


def load_start(current: NDArray[np.float64]) -> int | None:
    """The first row of the first spell of continuous load, None where there is none."""
    loaded = np.concatenate([[0], (current > _LOADED_A).astype(np.int64), [0]])
    starts, ends = np.flatnonzero(np.diff(loaded) == 1), np.flatnonzero(np.diff(loaded) == -1)
    long = starts[ends - starts >= _CONTINUOUS_ROWS]
    return int(long[0]) if len(long) else None


def alarm_minutes(raised: NDArray[np.bool_], start: int) -> float | None:
    """Minutes from row `start` to the first alarm that is raised there or later, None where none is.

    An alarm already open at `start` earns nothing unless it becomes more urgent.
    """
    later = np.flatnonzero(raised[start:])
    return round(float(later[0]) * _ROW_MS / 60_000, 2) if len(later) else None


def _shared_columns(normal: pa.Table, failures: Sequence[pa.Table]) -> list[str]:
    """Channels that every file has; the files of failures carry fewer."""
    return [
        name
        for name, kind in zip(normal.schema.names, normal.schema.types, strict=True)
        if name and pa.types.is_floating(kind) and all(name in table.column_names for table in failures)
    ]


def _failure(table: pa.Table, names: Sequence[str], normal: NDArray[np.float64]) -> Result:
    """The same compressor, its failure joined to its normal rows."""
    start = load_start(columns_of(table, ["Motor_current"])[:, 0])
    if start is None:
        return {"alarm_minutes": None, "load_start_row": None}
    rows = np.concatenate([normal, columns_of(table, names)])
    watched = {name: _watch(names, rows, setup) for name, setup in _setups().items()}
    minutes = {name: alarm_minutes(one.raised, len(normal) + start) for name, one in watched.items()}
    return {"alarm_minutes": minutes.pop("reading-watch"), "load_start_row": start, "by_detector": minutes}


def _watch(names: Sequence[str], rows: NDArray[np.float64], setup: Setup) -> Watched:
    return watch_series(names, _ROW_MS * np.arange(len(rows), dtype=np.int64), rows, setup)


def _setups() -> dict[str, Setup]:
    """The watch as it is, and with each of its detectors alone."""
    alone: tuple[Starting, ...] = (ControlCharts(), CycleStructure(), SilenceAndStuck())
    setups = {"reading-watch": Setup()}
    return setups | {one.name: Setup(watch=partial(_only, type(one))) for one in alone}


def _only(detector: type[Starting]) -> Confirmed:
    return Confirmed("reading-watch", FirstRows((detector(),)))


def run(path: Path) -> Result:
    """Fit on normal*.csv below PATH, then watch its last part and every failure_*_rows.csv."""
    normal = read_table(files_in(path, "normal*.csv")[0])
    failures = {file.name: read_table(file) for file in files_in(path, "failure_*_rows.csv")}
    names = _shared_columns(normal, list(failures.values()))
    if "Motor_current" not in names:
        raise InputError(f"the files below {path} do not share the channel Motor_current")
    rows = columns_of(normal, names)
    held_out = _watch(names, rows, Setup())
    found = {name: _failure(table, names, rows) for name, table in failures.items()}
    minutes = [result["alarm_minutes"] for result in found.values()]
    return {
        "alarm_minutes": None if None in minutes else max(minutes),
        "false_alarms": int(held_out.raised.sum()),
        "held_out_rows": len(rows) - DEFAULTS.first_rows,
        "failures": found,
    }


def describe(result: Result) -> str:
    """The result as a sentence."""
    minutes = result["alarm_minutes"]
    seen = "not every failure is seen" if minutes is None else f"alarm {minutes:.1f} min into continuous load"
    return (
        f"MetroPT-3: {seen}, {result['false_alarms']} false alarms in {result['held_out_rows']} normal rows"
    )


if __name__ == "__main__":
    sys.exit(main(run, describe))
