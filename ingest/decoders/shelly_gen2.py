"""Shelly Gen2 and later: whole component states, and notifications of what changed in them.

A notification carries changed fields only, so it is laid over what is known of the appliance, and every reading
says all of it; going offline forgets it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import RawMessage
from ingest.decoders.base import DeviceMap, Said, TopicDecoder, json_object
from ingest.paths import look_up, parse_path
from ingest.settings import ShellyGen2Settings
from ingest.values import ApplianceKey, DeviceReading, Ignored, Presence

_NOTIFICATIONS = ("NotifyStatus", "NotifyFullStatus")
_UPTIME_BELOW_S = 1e9  # 2001: until the clock is set, `ts` counts from the boot


class ShellyGen2(TopicDecoder):
    """One reading for each message that says something new about a mapped signal."""

    def __init__(self, settings: ShellyGen2Settings, devices: DeviceMap) -> None:
        super().__init__(devices, settings.presence, (settings.topic, settings.events))
        self._paths = {name: parse_path(source.path) for name, source in settings.signals.items()}
        self._known: dict[str, dict[str, float]] = {}  # appliance id -> signals

    def snapshot(self) -> Mapping[str, Any]:
        """What is known of each appliance."""
        return {name: dict(signals) for name, signals in self._known.items()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """See Decoder."""
        self._known = {name: dict(signals) for name, signals in snapshot.items()}

    def _read(self, appliance: ApplianceKey, parts: Mapping[str, str], message: RawMessage) -> Said:
        document = json_object(message.payload)
        component = parts.get("component")
        if component is not None:
            return self._overlay(appliance, {component: document}, message)
        if document.get("method") not in _NOTIFICATIONS:
            return Ignored()
        params = document.get("params")
        if not isinstance(params, dict):
            raise InputError("params: should be a JSON object")
        return self._overlay(appliance, params, message)

    def _overlay(self, appliance: ApplianceKey, state: Mapping[str, Any], message: RawMessage) -> Said:
        raw = {name: look_up(state, path) for name, path in self._paths.items()}
        has_time = "ts" in state
        if all(value is None for value in raw.values()) or (message.retained and not has_time):
            return Ignored()
        time = _time(state["ts"], message.received) if has_time else message.received
        said = self._devices.signals(appliance, raw)
        known = self._known.setdefault(appliance.appliance_id, {})
        known.update(
            (name, value) for name, value in said.items() if value is not None and not math.isnan(value)
        )
        return DeviceReading(appliance, time, {name: known.get(name, math.nan) for name in said})

    def _read_presence(self, appliance: ApplianceKey, message: RawMessage) -> Said:
        said = super()._read_presence(appliance, message)
        if isinstance(said, Presence) and not said.online:
            self._known.pop(appliance.appliance_id, None)
        return said


def _time(seconds: object, received: int) -> int:
    """A notification's `ts`, or the time of reception where it is an uptime."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e11:
        raise InputError(f"params.ts: {seconds!r:.60} is not a time in seconds")
    return round(seconds * 1_000) if seconds >= _UPTIME_BELOW_S else received
