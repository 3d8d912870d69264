"""Killed without warning, again and again, the stage loses and doubles nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from alerts import audit, queries
from alerts.database import open_database

WORKER = Path(__file__).with_name("crash_worker.py")
REPO = Path(__file__).parents[3]
FINDINGS = 60


def run(folder: Path, database: str, kill_after: int | None) -> None:
    """Run the worker to its end, or kill it (SIGKILL) when it has committed `kill_after` more positions."""
    command = [sys.executable, str(WORKER), str(folder), str(FINDINGS), database]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for count, _line in enumerate(process.stdout, 1):
            if count == kill_after:
                process.kill()
    assert kill_after or process.returncode == 0


def test_kills_lose_and_double_nothing(tmp_path: Path, database: str) -> None:
    """Each finding has one ticket and its owner one SMS, and the audit chain holds, after three kills in mid-work."""
    for kill_after in (3, 17, 8):
        run(tmp_path, database, kill_after)
    run(tmp_path, database, None)

    engine = open_database(database)
    counts, report = queries.counts(engine), audit.verify(engine)
    engine.dispose()
    texts = [json.loads(line)["id"] for line in (tmp_path / "sms.jsonl").read_text().splitlines()]
    assert (counts.findings, counts.tickets_opened, counts.notifications_sent) == (
        FINDINGS,
        FINDINGS,
        FINDINGS,
    )
    assert len(texts) == len(set(texts)) == FINDINGS
    assert report.intact
