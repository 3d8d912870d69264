"""Zigbee2MQTT: one object a device below its base topic, or a topic each value, and what its bridge says of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ingest.discovery.device import Device, Found, Measured, number, presence_on, unusual
from ingest.discovery.heard import Heard, Topic

_USUAL = {"topic": "zigbee2mqtt/{appliance_id}", "presence": "zigbee2mqtt/{appliance_id}/availability"}
_APART = {"topic": "zigbee2mqtt/{appliance_id}/{channel}", "presence": _USUAL["presence"]}
_BRIDGE = re.compile(r"(.+)/bridge/(state|info|devices|groups|logging|extensions|definitions|health|config)")
_PROPERTY = re.compile(r"(power|current|voltage)(?:_(phase_[abc]|l?\d{1,2}|left|right|center|[ab]|ch\d))?")
_UNITS = {"power": "W", "current": "A", "voltage": "V"}
_SHOWN = {"energy": "kWh", "temperature": "degC", "humidity": "%"}
_COMMANDS = ("/set", "/get", "/availability")
_KEPT = "told by its bridge: it did not speak while we listened"


def find(heard: Heard) -> Found:
    """Devices below each base topic that has a bridge, or whose messages have `linkquality`."""
    bases = {found[1] for name in heard.topics if (found := _BRIDGE.fullmatch(name))}
    bases |= {
        one.name.split("/")[0]
        for one in heard.topics.values()
        if not any(one.name.startswith(f"{base}/") for base in bases) and "linkquality" in (one.object or {})
    }
    devices = [device for base in sorted(bases) for device in _below(heard, base)]
    return Found(devices, {one.name for base in bases for one in heard.below(*base.split("/"))})


def _below(heard: Heard, base: str) -> Iterator[Device]:
    exposed = dict(_exposed(heard.topics.get(f"{base}/bridge/devices")))
    topics = {
        one.name[len(base) + 1 :]: one
        for one in heard.below(*base.split("/"))
        if not one.name.startswith(f"{base}/bridge/") and not one.name.endswith(_COMMANDS)
    }
    known = set(exposed) | {name for name, one in topics.items() if one.object is not None}
    attributes: defaultdict[str, dict[str, Topic]] = defaultdict(dict)
    for path, one in topics.items():
        if path not in known:
            device, _, attribute = path.rpartition("/")
            attributes[device][attribute] = one
    for name in sorted(known):
        topic, apart = topics.get(name), attributes.get(name, {})
        if apart and (topic is None or topic.object is None):
            yield _apart(heard, base, name, apart, exposed.get(name, {}))
        else:
            yield _device(heard, base, name, topic, exposed.get(name, {}))


def _exposed(devices: Topic | None) -> Iterator[tuple[str, dict[str, str]]]:
    """(friendly name, property -> unit) of each device that the bridge knows."""
    said = devices.document if devices else None
    for one in said if isinstance(said, list) else ():
        if (
            isinstance(one, dict)
            and isinstance(one.get("friendly_name"), str)
            and one.get("type") != "Coordinator"
        ):
            definition = one.get("definition")
            exposes = definition.get("exposes") if isinstance(definition, dict) else None
            yield one["friendly_name"], dict(_properties(exposes))


def _properties(exposes: object) -> Iterator[tuple[str, str]]:
    for one in exposes if isinstance(exposes, list) else ():
        if isinstance(one, dict) and isinstance(one.get("property"), str):
            yield one["property"], str(one.get("unit") or "")


def _device(heard: Heard, base: str, name: str, topic: Topic | None, exposed: Mapping[str, str]) -> Device:
    said: Mapping[str, Any] = (topic.object if topic else None) or {}
    patterns = {"topic": f"{base}/{{appliance_id}}", "presence": f"{base}/{{appliance_id}}/availability"}
    measured = tuple(_measured(said, exposed))
    notes = (_KEPT,) if measured and (topic is None or not topic.live) else ()
    online = presence_on(heard, f"{base}/{name}/availability")
    telemetry = () if topic is None else (topic,)
    return Device("zigbee2mqtt", name, telemetry, measured, unusual(patterns, _USUAL), {}, online, notes)


def _apart(
    heard: Heard, base: str, name: str, attributes: Mapping[str, Topic], exposed: Mapping[str, str]
) -> Device:
    """With `output: attribute`: what is said on each topic, as if it were one object."""
    topic, presence = f"{base}/{{appliance_id}}/{{channel}}", f"{base}/{{appliance_id}}/availability"
    measured = tuple(_measured({one: topic.text for one, topic in attributes.items()}, exposed))
    telemetry = tuple(attributes[path] for one in measured for path in one.paths if path in attributes)
    notes = (_KEPT,) if measured and not any(one.live for one in telemetry) else ()
    online = presence_on(heard, f"{base}/{name}/availability")
    patterns = unusual({"topic": topic, "presence": presence}, _APART)
    return Device("zigbee2mqtt-attribute", name, telemetry, measured, patterns, {}, online, notes)


def _measured(said: Mapping[str, Any], exposed: Mapping[str, str]) -> Iterator[Measured]:
    """Of what was said and of what the bridge says that it measures. Phases are added up, channels stay apart."""
    found = {}
    for key in dict.fromkeys((*said, *exposed)):
        place = _PROPERTY.fullmatch(key)
        if place and (number(said.get(key)) is not None or (key in exposed and said.get(key) is None)):
            found[key] = (place[1], place[2] or "")
    phases = {key for key, (_, part) in found.items() if part.startswith("phase_")}
    if any(found[key][0] == "power" for key in phases):
        yield from _phases(found, said)
    elif found:
        parts = {part for quantity, part in found.values() if quantity in ("power", "current")} or {""}
        for key, (quantity, part) in found.items():
            unit = _unit(quantity, exposed.get(key, ""), said)
            channel = part if len(parts) > 1 or part else ""
            yield Measured(quantity, (key,), unit, number(said.get(key)), channel)
    for key, unit in _SHOWN.items():
        value = number(said.get(key))
        if value is not None:
            yield Measured(key, (key,), exposed.get(key) or unit, value)


def _phases(found: Mapping[str, tuple[str, str]], said: Mapping[str, Any]) -> Iterator[Measured]:
    """One machine on three phases: plain `power` is the first, where no other one is called so."""
    keys = sorted(
        key for key, (quantity, part) in found.items() if quantity == "power" and part.startswith("phase_")
    )
    if "power_phase_a" not in keys and "power" in found:
        keys = ["power", *keys]
    values = [number(said.get(key)) for key in keys]
    total = None if None in values else sum(value for value in values if value is not None)
    yield Measured("power", tuple(keys), "W", total)
    if "voltage" in found:
        yield Measured("voltage", ("voltage",), "V", number(said.get("voltage")))


def _unit(quantity: str, told: str, said: Mapping[str, Any]) -> str:
    """As the bridge says; some plugs send mA and call it A, which power and voltage show."""
    if quantity == "current":
        watts, volts, amperes = (number(said.get(key)) for key in ("power", "voltage", "current"))
        if watts and volts and amperes and amperes * volts > 100 * watts:
            return "mA"
    return told if told in ("W", "kW", "mW", "A", "mA", "V", "mV") else _UNITS[quantity]
