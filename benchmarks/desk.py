"""How long lists of tickets, findings and open episodes take on a large database, the way `/api/v1` asks for them.

`python -m benchmarks.desk --json` fills an empty database (SQLite in a folder of its own, `--database postgresql` a
server of its own, or the one at `--url`) with 100,000 open episodes and tickets, and 1,000,000 closed ones, and asks
each list many times. Rows are alike but for what lists go by; a ticket's content is 0.5 KB, where real ones have 2 to
3. Times are medians in ms: of the wall clock, which says something only beside the load, and of this process's CPU,
which is all of it on SQLite.

`--owners 1000000` fills a register and a ledger instead, three appliances to an owner, and asks those.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from alerts import queries
from alerts.database import open_database
from alerts.queries import FindingFilter, Resolution, TicketFilter, TicketStatus
from benchmarks import desk_owners
from benchmarks.postgres_server import PostgresServer
from foremend.vocabulary.types import FindingKind, Severity

_START = 1_700_000_000_000
_CONTENT = json.dumps(
    {"title": {"en": "Refrigerant is leaking out"}, "technician_finds": "oil at a joint " * 25}
)
SERIES = {
    "postgresql": "SELECT generate_series(0, :n - 1) AS n",
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < :n) SELECT n FROM s",
}
_WORDS = (
    "'fridge-' || (n % 300000) AS appliance, 'rf-' || (n % 7) AS model, 'fault-' || (n % 40) AS fault,"
    " CASE n % 9 WHEN 0 THEN 'critical' ELSE 'warning' END AS severity, :start + n * 1000 AS at"
)


def fill(engine: Engine, opened: int, closed: int) -> float:
    """`closed` and then `opened` episodes, each with its findings and its ticket; how many seconds that took."""
    began = time.monotonic()
    series = SERIES[engine.dialect.name]
    values: dict[str, Any] = {"n": opened + closed, "start": _START, "closed": closed, "content": _CONTENT}
    rows = f"(SELECT n, {_WORDS} FROM ({series}) AS series) AS r"
    with engine.begin() as connection:
        for statement in _statements(rows):
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), used)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return time.monotonic() - began


def _statements(rows: str) -> list[str]:
    finding = (
        "INSERT INTO findings (id, episode_id, kind, appliance_id, appliance_model, fault, rule, severity, time,"
        " episode_start, score, evidence, at) SELECT '{0}-' || n, 'ep-' || n, '{1}', appliance, model, fault, 'r',"
        " severity, at + {2}, at, 0.9, '[]', at FROM {3}"
    )
    return [
        finding.format("fo", "opened", 0, rows),
        finding.format("fc", "closed", 500, rows) + " WHERE n < :closed",
        "INSERT INTO open_episodes (id, finding_id, appliance_id, appliance_model, fault, severity, fails_at, at)"
        f" SELECT 'ep-' || n, 'fo-' || n, appliance, model, fault, severity, at + n % 9973, at FROM {rows}"
        " WHERE n >= :closed",
        "INSERT INTO tickets (id, episode_id, appliance_id, appliance_model, fault, severity, status, opened_at,"
        " told_at, closed_at, note, content, assigned_to, created_at, version, changed_at, resolution, clocks,"
        " priority) SELECT 'tk-' || n, 'ep-' || n, appliance, model, fault, severity,"
        " CASE WHEN n < :closed THEN 'closed' WHEN n % 5 = 0 THEN 'scheduled' ELSE 'open' END,"
        " at, at, CASE WHEN n < :closed THEN at + 500 END, '', :content, 'tech-' || (n % 500), at, 3, at + 500,"
        f" CASE WHEN n < :closed THEN 'confirmed' END, '{{}}', 1 + n % 4 FROM {rows}",
    ]


def questions(engine: Engine, total: int) -> Mapping[str, Callable[[], Any]]:
    """Each list with its filters, as the API asks for it."""

    def tickets(sort: str = "-opened_at", cursor: str | None = None, **chosen: Any) -> Callable[[], Any]:
        return lambda: queries.some_tickets(engine, TicketFilter(**chosen), sort, 50, cursor)

    def findings(sort: str = "-time", **chosen: Any) -> Callable[[], Any]:
        return lambda: queries.some_findings(engine, FindingFilter(**chosen), sort, 50, None)

    def episodes(cursor: str | None = None, **chosen: Any) -> Callable[[], Any]:
        return lambda: queries.some_open_episodes(engine, FindingFilter(**chosen), 50, cursor)

    appliance = f"fridge-{(total - 1) % 300_000}"  # of the newest row, so that it has an open episode, too
    recent = _START + (total - 100) * 1000
    deep = queries.some_tickets(engine, TicketFilter(), "opened_at", 500, None).next_cursor
    soon = queries.some_open_episodes(engine, FindingFilter(), 500, None).next_cursor
    return {
        "tickets": tickets(),
        "tickets, open": tickets(status=TicketStatus.OPEN),
        "tickets, open, most urgent first": tickets("priority", status=TicketStatus.OPEN),
        "tickets, closed": tickets(status=TicketStatus.CLOSED),
        "tickets, scheduled, of one fault": tickets(status=TicketStatus.SCHEDULED, fault="fault-5"),
        "tickets of one fault": tickets(fault="fault-7"),
        "tickets of one appliance": tickets(appliance_id=appliance),
        "tickets of one model": tickets(appliance_model="rf-3"),
        "tickets, critical": tickets(severity=Severity.CRITICAL),
        "tickets, critical and open": tickets(severity=Severity.CRITICAL, status=TicketStatus.OPEN),
        "tickets of one technician": tickets(assigned_to="tech-7"),
        "open tickets of one technician": tickets(assigned_to="tech-7", status=TicketStatus.OPEN),
        "tickets, confirmed": tickets(resolution=Resolution.CONFIRMED),
        "tickets, declined (there are none)": tickets(resolution=Resolution.DECLINED),
        "tickets, for information (there are none)": tickets(severity=Severity.INFO),
        "findings, for information (there are none)": findings(severity=Severity.INFO),
        "tickets changed since": tickets("changed_at", updated_since=_START + (total - 1000) * 1000),
        "tickets, a page far in": tickets("opened_at", deep),
        "ticket by id": lambda: queries.ticket(engine, "tk-77"),
        "findings": findings(),
        "findings of one appliance": findings(appliance_id=appliance),
        "findings of one fault": findings(fault="fault-7"),
        "findings, critical": findings(severity=Severity.CRITICAL),
        "findings, closed": findings(kind=FindingKind.CLOSED),
        "findings of one model": findings(appliance_model="rf-3"),
        "findings since": findings("at", updated_since=recent),
        "findings since, the newest first": findings(updated_since=recent),
        "findings since long ago": findings("at", updated_since=_START + total * 500),
        "findings of one episode": findings(episode_id="ep-77"),
        "open episodes": episodes(),
        "open episodes changed since": episodes(updated_since=recent),
        "open episodes of one fault": episodes(fault="fault-7"),
        "open episodes, critical": episodes(severity=Severity.CRITICAL),
        "open episodes of one appliance": episodes(appliance_id=appliance),
        "open episodes of one model": episodes(appliance_model="rf-3"),
        "open episodes, a page far in": episodes(soon),
        "of before: tickets with a total": lambda: queries.tickets(engine, 50, 0),
        "of before: findings with a total": lambda: queries.findings(engine, 50, 0),
    }


def measure(engine: Engine, total: int, repeats: int) -> dict[str, dict[str, float]]:
    """Medians of each question, ms, wall and CPU; the first answer, which warms up, does not count."""
    found = {}
    for name, ask in questions(engine, total).items():
        took = []
        for _ in range(repeats + 1):
            began, busy = time.perf_counter(), time.process_time()
            ask()
            took.append((time.perf_counter() - began, time.process_time() - busy))
        wall, cpu = (statistics.median(one) * 1_000 for one in zip(*took[1:], strict=True))
        found[name] = {"median_ms": round(wall, 2), "cpu_ms": round(cpu, 2)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    where.add_argument("--url", help="an empty database that is there already")
    parser.add_argument("--open", type=int, default=100_000, dest="opened")
    parser.add_argument("--closed", type=int, default=1_000_000)
    parser.add_argument("--owners", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with _empty(asked) as url:
        engine = open_database(url)
        result = _of_owners(engine, asked) if asked.owners else _of_tickets(engine, asked)
        engine.dispose()
    sys.stdout.write(json.dumps(result, indent=1) + "\n" if asked.json else _table(result))


@contextmanager
def _empty(asked: argparse.Namespace) -> Iterator[str]:
    """The address of the database to fill; what was started for it ends with the block."""
    if asked.url:
        yield asked.url
    elif asked.database == "postgresql":
        server = PostgresServer()
        try:
            yield server.new_database()
        finally:
            server.close()
    else:
        with tempfile.TemporaryDirectory(prefix="foremend-desk-") as folder:
            yield f"sqlite:///{Path(folder) / 'desk.db'}"


def _of_tickets(engine: Engine, asked: argparse.Namespace) -> dict[str, Any]:
    filled = fill(engine, asked.opened, asked.closed)
    lists = measure(engine, asked.opened + asked.closed, asked.repeats)
    return _result(engine, f"{asked.opened:,} open, {asked.closed:,} closed", filled, lists)


def _of_owners(engine: Engine, asked: argparse.Namespace) -> dict[str, Any]:
    filled = desk_owners.fill(engine, SERIES[engine.dialect.name], asked.owners)
    lists = desk_owners.measure(engine, asked.owners, asked.repeats)
    return _result(engine, f"{asked.owners:,} owners of {desk_owners.EACH} appliances", filled, lists)


def _result(engine: Engine, holds: str, filled: float, lists: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "database": engine.dialect.name, "holds": holds, "filled_s": round(filled, 1),
        "load": round(os.getloadavg()[0], 1), "lists": lists,
    }  # fmt: skip


def _table(result: Mapping[str, Any]) -> str:
    lines = [f"{result['database']}: {result['holds']}, load {result['load']}"]
    for name, one in result["lists"].items():
        lines.append(f"{one['median_ms']:10.2f} ms  {one['cpu_ms']:10.2f} ms of CPU  {name}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
