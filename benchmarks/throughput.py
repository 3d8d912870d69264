"""How many messages and readings a second go from MQTT through the whole pipeline, on this machine.

    python -m benchmarks.throughput [--mosquitto] [--rounds 3]

Prints one JSON object. In the same run, in turns, three subscribers take the same load at QoS 1: a bare paho client
that only counts, `MqttSource` that only acknowledges, and the pipeline end to end (MQTT, journal, acknowledgement,
decode, engine, history, effects). Each is a process of its own; the broker and the load generator are two more, so on
few cores they share. Figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.mqtt_subscribers import PATIENCE_S, Figures, count_with_paho, count_with_source, run_pipeline
from foremend.stores.broker import EmbeddedBroker
from foremend.stores.free_port import free_port
from foremend.vocabulary.errors import UnavailableError

Subscriber = Callable[[int, int, Callable[[], None]], Figures]

Broker = Callable[[], AbstractContextManager[int]]

SUBSCRIBERS: dict[str, Subscriber] = {
    "bare_paho": count_with_paho,
    "mqtt_source": count_with_source,
    "pipeline": run_pipeline,
}
LOADS = {1: 40_000, 60: 4_000}
"""Readings in a message -> messages."""

_SHIPPED = Path(__file__).parents[1] / "deploy" / "mosquitto" / "mosquitto.conf"


def main() -> None:
    arguments = _arguments()
    broker = _mosquitto if arguments.mosquitto else _embedded
    loads = {f"{readings}_per_message": compare(broker, readings, arguments.rounds) for readings in LOADS}
    report = {
        "broker": "mosquitto" if arguments.mosquitto else "embedded",
        "cores": os.cpu_count(),
        "qos": 1,
        "rounds": arguments.rounds,
        "loads": loads,
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


def compare(broker: Broker, readings: int, rounds: int) -> Figures:
    """Each subscriber against the same load and a fresh broker, in turns so that the machine's moods meet all alike."""
    messages = LOADS[readings]
    runs: dict[str, list[Figures]] = {name: [] for name in SUBSCRIBERS}
    for number in range(rounds):
        for name, subscriber in SUBSCRIBERS.items():
            sys.stderr.write(f"round {number + 1} of {rounds}: {name}, {messages} messages of {readings}\n")
            with broker() as port:
                runs[name].append(measure(subscriber, port, messages, readings))
    figures = {name: summary(results, messages, readings) for name, results in runs.items()}
    ratio = figures["pipeline"]["messages_per_s"] / figures["bare_paho"]["messages_per_s"]
    return {"messages": messages, **figures, "pipeline_to_bare_paho": round(ratio, 2)}


def summary(results: list[Figures], messages: int, readings: int) -> Figures:
    """The median round, with everything it measured besides its time."""
    middle = sorted(results, key=lambda result: float(result["seconds"]))[len(results) // 2]
    rate = messages / middle["seconds"]
    rest = {name: value for name, value in middle.items() if name != "seconds"}
    return {"messages_per_s": round(rate), "readings_per_s": round(rate * readings), **rest}


def measure(subscriber: Subscriber, port: int, messages: int, readings: int) -> Figures:
    """One subscriber against one load. Raises UnavailableError when it does not end."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_subscribe, args=(theirs, subscriber, port, messages))
    child.start()
    try:
        _hear(ours)
        load = [sys.executable, "-m", "benchmarks.mqtt_load", str(port), str(messages), str(readings)]
        subprocess.run(load, check=True)
        figures: Figures = _hear(ours)
    finally:
        child.terminate()
        child.join()
    return figures


def _subscribe(pipe: Connection, subscriber: Subscriber, port: int, messages: int) -> None:
    """The child: works in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="foremend-throughput-") as folder:
        os.chdir(folder)
        pipe.send(subscriber(port, messages, lambda: pipe.send("ready")))
        os.chdir("/")


def _hear(pipe: Connection) -> Any:
    if not pipe.poll(PATIENCE_S):
        raise UnavailableError(f"the subscriber said nothing for {PATIENCE_S:g} s")
    return pipe.recv()


@contextmanager
def _embedded() -> Iterator[int]:
    with EmbeddedBroker() as broker:
        yield broker.port


@contextmanager
def _mosquitto() -> Iterator[int]:
    """Debian's, with the shipped limits but without TLS and passwords. Raises UnavailableError where it is absent."""
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise UnavailableError("no mosquitto here: apt-get install mosquitto")
    port = free_port()
    limits = [line for line in _SHIPPED.read_text().splitlines() if line.startswith("max_")]
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
        config.write(
            "\n".join([f"listener {port} 127.0.0.1", "allow_anonymous true", "log_dest none", *limits, ""])
        )
        config.flush()
        broker = subprocess.Popen([program, "-c", config.name])
        try:
            _wait_for(port, broker)
            yield port
        finally:
            broker.terminate()
            broker.wait()


def _wait_for(port: int, broker: subprocess.Popen[bytes]) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            try:
                broker.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
            raise UnavailableError("mosquitto ended while starting") from None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    parser.add_argument(
        "--mosquitto", action="store_true", help="Debian's broker instead of the embedded one"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each subscriber runs (median)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
