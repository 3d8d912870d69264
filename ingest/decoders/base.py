"""What the decoders share: whose device it is, and its values as signals of the profile."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic_core import from_json

from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.topics import is_appliance_id
from foremend.vocabulary.types import RawMessage
from ingest.canonical import CanonicalPayload
from ingest.decoders.presence import is_online
from ingest.settings import DeviceSettings
from ingest.topic_pattern import TopicPattern
from ingest.units import conversion, is_temperature
from ingest.values import ApplianceKey, DeviceReading, Ignored, Presence, SignalSpecs

ANYTHING = "anything"
"""What a placeholder may stand for; no topic names it."""

Said = DeviceReading | Presence | Ignored


class Decoder(Protocol):
    """Makes readings of one kind of device's messages."""

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The MQTT filters that bring its messages."""
        ...

    def topics_of(self, device: str) -> tuple[str, ...]:
        """Topics on which a device of that name would bring readings; a word of ours where anything could be."""
        ...

    def decode(self, message: RawMessage) -> Said | None:
        """What the message says; None where the topic is not of this kind of device.

        Raises InputError, its text a dead letter's reason, where the message cannot be used.
        """
        ...

    def snapshot(self) -> Mapping[str, Any]: ...

    def restore(self, snapshot: Mapping[str, Any]) -> None: ...


class DeviceMap:
    """The settings of one kind of device against the profiles of the appliances it is attached to.

    Raises ConfigError where they name an appliance model without profile, a signal that none of the models has, or
    a unit that cannot become the profile's.
    """

    def __init__(
        self, settings: DeviceSettings, signals: SignalSpecs, payloads: Mapping[str, CanonicalPayload]
    ) -> None:
        self._settings = settings
        self._payloads = payloads
        self._units = {model: _units(model, settings, signals) for model in _models(settings)}
        nowhere = set(settings.signals).difference(*self._units.values())
        if nowhere:
            raise ConfigError(
                f"signals: {', '.join(sorted(nowhere))} is no signal of {', '.join(self._units)}"
            )

    def appliance(self, name: str) -> ApplianceKey | None:
        """The appliance that the device `name` is attached to, None where these settings do not cover it.

        Raises InputError where they do and the name cannot be an appliance id.
        """
        ref = self._settings.appliances.get(name)
        if ref is not None:
            return ApplianceKey(ref.appliance_model, ref.appliance_id)
        if self._settings.appliance_model is None:
            return None
        if not is_appliance_id(name):
            raise InputError(f"device '{name:.80}' cannot be an appliance id: give it one under appliances")
        return ApplianceKey(self._settings.appliance_model, name)

    def signals(
        self, appliance: ApplianceKey, raw: Mapping[str, object], temperature: str | None = None
    ) -> dict[str, float]:
        """`raw` values (signal -> value on the wire) in the profile's units, NaN for signals they lack.

        `temperature` is the unit of temperatures where the payload says it. Raises InputError naming the signal where
        a value is no number or outside what the signal can measure.
        """
        units = self._units[appliance.appliance_model]
        wanted = {
            name: _converted(value, *units[name], temperature) for name, value in raw.items() if name in units
        }
        try:
            return self._payloads[appliance.appliance_model].signals(wanted)
        except ValueError as error:
            raise InputError(str(error)) from error


def _models(settings: DeviceSettings) -> list[str]:
    models = {ref.appliance_model for ref in settings.appliances.values()}
    return sorted(models | ({settings.appliance_model} if settings.appliance_model else set()))


def _units(model: str, settings: DeviceSettings, signals: SignalSpecs) -> dict[str, tuple[str, str]]:
    """Signal -> its unit on the wire and in the profile of `model`, for those of the settings that it has."""
    if model not in signals:
        raise ConfigError(f"appliance model '{model}' has no profile; there are {', '.join(sorted(signals))}")
    units = {
        name: (source.unit, signals[model][name].unit)
        for name, source in settings.signals.items()
        if name in signals[model]
    }
    for wire, wanted in units.values():
        conversion(wire, wanted)
    return units


def _converted(value: object, wire: str, wanted: str, temperature: str | None) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value  # for the check to refuse, by name
    if temperature is not None and is_temperature(wire):
        wire = temperature
    try:
        return conversion(wire, wanted).apply(float(value))
    except OverflowError:  # an integer of hundreds of digits
        return value


class TopicDecoder(ABC):
    """A decoder that knows its messages by topic; subclasses read the payload. Remembers nothing unless they do."""

    def __init__(
        self,
        devices: DeviceMap,
        presence_topic: str,
        telemetry_topics: Sequence[str],
        deep: frozenset[str] = frozenset(),
    ) -> None:
        """`deep` names the placeholders that may stand for several levels of a topic."""
        self._devices = devices
        self._presence = TopicPattern(presence_topic, deep)
        self._telemetry = [TopicPattern(topic, deep) for topic in telemetry_topics]

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """See Decoder."""
        return tuple(pattern.subscription() for pattern in (*self._telemetry, self._presence))

    def topics_of(self, device: str) -> tuple[str, ...]:
        """See Decoder."""
        return tuple(pattern.filled(ANYTHING, appliance_id=device) for pattern in self._telemetry)

    def decode(self, message: RawMessage) -> Said | None:
        """See Decoder."""
        for pattern in (self._presence, *self._telemetry):
            parts = pattern.match(message.topic)
            appliance = self._devices.appliance(parts["appliance_id"]) if parts else None
            if parts and appliance:
                is_presence = pattern is self._presence
                return (
                    self._read_presence(appliance, message)
                    if is_presence
                    else self._read(appliance, parts, message)
                )
        return None

    def snapshot(self) -> Mapping[str, Any]:
        """See Decoder."""
        return {}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """See Decoder."""
        del snapshot  # nothing to remember

    @abstractmethod
    def _read(self, appliance: ApplianceKey, parts: Mapping[str, str], message: RawMessage) -> Said:
        """What the message says; `parts` are its topic's placeholders. Raises InputError."""

    def _read_presence(self, appliance: ApplianceKey, message: RawMessage) -> Said:
        return presence(appliance, message)


def presence(appliance: ApplianceKey, message: RawMessage) -> Presence | Ignored:
    """The presence that `message` reports; an empty one only clears what the broker kept.

    Raises InputError where it is neither online nor offline.
    """
    if not message.payload:
        return Ignored()
    return Presence(
        appliance.appliance_model, appliance.appliance_id, is_online(message.payload), message.received
    )


def json_object(payload: bytes) -> dict[str, Any]:
    """The JSON object in `payload`. Raises InputError where it is something else."""
    try:
        document = from_json(payload)
    except ValueError as error:
        raise InputError(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InputError(f"should be a JSON object, is a {type(document).__name__}")
    return document
