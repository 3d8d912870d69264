"""A fleet over a real broker: nothing lost while it is away, last wills, commands, the pipeline's own pace."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from foremend.stores.broker import EmbeddedBroker
from foremend.stores.free_port import free_port
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.topics import PROGRESS, Progress, command_topic, response_topic, status_topic
from simulators.fleet.fleet import Fleet
from simulators.fleet.links import Address
from simulators.fleet.live import Pace, Published, Publisher, publish
from simulators.fleet.scenario import Scenario
from simulators.fleet.sensors import Imperfections
from simulators.fleet.wire import Message, messages

PATIENCE_S = 20.0
STEADY = Imperfections(duplicates=0, offline_per_month=0)


class Ear:
    """A plain client that hears everything, also after the broker was away."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.changed = threading.Condition()
        self.listening = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, "ear")
        self.client.reconnect_delay_set(0.1, 0.2)
        self.client.on_connect = lambda *_: self.client.subscribe([("dt/#", 1), ("cmd/#", 1)])
        self.client.on_subscribe = lambda *_: self.listening.set()
        self.client.on_disconnect = lambda *_: self.listening.clear()
        self.client.on_message = self._hear
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self.listening.wait(PATIENCE_S)

    def _hear(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        with self.changed:
            self.heard.append((message.topic, message.payload))
            self.changed.notify_all()

    def wait_until(self, true: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(true, PATIENCE_S)

    def telemetry(self) -> list[tuple[str, bytes]]:
        return [(topic, payload) for topic, payload in self.heard if topic.endswith("/telemetry")]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def ear(broker: EmbeddedBroker) -> Iterator[Ear]:
    listener = Ear(broker.port)
    yield listener
    listener.close()


def fleet_of(count: int, days: int = 1) -> Fleet:
    return Fleet(Scenario(days=days, appliances={"rf-260": count}, imperfections=STEADY), 1)


def run_stream(
    fleet: Fleet, broker: EmbeddedBroker, stream: Iterator[Message], connections: int = 2
) -> Published:
    publisher = Publisher(fleet, Address.parse(broker.url), connections, None, None)
    try:
        return publisher.run(stream, Pace(fleet.scenario.start_ms, None), threading.Event())
    finally:
        publisher.close()


def test_every_message_arrives_once_and_in_order(broker: EmbeddedBroker, ear: Ear) -> None:
    """Shared connections; each appliance's messages keep their order."""
    fleet = fleet_of(5)
    expected = [(message.topic, message.payload) for message in messages(fleet_of(5))]

    published = publish(fleet, broker.url, connections=2)

    ear.wait_until(lambda: len(ear.telemetry()) >= len(expected))
    for member in fleet.members:
        mine = [pair for pair in expected if member.appliance_id in pair[0]]
        assert [pair for pair in ear.telemetry() if member.appliance_id in pair[0]] == mine
    assert published.messages == len(expected)


def test_what_the_broker_did_not_acknowledge_is_sent_when_it_is_back(
    broker: EmbeddedBroker, ear: Ear
) -> None:
    """The broker goes in the middle and comes back: no message is missing afterwards."""
    everything = list(messages(fleet_of(1), 10))

    def stream() -> Iterator[Message]:
        for k, message in enumerate(everything):
            if k == 20:  # sixteen are written at a time, so four of these have not left yet
                ear.wait_until(lambda: len(ear.telemetry()) >= 16)
                broker.stop()
            if k == 60:
                ear.listening.clear()
                broker.start()
                assert ear.listening.wait(PATIENCE_S)
            yield message

    run_stream(fleet_of(1), broker, stream())

    payloads = {message.payload for message in everything}
    ear.wait_until(lambda: {payload for _, payload in ear.telemetry()} == payloads)


def test_an_appliance_of_its_own_connection_has_a_last_will(broker: EmbeddedBroker, ear: Ear) -> None:
    """Online while it is there, offline when its connection breaks without a goodbye."""
    fleet = fleet_of(2)
    topic = status_topic("rf-260", "rf-260-00001")
    publisher = Publisher(fleet, Address.parse(broker.url), 2, None, None)

    def stream() -> Iterator[Message]:
        ear.wait_until(lambda: (topic, b"online") in ear.heard)
        link = publisher._links.links[0]
        assert link.client_id == "rf-260-00001"
        link.client.socket().shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
        ear.wait_until(lambda: (topic, b"offline") in ear.heard)
        yield from ()

    publisher.run(stream(), Pace(fleet.scenario.start_ms, None), threading.Event())
    publisher.close()

    assert (status_topic("rf-260", "rf-260-00002"), b"online") in ear.heard


@pytest.mark.parametrize("connections", [1, 2])
def test_a_simulated_appliance_answers_diagnose(broker: EmbeddedBroker, ear: Ear, connections: int) -> None:
    """With its newest reading, on a shared connection as on its own."""
    stop = threading.Event()
    how = {"speed": 7_200.0, "connections": connections, "stop": stop, "per_message": 5}
    thread = threading.Thread(target=publish, args=(fleet_of(2), broker.url), kwargs=how)
    thread.start()
    try:
        ear.wait_until(lambda: len({topic for topic, _ in ear.telemetry()}) == 2)
        ear.client.publish(command_topic("rf-260", "rf-260-00002", "diagnose"), b'{"id": "q1"}', qos=1)
        wanted = response_topic("rf-260", "rf-260-00002", "diagnose")
        ear.wait_until(lambda: any(topic == wanted for topic, _ in ear.heard))
    finally:
        stop.set()
        thread.join(PATIENCE_S)

    answer = next(orjson.loads(payload) for topic, payload in ear.heard if topic == wanted)
    assert answer["id"] == "q1"
    assert answer["appliance"] == "rf-260-00002"
    assert answer["reading"]["signals"]["power"] >= 0
    assert not thread.is_alive()


def test_the_pipelines_progress_sets_the_pace(broker: EmbeddedBroker, ear: Ear) -> None:
    """Never more messages ahead of the pipeline than the window; all of them in the end."""
    window, total = 10, len(list(messages(fleet_of(3), 10)))
    stop, ahead, processed = threading.Event(), [0], [0]

    def pipeline() -> None:
        while not stop.wait(0.01):
            ahead[0] = max(ahead[0], len(ear.telemetry()) - processed[0])
            processed[0] = min(len(ear.telemetry()), processed[0] + 5)
            counts = Progress(1_000 + processed[0], 0, 0, 0)
            ear.client.publish(PROGRESS, counts.to_json(), qos=0)

    thread = threading.Thread(target=pipeline)
    thread.start()
    try:
        published = publish(fleet_of(3), broker.url, window=window, per_message=10, connections=1)
        ear.wait_until(lambda: len(ear.telemetry()) == total)
    finally:
        stop.set()
        thread.join(PATIENCE_S)

    assert published.messages == total
    assert 1 < ahead[0] <= window


def test_no_broker_is_one_sentence() -> None:
    """Naming where it was looked for."""
    url = f"mqtt://127.0.0.1:{free_port()}"

    with pytest.raises(UnavailableError, match=f"no MQTT broker answers at {url}"):
        publish(fleet_of(1), url)
