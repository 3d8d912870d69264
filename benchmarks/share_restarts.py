"""What gateways lose while Mosquitto is restarted in order, again and again, under a fleet that is back at once.

    python -m benchmarks.share_restarts [--restarts 20] [--away 0] [--rate 200] [--keeper] [--slow] [--json]

A real Mosquitto, a real Kafka, two `foremend gateway`, with `--keeper` a third that stands in for the share, and one
connection that sends `--rate` messages/s at QoS 1, tries again every 5 ms and sends again what was not acknowledged:
harder than a fleet, whose appliances wait. `--slow` has gateways come back as `foremend run` does (0.5 s, doubling to
30 s). Lost is what Mosquitto acknowledged and Kafka never got. Ends with 1 where that is anything, with a keeper.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.kafka_server import KafkaServer
from benchmarks.mosquitto_server import Mosquitto
from benchmarks.mqtt_load import payload_of, publish_packet
from benchmarks.reliability.asked import AskedProcess
from benchmarks.signals import end_in_order
from foremend.config import Settings, load_settings
from foremend.runtimes.kafka.blocks import decode
from foremend.runtimes.kafka.looks import KEY
from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.runtimes.kafka.topics import create
from foremend.stores.free_port import free_port
from foremend.vocabulary.topics import telemetry_topic

APPLIANCES = 50
_RETRY_S = 0.005
_BETWEEN_S = 6.0  # longer than what a connection must last to be no failure, which makes the next wait longer
_SETTLE_S = 2.0
_PATIENCE_S = 60.0

Reading = tuple[str, int]
"""Appliance and sequence number."""


class Sender:
    """One connection of its own thread; `acknowledged` grows by what the broker has taken."""

    def __init__(self, port: int, rate: float) -> None:
        self.acknowledged: set[Reading] = set()
        self._port, self._rate = port, rate
        self._open: deque[tuple[int, Reading, bytes]] = deque()  # sent or to be sent, not acknowledged
        self._made = 0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Sender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ends.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port), 1) as sock:
                    self._talk(sock)
            except OSError:
                time.sleep(_RETRY_S)

    def _talk(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04load")
        if not sock.recv(4):
            raise ConnectionError
        sock.sendall(b"".join(packet for _, _, packet in self._open))
        sock.settimeout(1 / self._rate)
        came = b""
        while self._open or not self._ends.is_set():
            if not self._ends.is_set():
                sock.sendall(self._next())
            came = self._heard(came + self._received(sock))

    def _received(self, sock: socket.socket) -> bytes:
        """What the broker says within one message's time. Raises ConnectionError when it has gone."""
        began, came = time.monotonic(), b""
        while (left := began + 1 / self._rate - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                data = sock.recv(4096)
            except TimeoutError:
                break
            if not data:
                raise ConnectionError
            came += data
        return came

    def _heard(self, came: bytes) -> bytes:
        """Take PUBACKs, which come in the order of what was sent; what is left of the last one."""
        for _ in range(len(came) // 4):
            self.acknowledged.add(self._open.popleft()[1])
        return came[len(came) // 4 * 4 :]

    def _next(self) -> bytes:
        turn, appliance = divmod(self._made, APPLIANCES)
        name, mid = f"fridge-{appliance:04d}", self._made % 65_535 + 1
        packet = publish_packet(telemetry_topic("rf-260", name), payload_of(appliance, turn, 1), mid)
        self._open.append((mid, (name, turn), packet))
        self._made += 1
        return packet


def measured(restarts: int, away_s: float, rate: float, keeper: bool, slow: bool) -> dict[str, Any]:
    """What was acknowledged, lost and written twice, over so many restarts."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "mosquitto").mkdir()
        mosquitto, kafka = Mosquitto(folder / "mosquitto"), KafkaServer(folder / "kafka")
        stack.callback(kafka.stop)
        stack.callback(mosquitto.stop)
        mosquitto.start()
        kafka.start()
        settings = _configured(folder, mosquitto, kafka, slow)
        asyncio.run(create(settings.kafka))
        gateways = stack.enter_context(_gateways(folder, keeper))
        sender = Sender(mosquitto.port, rate)
        with sender:
            for _ in range(restarts):
                time.sleep(_BETWEEN_S)
                mosquitto.stop()
                time.sleep(away_s)
                mosquitto.start()
                _until_back(gateways)
            time.sleep(_BETWEEN_S)
        return _counted(settings.kafka, sender.acknowledged, gateways)


def _configured(folder: Path, mosquitto: Mosquitto, kafka: KafkaServer, slow: bool) -> Settings:
    mqtt: dict[str, Any] = {"url": mosquitto.url}
    if slow:
        mqtt |= {"reconnect_first": "500 ms", "reconnect_longest": "30 s"}
    config = folder / "config.yaml"
    config.write_text(
        yaml.safe_dump({"mqtt": mqtt, "kafka": {"brokers": [kafka.address], "partitions": 2}}), "utf-8"
    )
    return load_settings(config)


@contextmanager
def _gateways(folder: Path, keeper: bool) -> Iterator[list[AskedProcess]]:
    named = [["--client-id", f"gateway-{number}"] for number in (1, 2)] + [["--keeper"]] * keeper
    running: list[AskedProcess] = []
    try:
        for more in named:
            port = free_port()
            arguments = [
                "gateway",
                "--config",
                str(folder / "config.yaml"),
                "--health-port",
                str(port),
                *more,
            ]
            running.append(AskedProcess(arguments, folder / f"gateway-{port}.log", port))
        _until_back(running)
        yield running
    finally:
        for one in running:
            one.stop()


def _until_back(gateways: list[AskedProcess]) -> None:
    _until(lambda: all(one.ready() and one.number("broker_connected") == 1 for one in gateways))


def _until(holds: Any) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"waited {_PATIENCE_S:g} s in vain")
        time.sleep(0.1)


def _counted(kafka: KafkaSettings, sent: set[Reading], gateways: list[AskedProcess]) -> dict[str, Any]:
    before = -1.0
    while before != (written := sum(one.number("messages_total") for one in gateways)):
        before = written
        time.sleep(_SETTLE_S)
    stored = asyncio.run(_stored(kafka))
    return {
        "acknowledged": len(sent),
        "lost": len(sent - set(stored)),
        "written_twice": len(stored) - len(set(stored)),
        "kept": sum(one.number("keeper_messages_total") for one in gateways[2:]),
    }


async def _stored(kafka: KafkaSettings) -> list[Reading]:
    """Every reading in the blocks topic."""
    async with AIOKafkaConsumer(**connection(kafka)) as consumer:
        partitions = [TopicPartition(kafka.blocks_topic, number) for number in range(kafka.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        ends, found = await consumer.end_offsets(partitions), list[Reading]()
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                for batch in (await consumer.getmany(partition, timeout_ms=200)).values():
                    found += [one for record in batch if record.key != KEY for one in _readings(record.value)]
    return found


def _readings(value: bytes) -> Iterator[Reading]:
    block = decode(value)
    for at, seq in zip(block.appliance.tolist(), block.seq.tolist(), strict=True):
        yield block.appliance_ids[at], seq


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--away", type=float, default=0.0, help="seconds without a broker, each time")
    parser.add_argument("--rate", type=float, default=200.0, help="messages/s")
    parser.add_argument("--keeper", action="store_true")
    parser.add_argument("--slow", action="store_true", help="gateways as slow to come back as `foremend run`")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measured(asked.restarts, asked.away, asked.rate, asked.keeper, asked.slow)
    lines = (
        json.dumps(found) if asked.json else "\n".join(f"{name:14} {value}" for name, value in found.items())
    )
    sys.stdout.write(f"{lines}\n")
    sys.exit(1 if asked.keeper and found["lost"] else 0)


if __name__ == "__main__":
    end_in_order()
    main()
