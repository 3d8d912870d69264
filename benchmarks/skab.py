"""SKAB, a water pump rig: outlier detection after the official protocol (Katser and Kozitsin, 2020).

Each file trains on its first 400 rows and is tested on the rest; counts are pooled over all test rows. A row is an
alarm where the score is above the level at which the rule of config.yaml opens an episode: rows are judged here,
episodes are for people.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._common import (
    Result,
    Setup,
    columns_of,
    files_in,
    main,
    read_table,
    rounded,
    times_of,
    watch_series,
)

_TRAIN_ROWS = 400
_NOT_SENSORS = ("datetime", "anomaly", "changepoint")


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by verdict and label."""

    true_alarm: int = 0
    false_alarm: int = 0
    missed: int = 0
    quiet: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def figures(self) -> Result:
        """F1, false-alarm rate among normal rows, missed-alarm rate among anomalous rows: 0..1."""
        wrong = self.false_alarm + self.missed
        return rounded(
            {
                "f1": 2 * self.true_alarm / max(2 * self.true_alarm + wrong, 1),
                "far": self.false_alarm / max(self.false_alarm + self.quiet, 1),
                "mar": self.missed / max(self.missed + self.true_alarm, 1),
            }
        )


def count(alarm: NDArray[np.bool_], label: NDArray[np.bool_]) -> Counts:
    """Counts over (n,) rows."""
    cells = [alarm & label, alarm & ~label, ~alarm & label, ~alarm & ~label]
    return Counts(*(int(cell.sum()) for cell in cells))


def score_file(path: Path, setup: Setup | None = None) -> Counts:
    """One file: what is learnt from its first rows is tested on the rest."""
    table = read_table(path, ";")
    names = [name for name in table.column_names if name not in _NOT_SENSORS]
    setup = setup or Setup()
    watched = watch_series(names, times_of(table, "datetime"), columns_of(table, names), setup)
    label = columns_of(table, ["anomaly"])[_TRAIN_ROWS:, 0] > 0
    return count(watched.score[_TRAIN_ROWS:] > setup.alarm, label)


def run(path: Path, setup: Setup | None = None) -> Result:
    """Score every labelled file below PATH; `anomaly-free` has no labels and is left out."""
    folders: dict[str, Counts] = defaultdict(Counts)
    for file in files_in(path, "*.csv"):
        if file.parent.name != "anomaly-free":
            folders[file.parent.name] += score_file(file, setup)
    pooled = sum(folders.values(), Counts())
    return {**pooled.figures(), "folders": {name: counts.figures() for name, counts in folders.items()}}


def describe(result: Result) -> str:
    """The result as a sentence."""
    return f"SKAB: F1 {result['f1']:.3f}, false alarms {result['far']:.1%}, missed {result['mar']:.1%}"


if __name__ == "__main__":
    sys.exit(main(run, describe))
