"""Tasmota: periodic `SENSOR` telegrams and `STATUS8` answers, which wrap the same in `StatusSNS`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import RawMessage
from ingest.decoders.base import DeviceMap, Said, TopicDecoder, json_object
from ingest.decoders.times import iso_ms
from ingest.paths import look_up, parse_path
from ingest.settings import TasmotaSettings
from ingest.values import ApplianceKey, DeviceReading

_CLOCK_UNSET_BEFORE_MS = 946_684_800_000  # 2000: a device that no time server has answered starts at 1970
_TEMPERATURES = {"C": "degC", "F": "degF"}


class Tasmota(TopicDecoder):
    """One reading a telegram at the telegram's `Time`, in the settings' time zone where it carries none."""

    def __init__(self, settings: TasmotaSettings, devices: DeviceMap) -> None:
        super().__init__(devices, settings.presence, (settings.topic, settings.status))
        self._zone: ZoneInfo = settings.timezone
        self._paths = {name: parse_path(source.path) for name, source in settings.signals.items()}

    def _read(self, appliance: ApplianceKey, parts: Mapping[str, str], message: RawMessage) -> Said:
        document = json_object(message.payload)
        wrapped = document.get("StatusSNS")
        document = wrapped if isinstance(wrapped, dict) else document
        raw = {name: look_up(document, path) for name, path in self._paths.items()}
        if all(value is None for value in raw.values()):
            raise InputError(f"none of {', '.join(self._paths)} is where the settings look for it")
        values = self._devices.signals(appliance, raw, _TEMPERATURES.get(str(document.get("TempUnit"))))
        return DeviceReading(appliance, self._time(document.get("Time"), message.received), values)

    def _time(self, text: Any, received: int) -> int:
        if text is None:
            return received
        time = iso_ms(text, self._zone, near=received)
        return time if time >= _CLOCK_UNSET_BEFORE_MS else received
