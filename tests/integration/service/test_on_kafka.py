"""Gateway, worker and service as deploy/compose.yaml starts them: from MQTT over Kafka to the page."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from benchmarks.mosquitto_server import Mosquitto
from foremend.cli import app
from foremend.commands.demo.processes import free_port, process
from foremend.commands.kafka import create_topics
from foremend.jobs.simulate import chosen_scenario, over_mqtt
from foremend.runtimes.kafka.settings import KafkaSettings
from simulators.fleet.fleet import Fleet
from simulators.fleet.live import publish
from simulators.fleet.scenario import Scenario

APPLIANCES = 6
ONE = "rf-260-00001"
PATIENCE_S = 240.0


@dataclass
class Installation:
    """Where each process answers, and where its words are."""

    broker: str
    addresses: dict[str, str]
    folder: Path

    def get(self, name: str, path: str) -> httpx.Response | None:
        """None while the process does not answer."""
        try:
            return httpx.get(self.addresses[name] + path, timeout=10)
        except httpx.TransportError:
            return None

    def until(self, name: str, path: str, good: Callable[[httpx.Response], bool]) -> httpx.Response:
        """Other processes tell us nothing, so we ask."""
        end = time.monotonic() + PATIENCE_S
        while True:
            answer = self.get(name, path)
            if answer is not None and good(answer):
                return answer
            said = answer.text if answer is not None else "nothing"
            log = (self.folder / f"{name}.log").read_text("utf-8")
            assert time.monotonic() < end, f"{name}{path} answers {said}\n{log}"
            time.sleep(0.1)


def written(folder: Path, kafka: KafkaSettings, broker: str, page: int) -> Path:
    """One config.yaml for all of them."""
    settings = {
        "extends": "shipped",
        "service": {"port": page},
        "mqtt": {"url": broker},
        "kafka": {
            "brokers": list(kafka.brokers),
            "prefix": kafka.prefix,
            "partitions": kafka.partitions,
            "checkpoint_every": "500 ms",
        },
        "models": {"appliance_models": [], "registry": "models"},
        "storage": {"folder": "state"},
        "alerts": {"database": f"sqlite:///{folder}/foremend.db", "key_file": "key"},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings), "utf-8")
    return path


@pytest.fixture
def installation(kafka: KafkaSettings, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Installation]:
    ports = {name: free_port() for name in ("gateway", "worker", "service")}
    config = written(tmp_path, kafka, mosquitto.url, ports["service"])
    create_topics(config)
    commands = {
        "gateway": ["gateway", "--config", str(config), "--health-port", str(ports["gateway"])],
        "worker": ["worker", "--config", str(config), "--health-port", str(ports["worker"])],
        "service": ["service", "--config", str(config)],
    }
    with ExitStack() as stack:
        for name, command in commands.items():
            stack.enter_context(process(command, tmp_path / f"{name}.log"))
        addresses = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        yield Installation(mosquitto.url, addresses, tmp_path)


def value(answer: httpx.Response, metric: str) -> float:
    """Of a metric without labels."""
    lines = (line.split(" ") for line in answer.text.splitlines() if not line.startswith("#"))
    return next((float(number) for name, number in lines if name == metric), 0.0)


def asked_and_answered(installation: Installation) -> None:
    """The service asks an appliance, whose answer goes over gateway, Kafka and worker as all that it says."""
    today, stop = datetime.now(UTC).date(), threading.Event()
    scenario = Scenario(start=today - timedelta(days=1), days=2, appliances={"rf-260": 1}, fault_rate=0.0)
    how: dict[str, Any] = {"speed": 1.0, "stop": stop, "connections": 1}
    fleet = threading.Thread(target=publish, args=(Fleet(scenario, 1), installation.broker), kwargs=how)
    fleet.start()
    try:
        installation.until("service", "/api/fleet", lambda answer: ONE in answer.text)
        config = str(installation.folder / "config.yaml")
        said = CliRunner().invoke(app, ["diagnose", ONE, "--config", config, "--json"])
    finally:
        stop.set()
        fleet.join()
    found = json.loads(said.output)
    assert found["reached"] == "fresh"

    def heard(answer: httpx.Response) -> bool:
        return any(str(one["last_seen"]) >= found["heard_at"] for one in answer.json()["items"])

    installation.until("service", "/api/v1/appliances", heard)


def test_what_appliances_say_is_on_the_page(installation: Installation) -> None:
    """Every process gets ready and counts the same readings, and the service shows the fleet that the worker saw.

    The gateway takes each telemetry message, and that each appliance is there. Who is asked how it is answers.
    """
    for name in ("gateway", "worker", "service"):
        installation.until(name, "/readyz", lambda answer: answer.status_code == 200)

    fleet = chosen_scenario(None, APPLIANCES, 1, 0.0, ["rf-260"])
    published = over_mqtt(fleet, 1, installation.broker, None, None, 2, lambda what, done, total: None)

    def taken(answer: httpx.Response) -> bool:
        waiting = value(answer, "foremend_gateway_unacknowledged")
        own = 2  # by which it proves its shared subscription
        return value(answer, "foremend_messages_total") - waiting == published["messages"] + APPLIANCES + own

    readings = value(installation.until("gateway", "/metrics", taken), "foremend_readings_total")
    installation.until(
        "worker", "/metrics", lambda answer: value(answer, "foremend_readings_total") == readings
    )
    fleet = installation.until("service", "/api/fleet", lambda answer: answer.json()["total"] == APPLIANCES)
    assert {one["appliance_model"] for one in fleet.json()["items"]} == {"rf-260"}

    def shown(answer: httpx.Response) -> bool:
        pipeline: dict[str, Any] = answer.json()["pipeline"]
        return (pipeline["state"], pipeline["connected"], pipeline["readings"]) == ("running", True, readings)

    installation.until("service", "/api/summary", shown)
    asked_and_answered(installation)
    for name in ("gateway", "worker", "service"):
        metrics = installation.until(name, "/metrics", lambda answer: answer.status_code == 200)
        assert "rf-260-" not in metrics.text
