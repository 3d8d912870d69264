"""The broker gone for a while under load."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.mosquitto_server import Mosquitto
from foremend.commands.demo.ears import listening

OUTAGE_S = 10.0


@pytest.mark.timeout(600)
def test_ten_seconds_without_a_broker_lose_and_double_nothing(
    make_stage: Callable[[str], Any], mosquitto: Mosquitto
) -> None:
    """Mosquitto stopped for ten seconds in the middle: everybody comes back and nothing is missing."""
    stage = make_stage(mosquitto.url)

    with listening(mosquitto.url) as ears, stage.pipeline():
        stage.wait_until(ears, 0)
        publisher = stage.publishing()
        stage.wait_until(ears, stage.readings // 3)
        mosquitto.stop()
        threading.Event().wait(OUTAGE_S)  # the outage itself
        mosquitto.start()
        stage.wait_until(ears, stage.readings)
        publisher.join(120)
        stage.wait_until_delivered()

    assert not publisher.is_alive()
    stage.check_nothing_lost_or_doubled()
