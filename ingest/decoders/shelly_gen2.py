"""Shelly Gen2 and later: whole component states, and notifications of what changed in them.

A notification carries changed fields only, so it is laid over what is known of the appliance, and every reading
says all of it; going offline forgets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import RawMessage
from ingest.decoders.base import Moment, Said, TopicDecoder, json_object, moment
from ingest.decoders.device_map import DeviceMap
from ingest.decoders.overlay import Overlay
from ingest.settings import ShellyGen2Settings
from ingest.values import ApplianceKey, Ignored, Presence

_NOTIFICATIONS = ("NotifyStatus", "NotifyFullStatus")


class ShellyGen2(TopicDecoder):
    """One reading for each message that says something new about a mapped signal."""

    def __init__(self, settings: ShellyGen2Settings, devices: DeviceMap) -> None:
        super().__init__(devices, settings.presence, (settings.topic, settings.events))
        self._known = Overlay(devices)

    def snapshot(self) -> Mapping[str, Any]:
        """What is known of each appliance."""
        return self._known.snapshot()

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """See Decoder."""
        self._known.restore(snapshot)

    def _read(self, appliance: ApplianceKey, parts: Mapping[str, str], message: RawMessage) -> Said:
        if not message.payload:
            return Ignored()
        document = json_object(message.payload)
        component = parts.get("component")
        if component is not None:
            said = self._devices.look({component: document})
            return self._known.reading(appliance, said, Moment(None), message)
        if document.get("method") not in _NOTIFICATIONS:
            return Ignored()
        params = document.get("params")
        if not isinstance(params, dict):
            raise InputError("params: should be a JSON object")
        when = moment(params.get("ts"), None, message, "params.ts")
        return self._known.reading(appliance, self._devices.look(params), when, message)

    def _read_presence(self, appliance: ApplianceKey, message: RawMessage) -> Said:
        said = super()._read_presence(appliance, message)
        if isinstance(said, Presence) and not said.online:
            self._known.forget(appliance)
        return said
