"""Real brokers, real sources and a plain paho publisher for these tests."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.types import RawMessage
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource

PATIENCE_S = 20.0

Taken = list[tuple[RawMessage, Any]]
TakeAll = Callable[..., Taken]
MakePeer = Callable[..., "Peer"]
OpenSource = Callable[..., MqttSource]


class Peer:
    """A plain MQTT client on the other side of the broker; `messages` is what it received."""

    def __init__(self, port: int, client_id: str, **how: Any) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.answer: Any = None
        self._answered, self._subscribed, self._came = (
            threading.Event(),
            threading.Event(),
            threading.Condition(),
        )
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=how.get("clean", True),
            manual_ack=how.get("manual_ack", False),
        )
        if "user" in how:
            self.client.username_pw_set(how["user"], how["password"])
        if "ca" in how:
            self.client.tls_set(str(how["ca"]))
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = self._on_message
        self.client.connect(how.get("host", "127.0.0.1"), port, keepalive=30)
        self.client.loop_start()
        assert self._answered.wait(PATIENCE_S), "the broker did not answer CONNECT"

    def publish(self, topic: str, payloads: Sequence[bytes], qos: int = 1) -> None:
        """Publish and wait until the broker has them all."""
        sent = [self.client.publish(topic, payload, qos) for payload in payloads]
        for info in sent:
            info.wait_for_publish(PATIENCE_S)
            assert info.is_published(), "the broker did not take a message"

    def subscribe(self, topic: str) -> None:
        self.client.subscribe(topic, 1)
        assert self._subscribed.wait(PATIENCE_S)

    def wait_for(self, count: int) -> list[tuple[str, bytes]]:
        with self._came:
            assert self._came.wait_for(lambda: len(self.messages) >= count, PATIENCE_S)
        return self.messages

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        self.answer = reason
        self._answered.set()

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        with self._came:
            self.messages.append((message.topic, message.payload))
            self._came.notify_all()


@pytest.fixture
def take_all() -> TakeAll:
    """Takes until `count` messages came, or patience is over (then fewer come back)."""

    def take(source: MqttSource, count: int, acknowledge: bool = True) -> Taken:
        taken: Taken = []
        while len(taken) < count:
            batch = source.take(PATIENCE_S)
            if not batch:
                break
            taken += batch
            if acknowledge:
                source.acknowledge([token for _, token in batch])
        return taken

    return take


@pytest.fixture
def stall() -> Callable[[float], None]:
    """A pipeline that does nothing for so many seconds: time itself is what is tested."""
    return time.sleep


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def make_peer() -> Iterator[MakePeer]:
    """Connected plain clients, closed at the end."""
    with contextlib.ExitStack() as stack:

        def make(port: int, client_id: str = "peer", **how: Any) -> Peer:
            peer = Peer(port, client_id, **how)
            stack.callback(peer.close)
            return peer

        yield make


@pytest.fixture
def peer(broker: EmbeddedBroker, make_peer: MakePeer) -> Peer:
    return make_peer(broker.port)


@pytest.fixture
def open_source(broker: EmbeddedBroker) -> Iterator[OpenSource]:
    """Connected sources, on the embedded broker where no url is given, closed at the end."""
    with contextlib.ExitStack() as stack:

        def open_one(**settings: Any) -> MqttSource:
            source = MqttSource(MqttSettings(**({"url": broker.url, "reconnect_first": 50} | settings)))
            stack.callback(source.close)
            source.connect(PATIENCE_S)
            return source

        yield open_one
