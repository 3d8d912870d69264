"""Proof under faults: real Mosquitto, Kafka, PostgreSQL, gateways and workers, and a fleet that talks on.

    python -m benchmarks.reliability [--fault NAME] [--json]

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
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks._common import Result
from benchmarks.kafka_server import KafkaServer
from benchmarks.mosquitto_server import Mosquitto
from benchmarks.postgres_server import PostgresServer
from benchmarks.reliability.faults import FAULTS, Fault
from benchmarks.reliability.rig import Servers, rigged
from benchmarks.reliability.verdict import judge

_COLUMNS = (
    "fault", "times", "recovered after, s: median (longest)",
    "readings", "lost", "stored twice",
    "findings", "tickets", "messages to send", "of these lost", "doubled",
    "dead letters", "lost",
)  # fmt: skip


def run(name: str, fault: Fault, servers: Servers, times: int) -> Result:
    """One fault, from nothing to the verdict."""
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="foremend-reliability-") as folder,
        rigged(servers, Path(folder), fault.story) as rig,
    ):
        seconds = fault.strike(rig, times)
        verdict = judge(rig, Path(folder), fault.garbage(times))
        restarts = rig.restarts()
    return {
        "fault": name,
        "words": fault.words,
        "times": len(seconds),
        "recovered_after_s": [round(one, 1) for one in seconds],
        "restarts": restarts,
        "sound": verdict.sound,
        "took_s": round(time.monotonic() - began),
        **asdict(verdict),
    }


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
    seconds = result["recovered_after_s"]
    cells = [
        result["words"],
        result["times"],
        f"{statistics.median(seconds):.1f} ({max(seconds):.1f})",
        f"{result['readings']:,}",
        result["lost_readings"],
        result["readings_stored_twice"],
    ]
    cells += [f"{result['counts'][table]:,}" for table in ("findings", "tickets", "outbox")]
    cells += [sum(result[part].values()) for part in ("lost", "doubled")]
    cells += [f"{result['dead_letters']:,}", result["lost_dead_letters"]]
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
    parser.add_argument("--fault", choices=FAULTS, action="append", help="only this one; may be given again")
    parser.add_argument("--short", action="store_true", help="as few as the tests do")
    parser.add_argument("--json", action="store_true", help="print one JSON object a fault")
    given = parser.parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that Kafka is away is our own doing
    if not given.json:
        sys.stdout.write(f"{_row(_COLUMNS)}\n{_row('---' for _ in _COLUMNS)}\n")
    sound = True
    for name in given.fault or FAULTS:
        fault = FAULTS[name]
        with all_servers() as servers:
            result = run(name, fault, servers, fault.fewer if given.short else fault.times)
        sound &= result["sound"]
        sys.stdout.write((json.dumps(result) if given.json else describe(result)) + "\n")
        sys.stdout.flush()
    return 0 if sound else 1


if __name__ == "__main__":
    raise SystemExit(main())
