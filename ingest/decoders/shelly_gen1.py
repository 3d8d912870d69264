"""Shelly Gen1: `shellies/<device>/emeter/0/power` and the like, a bare number each."""

from __future__ import annotations

from foremend.vocabulary.types import RawMessage
from ingest.decoders.base import DeviceMap, Said
from ingest.decoders.scalar import ScalarDecoder
from ingest.settings import ShellyGen1Settings
from ingest.values import Ignored


class ShellyGen1(ScalarDecoder):
    """See ScalarDecoder. A channel has several levels; `announce`, which all devices share, is ignored."""

    def __init__(self, settings: ShellyGen1Settings, devices: DeviceMap) -> None:
        super().__init__(settings, devices, deep=frozenset({"channel"}))
        self._announce = settings.topic.partition("{")[0] + "announce"

    def decode(self, message: RawMessage) -> Said | None:
        """See Decoder."""
        return Ignored() if message.topic == self._announce else super().decode(message)
