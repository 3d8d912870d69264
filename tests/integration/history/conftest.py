"""A real server of InfluxDB's write API, and one that gives recorded answers."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from foremend.history.influx import InfluxHistory
from foremend.history.influx_settings import InfluxSettings
from foremend.stores.free_port import free_port
from foremend.vocabulary.types import Block, Forgotten

PATIENCE_S = 20.0

OpenHistory = Callable[..., InfluxHistory]
Rows = set[tuple[str, int, float]]


def _readings(
    times: list[int], power: list[float], appliance: str = "rf-260-01", first_seq: int = 0
) -> Block:
    """One appliance's readings of power; a door that never speaks."""
    n = len(times)
    return Block(
        "rf-260",
        (appliance,),
        np.zeros(n, np.int32),
        np.array(times, np.int64),
        np.arange(first_seq, first_seq + n, dtype=np.int64),
        {"power": np.array(power, np.float64), "door_openings": np.full(n, np.nan)},
        ("1.0.0",),
    )


@pytest.fixture
def readings() -> Callable[..., Block]:
    """Makes a block: times, power, and if need be the appliance and the first seq."""
    return _readings


@pytest.fixture
def open_history(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenHistory]:
    """Opens history at a url, with a token from the environment and what is forgotten."""
    monkeypatch.setenv("A_TOKEN", "secret")
    opened: list[InfluxHistory] = []

    def opener(url: str, forgotten: Callable[[], Sequence[Forgotten]] = tuple) -> InfluxHistory:
        settings = InfluxSettings(
            url=url, org="home", bucket="fridges", token_env="A_TOKEN", retention=30 * 86_400_000
        )
        opened.append(InfluxHistory(settings, forgotten))
        return opened[-1]

    yield opener
    for history in opened:
        history.close()


class VictoriaMetrics:
    """Debian's VictoriaMetrics: speaks `/api/v2/write`, keeps its data when it is stopped."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self._address}"
        self._command = [
            binary, f"-httpListenAddr={self._address}", f"-storageDataPath={folder}", "-retentionPeriod=100y",
            "-dedup.minScrapeInterval=1ms", "-memory.allowedBytes=64MB", "-loggerLevel=ERROR",
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/health", timeout=60).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("VictoriaMetrics did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self._process = None

    def export(self, series: str) -> Rows:
        """(appliance, ms, value) of everything stored under a name."""
        httpx.get(f"{self.url}/internal/force_flush", timeout=60).raise_for_status()
        answer = httpx.get(f"{self.url}/api/v1/export", params={"match[]": f'{{__name__="{series}"}}'})
        return {
            (one["metric"]["appliance"], stamp, value)
            for one in map(json.loads, answer.text.splitlines())
            for stamp, value in zip(one["timestamps"], one["values"], strict=True)
        }


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[VictoriaMetrics]:
    """Not started yet; stopped at the end."""
    binary = shutil.which("victoria-metrics")
    if binary is None:
        pytest.skip("no victoria-metrics here: apt-get install -y victoria-metrics")
    server = VictoriaMetrics(binary, tmp_path / "victoria")
    yield server
    server.stop()


class Recorded(ThreadingHTTPServer):
    """Gives `answers` by method and path, and for queries by a word of the query; keeps what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answers: dict[str, tuple[int, str]] = {}
        self.asked: list[tuple[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Recorded

    def _reply(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        what = f"{self.command} {self.path.partition('?')[0]}"
        self.server.asked.append((what, json.loads(sent) if sent.startswith("{") else sent))
        status, body = next(
            answer
            for key, answer in self.server.answers.items()
            if key == what or (what == "POST /api/v2/query" and key in sent)
        )
        self.send_response(status)
        self.send_header("Content-Type", "text/csv" if body.startswith("#") else "application/json")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = do_PATCH = _reply

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    """A local server of recorded answers."""
    server = Recorded()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
