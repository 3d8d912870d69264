"""What can be seen of a broker before a pipeline depends on it: `foremend check --connect`.

As a guest: everything it sends is below `foremend/proof/`, and its session is removed at the end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from paho.mqtt.enums import MQTTProtocolVersion

from foremend.vocabulary.errors import RefusedError, UnavailableError
from foremend.vocabulary.topics import PROOF
from ingest.mqtt.guest import PATIENCE_S, guest, require_names
from ingest.mqtt.settings import MqttSettings

PAYLOADS = (4_096, 65_536, 262_144, 1_048_576)
"""Bytes tried: an array of five hundred readings has some 64 KiB."""

_MOMENT_S = 2.0  # for what may never come
_VERSION = "$SYS/broker/version"
_TOPIC = f"{PROOF}/check"


@dataclass
class Seen:
    """What was seen of a broker; None where it could not be."""

    version: str | None = None  # as it calls itself
    announced_packet_bytes: int | None = None  # the largest that it takes, by MQTT 5
    keeps_sessions: bool | None = None
    shared_subscriptions: bool | None = None  # whether one brings anything, not whether it is granted
    largest_payload: int | None = None  # bytes, of `PAYLOADS`, that came back
    warnings: list[str] = field(default_factory=list)


def look(settings: MqttSettings, subscriptions: Sequence[str]) -> Seen:
    """What the broker of `settings` does. Takes some seconds, more where what is looked for never comes.

    Raises UnavailableError where it is not there, RefusedError where it refuses user, password or one of the filters
    `subscriptions`, and as `require_names` does: everything else is only seen.
    """
    seen = Seen()
    require_names(settings)
    with guest(settings, "check") as one:
        one.subscribe(subscriptions)
    with guest(settings, "check") as one:
        one.subscribe([f"{_TOPIC}/plain"])
        one.publish(f"{_TOPIC}/plain", b"proof")
        comes = one.heard(f"{_TOPIC}/plain", 5, PATIENCE_S)
    seen.version, seen.announced_packet_bytes = _version(settings), _announced(settings)
    if not comes:
        seen.warnings.append(
            f"a message of our own on {_TOPIC}/plain does not come back, so nothing more is seen:"
            f" let this user write and read {PROOF}/# (ACL)"
        )
        return seen
    seen.shared_subscriptions, seen.keeps_sessions = _shares(settings), _keeps(settings)
    seen.largest_payload = _largest(settings)
    seen.warnings += _warnings(seen)
    return seen


def _warnings(seen: Seen) -> Iterator[str]:
    if not seen.keeps_sessions:
        yield "it forgets a client that goes away: what appliances send while `foremend run` is stopped is lost"
    if not seen.shared_subscriptions:
        yield "it grants shared subscriptions and sends nothing through them: use one `foremend run`, no gateways"
    if (seen.largest_payload or 0) < PAYLOADS[1]:
        yield f"a payload of {PAYLOADS[1]} bytes does not come back: appliances must send shorter arrays"


def _version(settings: MqttSettings) -> str | None:
    with guest(settings, "check") as one:
        try:
            one.subscribe([_VERSION])
        except (RefusedError, UnavailableError):
            return None
        said = one.heard_any(_VERSION, _MOMENT_S)
        return None if said is None else said.decode("utf-8", "replace")[:100]


def _announced(settings: MqttSettings) -> int | None:
    """Its largest packet; None where it does not speak MQTT 5 or has no bound to tell of."""
    try:
        with guest(settings, "check", version=MQTTProtocolVersion.MQTTv5) as one:
            return getattr(one.announced, "MaximumPacketSize", None)
    except (RefusedError, UnavailableError):
        return None


def _shares(settings: MqttSettings) -> bool:
    with guest(settings, "check") as one:
        try:
            one.subscribe([f"$share/foremend-check/{_TOPIC}/shared"])
        except RefusedError:
            return False
        one.publish(f"{_TOPIC}/shared", b"proof")
        return one.heard(f"{_TOPIC}/shared", 5, _MOMENT_S)


def _keeps(settings: MqttSettings) -> bool:
    """Whether a session that goes and comes gets what was sent meanwhile; it is removed afterwards."""
    topic, stamp = f"{_TOPIC}/kept", b"%d" % time.time_ns()
    with guest(settings, "check-kept", clean=False) as one:
        one.subscribe([topic])
    with guest(settings, "check") as other:
        other.publish(topic, stamp)
        other.subscribe([topic])  # answered after the message was taken
    with guest(settings, "check-kept", clean=False) as one:
        kept = one.session_present and one.heard(topic, len(stamp), _MOMENT_S)
    with guest(settings, "check-kept"):
        return kept


def _largest(settings: MqttSettings) -> int:
    """Each size by a connection of its own: brokers end it over what is too large."""
    largest = 0
    for size in PAYLOADS:
        with guest(settings, "check") as one:
            one.subscribe([f"{_TOPIC}/size"])
            one.publish(f"{_TOPIC}/size", bytes(size))
            if not one.heard(f"{_TOPIC}/size", size, _MOMENT_S):
                return largest
        largest = size
    return largest
