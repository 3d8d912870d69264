"""ThingsBoard's gateway API: one topic for all devices of a gateway, each with its readings under its name.

`{"Device A": [{"ts": 1483228800000, "values": {"power": 42}}], "Device B": [...]}`; `connect` and `disconnect` beside
it say who is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import RawMessage
from ingest.decoders.base import Quiet, Said, json_object, moment, reading
from ingest.decoders.device_map import DeviceMap
from ingest.settings import ThingsBoardSettings
from ingest.values import ApplianceKey, Ignored, Presence, Several

_MOST_READINGS = 10_000
_MOST_REASONS = 3


class ThingsBoard(Quiet):
    """Several readings a message."""

    def __init__(self, settings: ThingsBoardSettings, devices: DeviceMap) -> None:
        super().__init__(devices)
        self._lists = bool(settings.appliances)
        self._telemetry = settings.topic
        self._presence = {settings.connect: True, settings.disconnect: False}

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """See Decoder."""
        return (self._telemetry, *self._presence)

    def topics_of(self, device: str) -> tuple[str, ...]:
        """See Decoder: one for all."""
        return (self._telemetry,)

    def names(self, topic: str) -> bool:
        """Whether the settings list devices: others may list further ones of the same gateway."""
        return self._lists and self.fits(topic)

    def covers(self, topic: str) -> bool:
        """See Decoder."""
        return self.fits(topic)

    def fits(self, topic: str) -> bool:
        """See Decoder."""
        return topic == self._telemetry or topic in self._presence

    def decode(self, message: RawMessage) -> Said | None:
        """See Decoder."""
        online = self._presence.get(message.topic)
        if online is not None:
            return self._read_presence(message, online)
        if message.topic != self._telemetry:
            return None
        said: list[Any] = []
        refused: list[str] = []
        for number, (device, appliance, one) in enumerate(self._readings(message)):
            if number >= _MOST_READINGS:
                raise InputError(f"more than {_MOST_READINGS} readings in one message")
            try:
                said.append(self._read(appliance, one, message))
            except InputError as error:
                refused.append(f"device '{device:.80}': {error}")
        more = len(refused) - _MOST_REASONS
        return Several(said, refused[:_MOST_REASONS] + ([f"and {more} more"] if more > 0 else []))

    def _readings(self, message: RawMessage) -> Iterator[tuple[str, ApplianceKey, object]]:
        """(device, its appliance, a reading) of devices that are ours."""
        for device, readings in json_object(message.payload).items():
            appliance = self._devices.appliance(device)
            if appliance is not None:
                for one in readings if isinstance(readings, list) else (readings,):
                    yield device, appliance, one

    def _read(self, appliance: ApplianceKey, one: object, message: RawMessage) -> Said:
        """A reading, with its time or without; its values stand beside that, too."""
        if not isinstance(one, dict):
            raise InputError(f"should be a JSON object, is a {type(one).__name__}")
        values = one.get("values", one)
        if not isinstance(values, dict):
            raise InputError(f"values: should be a JSON object, is a {type(values).__name__}")
        when = moment(one.get("ts"), None, message, "ts")
        return reading(self._devices, appliance, self._devices.look(values), when, message)

    def _read_presence(self, message: RawMessage, online: bool) -> Said:
        device = json_object(message.payload).get("device")
        appliance = self._devices.appliance(device) if isinstance(device, str) else None
        if appliance is None:
            return Ignored()
        return Presence(appliance.appliance_model, appliance.appliance_id, online, message.received)
