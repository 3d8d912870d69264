"""What a process that listens to MQTT tells about its session: its part of the numbers of `run` and `gateway`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from foremend.service.health import Health
from foremend.service.metrics import Family, counter


def with_session(health: Health, forgotten: Callable[[], int]) -> Health:
    """`health` with how often the broker has `forgotten` the session since the process began."""

    def families() -> Iterator[Family]:
        yield counter("sessions_forgotten_total", "Times the MQTT broker had lost the session", forgotten())
        yield from health.families()

    return replace(health, families=families)
