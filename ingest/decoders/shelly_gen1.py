"""Shelly Gen1: `shellies/<device>/emeter/0/power` and the like, a bare number each."""

from __future__ import annotations

from ingest.decoders.device_map import DeviceMap
from ingest.decoders.scalar import ScalarDecoder
from ingest.settings import ShellyGen1Settings


class ShellyGen1(ScalarDecoder):
    """See ScalarDecoder. A channel has several levels; `announce`, which all devices share, is no device's."""

    def __init__(self, settings: ShellyGen1Settings, devices: DeviceMap) -> None:
        super().__init__(settings, devices, deep=frozenset({"channel"}))
        self._announce = settings.topic.partition("{")[0] + "announce"

    def fits(self, topic: str) -> bool:
        """See Decoder."""
        return topic == self._announce or super().fits(topic)
