"""What devices have in common that send one bare number a topic (Shelly Gen1, ESPHome, Zigbee2MQTT by attribute).

Each message is a reading of one signal, at reception, as nothing else is known of its time; the other signals are
absent in it, not repeated from before: readings of one time come together again in `ingest.reorder`. A retained
message may be hours old and does not say so; it is ignored. What is added up of several topics, as the phases of a
meter, is said with each of them, once all were heard of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import RawMessage
from ingest.decoders.base import ANYTHING, Moment, Said, TopicDecoder
from ingest.decoders.device_map import DeviceMap, Parts
from ingest.decoders.plain import plain
from ingest.memory import remember
from ingest.settings import (
    EspHomeSettings,
    OpenBekenSettings,
    ShellyGen1Settings,
    StatestreamSettings,
    Zigbee2MqttAttributeSettings,
)
from ingest.values import ApplianceKey, Ignored

_UNDATED = Moment(None)
_TOGETHER_MS = 15 * 60_000
"""What is added up was heard within this time."""


class ScalarDecoder(TopicDecoder):
    """One reading of what a channel says; channels that the settings do not name are ignored."""

    def __init__(
        self,
        settings: ShellyGen1Settings
        | EspHomeSettings
        | OpenBekenSettings
        | StatestreamSettings
        | Zigbee2MqttAttributeSettings,
        devices: DeviceMap,
        deep: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(devices, settings.presence, (settings.topic,), deep)
        self._paths = {name: source.paths for name, source in settings.signals.items()}
        channels = dict.fromkeys(path for paths in self._paths.values() for path in paths)
        self._signals_of = {
            one: [name for name, paths in self._paths.items() if one in paths] for one in channels
        }
        self._summands = {path for paths in self._paths.values() if len(paths) > 1 for path in paths}
        self._heard: dict[str, dict[str, tuple[int, float]]] = {}  # appliance id -> channel -> ms, number

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Only the channels that the settings name."""
        channels = [self._telemetry[0].subscription(channel=channel) for channel in self._signals_of]
        return tuple(dict.fromkeys((*channels, *(pattern.subscription() for pattern in self._presence))))

    def topics_of(self, device: str) -> tuple[str, ...]:
        """Of the channels that the settings name."""
        pattern = self._telemetry[0]
        return tuple(pattern.filled(ANYTHING, appliance_id=device, channel=one) for one in self._signals_of)

    def snapshot(self) -> Mapping[str, Any]:
        """What is added up."""
        return {name: {one: list(said) for one, said in heard.items()} for name, heard in self._heard.items()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """See Decoder."""
        self._heard = {
            name: {one: (said[0], said[1]) for one, said in heard.items()} for name, heard in snapshot.items()
        }

    def _read(self, appliance: ApplianceKey, parts: Mapping[str, str], message: RawMessage) -> Said:
        channel = parts["channel"]
        names = self._signals_of.get(channel)
        if names is None or message.retained:
            return Ignored()
        value = plain(message.payload.decode("ascii", "replace"))
        if value is None:
            return Ignored()
        if not isinstance(value, float):
            raise InputError(f"{', '.join(names)}: {message.payload[:40]!r} is not a finite number")
        said = self._with_others(appliance, channel, value, message.received)
        raw: dict[str, Parts] = {name: tuple(map(said.get, self._paths[name])) for name in names}
        return self._reading(appliance, raw, _UNDATED, message)

    def _with_others(
        self, appliance: ApplianceKey, channel: str, value: float, now: int
    ) -> Mapping[str, float]:
        """The number of this channel, and those of the others that it is added to."""
        if channel not in self._summands:
            return {channel: value}
        heard = self._heard.get(appliance.appliance_id, {})
        heard[channel] = (now, value)
        remember(self._heard, appliance.appliance_id, heard)
        return {one: number for one, (at, number) in heard.items() if now - at <= _TOGETHER_MS}
