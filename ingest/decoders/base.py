"""What the decoders share: which topics are theirs, whose device it is, and readings of its values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any, NamedTuple, Protocol

from pydantic_core import from_json

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import RawMessage
from ingest.decoders.device_map import DeviceMap, Parts
from ingest.decoders.presence import is_online
from ingest.decoders.rising import Rising
from ingest.decoders.times import device_ms
from ingest.topic_pattern import TopicPattern
from ingest.values import ApplianceKey, DeviceReading, Ignored, Presence, Several

ANYTHING = "anything"
"""What a placeholder may stand for; no topic names it."""

AS_OF_ARRIVAL = "the time of arrival is used"
"""What becomes of a reading whose own time cannot be read; its note ends so."""

_TOPICS_REMEMBERED = 100_000

Said = DeviceReading | Presence | Ignored | Several


class Moment(NamedTuple):
    """When a message says that it was measured, ms UTC; None where it does not say."""

    time: int | None
    notes: Mapping[str, str] = {}


_UNSAID = Moment(None)


class Decoder(Protocol):
    """Makes readings of one kind of device's messages."""

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The MQTT filters that bring its messages."""
        ...

    def topics_of(self, device: str) -> tuple[str, ...]:
        """Topics on which a device of that name would bring readings; a word of ours where anything could be."""
        ...

    def names(self, topic: str) -> bool:
        """Whether the settings list the topic's device by its name: others may list it, too."""
        ...

    def covers(self, topic: str) -> bool:
        """Whether the topic is of a device of ours, listed or not."""
        ...

    def fits(self, topic: str) -> bool:
        """Whether the topic is one of this kind of device, whoever's it is."""
        ...

    def decode(self, message: RawMessage) -> Said | None:
        """What the message says; None where the topic is not of this kind of device, or the device not ours.

        Raises InputError, its text a dead letter's reason, where the message cannot be used.
        """
        ...

    @property
    def rising(self) -> Rising:
        """The totals of energy that power is told from."""
        ...

    def requests(self) -> Sequence[tuple[str, bytes]]:
        """(topic, payload) that devices are to be sent, since this was asked last."""
        ...

    def snapshot(self) -> Mapping[str, Any]: ...

    def restore(self, snapshot: Mapping[str, Any]) -> None: ...


class Route(NamedTuple):
    """Where messages of a topic go."""

    is_presence: bool
    parts: Mapping[str, str]  # the topic's placeholders
    appliance: ApplianceKey | None  # None: not ours
    listed: bool  # by its name


class Quiet:
    """Of a decoder: it sends devices nothing and remembers nothing, unless a subclass does."""

    def __init__(self, devices: DeviceMap) -> None:
        self._devices = devices

    @property
    def rising(self) -> Rising:
        """See Decoder."""
        return self._devices.rising

    def requests(self) -> Sequence[tuple[str, bytes]]:
        """See Decoder: none."""
        return ()

    def snapshot(self) -> Mapping[str, Any]:
        """See Decoder."""
        return {}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """See Decoder."""
        del snapshot  # nothing to remember


class TopicDecoder(Quiet, ABC):
    """A decoder that knows its messages by topic; subclasses read the payload."""

    def __init__(
        self,
        devices: DeviceMap,
        presence_topic: str | None,
        telemetry_topics: Sequence[str],
        deep: frozenset[str] = frozenset(),
    ) -> None:
        """`deep` names the placeholders that may stand for several levels of a topic."""
        super().__init__(devices)
        self._presence = [TopicPattern(topic, deep) for topic in (presence_topic,) if topic is not None]
        self._telemetry = [TopicPattern(topic, deep) for topic in telemetry_topics]
        self._routes: dict[str, Route | None] = {}

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """See Decoder."""
        return tuple(pattern.subscription() for pattern in (*self._telemetry, *self._presence))

    def topics_of(self, device: str) -> tuple[str, ...]:
        """See Decoder."""
        return tuple(pattern.filled(ANYTHING, appliance_id=device) for pattern in self._telemetry)

    def names(self, topic: str) -> bool:
        """See Decoder."""
        route = self._route(topic)
        return route is not None and route.listed

    def covers(self, topic: str) -> bool:
        """See Decoder."""
        route = self._route(topic)
        return route is not None and route.appliance is not None

    def fits(self, topic: str) -> bool:
        """See Decoder."""
        return self._route(topic) is not None

    def decode(self, message: RawMessage) -> Said | None:
        """See Decoder."""
        route = self._route(message.topic)
        if route is None or route.appliance is None:
            return None
        if route.is_presence:
            return self._read_presence(route.appliance, message)
        return self._read(route.appliance, route.parts, message)

    def _route(self, topic: str) -> Route | None:
        """None where the topic is not of this kind; looked for once a topic."""
        if topic not in self._routes:
            if len(self._routes) >= _TOPICS_REMEMBERED:
                self._routes.clear()
            self._routes[topic] = self._find_route(topic)
        return self._routes[topic]

    def _find_route(self, topic: str) -> Route | None:
        stranger = None
        for pattern in (*self._presence, *self._telemetry):
            if parts := pattern.match(topic):
                device = parts["appliance_id"]
                appliance = None if self._is_no_device(parts) else self._devices.appliance(device)
                listed = appliance is not None and self._devices.names(device)
                route = Route(pattern in self._presence, parts, appliance, listed)
                if appliance is not None:
                    return route
                stranger = stranger or route
        return stranger

    def _is_no_device(self, parts: Mapping[str, str]) -> bool:
        """Whether a topic with these placeholders says nothing of a device: a bridge's own, a command."""
        return False

    @abstractmethod
    def _read(self, appliance: ApplianceKey, parts: Mapping[str, str], message: RawMessage) -> Said:
        """What the message says; `parts` are its topic's placeholders. Raises InputError."""

    def _read_presence(self, appliance: ApplianceKey, message: RawMessage) -> Said:
        """What nobody here understands of it is told once: other programs use such topics, too."""
        try:
            return presence(appliance, message)
        except InputError as error:
            return Ignored(str(error))

    def _reading(
        self,
        appliance: ApplianceKey,
        raw: Mapping[str, Parts],
        moment: Moment,
        message: RawMessage,
        temperature: str | None = None,
    ) -> Said:
        """See `reading`."""
        return reading(self._devices, appliance, raw, moment, message, temperature)


def reading(
    devices: DeviceMap,
    appliance: ApplianceKey,
    raw: Mapping[str, Parts],
    moment: Moment,
    message: RawMessage,
    temperature: str | None = None,
) -> DeviceReading | Ignored:
    """`raw` at its `moment`, or at reception. Ignored where nothing is said, or what the broker kept has no time.

    Raises InputError where all that is said is bad.
    """
    if stale(moment, message):
        return Ignored()
    time = message.received if moment.time is None else moment.time
    values, bad = devices.signals(appliance, raw, time, temperature)
    if not said_something(values):
        if bad:
            raise InputError("; ".join(bad.values()))
        return Ignored()
    return DeviceReading(appliance, time, values, {**bad, **moment.notes} if bad else moment.notes)


def said_something(values: Mapping[str, float]) -> bool:
    """Whether any of them is there."""
    for value in values.values():  # noqa: SIM110 - once a message: three times as fast as `any`
        if value == value:
            return True
    return False


def stale(moment: Moment, message: RawMessage) -> bool:
    """Whether the broker kept it since nobody knows when: a device that is long dead may have said it."""
    return message.retained and moment.time is None


def moment(said: object, zone: tzinfo | None, message: RawMessage, name: str) -> Moment:
    """The time that a message says under `name`; where it cannot be read that is noted."""
    if said is None:
        return _UNSAID
    try:
        return Moment(device_ms(said, zone, message.received))
    except InputError as error:
        return Moment(None, {name: f"{error}: {AS_OF_ARRIVAL}"})


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
