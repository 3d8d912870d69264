"""What the benchmarks share: reading tables, watching one series, and the command line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from foremend.errors import InputError
from foremend.ports import Detector
from models.detectors import AlarmLatch, Alarms, reading_watch

Result = dict[str, Any]


def read_table(path: Path, delimiter: str = ",") -> pa.Table:
    """A CSV file with a header, gzipped or not, by its name. Raises InputError where it is not one."""
    try:
        return pacsv.read_csv(path, parse_options=pacsv.ParseOptions(delimiter=delimiter))
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is not a CSV file with a header: {error}") from error


def columns_of(table: pa.Table, names: Iterable[str]) -> NDArray[np.float64]:
    """(n, d) float64, NaN where empty."""
    picked = [table[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in names]
    return np.stack(picked, axis=1)


def times_of(table: pa.Table, name: str) -> NDArray[np.int64]:
    """(n,) ms since 1970."""
    times: NDArray[np.int64] = table[name].to_numpy().astype("datetime64[ms]").astype(np.int64)
    return times


def files_in(folder: Path, pattern: str) -> list[Path]:
    """Files below `folder` that match, gzipped or not, sorted. Raises InputError where there is none."""
    found = sorted({*folder.rglob(pattern), *folder.rglob(pattern + ".gz")})
    if not found:
        raise InputError(
            f"no file {pattern} or {pattern}.gz below {folder}: give the folder that holds the data"
        )
    return found


@dataclass(frozen=True, slots=True)
class Setup:
    """What watches: the default unless a comparison asks for another."""

    watch: Callable[[], Detector] = reading_watch
    latch: Callable[[], AlarmLatch] = AlarmLatch


DEFAULT = Setup()


def watch_series(
    names: Sequence[str],
    time: NDArray[np.int64],
    rows: NDArray[np.float64],
    learn_rows: int,
    setup: Setup = DEFAULT,
) -> Alarms:
    """Learn from the first `learn_rows` rows of one appliance, then score the rest online: alarms of the rest."""
    watch = setup.watch()
    watch.learn(names, rows[:learn_rows])
    appliance = np.zeros(len(rows) - learn_rows, np.int32)
    return setup.latch().update(watch.score(appliance, time[learn_rows:], rows[learn_rows:]))


def main(
    run: Callable[[Path], Result],
    describe: Callable[[Result], str],
    arguments: Sequence[str] | None = None,
    *,
    needs_path: bool = True,
) -> int:
    """The command line of a benchmark: PATH, and --json for one JSON object instead of a sentence."""
    parser = argparse.ArgumentParser(description=run.__doc__)
    nargs = None if needs_path else "?"
    parser.add_argument(
        "path", type=Path, nargs=nargs, default=Path(), help="the folder that holds the data set"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    try:
        result = run(given.path)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write((json.dumps(result) if given.json else describe(result)) + "\n")
    return 0


def rounded(values: Mapping[str, float | int]) -> Result:
    """Fractions to four places."""
    return {name: round(value, 4) for name, value in values.items()}
