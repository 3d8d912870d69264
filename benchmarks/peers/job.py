"""The job that every peer does, in plain Python, and how it says what it took. Needs nothing but orjson.

A payload is decoded, every value must lie in its range, and each signal of each appliance has a running mean and
variance (Welford 1962); a value that is more than `FAR` deviations away is counted. Nothing is stored, a message that
was acknowledged and not yet counted is lost with the process, a repeat is counted twice, and a bad payload ends it.
"""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any

import orjson

RANGES = {"power": (0.0, 5_000.0), "cabinet_temp": (-40.0, 60.0), "compressor_starts": (0.0, 1e9)}
FAR = 6.0
LEAST = 30
"""Values before a deviation is known."""

Moments = dict[str, list[float]]
"""By signal: count, mean, sum of squared differences."""


def readings_of(payload: bytes) -> list[dict[str, float]]:
    """The checked signals of each reading. Raises ValueError out of range."""
    decoded = orjson.loads(payload)
    rows = decoded if isinstance(decoded, list) else [decoded]
    return [checked(row["signals"]) for row in rows]


def checked(signals: dict[str, float]) -> dict[str, float]:
    """The same. Raises ValueError out of range."""
    for name, value in signals.items():
        low, high = RANGES[name]
        if not low <= value <= high:
            raise ValueError(f"{name} is {value}")
    return signals


def judge(moments: Moments, signals: dict[str, float]) -> int:
    """How many values are far from what `moments` has seen, which then knows them, too."""
    far = 0
    for name, value in signals.items():
        known = moments.setdefault(name, [0.0, 0.0, 0.0])
        count, mean, squares = known
        away = value - mean
        if count > LEAST and abs(away) > FAR * math.sqrt(squares / count):
            far += 1
        count += 1.0
        mean += away / count
        known[:] = count, mean, squares + away * (value - mean)
    return far


class Tally:
    """Counts messages from the first on; `done` once all are counted."""

    def __init__(self, messages: int) -> None:
        self._left, self._readings, self._far = messages, 0, 0
        self._begun = self._cpu = 0.0

    def begin(self) -> None:
        """At the first message; later it does nothing."""
        if not self._begun:
            self._begun, self._cpu = time.perf_counter(), time.process_time()

    def count(self, readings: int, far: int) -> bool:
        """One message; whether it was the last."""
        self._left -= 1
        self._readings += readings
        self._far += far
        return self._left == 0

    def say(self) -> None:
        """Print what it took, as JSON on a line of its own."""
        figures: dict[str, Any] = {
            "seconds": time.perf_counter() - self._begun,
            "cpu_us_per_reading": round((time.process_time() - self._cpu) / self._readings * 1e6, 2),
            "far": self._far,
        }
        sys.stdout.write(f"{json.dumps(figures)}\n")
        sys.stdout.flush()
