"""Zigbee2MQTT with `output: attribute`: `<base>/<friendly name>/power` and the like, a bare value each."""

from __future__ import annotations

from collections.abc import Mapping

from ingest.decoders.device_map import DeviceMap
from ingest.decoders.scalar import ScalarDecoder
from ingest.decoders.zigbee2mqtt import is_no_device
from ingest.settings import Zigbee2MqttAttributeSettings


class Zigbee2MqttAttribute(ScalarDecoder):
    """See ScalarDecoder; a friendly name may contain '/', an attribute's is one level of the topic."""

    def __init__(self, settings: Zigbee2MqttAttributeSettings, devices: DeviceMap) -> None:
        super().__init__(settings, devices, frozenset({"appliance_id"}))

    def _is_no_device(self, parts: Mapping[str, str]) -> bool:
        return is_no_device(parts["appliance_id"])
