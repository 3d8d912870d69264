"""All families in the order in which they are asked, and what of a broker none of them understands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from foremend.vocabulary.topics import OURS, parse_status_topic, parse_telemetry_topic
from ingest.discovery import (
    esphome,
    openbeken,
    shelly,
    sparkplug,
    statestream,
    tasmota,
    thingsboard,
    zigbee2mqtt,
)
from ingest.discovery.device import Device, Found
from ingest.discovery.heard import Heard, Topic

_FAMILIES: tuple[Callable[[Heard], Found], ...] = (
    tasmota.find,
    shelly.find_gen1,
    zigbee2mqtt.find,
    thingsboard.find,
    sparkplug.find,
    statestream.find,
    esphome.find,
    openbeken.find,
    shelly.find_gen2,
)
_LEVELS = 2
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Unknown:
    """Topics that begin alike and that nobody here understands."""

    begins: str
    topics: int
    messages: int
    example: str  # one of the topics
    says: str  # what came there, for people


def understood(heard: Heard) -> tuple[list[Device], set[str]]:
    """The devices, none twice, and the topics that are theirs, their bridges' or of Foremend's own contract."""
    devices: list[Device] = []
    topics = {name for name in heard.topics if name.startswith(OURS) or _is_canonical(name)}
    for find in _FAMILIES:
        found = find(_without(heard, topics))
        devices += found.devices
        topics |= found.topics
    return sorted(devices, key=lambda one: (one.family, one.name)), topics


def canonical(heard: Heard) -> dict[tuple[str, str], list[Topic]]:
    """(appliance model, appliance id) -> topics of appliances that speak Foremend's own contract."""
    found: dict[tuple[str, str], list[Topic]] = {}
    for name, topic in heard.topics.items():
        if who := parse_telemetry_topic(name):
            found.setdefault(who, []).append(topic)
    return found


def not_understood(heard: Heard, topics: set[str]) -> Iterator[Unknown]:
    """All others, by how they begin; the loudest first."""
    groups: dict[str, list[Topic]] = {}
    for one in heard.topics.values():
        if one.name not in topics:
            groups.setdefault("/".join(one.name.split("/")[:_LEVELS]), []).append(one)
    for begins, members in sorted(groups.items(), key=lambda group: -sum(map(_count, group[1]))):
        example = max(members, key=_count)
        yield Unknown(begins, len(members), sum(map(_count, members)), example.name, _short(example.text))


def _without(heard: Heard, topics: set[str]) -> Heard:
    rest = Heard()
    rest.topics = {name: one for name, one in heard.topics.items() if name not in topics}
    return rest


def _is_canonical(topic: str) -> bool:
    return parse_telemetry_topic(topic) is not None or parse_status_topic(topic) is not None


def _count(one: Topic) -> int:
    return one.live + one.retained


def _short(text: str) -> str:
    said = "".join(sign if sign.isprintable() else " " for sign in text[: _SHOWN + 1])
    return said if len(said) <= _SHOWN else said[: _SHOWN - 3] + "..."
