"""Shelly: bare numbers under `shellies/` (Gen1), states and notifications of components (Gen2 and later)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ingest.discovery.device import Device, Found, Measured, number, pattern_of, presence_on, unusual
from ingest.discovery.heard import Heard, Topic

_CHANNEL = re.compile(r"(relay|emeter|meter|light|white|roller|color)/(\d+)/(power|voltage|current)")
_UNITS = {"power": "W", "voltage": "V", "current": "A"}
_THREE_PHASES = ("shellyem3", "shelly3em")
_USUAL = {
    "topic": "{appliance_id}/status/{component}",
    "events": "{appliance_id}/events/rpc",
    "presence": "{appliance_id}/online",
}
_COMPONENT = re.compile(r"[a-z][a-z0-9_]*(:\d+)?")
_METERED = re.compile(r"(switch|pm1|em1|cover|light|rgbw?|cct|em):(\d+)")
_FIELDS = {
    "power": ("apower", "act_power", "total_act_power"),
    "current": ("current", "total_current"),
    "voltage": ("voltage", "a_voltage"),
}


def find_gen1(heard: Heard) -> Found:
    """Everything below `shellies/`."""
    below = list(heard.below("shellies"))
    names = dict.fromkeys(one.name.split("/")[1] for one in below if one.name.count("/") > 1)
    devices = [_gen1(heard, name, list(heard.below("shellies", name))) for name in names]
    return Found(devices, {one.name for one in below})


def _gen1(heard: Heard, name: str, topics: list[Topic]) -> Device:
    measured, telemetry = [], []
    for one in topics:
        channel = one.name.split("/", 2)[2]
        found = _CHANNEL.fullmatch(channel)
        value = number(one.text)
        if found and value is not None:
            quantity = found[3]
            measured.append(Measured(quantity, (channel,), _UNITS[quantity], value, f"{found[1]}-{found[2]}"))
            telemetry.append(one)
    measured = _added_up(measured) if name.startswith(_THREE_PHASES) else _alone(measured)
    more = [_temperature(one) for one in topics if one.name.endswith("/temperature")]
    online = presence_on(heard, f"shellies/{name}/online")
    return Device("shelly-gen1", name, tuple(telemetry), (*measured, *filter(None, more)), online=online)


def _temperature(one: Topic) -> Measured | None:
    value = number(one.text)
    return None if value is None else Measured("temperature", ("temperature",), "degC", value)


def _added_up(measured: list[Measured]) -> list[Measured]:
    """Three phases as one machine."""
    powers = sorted((one for one in measured if one.quantity == "power"), key=lambda one: one.paths)
    rest = [one for one in measured if one.quantity == "voltage" and one.paths[0].startswith("emeter/0/")]
    total = sum(one.value or 0.0 for one in powers)
    paths = tuple(one.paths[0] for one in powers)
    return [Measured("power", paths, "W", total), *_alone(rest)] if powers else _alone(rest)


def _alone(measured: list[Measured]) -> list[Measured]:
    """Without the channels' names where there is but one, by their numbers where they are of one kind."""
    channels = {one.channel for one in measured}
    if len(channels) == 1:
        return [replace(one, channel="") for one in measured]
    if len({one.partition("-")[0] for one in channels}) == 1:
        return [replace(one, channel=one.channel.rpartition("-")[2]) for one in measured]
    return measured


def find_gen2(heard: Heard) -> Found:
    """Devices with `<name>/events/rpc` or `<name>/status/<component>`, wherever the user put them."""
    places: dict[tuple[str, str], list[Topic]] = {}
    for one in heard.topics.values():
        if place := _place(one):
            places.setdefault(place, []).append(one)
    devices = [_gen2(heard, *place, topics) for place, topics in places.items()]
    bases = {pattern.replace("{appliance_id}", name).removesuffix("/events/rpc") for pattern, name in places}
    topics = {one.name for base in bases for one in heard.below(*base.split("/"))}
    return Found(devices, topics)


def _place(one: Topic) -> tuple[str, str] | None:
    """(pattern of its events, device's name)."""
    levels = one.name.split("/")
    if len(levels) < 3 or levels[0] == "shellies":
        return None
    if levels[-2:] == ["events", "rpc"]:
        said = bool(one.changes) or str((one.object or {}).get("src", "")).startswith("shelly")
    else:
        said = (
            levels[-2] == "status" and bool(_COMPONENT.fullmatch(levels[-1])) and _is_state(one, levels[-1])
        )
    return (pattern_of([*levels[:-2], "events", "rpc"], len(levels) - 3), levels[-3]) if said else None


def _is_state(one: Topic, component: str) -> bool:
    said = one.object
    return said is not None and (
        said.get("id") == _number_of(component) if ":" in component else component in _SYSTEM
    )


_SYSTEM = ("sys", "wifi", "cloud", "mqtt", "ws", "ble", "eth")


def _number_of(component: str) -> int:
    return int(component.partition(":")[2])


def _gen2(heard: Heard, events: str, name: str, topics: list[Topic]) -> Device:
    base = events.removesuffix("/events/rpc")
    patterns = {"topic": f"{base}/status/{{component}}", "events": events, "presence": f"{base}/online"}
    state: dict[str, dict[str, Any]] = {}
    for one in topics:
        for component, said in _components(one).items():
            state.setdefault(component, {}).update(said)
    telemetry = tuple(one for one in topics if any(map(_METERED.fullmatch, _components(one))))
    measured = _alone([one for part, said in state.items() for one in _metered(part, said)])
    more = [one for part, said in state.items() for one in _probe(part, said)]
    online = presence_on(heard, patterns["presence"].replace("{appliance_id}", name))
    notes = (_PARTIAL,) if telemetry and all(one.value is None for one in measured) else ()
    return Device(
        "shelly-gen2", name, telemetry, (*measured, *more), unusual(patterns, _USUAL), {}, online, notes
    )


_PARTIAL = "it tells only what changes, and its power did not while we listened"


def _components(one: Topic) -> Mapping[str, Mapping[str, Any]]:
    component = one.name.rpartition("/")[2]
    return one.changes if component == "rpc" else {component: one.object or {}}


def _metered(component: str, said: Mapping[str, Any]) -> Iterator[Measured]:
    """What a component measures, under `switch:0.apower` and the like; `em` has the sum of its phases."""
    found = _METERED.fullmatch(component)
    for quantity, names in _FIELDS.items() if found else ():
        key = next((name for name in names if number(said.get(name)) is not None), None)
        if key is None and quantity == "power" and "aenergy" in said:
            key = "apower"  # what counts energy tells its power when that changes
        if key is not None:
            channel = component.replace(":", "-")
            yield Measured(
                quantity, (f"{component}.{key}",), _UNITS[quantity], number(said.get(key)), channel
            )


def _probe(component: str, said: Mapping[str, Any]) -> Iterator[Measured]:
    value = number(said.get("tC")) if component.startswith("temperature:") else None
    if value is not None:
        yield Measured("temperature", (f"{component}.tC",), "degC", value)
