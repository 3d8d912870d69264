"""Home Assistant's `mqtt_statestream`: `<base>/sensor/<object>/state`, and what else it says of an entity beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ingest.discovery.device import WATCHED, Device, Found, Measured, number, unusual
from ingest.discovery.heard import Heard, Topic

_STATE = re.compile(r"(?P<base>.+)/sensor/(?P<device>[^/]+)_(?P<name>power|current|voltage)/state")
_USUAL = {"topic": "homeassistant/sensor/{appliance_id}_{channel}/state"}
_OF_RECORDER = ("last_updated", "last_changed", "friendly_name", "unit_of_measurement")
"""What it publishes beside `state`, where it is told to."""
_USUAL_BASE = "homeassistant"
_UNITS = {"power": "W", "current": "A", "voltage": "V"}


def find(heard: Heard) -> Found:
    """Devices whose entities end on what they measure."""
    bases = {_base(one.name) for one in heard.topics.values()} - {None}
    devices: dict[tuple[str, str], dict[str, Topic]] = {}
    for one in heard.topics.values():
        place = _STATE.fullmatch(one.name)
        if place and place["base"] in bases:
            devices.setdefault((place["base"], place["device"]), {})[place["name"]] = one
    found = [_device(heard, *place, entities) for place, entities in devices.items()]
    below = [one.name for base in bases if base for one in heard.below(*base.split("/"))]
    return Found(found, {name for name in below if not name.endswith("/config")})  # those announce, whoever's


def _base(topic: str) -> str | None:
    """Below which the stream is that this topic is of; None where it is of none."""
    base, _, rest = topic.partition("/sensor/")
    last = topic.rpartition("/")[2]
    if rest and (last in _OF_RECORDER or (base == _USUAL_BASE and last == "state")):
        return base
    return None


def _device(heard: Heard, base: str, name: str, entities: Mapping[str, Topic]) -> Device:
    measured = tuple(
        Measured(
            quantity, (quantity,), _unit(heard, entities[quantity], quantity), number(entities[quantity].text)
        )
        for quantity in WATCHED
        if quantity in entities
    )
    topics = unusual({"topic": f"{base}/sensor/{{appliance_id}}_{{channel}}/state"}, _USUAL)
    return Device("home-assistant", name, tuple(entities.values()), measured, topics)


def _unit(heard: Heard, entity: Topic, quantity: str) -> str:
    told = heard.topics.get(entity.name.removesuffix("state") + "unit_of_measurement")
    said = told.text.strip('"') if told else ""
    return said or _UNITS[quantity]
