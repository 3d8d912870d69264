"""Zigbee2MQTT: one JSON object a device; its friendly name, which may contain '/', is the topic."""

from __future__ import annotations

from collections.abc import Mapping

from foremend.vocabulary.types import RawMessage
from ingest.decoders.base import Said, TopicDecoder, json_object, moment
from ingest.decoders.device_map import DeviceMap
from ingest.settings import Zigbee2MqttSettings
from ingest.values import ApplianceKey, Ignored


def is_no_device(name: str) -> bool:
    """Commands, and what the bridge says about itself.

    >>> is_no_device("bridge/state"), is_no_device("kitchen/fridge/set"), is_no_device("kitchen/fridge")
    (True, True, False)
    """
    return name.split("/")[0] == "bridge" or name.endswith(("/set", "/get"))


class Zigbee2Mqtt(TopicDecoder):
    """One reading a message that has a mapped signal, at `last_seen` (ISO or ms) where the bridge adds it."""

    def __init__(self, settings: Zigbee2MqttSettings, devices: DeviceMap) -> None:
        super().__init__(devices, settings.presence, (settings.topic,), frozenset({"appliance_id"}))

    def _is_no_device(self, parts: Mapping[str, str]) -> bool:
        return is_no_device(parts["appliance_id"])

    def _read(self, appliance: ApplianceKey, parts: Mapping[str, str], message: RawMessage) -> Said:
        if not message.payload:
            return Ignored()  # a device that was removed: what the broker kept of it is cleared
        document = json_object(message.payload)
        when = moment(document.get("last_seen"), None, message, "last_seen")
        return self._reading(appliance, self._devices.look(document), when, message)
