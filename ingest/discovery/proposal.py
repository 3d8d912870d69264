"""Entries for `ingest.decoders` that read what was found, in a form that people can read and change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.ids import free
from foremend.vocabulary.ids import proposed as id_of
from ingest.decoders.device_map import rule_of
from ingest.discovery.device import Device, Measured, appliances_of
from ingest.paths import parse_path
from ingest.values import SignalSpec


@dataclass(frozen=True, slots=True)
class Proposed:
    """One appliance behind a device."""

    device: Device
    channel: str
    appliance_id: str
    appliance_model: str
    signals: Mapping[str, Measured]


@dataclass(slots=True)
class Entry:
    """One entry of the settings; `said` has a comment for each device."""

    settings: dict[str, Any]
    said: dict[str, str] = field(default_factory=dict)


def proposed(
    devices: Iterable[Device], appliance_model: str, has: Mapping[str, SignalSpec], taken: Iterable[str]
) -> list[Proposed]:
    """An appliance for each thing that can be watched. `has` are the model's signals, `taken` ids that are given."""
    ids, found = set(taken), list[Proposed]()
    for device in devices:
        things = list(appliances_of(device))
        for channel, signals in things:
            name = f"{device.name}-{channel}" if len(things) > 1 else device.name
            known = {
                signal: one
                for signal, one in signals.items()
                if signal in has and not why_not(one, has[signal])
            }
            if known:
                appliance_id = free((id_of(name) or f"{device.family}-{len(found) + 1}").lower(), ids)
                ids.add(appliance_id)
                found.append(Proposed(device, channel, appliance_id, appliance_model, known))
    return found


def entries(appliances: Sequence[Proposed]) -> list[Entry]:
    """One for all devices of a family that are read alike; where a device has several things, one for each."""
    made: dict[str, Entry] = {}
    for one in appliances:
        signals = {name: _source(measured) for name, measured in one.signals.items()}
        head = {"decoder": one.device.family, **one.device.topics, **one.device.settings}
        entry = made.setdefault(str((head, signals)), Entry({**head, "appliances": {}, "signals": signals}))
        ref = {"appliance_id": one.appliance_id, "appliance_model": one.appliance_model}
        entry.settings["appliances"][one.device.name] = ref
        entry.said[one.device.name] = "; ".join(_said(one))
    return list(made.values())


def why_not(measured: Measured, spec: SignalSpec) -> str:
    """Why no entry can read it as that signal: devices write names and units that nobody can; "" where one can."""
    try:
        for path in measured.paths:
            parse_path(path)
        rule_of(measured.unit, "as-is", len(measured.paths), spec)
    except (ConfigError, ValueError) as error:
        return str(error)
    return ""


def in_short(measured: Iterable[Measured]) -> str:
    """`84.2 W, 230 V`."""
    return ", ".join(f"{one.value:g} {one.unit}".strip() for one in measured if one.value is not None)


def pace(every_s: float | None) -> str:
    """How often, in words."""
    if every_s is None:
        return ""
    return f"every {every_s:.0f} s" if every_s >= 1 else "more than once a second"


def _said(one: Proposed) -> Iterator[str]:
    yield from filter(None, (in_short(one.signals.values()), pace(one.device.every_s)))


def _source(measured: Measured) -> dict[str, Any]:
    paths = list(measured.paths)
    return {"path": paths if len(paths) > 1 else paths[0], "unit": measured.unit}
