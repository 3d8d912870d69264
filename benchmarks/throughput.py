"""How many messages and readings a second go from MQTT through the whole pipeline, on this machine.

    python -m benchmarks.throughput [--mosquitto] [--against DIR] [--rounds 5]

Prints one JSON object. In the same run, in turns, these subscribers take the same load at QoS 1: one in C that only
counts (`c_subscriber.c`, made by `cc -O2`: the limit), a bare paho client that only counts, `MqttSource` that only
acknowledges, and the pipeline end to end (MQTT, journal, acknowledgement, decode, engine, history, effects); with
`--against` also the pipeline of an older build, a checkout at DIR, in its own `.venv` where it has one. Each is a
process of its own; the broker and the load generator are two more, so on few cores they share. Figures are medians
over the rounds. Without a C compiler `c_subscriber` is null.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.mqtt_subscribers import PATIENCE_S, Figures
from benchmarks.signals import end_in_order
from foremend.stores.broker import EmbeddedBroker
from foremend.stores.free_port import free_port
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.topics import TELEMETRY_WILDCARD

Broker = Callable[[], AbstractContextManager[int]]

_HERE = Path(__file__).parents[1]
_SHIPPED = _HERE / "deploy" / "mosquitto" / "mosquitto.conf"
_C_SUBSCRIBER = Path(__file__).with_name("c_subscriber.c")
_CHILD = """
import json, sys
from benchmarks import mqtt_subscribers
subscriber, port, messages = getattr(mqtt_subscribers, sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
print(json.dumps(subscriber(port, messages, lambda: print("ready", flush=True))), flush=True)
"""


@dataclass(frozen=True)
class Subscriber:
    """A command that is given a port and how many messages come; it says `ready`, and then its figures as JSON."""

    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


LOADS = {1: 40_000, 60: 4_000}
"""Readings in a message -> messages."""


def main() -> None:
    arguments = _arguments()
    broker = _mosquitto if arguments.mosquitto else _embedded
    with tempfile.TemporaryDirectory(prefix="foremend-throughput-") as folder:
        measured = subscribers(Path(folder), arguments.against)
        loads = {
            f"{readings}_per_message": compare(measured, broker, readings, arguments.rounds)
            for readings in LOADS
        }
    report = {
        "broker": "mosquitto" if arguments.mosquitto else "embedded",
        "cores": os.cpu_count(),
        "qos": 1,
        "rounds": arguments.rounds,
        "loads": loads,
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


def compare(subscribers: dict[str, Subscriber], broker: Broker, readings: int, rounds: int) -> Figures:
    """Each subscriber against the same load and a fresh broker, in turns so that the machine's moods meet all alike."""
    messages = LOADS[readings]
    runs: dict[str, list[Figures]] = {name: [] for name in subscribers}
    for number in range(rounds):
        for name, subscriber in subscribers.items():
            sys.stderr.write(f"round {number + 1} of {rounds}: {name}, {messages} messages of {readings}\n")
            with broker() as port:
                runs[name].append(measure(subscriber, port, messages, readings))
    return ratios(messages, {name: summary(results, messages, readings) for name, results in runs.items()})


def ratios(messages: int, figures: dict[str, Figures]) -> Figures:
    """The figures with the pipeline's rate beside each other's; null for who did not run."""
    ours = figures["pipeline"]["messages_per_s"]
    beside = ("bare_paho", "c_subscriber", *(("pipeline_before",) if "pipeline_before" in figures else ()))
    return {
        "messages": messages,
        "c_subscriber": None,
        **figures,
        **{
            f"pipeline_to_{name}": round(ours / figures[name]["messages_per_s"], 2)
            if name in figures
            else None
            for name in beside
        },
    }


def summary(results: list[Figures], messages: int, readings: int) -> Figures:
    """The median round, with everything it measured besides its time."""
    middle = sorted(results, key=lambda result: float(result["seconds"]))[len(results) // 2]
    rate = messages / middle["seconds"]
    rest = {name: value for name, value in middle.items() if name != "seconds"}
    return {"messages_per_s": round(rate), "readings_per_s": round(rate * readings), **rest}


def measure(subscriber: Subscriber, port: int, messages: int, readings: int) -> Figures:
    """One subscriber against one load, in a folder of its own. Raises UnavailableError when it does not end."""
    with tempfile.TemporaryDirectory(prefix="foremend-throughput-") as folder:
        child = subprocess.Popen(
            [*subscriber.command, str(port), str(messages)],
            cwd=folder,
            env={**os.environ, **subscriber.environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            _hear(child)
            load = [sys.executable, "-m", "benchmarks.mqtt_load", str(port), str(messages), str(readings)]
            subprocess.run(load, check=True)
            figures: Figures = json.loads(_hear(child))
        finally:
            child.terminate()
            child.communicate()
    return figures


def _hear(child: subprocess.Popen[str]) -> str:
    """Its next line. Raises UnavailableError where it ends, or says nothing for long."""
    assert child.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        if not selector.select(PATIENCE_S):
            raise UnavailableError(f"the subscriber said nothing for {PATIENCE_S:g} s")
    line = child.stdout.readline()
    if not line:
        raise UnavailableError("the subscriber ended before it was done: see above")
    return line


def subscribers(folder: Path, against: Path | None) -> dict[str, Subscriber]:
    """Who is measured, by name; what has to be compiled is in `folder`."""
    compiled = _compiled(folder)
    return {
        **({"c_subscriber": Subscriber((compiled, TELEMETRY_WILDCARD))} if compiled else {}),
        "bare_paho": of_build(_HERE, "count_with_paho"),
        "mqtt_source": of_build(_HERE, "count_with_source"),
        "pipeline": of_build(_HERE, "run_pipeline"),
        **({"pipeline_before": of_build(against, "run_pipeline")} if against else {}),
    }


def of_build(build: Path, name: str) -> Subscriber:
    """One of `benchmarks.mqtt_subscribers`, of the checkout at `build`."""
    own = build / ".venv" / "bin" / "python"
    python = str(own) if own.exists() else sys.executable
    return Subscriber((python, "-c", _CHILD, name), {"PYTHONPATH": str(build)})


def _compiled(folder: Path) -> str | None:
    """The C subscriber; None, with a sentence, where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        sys.stderr.write("no C compiler here, so c_subscriber is left out: apt-get install gcc libc6-dev\n")
        return None
    program = folder / "c_subscriber"
    subprocess.run([compiler, "-O2", "-o", str(program), str(_C_SUBSCRIBER)], check=True)
    return str(program)


def checkout(text: str) -> Path:
    """The folder of a build that can be measured. Raises ArgumentTypeError for any other."""
    build = Path(text).resolve()
    if not (build / "benchmarks" / "mqtt_subscribers.py").exists():
        raise argparse.ArgumentTypeError(f"{text} is no checkout: it has no benchmarks/mqtt_subscribers.py")
    return build


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
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.throughput",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--mosquitto", action="store_true", help="Debian's broker instead of the embedded one"
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each subscriber runs (median)")
    parser.add_argument(
        "--against",
        type=checkout,
        metavar="DIR",
        help="a checkout of an older build, whose pipeline takes its turn (pipeline_before)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    end_in_order()
    main()
