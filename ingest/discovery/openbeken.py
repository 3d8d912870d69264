"""OpenBeken: `<device>/power/get` and the like, a bare number each."""

from __future__ import annotations

import re

from ingest.discovery.device import (
    Device,
    Found,
    Measured,
    number,
    pattern_of,
    presence_on,
    unusual,
)
from ingest.discovery.heard import Heard, Topic

_GET = re.compile(r"(?P<base>.+)/(?P<name>[a-z_]+|\d+)/get")
_USUAL = {"topic": "{appliance_id}/{channel}/get", "presence": "{appliance_id}/connected"}
_UNITS = {"power": "W", "current": "A", "voltage": "V", "energycounter": "Wh", "temperature": "degC"}


def find(heard: Heard) -> Found:
    """Devices with a meter, or that say whether they are connected."""
    bases: dict[str, dict[str, Topic]] = {}
    for one in heard.topics.values():
        if place := _GET.fullmatch(one.name):
            bases.setdefault(place["base"], {})[place["name"]] = one
    ours = {
        base: numbers
        for base, numbers in bases.items()
        if _UNITS.keys() & numbers.keys() or f"{base}/connected" in heard.topics
    }
    devices = [_device(heard, base, numbers) for base, numbers in ours.items()]
    return Found(devices, {one.name for base in ours for one in heard.below(*base.split("/"))})


def _device(heard: Heard, base: str, numbers: dict[str, Topic]) -> Device:
    levels = base.split("/")
    place = pattern_of(levels, len(levels) - 1)
    patterns = {"topic": f"{place}/{{channel}}/get", "presence": f"{place}/connected"}
    measured = [
        Measured(name, (name,), unit, number(numbers[name].text))
        for name, unit in _UNITS.items()
        if name in numbers
    ]
    telemetry = tuple(numbers[one.quantity] for one in measured)
    online = presence_on(heard, f"{base}/connected")
    return Device("openbeken", levels[-1], telemetry, tuple(measured), unusual(patterns, _USUAL), {}, online)
