"""ThingsBoard's gateway API: one topic for all devices of a gateway, each with its values under its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ingest.discovery.device import Device, Found, Measured, number
from ingest.discovery.heard import GATEWAY, Heard, Topic

_UNITS = {"power": "W", "current": "A", "voltage": "V", "energy": "kWh", "temperature": "degC"}


def find(heard: Heard) -> Found:
    """Devices that any message of the gateway named."""
    topic = heard.topics.get(GATEWAY)
    devices = [_device(topic, name, values) for name, values in topic.changes.items()] if topic else []
    return Found(devices, {one.name for one in heard.below("v1", "gateway")})


def _device(topic: Topic, name: str, values: Mapping[str, Any]) -> Device:
    return Device("thingsboard-gateway", name, (topic,), tuple(_measured(values)))


def _measured(values: Mapping[str, Any]) -> Iterator[Measured]:
    for key, said in values.items():
        value = number(said)
        if key.lower() in _UNITS and value is not None and "." not in key:
            yield Measured(key.lower(), (key,), _UNITS[key.lower()], value)
