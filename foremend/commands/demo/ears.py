"""Hearing how far the pipeline is, over MQTT like everybody else."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foremend.commands.demo.processes import ended
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.topics import PROGRESS, Progress
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource


@contextmanager
def listening(broker: str) -> Iterator[MqttSource]:
    """Ears for the pipeline's progress."""
    source = MqttSource(MqttSettings(url=broker, client_id="foremend-demo", subscribe=(PROGRESS,)))
    source.connect()
    try:
        yield source
    finally:
        source.close()


def heard(ears: MqttSource, timeout_s: float = 0.5) -> list[Progress]:
    """Words of progress, oldest first; empty after `timeout_s`."""
    taken = ears.take(timeout_s)
    ears.acknowledge([token for _, token in taken])
    return [Progress.from_json(message.payload) for message, _ in taken]


def wait_for_word(ears: MqttSource, pipeline: subprocess.Popen[bytes], log: Path) -> None:
    """Until the pipeline reports. Raises UnavailableError, naming its `log`, when it ends instead."""
    while not heard(ears):
        if pipeline.poll() is not None:
            raise UnavailableError(f"the pipeline did not start: {ended(pipeline, log)}")
