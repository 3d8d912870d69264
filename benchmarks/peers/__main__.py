"""How many readings a second others watch, and we, of the same stream in the same run.

    python -m venv peers && peers/bin/pip install -r benchmarks/peers/requirements.txt
    python -m benchmarks.peers [--python peers/bin/python] [--rounds 3] [--quick] [--json]

From MQTT (QoS 1, the embedded broker): Bytewax, River behind paho, a script of paho, pydantic and scikit-learn, and
our whole pipeline. From a topic of Kafka that is full: Faust by event, Quix Streams, and a worker of ours. Each is a
process of its own, one after the other, in turns; medians of the rounds. Peers do the job of `benchmarks.peers.job`, a
running mean and variance; ours does all that it does: journal, order, repeats, states, harm, rules, history, effects.
Who is not installed is null, with a sentence.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import throughput
from benchmarks.kafka_server import KafkaServer
from benchmarks.mqtt_subscribers import PATIENCE_S, Figures
from benchmarks.peers.kafka import fill_topic, measure_worker, sent
from benchmarks.signals import end_in_order
from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.topics import TELEMETRY_WILDCARD

ROOT = Path(__file__).parents[2]
REQUIREMENTS = "benchmarks/peers/requirements.txt"
OURS = "foremend"
MQTT = {"plain_sklearn": "sklearn", "river_scaler": "river", "bytewax_flow": "bytewax"}
KAFKA = {"faust_events": "faust", "quix": "quixstreams"}
"""Programs of this folder -> the package that each needs."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: by readings in a message, how many messages."""

    mqtt: Mapping[int, int] = field(default_factory=lambda: {1: 10_000, 60: 2_000})
    kafka: Mapping[int, int] = field(default_factory=lambda: {1: 20_000, 60: 2_000})
    fleets: int = 20  # that a worker of ours hears
    rounds: int = 3


QUICK = Size({2: 200}, {60: 100}, 60, 1)

Runs = dict[str, list[Figures]]


def run(size: Size, python: str = sys.executable) -> Figures:
    """All of it; peers run under `python`. Where Kafka cannot be had, its part is null, with a sentence."""
    mqtt, kafka = installed(MQTT, python), installed(KAFKA, python)
    with tempfile.TemporaryDirectory(prefix="foremend-peers-") as folder:
        return {
            "cores": os.cpu_count(),
            "rounds": size.rounds,
            "mqtt": {
                f"{readings}_per_message": from_mqtt(mqtt, messages, readings, size.rounds, python)
                for readings, messages in size.mqtt.items()
            },
            "kafka": from_kafka(kafka, size, Path(folder), python),
        }


def installed(programs: Mapping[str, str], python: str) -> Sequence[str]:
    """Those of `programs` whose package `python` has; says which it lacks and how to come by them."""
    asked = f"import importlib.util as u; print([u.find_spec(p) is not None for p in {[*programs.values()]}])"
    have = json.loads(subprocess.check_output([python, "-c", asked], text=True).lower())
    missing = [package for package, there in zip(programs.values(), have, strict=True) if not there]
    if missing:
        _say(
            f"not measured, since {python} does not have them: {', '.join(missing)}. Make an environment of"
            f" Python 3.11 or 3.12, `pip install -r {REQUIREMENTS}` there, and name its python by --python"
        )
    return [program for program, there in zip(programs, have, strict=True) if there]


def from_mqtt(names: Sequence[str], messages: int, readings: int, rounds: int, python: str) -> Figures:
    """Peers and our pipeline against one load, by name; null for who is not installed."""
    ours = throughput.of_build(ROOT, "run_pipeline")
    measured = {OURS: ours, **{name: _program(name, python, TELEMETRY_WILDCARD) for name in names}}

    def one(name: str) -> Figures:
        with EmbeddedBroker() as broker:
            found = throughput.measure(measured[name], broker.port, messages, readings)
        cpu = found.get("cpu_us_per_reading")
        if cpu is None:
            cpu = round(sum(found["cpu_us_per_message"].values()) / readings, 2)
        return {"readings_per_s": round(messages * readings / found["seconds"]), "cpu_us_per_reading": cpu}

    return in_turns(measured, MQTT, one, rounds, f"{messages:,} MQTT messages of {readings}")


def from_kafka(names: Sequence[str], size: Size, folder: Path, python: str) -> Figures | None:
    """Peers and our worker against full topics of one broker."""
    with ExitStack() as stack:
        server = KafkaServer(folder / "kafka")
        stack.callback(server.kill)
        try:
            server.start()
        except UnavailableError as error:
            _say(f"not measured: {error}")
            return None
        return {
            f"{readings}_per_message": from_topics(
                names, server.address, folder, messages, readings, size, python
            )
            for readings, messages in size.kafka.items()
        }


def from_topics(
    names: Sequence[str], broker: str, folder: Path, messages: int, readings: int, size: Size, python: str
) -> Figures:
    """Peers and our worker against `messages` of so many readings on one broker, by name; null as before."""
    load, count = list(sent(messages, readings)), iter(range(1_000))
    kafka = KafkaSettings(brokers=(broker,))

    def one(name: str) -> Figures:
        label = f"peers-{readings}-{next(count)}"
        if name == OURS:
            return measure_worker(broker, label, folder, load, readings, size.fleets)
        fill_topic(kafka, label, load)
        said = _last_line(_program(name, python, broker, label, str(messages)))
        rate = round(messages * readings / said["seconds"])
        return {"readings_per_s": rate, "cpu_us_per_reading": said["cpu_us_per_reading"]}

    return in_turns([OURS, *names], KAFKA, one, size.rounds, f"{messages:,} records of {readings}")


def in_turns(
    names: Mapping[str, Any] | Sequence[str],
    asked: Mapping[str, str],
    one: Callable[[str], Figures],
    rounds: int,
    what: str,
) -> Figures:
    """The median round of each, and how often ours is each one's rate."""
    runs: Runs = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            _say(f"round {number + 1} of {rounds}: {name}, {what}")
            runs[name].append(one(name))
    middle = {
        name: sorted(r, key=lambda f: float(f["readings_per_s"]))[len(r) // 2] for name, r in runs.items()
    }
    ours = middle[OURS]["readings_per_s"]
    for name in asked:
        if name in middle:
            middle[name]["foremend_to_it"] = round(ours / middle[name]["readings_per_s"], 2)
    return {**dict.fromkeys(asked), **middle}


def _program(name: str, python: str, *arguments: str) -> throughput.Subscriber:
    return throughput.Subscriber(
        (python, "-m", f"benchmarks.peers.{name}", *arguments),
        {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )


def _last_line(program: throughput.Subscriber) -> Figures:
    """What it says at its end. Raises UnavailableError where it ends otherwise."""
    ended = subprocess.run(
        program.command,
        env={**os.environ, **program.environment},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
        check=False,
    )
    if ended.returncode:
        raise UnavailableError(f"{' '.join(program.command)} ended with: {ended.stderr[-2_000:]}")
    figures: Figures = json.loads(ended.stdout[ended.stdout.rindex("{") :])  # Faust draws something before it
    return figures


def describe(result: Figures) -> str:
    """A Markdown table of every load."""
    lines = []
    for way in ("mqtt", "kafka"):
        for load, figures in (result[way] or {}).items():
            lines += [
                f"| {way}, {load.replace('_', ' ')} | readings/s | CPU us a reading | ours is so many times as many |",
                "| --- | ---: | ---: | ---: |",
            ]
            for name, one in figures.items():
                if one:
                    times = one.get("foremend_to_it", "")
                    lines.append(
                        f"| `{name}` | {one['readings_per_s']:,} | {one['cpu_us_per_reading']} | {times} |"
                    )
            lines.append("")
    return "\n".join(lines)


def _say(words: str) -> None:
    sys.stderr.write(words + "\n")


def _python(text: str) -> str:
    found = shutil.which(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text} is no program: give the python of the peers' environment")
    return str(Path(found).absolute())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--python", type=_python, default=sys.executable, help="of the peers' environment")
    parser.add_argument("--rounds", type=int, default=Size().rounds, help="of each (median)")
    parser.add_argument(
        "--quick", action="store_true", help="little of everything, which says nothing of speed"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    result = run(QUICK if given.quick else Size(rounds=given.rounds), given.python)
    sys.stdout.write((json.dumps(result, indent=1) if given.json else describe(result)) + "\n")
    return 0


if __name__ == "__main__":
    end_in_order()
    sys.exit(main())
