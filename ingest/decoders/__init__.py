"""Decoders of devices nobody here built. How to add one: CONTRIBUTING.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from foremend.vocabulary.errors import ConfigError
from ingest.canonical import CanonicalPayload
from ingest.decoders.base import Decoder
from ingest.decoders.device_map import DeviceMap, is_total_of
from ingest.decoders.esphome import EspHome
from ingest.decoders.openbeken import OpenBeken
from ingest.decoders.shelly_gen1 import ShellyGen1
from ingest.decoders.shelly_gen2 import ShellyGen2
from ingest.decoders.sparkplug import Sparkplug
from ingest.decoders.statestream import Statestream
from ingest.decoders.tasmota import Tasmota
from ingest.decoders.thingsboard import ThingsBoard
from ingest.decoders.zigbee2mqtt import Zigbee2Mqtt
from ingest.decoders.zigbee2mqtt_attribute import Zigbee2MqttAttribute
from ingest.settings import (
    DecoderSettings,
    EspHomeSettings,
    OpenBekenSettings,
    ShellyGen1Settings,
    ShellyGen2Settings,
    SparkplugSettings,
    StatestreamSettings,
    TasmotaSettings,
    ThingsBoardSettings,
    Zigbee2MqttAttributeSettings,
    Zigbee2MqttSettings,
)
from ingest.values import SignalSpecs

__all__ = ["Decoder", "build_decoders", "keeps_state"]


def build_decoders(
    settings: Sequence[DecoderSettings], signals: SignalSpecs, payloads: Mapping[str, CanonicalPayload]
) -> list[Decoder]:
    """One decoder for each entry of the settings. Raises ConfigError, naming the entry, where one does not fit."""
    decoders = []
    for index, one in enumerate(settings):
        try:
            decoders.append(_build(one, DeviceMap(one, signals, payloads)))
        except ConfigError as error:
            raise ConfigError(f"ingest.decoders[{index}] ({one.decoder}): {error}") from error
    return decoders


def _build(settings: DecoderSettings, devices: DeviceMap) -> Decoder:
    match settings:
        case TasmotaSettings():
            return Tasmota(settings, devices)
        case ShellyGen1Settings():
            return ShellyGen1(settings, devices)
        case ShellyGen2Settings():
            return ShellyGen2(settings, devices)
        case Zigbee2MqttSettings():
            return Zigbee2Mqtt(settings, devices)
        case Zigbee2MqttAttributeSettings():
            return Zigbee2MqttAttribute(settings, devices)
        case EspHomeSettings():
            return EspHome(settings, devices)
        case OpenBekenSettings():
            return OpenBeken(settings, devices)
        case StatestreamSettings():
            return Statestream(settings, devices)
        case ThingsBoardSettings():
            return ThingsBoard(settings, devices)
        case SparkplugSettings():
            return Sparkplug(settings, devices)


def keeps_state(settings: DecoderSettings, signals: SignalSpecs) -> bool:
    """Whether messages of a device are laid over earlier ones, so that all of them must reach the same decoder."""
    return settings.keeps_state or any(
        is_total_of(source.unit, specs[name].unit)
        for specs in signals.values()
        for name, source in settings.signals.items()
        if name in specs
    )
