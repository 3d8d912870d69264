"""What a broker does for one session, seen by the same MQTT source that the pipeline uses."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import paho.mqtt.publish as plain

from benchmarks.brokers.servers import Broker
from foremend.vocabulary.errors import ForemendError
from foremend.vocabulary.types import RawMessage
from ingest.mqtt.publish import MqttPublisher
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource

WAITING = 2_000
PAYLOADS = (4_096, 8_192, 65_536, 262_144, 1_048_576, 16 * 1_048_576)
_PATIENCE_S = 15.0
_QUIET_S = 4.0


@dataclass(frozen=True)
class Looks:
    """Messages that came of `WAITING` acknowledged ones, and what else was seen."""

    kept: int  # for a session that was away
    kept_after_kill: int  # the same, and the broker was killed in between
    out_of_order: int  # of `kept`: came after one that was sent later
    largest_payload: int  # bytes, of `PAYLOADS`; 0 where none came
    retained_is_marked: bool
    share_brings: bool


def look(broker: Broker) -> Looks:
    """Each look has a session of its own; the broker is killed and started once."""
    kept = list(_kept(broker, "away", kill=False))
    after_kill = list(_kept(broker, "killed", kill=True))
    return Looks(
        len(set(kept)), len(set(after_kill)), _overtaken(kept), _largest(broker), _marks(broker), _shares(broker)
    )  # fmt: skip


def source(broker: Broker, client_id: str, topic: str) -> MqttSource:
    """Connected, in a persistent session."""
    one = MqttSource(MqttSettings(url=broker.url, client_id=client_id, subscribe=(topic,)))
    one.connect(_PATIENCE_S)
    return one


def _kept(broker: Broker, name: str, kill: bool) -> Iterator[int]:
    """Numbers that came to a session that was away."""
    source(broker, name, f"look/{name}").close()
    _publish(broker, f"look/{name}", [b"%d" % number for number in range(WAITING)])
    if kill:
        broker.kill()
        broker.start()
    with closing(source(broker, name, f"look/{name}")) as back:
        yield from (int(message.payload) for message in _taken(back, WAITING))


def _overtaken(numbers: Sequence[int]) -> int:
    newest, count = -1, 0
    for number in numbers:
        count += number < newest
        newest = max(newest, number)
    return count


def _largest(broker: Broker) -> int:
    """Ends at the first that does not come back."""
    largest = 0
    for size in PAYLOADS:
        topic = f"look/size/{size}"
        try:
            with closing(source(broker, f"size-{size}", topic)) as one:
                _publish(broker, topic, [b"x" * size])
                if [len(message.payload) for message in _taken(one, 1)] != [size]:
                    return largest
        except ForemendError:
            return largest
        largest = size
    return largest


def _marks(broker: Broker) -> bool:
    plain.single("look/retained", b"kept", 1, True, "127.0.0.1", broker.port, "keeper")
    with closing(source(broker, "subscriber", "look/retained")) as one:
        return any(message.retained for message in _taken(one, 1))


def _shares(broker: Broker) -> bool:
    with closing(source(broker, "member", "$share/all/look/shared")) as one:
        _publish(broker, "look/shared", [b"1"])
        return bool(_taken(one, 1))


def _publish(broker: Broker, topic: str, payloads: Sequence[bytes]) -> None:
    with MqttPublisher(MqttSettings(url=broker.url, client_id="looker")) as publisher:
        for payload in payloads:
            publisher.publish(topic, payload)
        publisher.wait_until_acknowledged()


def _taken(one: MqttSource, count: int) -> list[RawMessage]:
    """Until so many different ones came, or nothing for a while."""
    messages: list[RawMessage] = []
    since = time.monotonic()
    while len({message.payload for message in messages}) < count and time.monotonic() - since < _QUIET_S:
        taken = one.take(0.5)
        one.acknowledge([token for _, token in taken])
        messages += [message for message, _ in taken]
        since = time.monotonic() if taken else since
    return messages
