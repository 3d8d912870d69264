"""Zigbee2MQTT: one JSON object a device; its friendly name, which may contain '/', is the topic."""

from __future__ import annotations

from collections.abc import Mapping

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import RawMessage
from ingest.decoders.base import DeviceMap, Said, TopicDecoder, json_object
from ingest.decoders.times import iso_ms
from ingest.paths import look_up, parse_path
from ingest.settings import Zigbee2MqttSettings
from ingest.values import ApplianceKey, DeviceReading, Ignored


class Zigbee2Mqtt(TopicDecoder):
    """One reading a message that has a mapped signal, at `last_seen` (ISO or ms) where the bridge adds it."""

    def __init__(self, settings: Zigbee2MqttSettings, devices: DeviceMap) -> None:
        super().__init__(devices, settings.presence, (settings.topic,), frozenset({"appliance_id"}))
        self._paths = {name: parse_path(source.path) for name, source in settings.signals.items()}

    def decode(self, message: RawMessage) -> Said | None:
        """See Decoder. Commands and what the bridge says about itself are ignored."""
        parts = self._telemetry[0].match(message.topic)
        name = parts["appliance_id"] if parts else ""
        if name.split("/")[0] == "bridge" or name.endswith(("/set", "/get")):
            return Ignored()
        return super().decode(message)

    def _read(self, appliance: ApplianceKey, parts: Mapping[str, str], message: RawMessage) -> Said:
        document = json_object(message.payload)
        raw = {name: look_up(document, path) for name, path in self._paths.items()}
        seen = document.get("last_seen")
        if all(value is None for value in raw.values()) or (message.retained and seen is None):
            return Ignored()
        time = message.received if seen is None else _time(seen, message.received)
        return DeviceReading(appliance, time, self._devices.signals(appliance, raw))


def _time(seen: object, received: int) -> int:
    if isinstance(seen, str):
        return iso_ms(seen, None, near=received)
    if isinstance(seen, bool) or not isinstance(seen, int | float) or not 1e11 <= seen < 1e14:
        raise InputError(f"last_seen: {seen!r:.60} is neither an ISO time nor ms since 1970")
    return int(seen)
