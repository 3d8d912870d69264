"""Foremend at brokers that people have: what is lost, doubled, late, and what each keeps.

    python -m benchmarks.brokers [--broker NAME]... [--json]

For each broker that is here, `foremend run` as a process of its own: 1,000 readings of ten appliances while it runs,
and it is killed (SIGKILL) at the 750th; 1,000 while it is away; then it comes back, takes the backlog and is stopped in
order; 1,000 while it is away, and the broker is stopped in order and started; it comes back. A reading is lost where
the broker acknowledged it and history lacks it: of the first 2,000 by the kill, of the others by the broker's restart.

Then, without the pipeline: what the broker keeps for a session that is away, before and after a SIGKILL of the broker,
the largest payload of those tried that comes back, whether a kept value is marked, and whether a share brings anything.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow.dataset as ds
import yaml

from benchmarks.brokers.looks import Looks, look
from benchmarks.brokers.servers import KINDS, Broker
from benchmarks.mqtt_load import APPLIANCE_MODEL, payload_of
from benchmarks.reliability.asked import AskedProcess
from benchmarks.reliability.rig import until
from benchmarks.signals import end_in_order
from foremend.commands.demo.processes import free_port
from foremend.vocabulary.errors import ForemendError
from foremend.vocabulary.topics import telemetry_topic
from ingest.mqtt.publish import MqttPublisher
from ingest.mqtt.settings import MqttSettings

APPLIANCES = 10
READINGS = 1_000  # in each of three parts
LATER = 6 * READINGS  # five hours after them
LONGEST_S = 180.0
_QUIET_S = 45.0  # nothing more came for so long; NATS sends again after 30 s


@dataclass(frozen=True)
class Tried:
    """What `foremend run` made of 3,000 readings."""

    broker: str
    readings: int
    lost: int  # of the first 2,000, the pipeline killed
    lost_by_restart: int  # of the last 1,000, the broker restarted
    doubled: int
    late: int  # stored, and not judged
    sessions_forgotten: int  # of which it told
    looks: Looks


class Pipeline(AskedProcess):
    """`foremend run` at one broker, its files in `folder`."""

    def __init__(self, folder: Path, url: str) -> None:
        port = free_port()
        config = folder / "config.yaml"
        written = {
            "extends": "shipped",
            "service": {"port": port},
            "storage": {"folder": str(folder / "var")},
            "mqtt": {"url": url, "reconnect_first": 100},
            "models": {"registry": str(folder / "models"), "appliance_models": []},
            "alerts": {"database": f"sqlite:///{folder}/foremend.db", "key_file": str(folder / "key")},
        }
        config.write_text(yaml.safe_dump(written))
        super().__init__(["run", "--config", str(config)], folder / "run.log", port)
        until(self.ready, "a pipeline that works", LONGEST_S)

    def late(self) -> int:
        return int(self.number("late_readings_total"))

    def until_quiet(self, messages: int) -> None:
        """Until so many different ones came since the journal began, or nothing more for a while."""
        seen, since = -1.0, time.monotonic()
        while seen < messages and time.monotonic() - since < _QUIET_S:
            if (now := self.number("messages_total") - self.number("repeated_readings_total")) != seen:
                seen, since = now, time.monotonic()
            time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.brokers", description=__doc__)
    parser.add_argument("--broker", action="append", choices=sorted(KINDS), help="repeat; none: all")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for name in arguments.broker or KINDS:
        try:
            result = asdict(tried(name))
        except ForemendError as error:
            result = {"broker": name, "not_tried": str(error)}
        flat = {key: value for key, value in result.items() if key != "looks"} | result.get("looks", {})
        lines = json.dumps(flat) if arguments.json else "\n".join(f"{k}: {v}" for k, v in flat.items()) + "\n"
        sys.stdout.write(f"{lines}\n")
        sys.stdout.flush()


def tried(name: str) -> Tried:
    """One broker, in a folder and on a port of its own. Raises UnavailableError where it is not here."""
    with tempfile.TemporaryDirectory(prefix=f"foremend-{name}-") as folder:
        root = Path(folder)
        root.chmod(0o755)  # Mosquitto leaves root behind
        (root / "broker").mkdir()
        broker = Broker(name, root / "broker")
        broker.start()
        try:
            late, forgotten = _three_parts(broker, root)
            stored = _stored(root / "var" / "history")
            before = sum(number < 2 * READINGS // APPLIANCES for _, number in stored)
            lost, by_restart = 2 * READINGS - before, READINGS - (len(stored) - before)
            doubled = sum(stored.values()) - len(stored)
            return Tried(name, 3 * READINGS, lost, by_restart, doubled, late, forgotten, look(broker))
        finally:
            broker.stop()


def _three_parts(broker: Broker, folder: Path) -> tuple[int, int]:
    """Readings that were late, and sessions of which the pipeline told that they were forgotten."""
    pipeline = Pipeline(folder, broker.url)
    publish(broker.url, 0, READINGS // 2)
    late = pipeline.late()
    publish(broker.url, READINGS // 2, READINGS, pipeline.kill)
    publish(broker.url, READINGS, 2 * READINGS)
    pipeline = Pipeline(folder, broker.url)
    pipeline.until_quiet(2 * READINGS)
    late += pipeline.late()
    pipeline.stop()
    publish(broker.url, 2 * READINGS, 3 * READINGS)
    broker.stop()
    broker.start()
    pipeline = Pipeline(folder, broker.url)
    pipeline.until_quiet(3 * READINGS)
    _let_the_last_go(broker, pipeline)
    late += pipeline.late()
    forgotten = int(pipeline.number("sessions_forgotten_total"))
    pipeline.stop()
    return late, forgotten


def _let_the_last_go(broker: Broker, pipeline: Pipeline) -> None:
    """What waits for readings that may still be late goes on once each appliance has said something much later."""
    before = pipeline.number("messages_total")
    publish(broker.url, LATER, LATER + APPLIANCES)
    until(lambda: pipeline.number("messages_total") >= before + APPLIANCES, "the last readings", LONGEST_S)


def publish(url: str, first: int, end: int, in_the_middle: Callable[[], None] | None = None) -> None:
    """Readings `first` to `end`, at QoS 1; returns when the broker has acknowledged all."""
    with MqttPublisher(MqttSettings(url=url, client_id=f"fleet-{first}")) as publisher:
        for number in range(first, end):
            turn, appliance = divmod(number, APPLIANCES)
            topic = telemetry_topic(APPLIANCE_MODEL, f"fridge-{appliance}")
            publisher.publish(topic, payload_of(appliance, turn, 1))
            if in_the_middle is not None and number == (first + end) // 2:
                in_the_middle()
        publisher.wait_until_acknowledged()


def _stored(history: Path) -> Counter[tuple[str, int]]:
    """How often history has each reading: appliance and number."""
    table = ds.dataset(history, partitioning="hive").to_table(["appliance", "seq"])
    rows = zip(table["appliance"].to_pylist(), table["seq"].to_pylist(), strict=True)
    return Counter(row for row in rows if row[1] < 3 * READINGS // APPLIANCES)


if __name__ == "__main__":
    end_in_order()
    main()
