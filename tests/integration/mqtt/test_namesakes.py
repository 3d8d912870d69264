"""Two clients with one client id on a real Mosquitto."""

from __future__ import annotations

import logging
import threading
from contextlib import closing

import pytest

from benchmarks.mosquitto_server import Mosquitto
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource

PATIENCE_S = 30.0


class Told(logging.Handler):
    """Keeps the errors, and says when there is one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.sentences: list[str] = []
        self.any = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.sentences.append(record.getMessage())
        self.any.set()


@pytest.fixture
def told() -> Told:
    return Told()


def test_who_is_thrown_out_again_and_again_is_told_of_a_namesake(mosquitto: Mosquitto, told: Told) -> None:
    """The broker ends the older session for the newer one: an error line names the client id, whichever loses more."""
    settings = MqttSettings.model_validate(
        {
            "url": mosquitto.url,
            "client_id": "namesake",
            "reconnect_first": "10 ms",
            "reconnect_longest": "100 ms",
        }
    )
    logger = logging.getLogger("ingest.mqtt.connection")
    logger.addHandler(told)
    try:
        with closing(MqttSource(settings)) as first, closing(MqttSource(settings)) as second:
            first.connect()
            second.connect()
            told.any.wait(PATIENCE_S)
    finally:
        logger.removeHandler(told)

    assert "client_id 'namesake'" in told.sentences[0]
    assert len(told.sentences) <= 2  # once each


def test_a_broker_that_is_restarted_is_no_namesake(mosquitto: Mosquitto, told: Told) -> None:
    """Some short connections with failed attempts between them are a restart: nothing is said of names."""
    settings = MqttSettings.model_validate(
        {"url": mosquitto.url, "client_id": "alone", "reconnect_first": "10 ms", "reconnect_longest": "50 ms"}
    )
    logger = logging.getLogger("ingest.mqtt.connection")
    logger.addHandler(told)
    online = []
    try:
        with closing(MqttSource(settings)) as source:
            source.connect()
            for _ in range(3):
                mosquitto.stop()
                mosquitto.start()
                online.append(source.connected(PATIENCE_S))
    finally:
        logger.removeHandler(told)

    assert online == [True, True, True]
    assert told.sentences == []
