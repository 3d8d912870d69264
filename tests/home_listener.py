"""Who hears at home what Foremend says to a household's automation."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

PATIENCE_S = 300.0  # a process that must compile first, on a machine that is busy


class Listener:
    """Hears everything below two prefixes, and remembers each topic as a broker's client does."""

    def __init__(self, port: int) -> None:
        self.now: dict[str, bytes] = {}
        self.heard: list[tuple[str, bytes]] = []
        self.kept: set[str] = set()  # topics whose last message the broker had kept
        self._came = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [("foremend/home/#", 1), ("homeassistant/#", 1)]
        )
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for the very state that is asserted."""
        with self._came:
            assert self._came.wait_for(holds, PATIENCE_S), self.now

    def state(self, topic: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.now[topic])
        return found

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, client: Any, data: Any, message: paho.MQTTMessage) -> None:
        with self._came:
            self.heard.append((message.topic, message.payload))
            if message.retain:
                self.kept.add(message.topic)
            if message.payload:
                self.now[message.topic] = message.payload
            else:
                self.now.pop(message.topic, None)
            self._came.notify_all()
