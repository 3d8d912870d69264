"""What a worker did and where its time went, since the process began: for /metrics and the benchmark."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, get_args

Stage = Literal["decode", "engine", "effects", "history", "checkpoint", "restore"]


@dataclass(slots=True)
class Meter:
    """Written by the engines' thread, read by others."""

    records: int = 0
    readings: int = 0
    findings: int = 0
    dead_letters: int = 0
    seconds: dict[Stage, float] = field(default_factory=lambda: dict.fromkeys(get_args(Stage), 0.0))
    """By stage, wall clock. What is left of the process' CPU time is Faust's and the Kafka client's."""

    @contextmanager
    def on(self, stage: Stage) -> Iterator[None]:
        """Counts the time inside the `with`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - began
