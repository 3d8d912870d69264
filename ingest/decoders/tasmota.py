"""Tasmota: periodic `SENSOR` telegrams and `STATUS8` answers, which wrap the same in `StatusSNS`."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from foremend.vocabulary.types import RawMessage
from ingest.decoders.base import Said, TopicDecoder, json_object, moment
from ingest.decoders.device_map import DeviceMap
from ingest.settings import TasmotaSettings
from ingest.values import ApplianceKey, Ignored

_TEMPERATURES = {"C": "degC", "F": "degF"}


class Tasmota(TopicDecoder):
    """One reading a telegram at the telegram's `Time`, in the settings' time zone where it carries none."""

    def __init__(self, settings: TasmotaSettings, devices: DeviceMap) -> None:
        super().__init__(devices, settings.presence, (settings.topic, settings.status))
        self._zone: ZoneInfo = settings.timezone
        self._wanted = ", ".join(settings.signals)

    def _read(self, appliance: ApplianceKey, parts: Mapping[str, str], message: RawMessage) -> Said:
        document = json_object(message.payload)
        wrapped = document.get("StatusSNS")
        document = wrapped if isinstance(wrapped, dict) else document
        raw = self._devices.look(document)
        if all(value is None for places in raw.values() for value in places):
            return Ignored(f"none of {self._wanted} is where the settings look for it")
        when = moment(document.get("Time"), self._zone, message, "time")
        unit = _TEMPERATURES.get(str(document.get("TempUnit")))
        return self._reading(appliance, raw, when, message, unit)
