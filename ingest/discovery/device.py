"""What was understood of a device, whatever its family; and the appliances that it can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from foremend.vocabulary.errors import InputError
from ingest.decoders.plain import plain
from ingest.decoders.presence import is_online
from ingest.discovery.heard import Heard, Topic

POWER, CURRENT, VOLTAGE = "power", "current", "voltage"
_REST_W = -20.0
"""What is further below zero is no noise of a meter."""
WATCHED = (POWER, CURRENT, VOLTAGE)
"""What an appliance behind a meter is watched by, in the order of the settings."""


Key = tuple[str, str, str]
"""Family, pattern of the topic where it is not the usual one, and name of a device."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One quantity that a device measures. Several paths are added up."""

    quantity: str  # one of WATCHED, or another, which is only shown
    paths: tuple[str, ...]
    unit: str
    value: float | None = None  # the last one, in `unit`
    channel: str = ""  # which of several things that the device measures; "": all of them


@dataclass(frozen=True, slots=True)
class Device:
    """One device as its topics say it."""

    family: str  # the decoder that reads it
    name: str  # as it stands in the topic
    telemetry: tuple[Topic, ...]  # where its values come
    measured: tuple[Measured, ...]
    topics: Mapping[str, str] = field(default_factory=dict)  # settings of its topics, other than the usual
    settings: Mapping[str, str] = field(default_factory=dict)  # others that its entry needs
    online: bool | None = None
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """What no other device has."""
        return self.family, self.topics.get("topic", ""), self.name

    @property
    def every_s(self) -> float | None:
        """How often it speaks, by the topic that speaks most; None where it did not, or once."""
        return min((one.every_s for one in self.telemetry if one.every_s is not None), default=None)

    @property
    def live(self) -> int:
        """Messages that came while it was listened to."""
        return sum(one.live for one in self.telemetry)


class Found(NamedTuple):
    """What one family understands: its devices, and the topics that are of them or of their bridge."""

    devices: list[Device]
    topics: set[str]


def appliances_of(device: Device) -> Iterator[tuple[str, dict[str, Measured]]]:
    """(channel, signal -> where it is) of each thing behind the device that can be watched: power, or at least current.

    What is said of no channel, such as the voltage of a strip, is of each. Power below zero is made, not used.
    """
    shared = {one.quantity: one for one in device.measured if not one.channel and one.quantity in WATCHED}
    channels = dict.fromkeys(one.channel for one in device.measured if one.channel)
    for channel in channels or [""]:
        own = {one.quantity: one for one in device.measured if one.channel == channel}
        signals = {name: (shared | own)[name] for name in WATCHED if name in shared | own}
        meters = own if channel else shared
        if (POWER in meters or CURRENT in meters) and not _makes_power(signals.get(POWER)):
            yield channel, signals


def _makes_power(power: Measured | None) -> bool:
    return power is not None and power.value is not None and power.value < _REST_W


def number(value: object) -> float | None:
    """A number as devices write it; None for all else."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def presence_on(heard: Heard, topic: str) -> bool | None:
    """What a device or the broker said of it there; None where nothing was, or nobody understands it."""
    known = heard.topics.get(topic)
    if known is None or not known.payload:
        return None
    try:
        return is_online(known.payload)
    except InputError:
        return None


def pattern_of(levels: list[str], at: int) -> str:
    """The topic with `{appliance_id}` at one of its levels."""
    return "/".join([*levels[:at], "{appliance_id}", *levels[at + 1 :]])


def unusual(topics: Mapping[str, str], usual: Mapping[str, str]) -> dict[str, str]:
    """Those that must be written, because they are not the default."""
    return {name: pattern for name, pattern in topics.items() if pattern != usual[name]}
