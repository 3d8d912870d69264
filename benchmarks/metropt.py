"""MetroPT-3, a metro train's air compressor with real air leaks (Veloso et al., 2022).

Fit on the first 70 % of the normal rows; the rest must raise nothing; each failure segment should be seen soon after
the motor begins to run loaded without a break. Rows are 10 s apart, the failure files carry no times.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks._common import Result, columns_of, files_in, main, read_table, watch_series
from foremend.errors import InputError
from foremend.ports import Detector
from foremend.types import Score
from models.detectors import AlarmLatch, reading_watch

_ROW_MS = 10_000
_LEARN_SHARE = 0.7
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


def alarm_minutes(watch: Detector, rows: NDArray[np.float64], start: int) -> float | None:
    """Minutes from `start` to the first alarm that opens there or later, None where none opens.

    Another unit without a history. An alarm already open at `start` earns nothing: the latch begins there.
    """
    score = watch.score(np.ones(len(rows), np.int32), np.arange(len(rows)) * _ROW_MS, rows)
    later = Score(score.detector, score.appliance[start:], score.time[start:], score.value[start:])
    active = np.flatnonzero(AlarmLatch().update(later).active)
    return round(float(active[0]) * _ROW_MS / 60_000, 2) if len(active) else None


def _shared_columns(normal: pa.Table, failures: Sequence[pa.Table]) -> list[str]:
    """Channels that every file has; the files of failures carry fewer."""
    return [
        name
        for name, kind in zip(normal.schema.names, normal.schema.types, strict=True)
        if name and pa.types.is_floating(kind) and all(name in table.column_names for table in failures)
    ]


def _failure(table: pa.Table, names: Sequence[str], normal: NDArray[np.float64], learn_rows: int) -> Result:
    rows = columns_of(table, names)
    start = load_start(columns_of(table, ["Motor_current"])[:, 0])
    if start is None:
        return {"alarm_minutes": None, "load_start_row": None}
    minutes = {}
    for watch in (reading_watch(), *reading_watch().members):
        watch.learn(names, normal[:learn_rows])
        minutes[watch.name] = alarm_minutes(watch, rows, start)
    return {"alarm_minutes": minutes.pop("combined"), "load_start_row": start, "by_detector": minutes}


def run(path: Path) -> Result:
    """Fit on normal*.csv below PATH, then watch its last part and every failure_*_rows.csv."""
    normal = read_table(files_in(path, "normal*.csv")[0])
    failures = {file.name: read_table(file) for file in files_in(path, "failure_*_rows.csv")}
    names = _shared_columns(normal, list(failures.values()))
    if "Motor_current" not in names:
        raise InputError(f"the files below {path} do not share the channel Motor_current")
    rows = columns_of(normal, names)
    learn_rows = round(_LEARN_SHARE * len(rows))
    held_out = watch_series(names, np.arange(len(rows)) * _ROW_MS, rows, learn_rows)
    found = {name: _failure(table, names, rows, learn_rows) for name, table in failures.items()}
    minutes = [result["alarm_minutes"] for result in found.values()]
    return {
        "alarm_minutes": None if None in minutes else max(minutes),
        "false_alarms": int((held_out.raised > 0).sum()),
        "held_out_rows": len(rows) - learn_rows,
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
