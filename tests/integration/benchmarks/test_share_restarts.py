"""The benchmark of Mosquitto's restarts: it counts, and a keeper loses nothing."""

from __future__ import annotations

import pytest

from benchmarks.kafka_server import KafkaServer
from benchmarks.mosquitto_server import MOSQUITTO
from benchmarks.share_restarts import measured


@pytest.mark.timeout(240)
@pytest.mark.skipif(MOSQUITTO is None, reason="needs Mosquitto: apt-get install mosquitto")
def test_a_restart_loses_nothing_beside_a_keeper(kafka_server: KafkaServer) -> None:
    """What it wrote is what the siblings have too, but for what came before they were back. Kafka can be had here."""
    found = measured(1, 0.0, 100.0, keeper=True, slow=False)

    assert found["acknowledged"] > 100
    assert found["lost"] == 0
    assert found["kept"] >= found["written_twice"]
