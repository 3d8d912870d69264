"""C-MAPSS, simulated turbofan engines: remaining useful life at each test engine's last cycle (Saxena, 2008).

Both the learnt and the true lives are capped at 125 cycles. Test engines are used for the figures only; everything
fitted, also the intervals, comes from training engines, split by engine.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from benchmarks._common import Result, files_in, main, rounded
from foremend.vocabulary.errors import InputError
from models.remaining_life import RemainingLife
from models.trajectories import Lives

_CAP = 125.0
_SENSORS = tuple(f"sensor_{number}" for number in range(1, 22))


def read_numbers(path: Path) -> NDArray[np.float64]:
    """A space-separated table without a header, gzipped or not."""
    read = pacsv.ReadOptions(autogenerate_column_names=True)
    table = pacsv.read_csv(path, read, pacsv.ParseOptions(delimiter=" "))
    filled = [column for column in table.columns if column.null_count < len(column)]
    return np.stack([column.to_numpy(zero_copy_only=False).astype(np.float64) for column in filled], axis=1)


def as_lives(numbers: NDArray[np.float64]) -> Lives:
    """Columns unit, cycle, three settings, 21 sensors; the flight regime is the first setting, in whole steps."""
    return Lives(
        _SENSORS, numbers[:, 0].astype(np.int64), np.rint(numbers[:, 2]).astype(np.int64), numbers[:, 5:]
    )


def remaining_cycles(lives: Lives) -> NDArray[np.float64]:
    """Cycles left at every row of engines that ran to failure."""
    return np.concatenate([np.arange(s.stop - s.start)[::-1] for s in lives.spans()]).astype(np.float64)


def asymmetric_score(error: NDArray[np.float64]) -> float:
    """The challenge's score of predicted minus true cycles: a late prediction costs more than an early one."""
    return float(np.where(error < 0, np.expm1(-error / 13.0), np.expm1(error / 10.0)).sum())


def run_subset(train: Path, test: Path, truth: Path) -> Result:
    """Learn from one training file, predict at the last cycle of every test engine."""
    lives, asked = as_lives(read_numbers(train)), as_lives(read_numbers(test))
    model = RemainingLife(cap=_CAP)
    model.learn(lives, remaining_cycles(lives))
    last = np.array([span.stop - 1 for span in asked.spans()])
    estimate = model.score(asked)
    true = read_numbers(truth)[:, 0]
    capped = np.minimum(true, _CAP)
    error = estimate.remaining[last] - capped
    inside = (estimate.low[last] <= capped) & (capped <= estimate.high[last])
    figures = {
        "rmse": np.sqrt(np.mean(error**2)),
        "score": asymmetric_score(error),
        "rmse_true_lives_uncapped": np.sqrt(np.mean((estimate.remaining[last] - true) ** 2)),
        "interval_coverage": np.mean(inside),
    }
    return rounded({name: float(value) for name, value in figures.items()})


def _partner(train: Path, kind: str) -> Path:
    name = train.name.removesuffix(".gz").replace("train", kind)
    for candidate in (train.with_name(name), train.with_name(name + ".gz")):
        if candidate.exists():
            return candidate
    raise InputError(f"{train} has no {name} beside it")


def run(path: Path) -> Result:
    """Score every train_FD*.txt below PATH that has its test_FD*.txt and RUL_FD*.txt."""
    subsets = {}
    for train in files_in(path, "train_FD*.txt"):
        name = train.name.removeprefix("train_").removesuffix(".gz").removesuffix(".txt")
        subsets[name] = run_subset(train, _partner(train, "test"), _partner(train, "RUL"))
    first = subsets[min(subsets)]
    return {"rmse": first["rmse"], "score": first["score"], "subsets": subsets}


def describe(result: Result) -> str:
    """The result as a sentence for every subset."""
    return "\n".join(
        f"C-MAPSS {name}: RMSE {one['rmse']:.2f}, score {one['score']:.0f}, "
        f"{one['interval_coverage']:.0%} of the 90 % intervals hold the truth"
        for name, one in result["subsets"].items()
    )


if __name__ == "__main__":
    sys.exit(main(run, describe))
