"""`foremend check` as a process: it opens no socket, makes no file, and loads nothing that judges readings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.commands import OWN_RULES

ROOT = Path(__file__).parents[3]
SPY = """
import json, runpy, sys
opened = []
def hook(event, arguments):
    if event.startswith(("socket.", "sqlite3.", "subprocess.", "os.mkdir", "os.remove", "os.rename")):
        opened.append([event, repr(arguments)])
    if event == "open" and any(sign in str(arguments[1]) for sign in "wax+"):
        opened.append([event, repr(arguments)])
sys.addaudithook(hook)
sys.argv = ["foremend", *sys.argv[1:]]
code = 0
try:
    runpy.run_module("foremend", run_name="__main__")
except SystemExit as ended:
    code = ended.code or 0
sys.stderr.write("SPY" + json.dumps({"code": code, "opened": opened, "modules": sorted(sys.modules)}))
"""
EVERYTHING = """
extends: shipped
mqtt: {url: "mqtts://broker.example", user: foremend, password_env: TEST_SECRET}
storage:
  history: influx
  influx: {url: "http://history.example:8086", org: o, bucket: b, token_env: TEST_SECRET}
kafka:
  brokers: ["kafka.example:9092"]
  security: {protocol: SASL_SSL, user: foremend, password_env: TEST_SECRET}
ingest:
  decoders:
    - {decoder: esphome, appliance_model: generic-compressor, signals: {power: {path: p, unit: W}}}
alerts:
  database: postgresql://foremend@database.example/foremend
  webhooks: [{name: desk, url: "https://desk.example/hooks", secret_env: TEST_SIGNER}]
"""
HEAVY = {
    "alembic",
    "numba",
    "llvmlite",
    "sklearn",
    "scipy",
    "pyarrow",
    "faust",
    "aiokafka",
    "influxdb_client",
}
NOT_FOR_FILES = {"sqlalchemy", "httpx", "asyncio", "fastapi", "uvicorn", "paho"}


def spied(*arguments: str, code: int = 0) -> dict[str, Any]:
    """What the command did until it ended with `code`: `opened`, `modules` and `stdout`."""
    environment = {
        **os.environ,
        "TEST_SECRET": "secret",
        "TEST_SIGNER": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-B", "-c", SPY, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    told, _, said = done.stderr.partition("SPY")
    assert json.loads(said)["code"] == code, told
    return json.loads(said) | {"stdout": done.stdout}


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(EVERYTHING, encoding="utf-8")
    return path


def test_check_of_the_shipped_file_touches_nothing() -> None:
    """No socket, no database, no file; and none of the libraries that take seconds of CPU to load."""
    found = spied("check")

    assert found["opened"] == []
    assert not (HEAVY | NOT_FOR_FILES) & set(found["modules"])


def test_check_of_everything_that_is_far_away_opens_no_socket(everything: Path) -> None:
    """PostgreSQL, Kafka, InfluxDB, a broker with TLS and a receiver are looked at in the file alone."""
    found = spied("check", "--config", str(everything))

    assert found["opened"] == []
    assert not HEAVY & set(found["modules"])


def test_examples_of_windows_are_played_without_what_judges_readings(tmp_path: Path) -> None:
    """A rule and an example of one's own cost no second of CPU: the rules stay Python."""
    path = tmp_path / "config.yaml"
    path.write_text(OWN_RULES, encoding="utf-8")

    found = spied("check", "--json", "--config", str(path))

    assert json.loads(found["stdout"])["examples_played"] == 1
    assert not (HEAVY | NOT_FOR_FILES) & set(found["modules"])


def test_a_file_whose_examples_of_readings_are_in_doubt_loads_nothing_that_judges_them(
    tmp_path: Path,
) -> None:
    """The shipped file with a rule of one's own that concerns every example: under a second of CPU, with a note."""
    path = tmp_path / "config.yaml"
    path.write_text("extends: shipped\ningest: {lateness: 20 min}\n", encoding="utf-8")

    found = spied("check", "--json", "--config", str(path))

    told = json.loads(found["stdout"])
    assert told["examples_played"] + told["examples_left"] == told["examples"]
    assert told["examples_left"] > 0
    assert not (HEAVY | NOT_FOR_FILES) & set(found["modules"])


def test_the_spy_sees_what_opens_a_socket() -> None:
    """A replay does, towards a broker's side that is not there."""
    arguments = ["simulate", "--appliances", "12", "--days", "1", "--mqtt", "mqtt://127.0.0.1:1"]

    opened = spied(*arguments, code=4)["opened"]

    assert {"socket.__new__", "socket.connect"} <= {event for event, _ in opened}


@pytest.mark.parametrize("arguments", [["--help"], ["worker", "--help"], ["models", "--help"], ["faults"]])
def test_light_commands_load_no_engine(arguments: list[str]) -> None:
    """Help and tables come without numpy's kernels, databases and the web."""
    found = spied(*arguments)

    assert not (HEAVY | NOT_FOR_FILES) & set(found["modules"])
