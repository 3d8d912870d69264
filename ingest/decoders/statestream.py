"""Home Assistant's `mqtt_statestream`: a topic an entity, its state as text, retained, said when it changes.

An entity's name is the device's and what it measures, joined: `sensor.fridge_plug_power`. So the topic's level is cut
where one of the names in the settings begins. `unavailable` says that the device is gone; the value after it, that it
is back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foremend.vocabulary.types import RawMessage
from ingest.decoders.base import Route, Said
from ingest.decoders.device_map import DeviceMap
from ingest.decoders.scalar import ScalarDecoder
from ingest.memory import remember
from ingest.settings import StatestreamSettings
from ingest.topic_pattern import TopicPattern, overlap
from ingest.values import ApplianceKey, Ignored, Presence, Several

_GONE = b"unavailable"


class Statestream(ScalarDecoder):
    """See ScalarDecoder."""

    def __init__(self, settings: StatestreamSettings, devices: DeviceMap) -> None:
        super().__init__(settings, devices)
        self._filter = self._telemetry[0].subscription()
        longest_first = sorted(self._signals_of, key=len, reverse=True)
        self._entities = {
            channel: TopicPattern(settings.topic.replace("{channel}", channel)) for channel in longest_first
        }
        self._away: dict[str, None] = {}

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Of all entities of a kind: a filter cannot name the end of a level."""
        return (self._filter,)

    def snapshot(self) -> Mapping[str, Any]:
        """What is added up, and who is away."""
        return {"heard": super().snapshot(), "away": sorted(self._away)}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """See Decoder."""
        super().restore(snapshot.get("heard", {}))
        self._away = dict.fromkeys(snapshot.get("away", ()))

    def _find_route(self, topic: str) -> Route | None:
        """Of a device that the settings list, else of the longest name of what it measures."""
        routes = [
            route
            for channel, pattern in self._entities.items()
            if (parts := pattern.match(topic)) and (route := self._of({**parts, "channel": channel}))
        ]
        for route in routes:
            if route.listed:
                return route
        if routes:
            return routes[0]
        return Route(False, {}, None, False) if overlap(self._filter, topic) else None

    def _of(self, parts: Mapping[str, str]) -> Route | None:
        device = parts["appliance_id"]
        appliance = self._devices.appliance(device)
        return None if appliance is None else Route(False, parts, appliance, self._devices.names(device))

    def _read(self, appliance: ApplianceKey, parts: Mapping[str, str], message: RawMessage) -> Said:
        model, name = appliance.appliance_model, appliance.appliance_id
        if message.payload.strip() == _GONE:
            if message.retained or name in self._away:
                return Ignored()
            remember(self._away, name, None)
            return Presence(model, name, False, message.received)
        said = super()._read(appliance, parts, message)
        if isinstance(said, Ignored) or name not in self._away:
            return said
        self._away.pop(name, None)
        back = Presence(model, name, True, message.received)
        return said if isinstance(said, Several) else Several((back, said))
