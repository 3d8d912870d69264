"""What an operator may write under `ingest:` in config.yaml. For example:

ingest:
  lateness: 10 min
  decoders:
    - decoder: tasmota
      timezone: Europe/Berlin
      appliances:
        plug-7: { appliance_id: fridge-1, appliance_model: generic-compressor } # tele/plug-7/SENSOR
      signals:
        power: { path: ENERGY.Power, unit: W }
        current: { path: "ENERGY.Current[0]", unit: A }
    - decoder: shelly-gen2
      topic: "home/{appliance_id}/status/{component}"
      events: "home/{appliance_id}/events/rpc"
      presence: "home/{appliance_id}/online"
      appliance_model: generic-compressor # every device, under its own name
      signals:
        power: { path: "switch:0.apower", unit: W }
    - decoder: shelly-gen1
      appliance_model: generic-compressor
      signals:
        power: { path: emeter/0/power, unit: W } # shellies/<device>/emeter/0/power
"""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from foremend.vocabulary.schema import DurationMs, KebabName, Strict
from foremend.vocabulary.topics import APPLIANCE_ID
from ingest.paths import parse_path
from ingest.topic_pattern import check_pattern


def _zone(name: object) -> object:
    if not isinstance(name, str):
        return name
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:  # an unknown zone is a KeyError
        raise ValueError(f"'{name}' is not a time zone: write for example Europe/Berlin or UTC") from error


Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
"""A time zone by its IANA name."""


def _device_topic(pattern: str) -> str:
    return check_pattern(pattern, "appliance_id")


def _channel_topic(pattern: str) -> str:
    return check_pattern(pattern, "appliance_id", "channel")


def _json_path(text: str) -> str:
    parse_path(text)
    return text


def _plain_topic(topic: str) -> str:
    return check_pattern(topic)


PlainTopic = Annotated[str, AfterValidator(_plain_topic)]
"""A topic without placeholders."""
DeviceTopic = Annotated[str, AfterValidator(_device_topic)]
"""A topic with `{appliance_id}` where the device's own name is; other parts are as the user chose them."""
ChannelTopic = Annotated[str, AfterValidator(_channel_topic)]
"""The same with `{channel}` where it says what the number is."""

JsonPath = Annotated[str, AfterValidator(_json_path)]

ApplianceId = Annotated[str, Field(pattern=f"^{APPLIANCE_ID}$")]


class ApplianceRef(Strict):
    """Which appliance a device is attached to."""

    appliance_id: ApplianceId
    appliance_model: KebabName


class Source(Strict):
    """Where a signal comes from, and in which unit.

    `path` leads into a JSON payload (see ingest.paths), or is the part of the topic that stands for `{channel}` where
    each topic carries one bare number. Several paths are added up, as the phases of a meter; a sum is known where all
    of them are. `sign` is for a clamp put on the other way round, or where both ways are use.
    """

    path: JsonPath | Annotated[tuple[JsonPath, ...], Field(min_length=2)]
    unit: str
    sign: Literal["as-is", "reversed", "absolute"] = "as-is"

    @property
    def paths(self) -> tuple[str, ...]:
        """One, or all whose sum it is."""
        return (self.path,) if isinstance(self.path, str) else self.path


class DeviceSettings(Strict):
    """A kind of device: its appliances by the name in the topic.

    A device not listed under `appliances` is an `appliance_model` with the device's name as its id; where that is not
    given, it is left to the decoders that follow. A device listed in several entries is several appliances, or one
    whose signals are in several places: each entry takes what it names.

    `holds_for` is how long a value stands until the next one, of devices that speak only when something changes:
    `learnt` from each device's own pauses, a duration, or null where each value is for itself.
    """

    appliances: dict[str, ApplianceRef] = Field(default_factory=dict)
    appliance_model: KebabName | None = None
    signals: Annotated[dict[str, Source], Field(min_length=1)]
    holds_for: Literal["learnt"] | Annotated[DurationMs, Field(gt=0)] | None = "learnt"

    @model_validator(mode="after")
    def _has_appliances(self) -> DeviceSettings:
        if not self.appliances and self.appliance_model is None:
            raise ValueError("name the devices under appliances, or give the appliance_model of all of them")
        return self

    @property
    def keeps_state(self) -> bool:
        """Whether messages are laid over earlier ones, so that all of a device's must reach the same decoder.

        What is only learnt is left out where devices are dealt out among gateways.
        """
        return isinstance(self.holds_for, int)


class ChannelSettings(DeviceSettings):
    """Devices that send one bare number a topic; what is added up comes in several messages."""

    @property
    def keeps_state(self) -> bool:
        return super().keeps_state or any(len(source.paths) > 1 for source in self.signals.values())


class TasmotaSettings(DeviceSettings):
    """Tasmota: `SENSOR` telegrams, `STATUS8` answers, last will. `Time` carries no zone: `timezone` says it."""

    decoder: Literal["tasmota"]
    topic: DeviceTopic = "tele/{appliance_id}/SENSOR"
    status: DeviceTopic = "stat/{appliance_id}/STATUS8"
    presence: DeviceTopic = "tele/{appliance_id}/LWT"
    holds_for: Annotated[DurationMs, Field(gt=0)] | Literal["learnt"] | None = None  # it speaks by the clock
    timezone: Zone = ZoneInfo("UTC")


class ShellyGen1Settings(ChannelSettings):
    """Shelly Gen1: one bare number a topic; a `path` is what follows the device's name, as `emeter/0/power`."""

    decoder: Literal["shelly-gen1"]
    topic: ChannelTopic = "shellies/{appliance_id}/{channel}"
    presence: DeviceTopic = "shellies/{appliance_id}/online"


class ShellyGen2Settings(DeviceSettings):
    """Shelly Gen2 and later: states and notifications of components; a path starts with one: `switch:0.apower`."""

    decoder: Literal["shelly-gen2"]
    topic: DeviceTopic = "{appliance_id}/status/{component}"
    events: DeviceTopic = "{appliance_id}/events/rpc"
    presence: DeviceTopic = "{appliance_id}/online"

    @property
    def keeps_state(self) -> bool:
        return True


class Zigbee2MqttSettings(DeviceSettings):
    """Zigbee2MQTT: one object a device; friendly names may contain '/'."""

    decoder: Literal["zigbee2mqtt"]
    topic: DeviceTopic = "zigbee2mqtt/{appliance_id}"
    presence: DeviceTopic = "zigbee2mqtt/{appliance_id}/availability"


class Zigbee2MqttAttributeSettings(ChannelSettings):
    """Zigbee2MQTT with `output: attribute`: one bare value a topic; a `path` is the attribute's name, as `power`."""

    decoder: Literal["zigbee2mqtt-attribute"]
    topic: ChannelTopic = "zigbee2mqtt/{appliance_id}/{channel}"
    presence: DeviceTopic = "zigbee2mqtt/{appliance_id}/availability"


class EspHomeSettings(ChannelSettings):
    """ESPHome: one bare number a topic; a `path` is the sensor's name."""

    decoder: Literal["esphome"]
    topic: ChannelTopic = "{appliance_id}/sensor/{channel}/state"
    presence: DeviceTopic = "{appliance_id}/status"


class OpenBekenSettings(ChannelSettings):
    """OpenBeken: one bare number a topic; a `path` is what the number is called, as `power`, or a channel's number."""

    decoder: Literal["openbeken"]
    topic: ChannelTopic = "{appliance_id}/{channel}/get"
    presence: DeviceTopic = "{appliance_id}/connected"


class StatestreamSettings(ChannelSettings):
    """Home Assistant's `mqtt_statestream`: an entity a topic; a `path` is the end of its name, as `power`.

    A device is what stands before it: `sensor.fridge_plug_power` is `power` of `fridge_plug`.
    """

    decoder: Literal["home-assistant"]
    topic: ChannelTopic = "homeassistant/sensor/{appliance_id}_{channel}/state"

    @property
    def presence(self) -> None:
        """It has no topic for that."""
        return None


class ThingsBoardSettings(DeviceSettings):
    """ThingsBoard's gateway API: all devices of a gateway in one topic, by their names."""

    decoder: Literal["thingsboard-gateway"]
    topic: PlainTopic = "v1/gateway/telemetry"
    connect: PlainTopic = "v1/gateway/connect"
    disconnect: PlainTopic = "v1/gateway/disconnect"


class SparkplugSettings(DeviceSettings):
    """Sparkplug B; devices are listed as `group/edge node/device`, and a `path` is a metric's whole name."""

    decoder: Literal["sparkplug-b"]
    prefix: PlainTopic = "spBv1.0"

    @property
    def keeps_state(self) -> bool:
        return True


DecoderSettings = Annotated[
    TasmotaSettings
    | ShellyGen1Settings
    | ShellyGen2Settings
    | Zigbee2MqttSettings
    | Zigbee2MqttAttributeSettings
    | EspHomeSettings
    | OpenBekenSettings
    | StatestreamSettings
    | ThingsBoardSettings
    | SparkplugSettings,
    Field(discriminator="decoder"),
]


class IngestSettings(Strict):
    """From the wire to blocks."""

    lateness: DurationMs = Field(default=600_000, ge=0)  # readings are put in order within this event time
    clock_ahead: DurationMs = Field(default=3_600_000, ge=0)  # a clock more than this ahead is wrong
    oldest: DurationMs | None = 400 * 86_400_000  # before reception; null takes recordings of any age
    max_payload_bytes: int = Field(default=1_048_576, ge=1)
    max_readings: int = Field(default=10_000, ge=1)  # in one message
    dead_letter_bytes: int = Field(
        default=65_536, ge=1_024, le=600_000
    )  # kept of a payload; Kafka takes no more
    decoders: tuple[DecoderSettings, ...] = ()

    @model_validator(mode="after")
    def _keeps_what_may_be_late(self) -> IngestSettings:
        if self.oldest is not None and self.oldest < self.lateness:
            raise ValueError("oldest is shorter than lateness: what may come that late would be refused")
        return self
