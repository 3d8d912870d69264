"""NAB, the Numenta Anomaly Benchmark: the standard profile, scored as its own sweeper does (Lavin and Ahmad, 2015).

The watch is online: each row is judged by rows up to itself. What counts as a detection is a row at which an episode
is opened or becomes more urgent; one that stays open is no more news.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    times_of,
    watch_series,
)
from foremend.vocabulary.errors import InputError

_FALSE_POSITIVE_WEIGHT = 0.11
_PROBATION_SHARE = 0.15
_PROBATION_MOST = 750


@dataclass(frozen=True, slots=True)
class SeriesScore:
    """One series: the sum of its rewards, its windows, and the detections outside them."""

    raw: float
    windows: int
    false_positive_rows: int

    def as_result(self) -> Result:
        """Normalised: 0 is no detection at all, 100 every window at its first row and nothing else."""
        normalised = 100.0 * (self.raw + self.windows) / (2.0 * self.windows)
        return {"normalised": round(normalised, 2), "false_positive_rows": self.false_positive_rows}


def probation(rows: int) -> int:
    """The first rows, which do not count."""
    return min(math.floor(_PROBATION_SHARE * rows), _PROBATION_MOST)


def reward(position: float) -> float:
    """The scaled sigmoid: about 1 at a window's left edge (-1), 0 at its right edge, -1 far behind it."""
    return -1.0 if position >= 3.0 else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def score_detections(
    detections: NDArray[np.bool_], windows: Sequence[tuple[int, int]], probation_rows: int
) -> SeriesScore:
    """Score (n,) detections; `windows` are first and last row, both inside, in order.

    A window earns its earliest detection's reward, or -1 for none; a detection outside costs by its distance from the
    window before it.
    """
    best = [-1.0] * len(windows)
    false_rows, cost = 0, 0.0
    for row in np.flatnonzero(detections):
        if row < probation_rows:
            continue
        inside = next((i for i, (first, last) in enumerate(windows) if first <= row <= last), None)
        if inside is not None:
            first, last = windows[inside]
            earned = reward(-(last - row + 1) / (last - first + 1)) / reward(-1.0)
            best[inside] = max(best[inside], earned)
            continue
        false_rows += 1
        before = [(first, last) for first, last in windows if last < row]
        position = (row - before[-1][1]) / (before[-1][1] - before[-1][0]) if before else 3.0
        cost += _FALSE_POSITIVE_WEIGHT * reward(position)
    return SeriesScore(sum(best) + cost, len(windows), false_rows)


def window_rows(time: NDArray[np.int64], limits: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Window limits as the first row with that timestamp. Raises InputError where a limit is not in the data."""
    rows = []
    for limit in limits:
        edges = [int(np.datetime64(edge, "ms").astype(np.int64)) for edge in limit]
        found = [np.flatnonzero(time == edge) for edge in edges]
        if not all(len(hits) for hits in found):
            raise InputError(
                f"the window {list(limit)} is not in the series: the labels belong to other data"
            )
        rows.append((int(found[0][0]), int(found[1][0])))
    return sorted(rows)


def score_series(path: Path, limits: Sequence[Sequence[str]], setup: Setup | None = None) -> SeriesScore:
    """Watch one series and score what it raises."""
    table = read_table(path)
    time, rows = times_of(table, "timestamp"), columns_of(table, ["value"])
    watched = watch_series(["value"], time, rows, setup)
    return score_detections(watched.raised, window_rows(time, limits), probation(len(rows)))


def _labelled(path: Path) -> dict[str, tuple[Path, Sequence[Sequence[str]]]]:
    labels: dict[str, Sequence[Sequence[str]]] = {}
    for file in path.rglob("*windows.json"):
        labels.update(json.loads(file.read_text()))
    by_name = {file.name.removesuffix(".gz"): file for file in files_in(path, "*.csv")}
    return {
        name: (by_name[Path(name).name], limits)
        for name, limits in sorted(labels.items())
        if limits and Path(name).name in by_name
    }


def run(path: Path, setup: Setup | None = None) -> Result:
    """Score every series below PATH that has windows in a file named *windows.json."""
    labelled = _labelled(path)
    if not labelled:
        raise InputError(f"no series below {path} has windows: put windows.json beside the CSV files")
    scores: Mapping[str, SeriesScore] = {
        name: score_series(*entry, setup) for name, entry in labelled.items()
    }
    pooled = SeriesScore(
        sum(score.raw for score in scores.values()),
        sum(score.windows for score in scores.values()),
        sum(score.false_positive_rows for score in scores.values()),
    )
    return {**pooled.as_result(), "series": {name: score.as_result() for name, score in scores.items()}}


def describe(result: Result) -> str:
    """The result as a sentence."""
    return f"NAB: {result['normalised']:.1f} of 100, {result['false_positive_rows']} false-positive rows"


if __name__ == "__main__":
    sys.exit(main(run, describe))
