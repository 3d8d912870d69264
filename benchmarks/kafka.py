"""Blocks a second through real workers and a real Kafka, and how long a takeover and a recovery take.

    python -m benchmarks.kafka [--workers 1,2] [--rounds 3] [--appliances 200000] [--quick] [--json]

Starts Apache Kafka itself (deploy/kafka/run: a free port, data in a temporary folder), writes a recorded stream of
several appliance models into the blocks topic, 1,000 readings a record (and once 60, as gateways write them that hear
little), and runs `foremend worker` processes on it with the shipped rules, Parquet history and SQLite. Rates are taken
while every worker has its partitions, between two looks at /metrics. Broker and workers share this machine: with two
cores, two workers get less than two. Nobody trains: what scoring costs is in `benchmarks.costs`. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks._common import Result
from benchmarks.kafka_fleet import Fleet, fill
from benchmarks.kafka_server import KafkaServer
from benchmarks.kafka_state import write_state
from benchmarks.kafka_workers import Look, Workers, holds, total
from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.runtimes.kafka.topics import create
from foremend.vocabulary.types import MS_PER_SECOND

STAGES = ("decode", "engine", "effects", "history", "checkpoint")
FROM, TO = 0.1, 0.9
"""The shares of the stream between which a rate is taken: before workers start, behind it some have nothing left."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    workers: Sequence[int] = (1, 2)
    rounds: int = 3
    fleet: Fleet = field(default_factory=Fleet)
    recovered: int = 200_000  # appliances
    days: int = 12  # that they lived: their own usual is known after 10


QUICK = Size((1,), 1, Fleet(("rf-260",), appliances=50, times=2, partitions=2, groups=2), 1_000, days=1)


def run(size: Size) -> Result:
    """All of it, on one broker. Raises UnavailableError where Kafka cannot be had."""
    with tempfile.TemporaryDirectory(prefix="foremend-benchmark-") as folder, ExitStack() as stack:
        server = KafkaServer(Path(folder) / "kafka")
        server.start()
        stack.callback(server.kill)
        bench = Bench(server.address, Path(folder))
        return {
            "cores": os.cpu_count(),
            "workers": {str(number): bench.rates(number, size) for number in size.workers},
            "records_of_one_message": bench.rates(1, replace(size, fleet=size.fleet.in_small_records())),
            "takeover": bench.takeover(size.fleet),
            "recovery": bench.recovery(size),
        }


class Bench:
    """Each measurement has topics, a database and folders of its own."""

    def __init__(self, broker: str, folder: Path, prefix: str = "benchmark") -> None:
        self._broker, self._folder, self._prefix, self._count = broker, folder, prefix, 0

    def rates(self, number: int, size: Size) -> Result:
        """Readings a second of `number` workers, and where their time goes: the median round."""
        rounds = [self._rate(number, size.fleet) for _ in range(size.rounds)]
        middle = sorted(rounds, key=lambda one: float(one["readings_per_s"]))[len(rounds) // 2]
        return middle | {"rounds": [one["readings_per_s"] for one in rounds]}

    def takeover(self, fleet: Fleet) -> Result:
        """Seconds from the kill of one of two workers until the other holds all partitions, with their state."""
        kafka, readings = self._filled(fleet)
        _say("takeover")
        with Workers(kafka, self._folder / kafka.prefix, 2) as workers:
            workers.wait_for(lambda seen: _under_way(seen, kafka, FROM * readings))
            workers.kill_one()
            killed = time.monotonic()
            taken_over = workers.wait_for(lambda seen: holds(seen, kafka.partitions))
        session_s = kafka.session_timeout / MS_PER_SECOND
        return {"seconds": round(taken_over[0]["at"] - killed, 1), "session_timeout_s": session_s}

    def recovery(self, size: Size) -> Result:
        """Seconds from the start of a process until it has the state of all appliances, and where there is none."""
        empty, full = (self._settings(size.fleet) for _ in range(2))
        _say(f"recovery of {size.recovered:,} appliances")
        asyncio.run(create(empty))
        written = write_state(full, size.recovered, size.days)
        before, _ = self._joined(empty)
        after, seen = self._joined(full)
        restore = round(total(seen, 'worker_seconds_total{stage="restore"}'), 1)
        return written | {"seconds": after, "without_state_s": before, "restore_s": restore}

    def _joined(self, kafka: KafkaSettings) -> tuple[float, Sequence[Look]]:
        """How old a worker is when it holds all partitions, s."""
        with Workers(kafka, self._folder / kafka.prefix, 1) as workers:
            seen = workers.wait_for(lambda seen: holds(seen, kafka.partitions))
            return round(workers.age_s, 1), seen

    def _rate(self, number: int, fleet: Fleet) -> Result:
        kafka, readings = self._filled(fleet)
        _say(f"{number} workers, {readings:,} readings")
        with Workers(kafka, self._folder / kafka.prefix, number) as workers:
            first = workers.wait_for(lambda seen: _under_way(seen, kafka, FROM * readings))
            last = workers.wait_for(lambda seen: total(seen, "readings_total") >= TO * readings)
        return between(first, last)

    def _filled(self, fleet: Fleet) -> tuple[KafkaSettings, int]:
        kafka = self._settings(fleet)
        return kafka, fill(kafka, fleet)

    def _settings(self, fleet: Fleet) -> KafkaSettings:
        self._count += 1
        return KafkaSettings(
            brokers=(self._broker,),
            prefix=f"{self._prefix}-{self._count}",
            partitions=fleet.partitions,
            groups=fleet.groups,
        )


def between(first: Sequence[Look], last: Sequence[Look]) -> Result:
    """Rates and shares of CPU time between two looks at the same workers."""
    seconds = sum(b["at"] - a["at"] for a, b in zip(first, last, strict=True)) / len(first)

    def gain(name: str) -> float:
        return total(last, name) - total(first, name)

    cpu, readings = gain("worker_cpu_seconds_total"), gain("readings_total")
    stages = {name: gain(f'worker_seconds_total{{stage="{name}"}}') / seconds / len(first) for name in STAGES}
    return {
        "readings_per_s": round(readings / seconds),
        "readings": round(readings),
        "readings_of_a_record": round(readings / gain("worker_records_total"), 1),
        "cpu_us_per_reading": round(cpu / readings * 1e6, 3),
        "cores_used": round(cpu / seconds, 2),
        "share_of_time": {name: round(share, 3) for name, share in stages.items()}
        | {"faust_and_waiting": round(1 - sum(stages.values()), 3)},
    }


def _under_way(seen: Sequence[Look], kafka: KafkaSettings, readings: float) -> bool:
    return holds(seen, kafka.partitions) and total(seen, "readings_total") >= readings


def _say(words: str) -> None:
    sys.stderr.write(words + "\n")


def describe(result: Result) -> str:
    """The result as lines."""
    lines = [
        f"{number} worker(s): {one['readings_per_s']:,} readings/s on {one['cores_used']} cores,"
        f" {one['cpu_us_per_reading']} us a reading; shares of time {one['share_of_time']}"
        for number, one in (
            *result["workers"].items(),
            ("records of one message, 1", result["records_of_one_message"]),
        )
    ]
    takeover, recovery = result["takeover"], result["recovery"]
    return "\n".join(
        [
            *lines,
            f"takeover: {takeover['seconds']} s with a session timeout of {takeover['session_timeout_s']:g} s",
            f"recovery of {recovery['appliances']:,} appliances: {recovery['seconds']} s from the start of the process"
            f" ({recovery['without_state_s']} s without state)",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--workers", default="1,2", help="how many, by commas")
    parser.add_argument("--rounds", type=int, default=3, help="of each number of workers (median)")
    parser.add_argument("--appliances", type=int, default=200_000, help="whose state is recovered")
    parser.add_argument("--quick", action="store_true", help="one worker, little of everything")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    numbers = tuple(int(number) for number in given.workers.split(","))
    result = run(QUICK if given.quick else Size(numbers, given.rounds, recovered=given.appliances))
    sys.stdout.write((json.dumps(result, indent=1) if given.json else describe(result)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
