"""Proof under faults: real Mosquitto, Kafka, PostgreSQL, gateways and workers, and a fleet that talks on.

    python -m benchmarks.reliability [--runtime one-machine] [--fault NAME] [--json]

With `--runtime one-machine` the same is done to one `foremend run` between a real Mosquitto and PostgreSQL.

Each fault has topics, a database and processes of its own: two gateways and two workers under load, the fault, the
rest of the story; then everything is stopped and compared with what was sent and with one engine that read the same
messages undisturbed. A recovery is the time until every reading sent by then is in Kafka, worked on, its consequences
in the database, and covered by a checkpoint: without a fault that is the wait for the next checkpoint.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks._common import Result
from benchmarks.kafka_server import KafkaServer
from benchmarks.mosquitto_server import Mosquitto
from benchmarks.postgres_server import PostgresServer
from benchmarks.reliability.faults import FAULTS, Fault
from benchmarks.reliability.one_machine import LocalServers, one_machine
from benchmarks.reliability.one_machine_faults import LOCAL_FAULTS, LocalFault
from benchmarks.reliability.rig import Servers, rigged
from benchmarks.reliability.story import Story
from benchmarks.reliability.verdict import Verdict, judge
from benchmarks.signals import end_in_order

_COLUMNS = (
    "fault", "times", "recovered after, s: median (longest)",
    "readings", "lost", "stored twice",
    "findings", "tickets", "messages to send", "of these lost", "doubled",
    "dead letters", "lost",
)  # fmt: skip


def on_kafka(name: str, times: int | None) -> Result:
    """One fault done to gateways and workers, from nothing to the verdict."""
    fault = FAULTS[name]
    times = times or fault.times
    began = time.monotonic()
    with (
        all_servers() as servers,
        tempfile.TemporaryDirectory(prefix="foremend-reliability-") as folder,
        rigged(servers, Path(folder), fault.story) as rig,
    ):
        seconds = fault.strike(rig, times)
        verdict = judge(rig, Path(folder), fault.garbage(times))
        restarts = rig.restarts()
    return {**_result(name, fault.words, seconds, verdict, began), "restarts": restarts}


def on_one_machine(name: str, times: int | None) -> Result:
    """One fault done to `foremend run`, from nothing to the verdict."""
    fault = LOCAL_FAULTS[name]
    times = times or fault.times
    began = time.monotonic()
    with (
        local_servers() as servers,
        tempfile.TemporaryDirectory(prefix="foremend-reliability-") as folder,
        fault.around(Path(folder)) as more,
        one_machine(servers, Path(folder), Story(), **more) as rig,
    ):
        seconds = fault.strike(rig, times)
        if times == fault.times:
            rig.until_episodes()
        verdict = judge(rig, Path(folder), fault.garbage(times))
    return _result(name, fault.words, seconds, verdict, began)


def _result(name: str, words: str, seconds: Sequence[float], verdict: Verdict, began: float) -> Result:
    return {
        "fault": name,
        "words": words,
        "times": len(seconds),
        "lost": verdict.all_lost,
        "doubled": verdict.all_doubled,
        "recovered_s": [round(one, 1) for one in seconds],
        "sound": verdict.sound,
        "took_s": round(time.monotonic() - began),
        "verdict": asdict(verdict),
    }


@contextmanager
def local_servers() -> Iterator[LocalServers]:
    """Of our own, on free ports. Raises UnavailableError where one is not installed."""
    with tempfile.TemporaryDirectory(prefix="foremend-mosquitto-") as folder, ExitStack() as stack:
        servers = LocalServers(Mosquitto(Path(folder)), PostgresServer())
        stack.callback(servers.postgres.close)
        servers.mosquitto.start()
        stack.callback(servers.mosquitto.stop)
        yield servers


@contextmanager
def all_servers() -> Iterator[Servers]:
    """Of our own, on free ports. Raises UnavailableError where one is not installed."""
    with ExitStack() as stack:
        folders = [
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"foremend-{name}-")))
            for name in ("kafka", "mosquitto")
        ]
        servers = Servers(KafkaServer(folders[0]), Mosquitto(folders[1]), PostgresServer())
        stack.callback(servers.postgres.close)
        servers.kafka.start()
        stack.callback(servers.kafka.kill)
        servers.mosquitto.start()
        stack.callback(servers.mosquitto.stop)
        yield servers


def describe(result: Result) -> str:
    """A line of the table."""
    seconds, verdict = result["recovered_s"], result["verdict"]
    cells = [
        result["words"],
        result["times"],
        f"{statistics.median(seconds):.1f} ({max(seconds):.1f})",
        f"{verdict['readings']:,}",
        verdict["lost_readings"],
        verdict["readings_stored_twice"],
    ]
    cells += [f"{verdict['counts'][table]:,}" for table in ("findings", "tickets", "outbox")]
    cells += [sum(verdict[part].values()) for part in ("lost", "doubled")]
    cells += [f"{verdict['dead_letters']:,}", verdict["lost_dead_letters"]]
    return _row(cells)


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 1 where anything was lost or doubled."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--runtime", choices=("kafka", "one-machine"), default="kafka")
    names = list(dict.fromkeys([*FAULTS, *LOCAL_FAULTS]))
    parser.add_argument("--fault", choices=names, action="append", help="only this one; may be given again")
    parser.add_argument("--short", action="store_true", help="as few as the tests do")
    parser.add_argument("--json", action="store_true", help="print one JSON object a fault")
    given = parser.parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that Kafka is away is our own doing
    if not given.json:
        sys.stdout.write(f"{_row(_COLUMNS)}\n{_row('---' for _ in _COLUMNS)}\n")
    told = [_told(result, given.json) for result in _results(parser, given)]
    return 0 if all(told) else 1


def _results(parser: argparse.ArgumentParser, given: argparse.Namespace) -> Iterator[Result]:
    faults: Mapping[str, Fault | LocalFault]
    faults, run = (FAULTS, on_kafka) if given.runtime == "kafka" else (LOCAL_FAULTS, on_one_machine)
    for name in given.fault or faults:
        if name not in faults:
            parser.error(f"{name} is no fault of --runtime {given.runtime}: {', '.join(faults)}")
        yield run(name, faults[name].fewer if given.short else None)


def _told(result: Result, as_json: bool) -> bool:
    sys.stdout.write((json.dumps(result) if as_json else describe(result)) + "\n")
    sys.stdout.flush()
    return bool(result["sound"])


if __name__ == "__main__":
    end_in_order()
    raise SystemExit(main())
