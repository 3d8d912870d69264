"""`make audit`: real pip-audit against an advisory service of our own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

AUDIT = Path(__file__).parents[3] / ".ci" / "audit.py"
FLAW = {
    "id": "PYSEC-0000-1",
    "summary": "made up for this test",
    "details": "made up for this test",
    "modified": "2026-01-01T00:00:00Z",
    "published": "2026-01-01T00:00:00Z",
    "affected": [
        {
            "package": {"name": "example", "ecosystem": "PyPI", "purl": "pkg:pypi/example"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}],
            "versions": ["1.0"],
        }
    ],
}


@contextmanager
def service(flaws: list[object]) -> Iterator[str]:
    """An advisory service that answers `flaws` to every question."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"vulns": flaws} if flaws else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


@pytest.fixture
def audit(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Checks one pinned package at a service."""
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"example==1.0 \\\n    --hash=sha256:{'0' * 64}\n")

    def check(url: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(AUDIT), "--lock", str(lock)]
        command += [
            "--vulnerability-service",
            "osv",
            "--osv-url",
            url,
            "--cache-dir",
            str(tmp_path / "cache"),
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return check


def test_a_known_flaw_is_named_with_its_mend_and_fails(
    audit: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    """Package, version, advisory and the release that mends it; exit code 1."""
    with service([FLAW]) as url:
        done = audit(url)

    assert (done.returncode, done.stdout) == (
        1,
        "known vulnerabilities:\nexample 1.0: PYSEC-0000-1, mended in 1.1\n",
    )


def test_packages_without_known_flaws_pass_and_are_counted(
    audit: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    """Whoever reads the line sees how many were looked at."""
    with service([]) as url:
        done = audit(url)

    assert (done.returncode, done.stdout) == (0, "no known vulnerability in 1 pinned packages\n")


def test_where_nobody_answers_it_says_that_nothing_was_checked(
    audit: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    """Without a network CI goes on, and nobody can take that for a clean bill."""
    with service([]) as url:
        pass

    done = audit(url)

    assert done.returncode == 0
    assert done.stdout.startswith("NOT CHECKED for known vulnerabilities: ")
    assert "The lock file's date is unknown, and nothing later is known here" in done.stdout
