"""paho as its documentation shows it, for the peers that listen to MQTT at QoS 1."""

from __future__ import annotations

import sys
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

Heard = Callable[[str, bytes], bool]
"""A topic and a payload -> whether it was the last."""


def connected(topics: str, port: int, heard: Heard) -> paho.Client:
    """A client that says `ready` once it is subscribed, and disconnects after the last message."""
    client = paho.Client(CallbackAPIVersion.VERSION2, "peer")

    def on_message(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        if heard(message.topic, bytes(message.payload)):
            client.disconnect()

    client.on_message = on_message
    client.on_subscribe = lambda *_: print_ready()
    client.connect("127.0.0.1", port)
    client.subscribe(topics, qos=1)
    return client


def print_ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
