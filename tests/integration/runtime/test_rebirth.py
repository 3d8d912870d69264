"""A Sparkplug edge node whose birth was not heard is asked for it, by a real broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.mosquitto_server import Mosquitto
from foremend.config import Settings
from foremend.stores.free_port import free_port
from foremend.wiring.one_machine import build
from ingest.decoders.protobuf import payload_of

PATIENCE_S = 60.0
METRIC_10 = b"\x12\x07\x10\x0a\x65\x00\x00\xa8\x42"  # is 84 W
NODE = {"decoder": "sparkplug-b", "appliance_model": "generic-compressor"}


def until(true: Callable[[], object]) -> None:
    """Wait for it; a test that waits in vain fails."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_node_is_asked_for_its_birth(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Its data has numbers for names: a command to be born again comes over the broker."""
    settings = Settings.model_validate(
        {
            "mqtt": {"url": mosquitto.url},
            "storage": {"folder": tmp_path / "var"},
            "models": {"registry": tmp_path / "models", "appliance_models": []},
            "service": {"port": free_port()},
            "ingest": {"decoders": [NODE | {"signals": {"power": {"path": "Power", "unit": "W"}}}]},
            "alerts": {"database": f"sqlite:///{tmp_path}/f.db", "key_file": tmp_path / "key"},
        }
    )
    heard: list[MQTTMessage] = []
    node = Client(CallbackAPIVersion.VERSION2)
    node.on_message = lambda client, userdata, message: heard.append(message)
    node.connect("127.0.0.1", mosquitto.port)
    node.subscribe("spBv1.0/Shop/NCMD/Edge1", qos=1)
    node.loop_start()
    stop = threading.Event()
    application = build(settings)
    pipeline = threading.Thread(target=application.run, args=(stop,))
    pipeline.start()

    try:
        until(lambda: application.runtime.status().connected)
        node.publish("spBv1.0/Shop/DDATA/Edge1/Freezer", METRIC_10, qos=1)
        until(lambda: heard)
    finally:
        stop.set()
        pipeline.join()
        node.loop_stop()

    (metric,) = payload_of(heard[0].payload).metrics
    assert (metric.name, metric.value) == ("Node Control/Rebirth", True)
