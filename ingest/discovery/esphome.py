"""ESPHome: `<device>/sensor/<name>/state`, a bare number each; its announcements for Home Assistant tell the units."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ingest.discovery.device import WATCHED, Device, Found, Measured, number, pattern_of, presence_on, unusual
from ingest.discovery.heard import Heard, Topic

_STATE = re.compile(r"(?P<base>.+)/sensor/(?P<name>[^/]+)/state")
_USUAL = {"topic": "{appliance_id}/sensor/{channel}/state", "presence": "{appliance_id}/status"}
_UNITS = {"power": "W", "current": "A", "voltage": "V"}
_WORDS = {"power": "power", "watt": "power", "watts": "power", "current": "current", "voltage": "voltage"}
_NOT_POWER = frozenset(("factor", "apparent", "reactive", "daily", "total", "energy", "today"))
_GUESSED = "units are guessed by names: it announces none (discovery: in ESPHome)"


class Announced(NamedTuple):
    """What a sensor says of itself to Home Assistant."""

    unit: str
    device_class: str


def announcements(heard: Heard) -> tuple[dict[str, Announced], set[str]]:
    """Topic of a state -> what was announced of it; and the topics of the announcements, whoever's."""
    found: dict[str, Announced] = {}
    topics: set[str] = set()
    for one in heard.topics.values():
        said = one.object if one.name.endswith("/config") else None
        if said is None or not {"unique_id", "uniq_id", "dev", "device", "state_topic", "stat_t"} & set(said):
            continue
        topics.add(one.name)
        state = str(said.get("state_topic") or said.get("stat_t") or "").replace("~", str(said.get("~", "")))
        unit = str(said.get("unit_of_measurement") or said.get("unit_of_meas") or "")
        found[state] = Announced(unit, str(said.get("device_class") or said.get("dev_cla") or ""))
    return found, topics


def find(heard: Heard) -> Found:
    """Devices with a sensor of any name."""
    announced, topics = announcements(heard)
    bases: dict[str, dict[str, Topic]] = {}
    for one in heard.topics.values():
        place = _STATE.fullmatch(one.name)
        if place:
            bases.setdefault(place["base"], {})[place["name"]] = one
    devices = [_device(heard, base, sensors, announced) for base, sensors in bases.items()]
    topics |= {one.name for base in bases for one in heard.below(*base.split("/"))}
    return Found(devices, topics)


def _device(
    heard: Heard, base: str, sensors: Mapping[str, Topic], announced: Mapping[str, Announced]
) -> Device:
    levels = base.split("/")
    place = pattern_of(levels, len(levels) - 1)
    patterns = {"topic": f"{place}/sensor/{{channel}}/state", "presence": f"{place}/status"}
    measured = list(_measured(sensors, announced))
    told = any(one.name in announced for one in sensors.values())
    notes = () if told or not measured else (_GUESSED,)
    used = {path for one in measured for path in one.paths}
    telemetry = tuple(one for name, one in sensors.items() if name in used)
    online = presence_on(heard, f"{base}/status")
    return Device(
        "esphome", levels[-1], telemetry, tuple(measured), unusual(patterns, _USUAL), {}, online, notes
    )


def _measured(sensors: Mapping[str, Topic], announced: Mapping[str, Announced]) -> Iterator[Measured]:
    """Power, current and voltage of each thing that names begin with: `fridge_power` is of `fridge`."""
    found = [
        (quantity, name, one)
        for name, one in sensors.items()
        if (quantity := _quantity(name, announced.get(one.name)))
    ]
    things = {_thing(name) for quantity, name, _ in found if quantity == "power"}
    for quantity, name, one in found:
        unit = announced[one.name].unit if one.name in announced else ""
        thing = _thing(name) if len(things) > 1 and _thing(name) in things else ""
        channel = thing.replace("_", "-")
        if quantity in WATCHED or not channel:
            yield Measured(quantity, (name,), unit or _UNITS.get(quantity, ""), number(one.text), channel)


def _quantity(name: str, announced: Announced | None) -> str | None:
    if announced is not None and announced.device_class:
        return (
            announced.device_class if announced.device_class in (*WATCHED, "energy", "temperature") else None
        )
    words = name.lower().split("_")
    found = next((_WORDS[word] for word in reversed(words) if word in _WORDS), None)
    return None if found is None or _NOT_POWER.intersection(words) else found


def _thing(name: str) -> str:
    return "_".join(word for word in name.lower().split("_") if word not in _WORDS)
