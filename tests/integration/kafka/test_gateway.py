"""Gateways between a real Mosquitto and a real Kafka."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.kafka_server import KafkaServer
from benchmarks.mosquitto_server import Mosquitto
from foremend.commands.demo.processes import free_port, process
from foremend.config import load_settings
from foremend.runtimes.kafka.blocks import decode, partition_of
from foremend.runtimes.kafka.gateway import Gateway
from foremend.runtimes.kafka.looks import CAUGHT_UP, EVERY_MS, KEY, Looks
from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.runtimes.kafka.topics import create
from foremend.vocabulary.types import Block
from foremend.wiring.gateway import Role, build_gateway
from ingest.mqtt.publish import MqttPublisher
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource

PATIENCE_S = 240.0
POLL_S = 0.05
START = 1_732_190_000_000
APPLIANCES = 8
PLUGS = {
    "decoder": "shelly-gen2",
    "topic": "home/{appliance_id}/status/{component}",
    "events": "home/{appliance_id}/events/rpc",
    "presence": "home/{appliance_id}/online",
    "appliance_model": "generic-compressor",
    "signals": {
        "power": {"path": "switch:0.apower", "unit": "W"},
        "current": {"path": "switch:0.current", "unit": "A"},
    },
}

Reading = tuple[str, int]
"""Appliance and sequence number."""


@dataclass
class Stored:
    """One reading in Kafka, in the order of its partition."""

    partition: int
    key: str
    reading: Reading
    block: Block
    row: int

    def signal(self, name: str) -> float:
        return float(self.block.signals[name][self.row])


@dataclass
class Child:
    """A `foremend gateway` of its own."""

    process: subprocess.Popen[bytes]
    health: str
    log: Path

    def ready(self) -> dict[str, str]:
        """What /readyz says of each check; nothing while it does not answer."""
        try:
            return httpx.get(f"{self.health}/readyz", timeout=60).json()["checks"]
        except httpx.TransportError:
            return {}

    def number(self, name: str) -> float:
        """One of its metrics."""
        lines = httpx.get(f"{self.health}/metrics", timeout=60).text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"foremend_{name} "))

    def kill(self) -> None:
        """As the machine's end would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """By SIGTERM; its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE_S)


@dataclass
class Line:
    """A broker, topics of the test's own, and what a fleet says on one and finds on the other."""

    folder: Path
    mqtt: MqttSettings
    kafka: KafkaSettings
    config: Path
    records: Callable[[str], list[Any]]
    """Everything in a topic; those of a partition are in their order."""

    @contextmanager
    def gateway(
        self, client_id: str | None = None, role: Role = "shared", looks: Looks | None = None
    ) -> Iterator[Gateway]:
        """A gateway in this process, until the block ends; what it has taken is finished then."""
        gateway, _ = build_gateway(load_settings(self.config), client_id, role, looks)
        loop, stop = asyncio.new_event_loop(), asyncio.Event()
        thread = threading.Thread(target=loop.run_until_complete, args=(gateway.run(stop),))
        thread.start()
        until(gateway.connected)
        try:
            yield gateway
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    @contextmanager
    def child(self, client_id: str) -> Iterator[Child]:
        """A gateway in a process of its own, when it is ready."""
        port, log = free_port(), self.folder / f"{client_id}-{free_port()}.log"
        command = ["gateway", "--config", str(self.config), "--client-id", client_id]
        with process([*command, "--health-port", str(port)], log) as running:
            child = Child(running, f"http://127.0.0.1:{port}", log)
            until(lambda: set(child.ready().values()) == {"ok"} or running.poll() is not None)
            assert running.poll() is None, log.read_text()
            yield child

    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Returns when the broker has them."""
        with MqttPublisher(self.mqtt) as publisher:
            for topic, payload in messages:
                publisher.publish(topic, payload)
            publisher.wait_until_acknowledged()

    @contextmanager
    def publishing(self, messages: Sequence[tuple[str, bytes]]) -> Iterator[None]:
        """The same while something else happens; the broker has them at the end of the block."""
        thread = threading.Thread(target=self.publish, args=(messages,))
        thread.start()
        yield
        thread.join()

    def stored(self) -> list[Stored]:
        """Every reading in the blocks topic."""
        found = []
        for record in self.written():
            if record.key == KEY:
                continue
            block = decode(record.value)
            readings = zip(block.appliance.tolist(), block.seq.tolist(), strict=True)
            found += [
                Stored(record.partition, record.key.decode(), (block.appliance_ids[at], seq), block, row)
                for row, (at, seq) in enumerate(readings)
            ]
        return found

    def written(self) -> list[Any]:
        """Every record of the blocks topic, looks at the clock too; those of a partition in their order."""
        return self.records(self.kafka.blocks_topic)

    def wait_until_stored(self, readings: set[Reading]) -> list[Stored]:
        """What is stored when all of `readings` are; fails when some never come."""
        until(lambda: readings <= {one.reading for one in self.stored()})
        return self.stored()

    def dead_letters(self) -> list[dict[str, Any]]:
        return [orjson.loads(record.value) for record in self.records(self.kafka.dead_letters_topic)]


@dataclass
class Topic:
    """Read on from where the last look ended: a connection for each of many looks is what costs."""

    runner: asyncio.Runner
    consumer: AIOKafkaConsumer
    partitions: Sequence[TopicPartition]
    found: list[Any]

    def records(self) -> list[Any]:
        """From the topic's beginning to its present end."""
        self.runner.run(self._read_on())
        return list(self.found)

    async def _read_on(self) -> None:
        ends = await self.consumer.end_offsets(self.partitions)
        for partition in self.partitions:
            while await self.consumer.position(partition) < ends[partition]:
                for batch in (await self.consumer.getmany(timeout_ms=200)).values():
                    self.found += batch


@contextmanager
def topics_of(kafka: KafkaSettings) -> Iterator[Callable[[str], list[Any]]]:
    """Everything in the topic of a name."""
    with ExitStack() as stack:
        opened = cache(lambda name: stack.enter_context(_topic(kafka, name)))
        yield lambda name: opened(name).records()


@contextmanager
def _topic(kafka: KafkaSettings, name: str) -> Iterator[Topic]:
    partitions = [TopicPartition(name, number) for number in range(kafka.partitions)]
    with asyncio.Runner() as runner:
        consumer = runner.run(_at_the_beginning(kafka, partitions))
        try:
            yield Topic(runner, consumer, partitions, [])
        finally:
            runner.run(consumer.stop())


async def _at_the_beginning(kafka: KafkaSettings, partitions: Sequence[TopicPartition]) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(**connection(kafka), fetch_max_wait_ms=20)  # an end is asked behind a fetch
    await consumer.start()
    consumer.assign(partitions)
    await consumer.seek_to_beginning()
    return consumer


def until(said: Callable[[], bool]) -> None:
    """Ask until the answer is yes; fails when it does not come."""
    latest = time.monotonic() + PATIENCE_S
    while not said():
        assert time.monotonic() < latest, "it never came to be"
        threading.Event().wait(POLL_S)


def telemetry(n: int, first: int = 0, each: int = 3) -> list[tuple[str, bytes]]:
    """`n` messages of `each` readings, dealt over eight appliances; `first` is the first message's number."""
    messages = []
    for number in range(first, first + n):
        seqs = range(number // APPLIANCES * each, (number // APPLIANCES + 1) * each)
        readings = [
            {"ts": START + 60_000 * seq, "seq": seq, "signals": {"power": 80.0 + seq % 7}} for seq in seqs
        ]
        topic = f"dt/appliance/rf-260/fridge-{number % APPLIANCES}/telemetry"
        messages.append((topic, orjson.dumps(readings)))
    return messages


def readings_of(messages: Sequence[tuple[str, bytes]]) -> Counter[Reading]:
    return Counter(
        (topic.split("/")[3], reading["seq"])
        for topic, payload in messages
        for reading in orjson.loads(payload)
    )


def assert_in_order(stored: Sequence[Stored]) -> None:
    """Each appliance's readings, where they come first, are in the order it sent them."""
    newest: dict[str, int] = {}
    for appliance, seq in dict.fromkeys(one.reading for one in stored):
        assert seq > newest.get(appliance, -1)
        newest[appliance] = seq


@pytest.fixture
def line(kafka: KafkaSettings, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Line]:
    """Topics are there; the broker holds what comes before the first gateway for nobody."""
    asyncio.run(create(kafka))
    config = tmp_path / "config.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "mqtt": {"url": mosquitto.url, "reconnect_first": "50 ms"},
                "kafka": {
                    "brokers": list(kafka.brokers),
                    "prefix": kafka.prefix,
                    "partitions": kafka.partitions,
                    "groups": 3,
                },
                "ingest": {"decoders": [PLUGS], "oldest": None},
            }
        )
    )
    fleet = MqttSettings(url=mosquitto.url, client_id="fleet")
    with topics_of(kafka) as records:
        yield Line(tmp_path, fleet, kafka, config, records)


def test_every_acknowledged_reading_is_in_kafka_once(line: Line) -> None:
    """Through two lives of a gateway: what the first acknowledged does not come again."""
    messages = telemetry(600)

    with line.gateway():
        line.publish(messages[:500])
        line.wait_until_stored(set(readings_of(messages[:500])))
    with line.gateway():
        line.publish(messages[500:])
        stored = line.wait_until_stored(set(readings_of(messages)))

    assert Counter(one.reading for one in stored) == readings_of(messages)
    assert_in_order(stored)


def test_an_appliance_stays_in_its_partition(line: Line) -> None:
    """The partition is that of the key, and the key is the appliance's own."""
    messages = telemetry(64)

    with line.gateway():
        line.publish(messages)
        stored = line.wait_until_stored(set(readings_of(messages)))

    keys = {one.reading[0]: one.key for one in stored}
    assert all(one.key == keys[one.reading[0]] for one in stored)
    assert all(one.partition == partition_of(one.key, line.kafka.partitions) for one in stored)
    assert len(set(keys.values())) > 1


def test_what_cannot_be_used_is_a_dead_letter(line: Line) -> None:
    """With its topic, its bytes and the reason; what is good beside it goes on."""
    good = telemetry(1)
    garbage = [
        ("dt/appliance/rf-260/fridge-0/telemetry", b"\xff\x00 not json"),
        ("dt/appliance/rf-999/fridge-0/telemetry", b'{"ts": 1}'),
    ]

    with line.gateway():
        line.publish([*garbage, *good])
        line.wait_until_stored(set(readings_of(good)))
        until(lambda: len(line.dead_letters()) == 2)

    letters = {letter["topic"]: letter for letter in line.dead_letters()}
    assert [b64decode(letters[topic]["payload"]) for topic, _ in garbage] == [p for _, p in garbage]
    reasons = [letters[topic]["reason"] for topic, _ in garbage]
    assert "not JSON" in reasons[0]
    assert "appliance model 'rf-999' has no profile" in reasons[1]


def test_devices_that_send_changes_only_are_left_to_the_unshared_gateway(line: Line) -> None:
    """It knows all that such a device said, so each reading is whole; the fleet's telemetry it leaves to the others."""
    plug = "home/plug-1/events/rpc"
    changes = [{"apower": 60.0, "current": 0.3}, {"apower": 61.0}, {"current": 0.4}]
    notifications = [
        {"method": "NotifyStatus", "params": {"ts": START / 1_000 + at, "switch:0": change}}
        for at, change in enumerate(changes)
    ]
    fleet = telemetry(40)

    with line.gateway("a"), line.gateway("b"), line.gateway(role="unshared"):
        line.publish([(plug, orjson.dumps(one)) for one in notifications] + fleet)
        until(lambda: len(line.stored()) >= len(changes) + len(readings_of(fleet)))

    stored = line.stored()
    said = [(one.signal("power"), one.signal("current")) for one in stored if one.reading[0] == "plug-1"]
    assert said == [(60.0, 0.3), (61.0, 0.3), (61.0, 0.4)]
    assert Counter(one.reading for one in stored if one.reading[0] != "plug-1") == readings_of(fleet)


class Wall:
    """A wall clock that is moved by hand, from now on: Kafka removes what is old."""

    def __init__(self) -> None:
        self.now = time.time_ns() // 1_000_000

    def now_ms(self) -> int:
        return self.now


def by_partition(line: Line) -> dict[int, list[int | str]]:
    """What each partition has, in order: the times of looks, and appliances."""
    found: dict[int, list[int | str]] = {number: [] for number in range(line.kafka.partitions)}
    for one in line.written():
        names = [one.timestamp] if one.key == KEY else decode(one.value).appliance_ids
        found[one.partition] += names
    return found


def test_a_gateway_looks_at_the_clock_while_it_hears_and_before_a_backlog(
    line: Line, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every partition; not while the MQTT broker is away; and at once when it is back, before what waited there."""
    rounds: list[int] = []
    take = MqttSource.take
    monkeypatch.setattr(MqttSource, "take", lambda self, wait: rounds.append(1) or take(self, wait))
    wall, plugs = Wall(), [f"plug-{n}" for n in range(24)]
    said = orjson.dumps(
        {"method": "NotifyStatus", "params": {"ts": START / 1_000, "switch:0": {"apower": 60.0}}}
    )
    first = wall.now

    def looked(*times: int) -> bool:
        return all(
            [one for one in found if isinstance(one, int)] == list(times)
            for found in by_partition(line).values()
        )

    with line.gateway(role="unshared", looks=Looks(wall)) as gateway:  # whose session the broker keeps
        until(lambda: looked(first))
        mosquitto.stop()
        until(lambda: not gateway.connected())
        for _ in range(5):
            wall.now += EVERY_MS
            before = len(rounds)
            until(lambda before=before: len(rounds) >= before + 2)
        away = by_partition(line)
        mosquitto.start()
        line.publish([(f"home/{plug}/events/rpc", said) for plug in plugs])
        until(lambda: len(line.stored()) == len(plugs))
        until(lambda: looked(first, first + 5 * EVERY_MS))  # a partition without any plug may be written last
        back = by_partition(line)
        wall.now += EVERY_MS
        until(lambda: looked(first, first + 5 * EVERY_MS, first + 6 * EVERY_MS))

    assert all(found == [first] for found in away.values())
    assert all(found[:2] == [first, first + 5 * EVERY_MS] for found in back.values())
    assert sorted(name for found in back.values() for name in found[2:]) == sorted(plugs)
    assert {one.value for one in line.written() if one.timestamp == first + 6 * EVERY_MS} == {CAUGHT_UP}


@pytest.mark.timeout(240)
def test_a_killed_gateway_loses_nothing(line: Line) -> None:
    """kill -9 three times under load: every published reading is in Kafka."""
    messages = telemetry(12_000)

    for part in range(3):
        with line.child("gateway") as child, line.publishing(messages[part * 4_000 : (part + 1) * 4_000]):
            until(lambda: child.number("messages_total") >= 1_000)
            child.kill()
    with line.child("gateway"):
        stored = line.wait_until_stored(set(readings_of(messages)))

    assert {one.reading for one in stored} == set(readings_of(messages))


@pytest.mark.timeout(240)
def test_two_gateways_share_the_load_and_one_may_die(line: Line) -> None:
    """What the broker had dealt to the dead one waits for it; the other goes on meanwhile."""
    messages = telemetry(12_000)

    with line.child("a") as a:
        with line.child("b") as b, line.publishing(messages[:10_000]):
            until(lambda: min(a.number("messages_total"), b.number("messages_total")) >= 1_000)
            b.kill()
        before = a.number("messages_total")
        line.publish(messages[10_000:])
        until(lambda: a.number("messages_total") > before)
        with line.child("b"):
            stored = line.wait_until_stored(set(readings_of(messages)))

    assert {one.reading for one in stored} == set(readings_of(messages))


@pytest.mark.timeout(240)
def test_while_kafka_is_away_the_broker_keeps_everything(line: Line, kafka_server: KafkaServer) -> None:
    """Said once when lost and once when back; nothing is missing, doubled or out of its order."""
    messages = telemetry(4_000)

    with line.child("gateway") as child:
        line.publish(messages[:500])
        kafka_server.stop()
        with line.publishing(messages[500:]):
            until(lambda: child.ready().get("kafka", "ok") != "ok")
            kafka_server.start()
        stored = line.wait_until_stored(set(readings_of(messages)))
        assert child.stop() == 0

    said = child.log.read_text()
    assert Counter(one.reading for one in stored) == readings_of(messages)
    assert_in_order(stored)
    assert (said.count("takes nothing"), said.count("takes blocks again")) == (1, 1)


@pytest.mark.timeout(240)
def test_a_gateway_that_is_stopped_while_kafka_is_away_leaves_its_messages(
    line: Line, kafka_server: KafkaServer
) -> None:
    """It ends in good order with them unacknowledged, and its next life finds them with the broker."""
    messages = telemetry(400)

    with line.child("gateway") as child:
        kafka_server.stop()
        line.publish(messages)
        until(lambda: child.number("gateway_unacknowledged") > 0)
        assert child.stop() == 0
    kafka_server.start()
    with line.child("gateway"):
        stored = line.wait_until_stored(set(readings_of(messages)))

    assert "messages stay with the MQTT broker" in child.log.read_text()
    assert {one.reading for one in stored} == set(readings_of(messages))


@pytest.mark.timeout(240)
def test_a_gateway_that_is_there_before_kafka_waits_for_it(line: Line, kafka_server: KafkaServer) -> None:
    """It starts anew until Kafka answers, in one process, and says why; so it does after a long outage."""
    messages = telemetry(100)
    kafka_server.stop()
    log, port = line.folder / "early.log", free_port()
    command = ["gateway", "--config", str(line.config), "--health-port", str(port)]

    with process(command, log) as running:
        until(lambda: "starting anew" in log.read_text())
        kafka_server.start()
        child = Child(running, f"http://127.0.0.1:{port}", log)
        until(lambda: set(child.ready().values()) == {"ok"})
        line.publish(messages)
        stored = line.wait_until_stored(set(readings_of(messages)))
        assert child.stop() == 0

    assert {one.reading for one in stored} == set(readings_of(messages))


def test_a_gateway_without_topics_says_what_to_do(line: Line, tmp_path: Path) -> None:
    """Ends with code 2 and the command that makes them."""
    settings = yaml.safe_load(line.config.read_text())
    settings["kafka"]["prefix"] += "-none"
    line.config.write_text(yaml.safe_dump(settings))

    with process(["gateway", "--config", str(line.config)], tmp_path / "log") as child:
        code = child.wait(PATIENCE_S)

    assert code == 2
    assert "foremend topics create" in (tmp_path / "log").read_text()
