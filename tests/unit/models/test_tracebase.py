"""Real refrigerators: the starts of every day, found from power alone, at every sampling the day allows."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.stream.stream import SignalStream, summarise_days

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "tracebase"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"real traces are not here: {FOLDER}")


@dataclass(frozen=True)
class Trace:
    """One recorded day: `time` s UTC, `power` W."""

    time: NDArray[np.int64]
    power: NDArray[np.float64]


def _reference() -> dict[tuple[str, str], int]:
    if not FOLDER.is_dir():
        return {}
    with (FOLDER / "starts.csv").open() as file:
        return {(row["device"], row["day"]): int(row["starts_A"]) for row in csv.DictReader(file)}


STARTS = _reference()


@cache
def _load(device: str, day: str) -> Trace:
    with gzip.open(FOLDER / f"{device}_{day}.csv.gz", "rt") as file:
        rows = [line.split(";") for line in file]
    midnight = int(datetime.strptime(day, "%Y.%m.%d").replace(tzinfo=UTC).timestamp())
    clock = [row[0].split(" ")[1].split(":") for row in rows]
    seconds = [3600 * int(h) + 60 * int(m) + int(s) for h, m, s in clock]
    return Trace(midnight + np.array(seconds), np.array([float(row[1]) for row in rows]))


def _every(trace: Trace, seconds: int, phase: int) -> Trace:
    """The first reading of every `seconds`."""
    slot = (trace.time - phase) // seconds
    first = np.concatenate([[True], np.diff(slot) > 0])
    return Trace(trace.time[first], trace.power[first])


def _mean_of(trace: Trace, seconds: int) -> Trace:
    """The mean of every `seconds`, at their beginning, as a resampling does."""
    slots, which = np.unique(trace.time // seconds, return_inverse=True)
    return Trace(slots * seconds, np.bincount(which, trace.power) / np.bincount(which))


def _starts(*traces: Trace) -> dict[str, int]:
    stream = SignalStream(["power"], "power", standby=45.0)
    time = np.concatenate([trace.time for trace in traces]) * 1000
    power = np.concatenate([trace.power for trace in traces])
    closed = stream.update(np.zeros(len(time), np.int32), time, power[:, None])
    days = summarise_days(closed.days) | summarise_days(stream.flush().days)
    return {day: int(summary["compressor_starts"]) for day, summary in days.items()}


def _iso(day: str) -> str:
    return day.replace(".", "-")


THINNINGS: dict[str, Callable[[Trace], Trace]] = {
    "as recorded": lambda trace: trace,
    "every 10 s": lambda trace: _every(trace, 10, 0),
    "every 60 s": lambda trace: _every(trace, 60, 0),
    "mean of 10 s": lambda trace: _mean_of(trace, 10),
    "mean of 60 s": lambda trace: _mean_of(trace, 60),
}


@pytest.mark.parametrize("thinning", THINNINGS)
@pytest.mark.parametrize(("device", "day"), STARTS)
def test_one_day_alone_has_the_starts_of_the_reference(device: str, day: str, thinning: str) -> None:
    """A single recorded day, whatever its sampling, gives the reference's starts with nothing known before."""
    trace = THINNINGS[thinning](_load(device, day))

    starts = _starts(trace)

    assert starts == {_iso(day): STARTS[device, day]}


@pytest.mark.parametrize("thinning", THINNINGS)
@pytest.mark.parametrize("device", sorted({device for device, _ in STARTS}))
def test_days_in_a_row_have_the_starts_of_the_reference(device: str, thinning: str) -> None:
    """Carrying the machine's state over midnight neither adds nor loses a start."""
    days = [day for name, day in STARTS if name == device]

    starts = _starts(*(THINNINGS[thinning](_load(device, day)) for day in days))

    assert starts == {_iso(day): STARTS[device, day] for day in days}


@pytest.mark.parametrize(("device", "day"), STARTS)
def test_the_phase_of_the_sampling_changes_nothing_that_can_be_known(device: str, day: str) -> None:
    """Every tenth phase at 60 s gives the same starts, but for a run that begins within half a minute of 00:01."""
    trace = _load(device, day)

    counts = {_starts(_every(trace, 60, phase))[_iso(day)] for phase in range(0, 60, 10)}

    began_at_32_s = (device, day) == ("dev_B83B9E", "2012.02.01")
    allowed = {STARTS[device, day], STARTS[device, day] + 1} if began_at_32_s else {STARTS[device, day]}
    assert counts <= allowed
