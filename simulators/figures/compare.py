"""Runs and pauses of a compressor from its power alone, so that simulated and real machines meet on equal terms."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from simulators.base import Floats

ON_W = 30.0  # between standby with a lamp and the smallest compressor
_SHORTEST_MIN = 2.0  # a door's lamp or a restart is not a cycle


@dataclass(frozen=True, slots=True)
class Cycles:
    """How one machine ran: lengths in minutes, one entry a run or pause."""

    runs: Floats
    pauses: Floats
    starts_per_day: float
    duty: float  # 0..1
    running_power: float  # W, median while on


def cycle_distributions(seconds: Floats, power: Floats, on_w: float = ON_W) -> Cycles:
    """The cycles in `power` (n,) W measured at `seconds` (n,), ascending; the first and last spell are not counted."""
    on = power > on_w
    edges = np.flatnonzero(np.diff(on.astype(np.int8))) + 1
    lengths = np.diff(seconds[edges]) / 60.0
    running = on[edges[:-1]]
    long = lengths >= _SHORTEST_MIN
    days = (seconds[-1] - seconds[0]) / 86_400.0
    gaps = np.diff(seconds)
    return Cycles(
        runs=lengths[running & long],
        pauses=lengths[~running & long],
        starts_per_day=float((running & long).sum() / days),
        duty=float((gaps * on[:-1]).sum() / gaps.sum()),
        running_power=float(np.median(power[on])) if on.any() else 0.0,
    )


def read_tracebase(path: Path) -> tuple[Floats, Floats]:
    """(seconds since 1970, W) of one day of the Tracebase data set: `dd/mm/yyyy HH:MM:SS;mean W;W` a line.

    Reinhardt et al., "On the accuracy of appliance identification based on distributed load metering data",
    SustainIT 2012.
    """
    with gzip.open(path, "rt", encoding="ascii") as lines:
        rows = [line.split(";") for line in lines]
    seconds = np.array([datetime.strptime(row[0], "%d/%m/%Y %H:%M:%S").timestamp() for row in rows])
    return seconds, np.array([float(row[-1]) for row in rows])
