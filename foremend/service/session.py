"""What a process that listens to MQTT tells about its session: its part of the numbers of `run` and `gateway`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from foremend.service.health import Health
from foremend.service.metrics import Family, counter
from ingest.mqtt.source import MqttSource


def with_session(health: Health, source: MqttSource) -> Health:
    """`health` with how often the broker was lost, and had forgotten the session, since the process began."""

    def families() -> Iterator[Family]:
        yield counter(
            "broker_losses_total", "Times the connection to the MQTT broker was lost", source.losses
        )
        forgotten = source.sessions_forgotten
        yield counter("sessions_forgotten_total", "Times the MQTT broker had lost the session", forgotten)
        yield from health.families()

    return replace(health, families=families)
