"""MqttSource against the embedded broker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.types import RawMessage
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource

OpenSource = Callable[..., MqttSource]
Taken = list[tuple[RawMessage, Any]]
TakeAll = Callable[..., Taken]

TOPIC = "dt/appliance/generic-compressor/fridge-1/telemetry"
PATIENCE_S = 20.0


def numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def payloads(taken: Taken) -> list[bytes]:
    return [message.payload for message, _ in taken]


def test_messages_come_once_and_in_order(open_source: OpenSource, peer: Any, take_all: TakeAll) -> None:
    """More messages than any window holds arrive in the order they were published."""
    source = open_source()

    peer.publish(TOPIC, numbered(1_000))
    taken = take_all(source, 1_000)

    assert payloads(taken) == numbered(1_000)
    assert {message.topic for message, _ in taken} == {TOPIC}


def test_what_was_acknowledged_does_not_come_again(
    open_source: OpenSource, peer: Any, take_all: TakeAll
) -> None:
    """After an orderly close, the same session begins where the last acknowledgement ended."""
    first = open_source()
    peer.publish(TOPIC, numbered(5))
    take_all(first, 5)
    first.close()

    second = open_source()
    peer.publish(TOPIC, [b"next"])

    assert payloads(take_all(second, 1)) == [b"next"]


def test_what_was_not_acknowledged_comes_again(open_source: OpenSource, peer: Any, take_all: TakeAll) -> None:
    """Messages that were taken but never acknowledged are delivered to the next process."""
    first = open_source()
    peer.publish(TOPIC, numbered(250))
    taken = take_all(first, 100, acknowledge=False)
    first.acknowledge([token for _, token in taken[:40]])
    first.close()

    second = open_source()

    assert payloads(take_all(second, 210)) == numbered(250)[40:]


def test_messages_published_while_the_source_is_away_arrive(
    open_source: OpenSource, peer: Any, take_all: TakeAll
) -> None:
    """The session is persistent: the broker keeps messages for it."""
    open_source().close()

    peer.publish(TOPIC, numbered(500))

    assert payloads(take_all(open_source(), 500)) == numbered(500)


def test_tokens_of_a_lost_connection_acknowledge_nothing(
    open_source: OpenSource,
    peer: Any,
    broker: EmbeddedBroker,
    take_all: TakeAll,
    make_peer: Callable[..., Any],
) -> None:
    """Late acknowledgements must not hit the redelivered messages, which have the same packet ids."""
    first = open_source()
    peer.publish(TOPIC, numbered(50))
    old = take_all(first, 50, acknowledge=False)
    make_peer(
        broker.port, "foremend", clean=False, manual_ack=True
    ).close()  # the broker ends our connection; we come back by ourselves

    again = take_all(first, 50, acknowledge=False)
    first.acknowledge([token for _, token in old])
    first.close()
    second = open_source()

    assert payloads(again) == numbered(50)
    assert payloads(take_all(second, 50)) == numbered(50)


def test_acknowledging_in_any_order_keeps_the_connection(
    open_source: OpenSource, peer: Any, take_all: TakeAll
) -> None:
    """rumqttd ends a connection whose PUBACKs are out of order; the source puts them in order."""
    source = open_source()
    peer.publish(TOPIC, numbered(90))
    taken = take_all(source, 90, acknowledge=False)

    source.acknowledge([token for _, token in reversed(taken[45:])])
    source.acknowledge([token for _, token in reversed(taken[:45])])
    peer.publish(TOPIC, [b"next"])

    assert payloads(take_all(source, 1)) == [b"next"]


def test_a_pipeline_that_stalls_keeps_its_connection(
    open_source: OpenSource,
    peer: Any,
    take_all: TakeAll,
    stall: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With a keepalive of 1 s and nothing taken for 3 s, the broker still hears PINGREQ and nothing comes twice."""
    source = open_source(keepalive="1 s")
    peer.publish(TOPIC, numbered(300))

    stall(3.0)
    taken = take_all(source, 300)

    assert payloads(taken) == numbered(300)
    assert "lost the broker" not in caplog.text


def test_the_broker_gone_and_back_is_logged_once_each_and_work_goes_on(
    open_source: OpenSource,
    broker: EmbeddedBroker,
    caplog: pytest.LogCaptureFixture,
    take_all: TakeAll,
    make_peer: Callable[..., Any],
) -> None:
    """A restart on the same port is healed without any call; the embedded broker's has lost the session, and that is
    told once, too."""
    caplog.set_level(logging.INFO)
    source = open_source()
    broker.stop()
    broker.start()

    online = source.connected(PATIENCE_S)
    make_peer(broker.port).publish(TOPIC, [b"after"])
    taken = take_all(source, 1)

    assert online
    assert payloads(taken) == [b"after"]
    told = [record for record in caplog.records if record.name.startswith("ingest.mqtt")]
    assert [record.levelname for record in told] == ["INFO", "WARNING", "WARNING", "INFO"]
    assert ["lost the broker" in told[1].message, "has forgotten" in told[2].message] == [True, True]


@pytest.mark.parametrize("size", [0, 20_481, 256 * 1024, 10 * 1024 * 1024])
def test_a_payload_of_any_allowed_size_arrives_whole(
    open_source: OpenSource, peer: Any, size: int, take_all: TakeAll
) -> None:
    """Long arrays are telemetry; 10 MB is nonsense that the decoder must see to dead-letter it."""
    source = open_source()

    peer.publish(TOPIC, [b"x" * size, b"next"])

    assert [len(payload) for payload in payloads(take_all(source, 2))] == [size, 4]


def test_qos_0_messages_come_too(open_source: OpenSource, peer: Any, take_all: TakeAll) -> None:
    """Devices that publish at QoS 0 are heard; acknowledging them is harmless."""
    source = open_source()

    peer.publish(TOPIC, [b"zero"], qos=0)
    peer.publish(TOPIC, [b"one"], qos=1)

    assert payloads(take_all(source, 2)) == [b"zero", b"one"]


def test_the_pipeline_publishes_on_the_same_connection(open_source: OpenSource, peer: Any) -> None:
    """Progress and commands leave without a second client."""
    source = open_source()
    peer.subscribe("foremend/pipeline/progress")

    sent = source.publish("foremend/pipeline/progress", b"{}")

    assert sent
    assert peer.wait_for(1) == [("foremend/pipeline/progress", b"{}")]


def test_publishing_while_the_broker_is_away_says_so(open_source: OpenSource, broker: EmbeddedBroker) -> None:
    """Progress that cannot be sent is old news by the time the broker is back."""
    source = open_source()
    broker.stop()

    for _ in range(200):
        if not source.publish("foremend/pipeline/progress", b"{}"):
            break
        source.take(0.05)

    assert not source.publish("foremend/pipeline/progress", b"{}")


def test_no_broker_is_an_unavailable_error_that_names_the_url(broker: EmbeddedBroker) -> None:
    """The operator reads where we tried and why it failed."""
    broker.stop()
    source = MqttSource(MqttSettings(url=broker.url))

    with pytest.raises(UnavailableError, match=rf"{broker.port}: .*refused"):
        source.connect(0.3)
