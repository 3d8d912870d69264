"""What devices have in common that send one bare number a topic (Shelly Gen1, ESPHome).

Each message is a reading of one signal, at reception, as nothing else is known of its time; the other signals are
absent in it, not repeated from before: readings of one time come together again in `ingest.reorder`. A retained
message may be hours old and does not say so; it is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import RawMessage
from ingest.decoders.base import ANYTHING, DeviceMap, Said, TopicDecoder
from ingest.settings import EspHomeSettings, ShellyGen1Settings
from ingest.values import ApplianceKey, DeviceReading, Ignored

_NUMBER = re.compile(rb"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_LONGEST_NUMBER = 64


class ScalarDecoder(TopicDecoder):
    """One reading of one signal a message; channels that the settings do not name are ignored."""

    def __init__(
        self,
        settings: ShellyGen1Settings | EspHomeSettings,
        devices: DeviceMap,
        deep: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(devices, settings.presence, (settings.topic,), deep)
        self._signal_of = {source.path: name for name, source in settings.signals.items()}

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Only the channels that the settings name."""
        channels = (self._telemetry[0].subscription(channel=channel) for channel in self._signal_of)
        return (*channels, self._presence.subscription())

    def topics_of(self, device: str) -> tuple[str, ...]:
        """Of the channels that the settings name."""
        pattern = self._telemetry[0]
        return tuple(pattern.filled(ANYTHING, appliance_id=device, channel=one) for one in self._signal_of)

    def _read(self, appliance: ApplianceKey, parts: Mapping[str, str], message: RawMessage) -> Said:
        signal = self._signal_of.get(parts["channel"])
        if signal is None or message.retained:
            return Ignored()
        payload = message.payload
        if len(payload) > _LONGEST_NUMBER or not _NUMBER.fullmatch(payload):
            raise InputError(f"{signal}: {payload[:40]!r} is not a finite number")
        return DeviceReading(
            appliance, message.received, self._devices.signals(appliance, {signal: float(payload)})
        )
