"""Every route of the real service against its own description: `python -m benchmarks.fuzz_api [--examples N] [--json]`.

Schemathesis makes requests from `/openapi.json`, right and wrong ones, as each role by a token, and as a user with a
session and what a browser sends along. Whatever answers with 5xx, or with a status, header, content type or body that
the description does not have, is a failure, and shown with its request. By default on SQLite; `--postgresql` starts a
PostgreSQL, too. Tests do the same with a few requests (tests/integration/service/test_fuzzed.py).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from alerts.consent import ConsentRecord
from alerts.desk import Alerts
from alerts.owners import OwnedAppliance, Owner
from benchmarks.postgres_server import PostgresServer
from foremend.config import Settings
from foremend.runtimes.clock import SystemClock
from foremend.stores.free_port import free_port
from foremend.terminal import emit, say
from foremend.vocabulary.errors import DefectError
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import DeadLetter, Evidence, Finding, FindingKind, Purpose, Severity
from foremend.wiring.desk import open_desk
from foremend.wiring.service import build_service

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
SESSION = "session"
"""A caller beside the roles: an admin in a browser."""
CALLERS = (*(role.value for role in Role), SESSION)
_SUBJECTS = {Role.OWNER: "o-1", Role.TECHNICIAN: "kim"}
_OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
_PASSWORD = "four plain words together"  # of a service that lives as long as this


@dataclass(frozen=True, slots=True)
class House:
    """A service that runs, and what each caller sends along."""

    address: str
    headers: Mapping[str, Mapping[str, str]]


@contextmanager
def serving(database: str, folder: Path) -> Iterator[House]:
    """The process of `foremend service` on a database that holds something of everything, on a free port."""
    settings = Settings.model_validate(
        {
            "service": {"port": free_port(), "login": "always", "requests_per_second": 1e6},
            "storage": {"folder": folder / "var"},
            "alerts": {
                "database": database, "key_file": folder / "key", "jurisdiction": "EU",
                "sms": {"file": folder / "sms.jsonl"}, "push": None,
            },
        }
    )  # fmt: skip
    desk = open_desk(settings, SystemClock())
    live(desk)
    headers = {role.value: _by_token(desk, role) for role in Role}
    link = desk.access.users.create("robin", Role.ADMIN, "fuzz", None)[1]
    desk.close()
    service = build_service(settings)
    try:
        with service.server as address:
            yield House(address, headers | {SESSION: _by_session(address, link)})
    finally:
        service.alerts.close()


def live(alerts: Alerts) -> None:
    """Two households, faults, tickets, messages, a dead letter, a diagnosis."""
    now = SystemClock().now_ms()
    alerts.owners.register_owners([Owner("o-1", {"sms": "+447400123456"}), Owner("o-2", {})])
    owned = [("fridge-1", "o-1"), ("fridge-2", "o-2")]
    alerts.owners.register_appliances([OwnedAppliance(one, owner, "rf-260") for one, owner in owned])
    alerts.consent.record(
        ConsentRecord(one, owner, purpose, True, now, "1", "en", "app")
        for one, owner in owned
        for purpose in (Purpose.MONITORING, Purpose.TICKET, Purpose.SMS)
    )
    evidence = (Evidence("starts_per_hour", 6.1, 2.4, 2.3, "1/h"),)
    found = [
        Finding(
            FindingKind.OPENED, one, "rf-260", fault, "r", Severity.WARNING, now, now, 0.9, evidence=evidence
        )
        for one, _ in owned
        for fault in ("door-gasket-leak", "not-cooling")
    ]
    letter = DeadLetter("dt/appliance/rf-260/fridge-1/telemetry", b"?", "ts: missing", now)
    alerts.effects.apply(found, [letter], 1)
    alerts.diagnoses.conclude(alerts.diagnoses.begin("fridge-1", "fuzz"))


def fuzzed(
    house: House, caller: str, examples: int, seed: int, phases: Sequence[str], folder: Path
) -> dict[str, Any]:
    """What one caller's requests came to: `cases`, `failures` with where, and, as `shown`, each with its request.

    Raises DefectError where Schemathesis itself did not get through.
    """
    report = folder / f"{caller}.json"
    command = [
        sys.executable, "-m", "schemathesis.cli", "--no-color", "run", f"{house.address}/openapi.json",
        "--checks", ",".join(CHECKS), "--phases", ",".join(phases), "--max-examples", str(examples),
        "--seed", str(seed), "--report-json-path", str(report), "--max-failures", "1000",
    ]  # fmt: skip
    for name, value in house.headers[caller].items():
        command += ["--header", f"{name}: {value}"]
    if (
        caller == SESSION
    ):  # who logs out, or in as another, is not who was meant to ask; nor is who has a token as well
        command += [
            "--exclude-path-regex",
            "^/api/v1/session",
            "--generation-with-security-parameters",
            "false",
        ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if not report.exists():
        raise DefectError(f"Schemathesis did not get through: {done.stdout[-500:]}{done.stderr[-500:]}")
    found = orjson.loads(report.read_bytes())
    if found["errors"] or found["stop_reason"] != "completed":
        raise DefectError(
            f"Schemathesis did not get through: {orjson.dumps(found['errors']).decode()[:1_000]}"
        )
    return {
        "cases": found["test_cases"]["generated"],
        "operations": found["operations"]["tested"],
        "let_in": found["operations"]["tested"] - len(found["warnings"]["missing_auth"]),
        "failures": [f"{one['title']}: {', '.join(one['operations'])}" for one in found["failures"]],
        "shown": _section(done.stdout, "FAILURES") if found["failures"] else "",
        "seconds": round(found["running_time"], 1),
    }


def _section(text: str, name: str) -> str:
    """What stands below a headline of Schemathesis' own report: each failure with its request and the answer."""
    _, _, rest = text.partition(f"= {name} =")
    lines = rest.splitlines()[1:]
    end = next((number for number, line in enumerate(lines) if line.startswith("====")), len(lines))
    return "\n".join(lines[:end])[:50_000]


def _by_token(alerts: Alerts, role: Role) -> dict[str, str]:
    _, token = alerts.access.tokens.create("fuzz", role, 1, "fuzz", None, _SUBJECTS.get(role))
    return {"Authorization": f"Bearer {token}"}


def _by_session(address: str, link: str) -> dict[str, str]:
    """As a browser: the cookies of a login, and that our own page asks."""
    said = {"link": link.rpartition("=")[2], "password": _PASSWORD}
    answer = httpx.post(f"{address}/api/v1/session/password", json=said, headers=_OWN_PAGE, timeout=60)
    answer.raise_for_status()
    return _OWN_PAGE | {"Cookie": "; ".join(f"{name}={value}" for name, value in answer.cookies.items())}


def main() -> None:
    """Prints what was found; ends with 1 where anything was."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=30, help="of each operation and caller")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--caller", choices=CALLERS, action="append", help="repeat for several; none: all")
    parser.add_argument("--postgresql", action="store_true", help="on a PostgreSQL of its own, too")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found: dict[str, Any] = {"examples": asked.examples, "seed": asked.seed}
    with tempfile.TemporaryDirectory(prefix="foremend-fuzz-") as name:
        for kind, database in _databases(Path(name), asked.postgresql):
            folder = Path(name) / kind
            folder.mkdir()
            with serving(database, folder) as house:
                found[kind] = {
                    one: fuzzed(house, one, asked.examples, asked.seed, ("coverage", "fuzzing"), folder)
                    for one in asked.caller or CALLERS
                }
    failures = [
        one
        for kind in ("sqlite", "postgresql")
        for caller in found.get(kind, {}).values()
        for one in caller["failures"]
    ]
    emit(found | {"failures": len(failures)}) if asked.json else show(found)
    sys.exit(1 if failures else 0)


def show(found: Mapping[str, Any]) -> None:
    """A line a caller, and each failure."""
    for kind in ("sqlite", "postgresql"):
        for caller, one in found.get(kind, {}).items():
            said = f"{one['cases']} requests, {len(one['failures'])} failures, {one['seconds']} s"
            say(f"{kind} {caller}: {said}", *one["failures"], *filter(None, [one["shown"]]))


def _databases(folder: Path, postgresql: bool) -> Iterator[tuple[str, str]]:
    yield "sqlite", f"sqlite:///{folder}/fuzz.db"
    if postgresql:
        server = PostgresServer()
        try:
            yield "postgresql", server.new_database()
        finally:
            server.close()


if __name__ == "__main__":
    main()
