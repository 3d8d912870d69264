"""How long a minute's findings of a whole fleet take to become tickets and messages, none lost and none twice.

    python -m benchmarks.findings_rate [--database sqlite|postgresql] [--findings 10000] [--at-once 8]
                                       [--answers-after 0] [--json]

Each finding is of another appliance with an owner of its own, who agreed to tickets, SMS and push under the policy of
CN. They are handed on in sixty blocks, a second of event time each, as fast as they are taken, and meanwhile the
dispatcher sends: signed webhooks to a receiver that is a process of its own, SMS to the development file; a push waits
for what becomes of the SMS, as the policy has it. Counted are what arrived by its id, seconds of the wall clock, which
say something only beside the load, and of CPU: of this process, and of PostgreSQL's. `--at-once` webhooks are under way
at a time, each answered after so many ms, as a receiver far away would.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ClassVar

from alerts import queries
from alerts.consent import ConsentRecord
from alerts.desk import Alerts
from alerts.message_files import read_lines
from alerts.owners import OwnedAppliance, Owner
from benchmarks.postgres_server import PostgresServer
from benchmarks.signals import end_in_order
from foremend.config import Settings
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.types import MS_PER_DAY, Evidence, Finding, FindingKind, Purpose, Severity
from foremend.wiring.desk import open_desk

MODEL, FAULTS = "rf-260", ("refrigerant-leak", "condenser-fouling", "compressor-wear", "door-gasket-leak")
TARGETS = ("webhook:platform", "sms", "push")
_SECRET = "FINDINGS_RATE_SECRET"
_BLOCKS, _REGISTERED_AT_ONCE, _LOOK_S, _LONGEST_S = 60, 1_000, 1.0, 900.0
_AGREED = Purpose.MONITORING, Purpose.TICKET, Purpose.SMS, Purpose.PUSH


@dataclass(frozen=True, slots=True)
class Hook:
    """How many webhooks are under way at a time, and after how many ms each is answered."""

    at_once: int
    answers_after: int


class _Handler(BaseHTTPRequestHandler):
    """Takes everything, and keeps its id."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    ids: ClassVar[list[str]]
    wait_s: ClassVar[float]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.wait_s)
        self.ids.append(self.headers["webhook-id"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Ten thousand lines would say nothing."""


def _receive(parent: Connection, after_ms: int) -> None:
    """A receiver: says its port, and once it is asked the ids that came."""

    class Handler(_Handler):
        ids: ClassVar[list[str]] = []
        wait_s = after_ms / 1000

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        parent.send(server.server_port)
        parent.recv()
        parent.send(Handler.ids)
        server.shutdown()


@contextmanager
def receiver(after_ms: int) -> Iterator[tuple[str, Connection]]:
    """Where it listens, and whom to ask what came; it answers after so many ms."""
    spawned = multiprocessing.get_context("spawn")
    ours, theirs = spawned.Pipe()
    process = spawned.Process(target=_receive, args=(theirs, after_ms), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/hook", ours
    finally:
        process.terminate()
        process.join()


def noon(now: int) -> str:
    """A time zone in which it is about noon: nobody's night."""
    ahead = 12 - datetime.fromtimestamp(now / 1000, UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def register(alerts: Alerts, count: int, now: int) -> None:
    """So many owners with one appliance each, who agreed yesterday."""
    zone = noon(now)
    for start in range(0, count, _REGISTERED_AT_ONCE):
        some = range(start, min(start + _REGISTERED_AT_ONCE, count))
        alerts.owners.register_owners(
            Owner(f"owner-{one}", {"sms": f"+86138{one:08d}", "push": f"device-{one}"}) for one in some
        )
        alerts.owners.register_appliances(
            OwnedAppliance(f"fridge-{one}", f"owner-{one}", MODEL, "zh", zone) for one in some
        )
        alerts.consent.record(
            ConsentRecord(
                f"fridge-{one}", f"owner-{one}", each, True, now - MS_PER_DAY, "2026-03", "zh", "app"
            )
            for one in some
            for each in _AGREED
        )


def block(number: int, count: int, now: int) -> list[Finding]:
    """What one second's block of `count` findings led to."""
    return [
        Finding(
            kind=FindingKind.OPENED,
            appliance_id=f"fridge-{one}",
            appliance_model=MODEL,
            fault=FAULTS[one % len(FAULTS)],
            rule="predicted",
            severity=Severity.WARNING,
            time=now + number * 1_000,
            episode_start=now - MS_PER_DAY,
            score=0.98,
            probability=0.83,
            days_to_failure=23.4,
            days_low=15.0,
            days_high=40.0,
            evidence=(Evidence("starts_per_hour", 6.12, usual=2.4, siblings=2.3),),
        )
        for one in range(number, count, _BLOCKS)
    ]


def arrived(ids: Sequence[str], expected: int) -> dict[str, int]:
    """What became of the messages of one kind, by id."""
    different = len(set(ids))
    return {"messages": len(ids), "lost": expected - different, "doubled": len(ids) - different}


def measure(
    folder: Path, database: str, findings: int, hook: Hook, servers: Collection[int] = ()
) -> dict[str, Any]:
    """`servers`: processes whose CPU counts beside ours, with that of their children."""
    os.environ[_SECRET] = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    clock = SystemClock()
    with receiver(hook.answers_after) as (url, asked):
        alerts = open_desk(_settings(folder, database, url, hook.at_once), clock)
        now = clock.now_ms()
        register(alerts, findings, now)
        busy, theirs, began = time.process_time(), _cpu_s(servers), time.monotonic()
        alerts.dispatcher.start()
        for number in range(_BLOCKS):
            alerts.effects.apply(block(number, findings, now), [], number + 1)
        committed = time.monotonic() - began
        while (waiting := alerts.queue.waiting(list(TARGETS))) and time.monotonic() < began + _LONGEST_S:
            time.sleep(_LOOK_S)
        left = time.monotonic() - began
        used, theirs = time.process_time() - busy, _cpu_s(servers) - theirs
        tickets = queries.counts(alerts.engine).tickets_opened
        alerts.close()
        asked.send(None)
        came = {"webhook": asked.recv(), "sms": [one["id"] for one in read_lines(folder / "sms.jsonl")]}
    pushed = sum(1 for _ in read_lines(folder / "push.jsonl"))
    return {
        "findings": findings, "tickets": tickets, "tickets_s": round(committed, 1), "all_left_s": round(left, 1),
        "cpu_s": round(used, 1), "database_cpu_s": round(theirs, 1), "still_waiting": waiting,
        "arrived": {name: arrived(ids, findings) for name, ids in came.items()},
        "pushed": pushed, "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def _settings(folder: Path, database: str, url: str, at_once: int) -> Settings:
    endpoint = {"name": "platform", "url": url, "secret_env": _SECRET, "allow_private": True}
    return Settings.model_validate(
        {
            "alerts": {
                "database": database,
                "key_file": folder / "foremend.key",
                "jurisdiction": "CN",
                "webhooks": [endpoint | {"at_once": at_once}],
                "sms": {"file": folder / "sms.jsonl"},
                "push": {"file": folder / "push.jsonl"},
                "stop_url": "https://m.example",
            }
        }
    )


def _cpu_s(processes: Collection[int]) -> float:
    """Of these, of their children and of those children that ended, in seconds."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = stat.read_text().partition(" (")
        except OSError:  # it ended meanwhile
            continue
        fields = rest.rpartition(") ")[2].split()
        if int(pid) in processes:
            ticks += sum(int(one) for one in fields[11:15])
        elif int(fields[1]) in processes:
            ticks += sum(int(one) for one in fields[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def on(database: str, findings: int, hook: Hook) -> dict[str, Any]:
    """With a database of its own: `sqlite`, or `postgresql`, whose server is started and stopped here."""
    with tempfile.TemporaryDirectory(prefix="foremend-rate-") as name:
        folder = Path(name)
        if database == "sqlite":
            return {"database": database} | measure(folder, f"sqlite:///{folder}/rate.db", findings, hook)
        server = PostgresServer()
        try:
            return {"database": database} | measure(
                folder, server.new_database(), findings, hook, {server.pid}
            )
        finally:
            server.close()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--findings", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=8, help="webhooks under way at a time")
    parser.add_argument("--answers-after", type=int, default=0, help="ms, of the receiver of webhooks")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    found = on(asked.database, asked.findings, Hook(asked.at_once, asked.answers_after))
    sys.stdout.write(json.dumps(found) + "\n" if asked.json else _sentence(found))


def _sentence(found: dict[str, Any]) -> str:
    came = ", ".join(
        f"{one['messages']:,} {name} ({one['lost']} lost, {one['doubled']} doubled)"
        for name, one in found["arrived"].items()
    )
    return (
        f"{found['database']}, load {found['load']}: {found['findings']:,} findings were {found['tickets']:,} tickets"
        f" after {found['tickets_s']} s, and all had left after {found['all_left_s']} s: {came}."
        f" CPU {found['cpu_s']} s, of the database's processes {found['database_cpu_s']} s.\n"
    )


if __name__ == "__main__":
    end_in_order()
    main()
