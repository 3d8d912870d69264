"""Tasmota: `tele/<device>/SENSOR` in whatever order of parts, and what it announces for Home Assistant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ingest.discovery.device import Device, Found, Measured, number, pattern_of, presence_on, unusual
from ingest.discovery.heard import Heard, Topic
from ingest.discovery.zones import zone_of

_USUAL = {
    "topic": "tele/{appliance_id}/SENSOR",
    "status": "stat/{appliance_id}/STATUS8",
    "presence": "tele/{appliance_id}/LWT",
}
_LAST = frozenset(("SENSOR", "STATE", "LWT", "INFO1", "INFO2", "INFO3", "UPTIME", "RESULT", "STATUS8"))
_ENERGY = {
    "Power": ("power", "W"),
    "Current": ("current", "A"),
    "Voltage": ("voltage", "V"),
    "Total": ("energy", "kWh"),
}
_PROBES = {"Temperature": "temperature", "Humidity": "humidity"}
_KEPT = "told by what it announced: it sends every TelePeriod, 300 s unless you changed it"


def find(heard: Heard) -> Found:
    """Devices that speak on a topic with `tele` or `stat` in it, or announced themselves under `tasmota/discovery`."""
    topics = {name for name in heard.topics if name.startswith("tasmota/discovery/")}
    places: dict[tuple[str, str], dict[str, Topic]] = {}
    for one in heard.topics.values():
        if place := _place(one.name):
            places.setdefault(place, {})[one.name.rpartition("/")[2]] = one
            topics.add(one.name)
    announced = dict(_announced(heard))
    devices = [
        _device(heard, *place, places.get(place, {}), announced.get(place))
        for place in {**places, **announced}
    ]
    return Found(devices, topics)


def _place(topic: str) -> tuple[str, str] | None:
    """(pattern of its SENSOR topic, device's name); None where the topic is none of Tasmota's."""
    levels = topic.split("/")
    prefixes = [at for at, level in enumerate(levels[:-1]) if level in ("tele", "stat")]
    others = [at for at in range(len(levels) - 1) if at not in prefixes]
    is_last = levels[-1] in _LAST or levels[-1].startswith("POWER")
    if len(prefixes) != 1 or not others or not is_last:
        return None
    name = levels[others[-1]]
    levels[prefixes[0]], levels[-1] = "tele", "SENSOR"
    return pattern_of(levels, others[-1]), name


def _announced(heard: Heard) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    """(place, what its sensors said at its start) of devices under `tasmota/discovery/<mac>/config` and `/sensors`."""
    for one in heard.below("tasmota", "discovery"):
        said = one.object if one.name.endswith("/config") else None
        if not said or not all(isinstance(said.get(key), str) for key in ("t", "ft")):
            continue
        prefixes = said.get("tp")
        tele = prefixes[2] if isinstance(prefixes, list) and len(prefixes) > 2 else "tele"
        full = said["ft"].replace("%prefix%", str(tele)).replace("%topic%", said["t"]).strip("/")
        sensors = heard.topics.get(one.name.removesuffix("config") + "sensors")
        readings = (sensors.object or {}).get("sn") if sensors else None
        if place := _place(f"{full}/SENSOR"):
            yield place, readings if isinstance(readings, dict) else {}


def _device(
    heard: Heard, pattern: str, name: str, topics: Mapping[str, Topic], announced: Mapping[str, Any] | None
) -> Device:
    patterns = {
        "topic": pattern,
        "status": _swapped(pattern, "stat", "STATUS8"),
        "presence": _swapped(pattern, "tele", "LWT"),
    }
    telemetry = tuple(topics[kind] for kind in ("SENSOR", "STATUS8") if kind in topics)
    spoken = next((_said(one) for one in telemetry if _said(one)), None)
    document = spoken or announced or {}
    zone, notes = zone_of(_times(telemetry))
    heard_now = any(one.live for one in telemetry)
    return Device(
        "tasmota",
        name,
        telemetry,
        tuple(_measured(document)),
        unusual(patterns, _USUAL),
        {} if zone is None else {"timezone": zone},
        presence_on(heard, patterns["presence"].replace("{appliance_id}", name)),
        notes if heard_now or not document else (_KEPT, *notes),
    )


def _swapped(pattern: str, prefix: str, last: str) -> str:
    levels = [prefix if level == "tele" else level for level in pattern.split("/")]
    return "/".join([*levels[:-1], last])


def _said(one: Topic) -> Mapping[str, Any] | None:
    said = one.object or {}
    wrapped = said.get("StatusSNS")
    return wrapped if isinstance(wrapped, dict) else said


def _times(telemetry: tuple[Topic, ...]) -> Iterator[tuple[datetime, int]]:
    """(what its clock said, when that came) of what was not kept by the broker."""
    for one in telemetry:
        said = (_said(one) or {}).get("Time")
        if one.live and isinstance(said, str):
            try:
                yield datetime.fromisoformat(said), one.last
            except ValueError:
                continue


def _measured(document: Mapping[str, Any]) -> Iterator[Measured]:
    energy = document.get("ENERGY")
    energy = energy if isinstance(energy, dict) else {}
    together = isinstance(
        energy.get("Voltage"), list
    )  # phases have each their own, sockets of a strip have not
    for key, (quantity, unit) in _ENERGY.items():
        yield from _of_energy(key, quantity, unit, energy.get(key), together)
    unit = "degF" if document.get("TempUnit") == "F" else "degC"
    for sensor, said in document.items():
        for key, quantity in _PROBES.items():
            value = number(said.get(key)) if isinstance(said, dict) else None
            if value is not None:
                yield Measured(
                    quantity, (f"{sensor}.{key}",), unit if quantity == "temperature" else "%", value
                )


def _of_energy(key: str, quantity: str, unit: str, said: object, together: bool) -> Iterator[Measured]:
    path = f"ENERGY.{key}"
    if not isinstance(said, list):
        value = number(said)
        if value is not None:
            yield Measured(quantity, (path,), unit, value)
        return
    values = [number(one) for one in said]
    if together and quantity == "power":
        known = [one for one in values if one is not None]
        paths = tuple(f"{path}[{at}]" for at in range(len(values)))
        yield Measured(quantity, paths, unit, sum(known) if len(known) == len(values) else None)
    elif together and quantity == "voltage":
        yield Measured(quantity, (f"{path}[0]",), unit, values[0] if values else None)
    elif not together:
        for at, value in enumerate(values):
            yield Measured(quantity, (f"{path}[{at}]",), unit, value, channel=str(at + 1))
