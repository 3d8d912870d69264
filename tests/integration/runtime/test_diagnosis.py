"""Diagnoses end to end: `foremend run` on a real Mosquitto, simulated appliances, the API and the command line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from alerts.consent import ConsentRecord
from alerts.owners import OwnedAppliance, Owner
from benchmarks.mosquitto_server import Mosquitto
from foremend.cli import app
from foremend.config import load_settings
from foremend.stores.free_port import free_port
from foremend.vocabulary.rights import Role
from foremend.vocabulary.topics import STATUS_WILDCARD, status_topic
from foremend.vocabulary.types import Purpose
from foremend.wiring.one_machine import Application, build
from simulators.fleet.fleet import Fleet
from simulators.fleet.live import publish
from simulators.fleet.scenario import Scenario

PATIENCE_S = 60.0
ONE, OTHER = "rf-260-00001", "rf-260-00002"


def until(holds: Callable[[], object]) -> None:
    """Fails after a minute."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.02)  # nothing tells that a status changed


@dataclass
class Running:
    """A pipeline with its page, and what the broker carried to appliances."""

    application: Application
    page: str
    config: Path
    token: str
    broker: Mosquitto
    carried: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def asked(self) -> list[str]:
        """Topics of the requests to appliances."""
        return [topic for topic, _ in self.carried if topic.startswith("cmd/")]

    def diagnose(self, appliance_id: str) -> httpx.Response:
        path = f"{self.page}/api/v1/appliances/{appliance_id}/diagnosis"
        return httpx.post(path, headers={"Authorization": f"Bearer {self.token}"}, timeout=60)

    def heard(self, appliance_id: str) -> bool:
        return any(one.appliance_id == appliance_id for one in self.application.runtime.fleet())


@pytest.fixture
def running(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Running]:
    config, port = tmp_path / "config.yaml", free_port()
    written = {
        "extends": "shipped",
        "mqtt": {"url": mosquitto.url},
        "storage": {"folder": str(tmp_path / "var")},
        "service": {"port": port},
        "alerts": {"database": f"sqlite:///{tmp_path}/f.db", "key_file": str(tmp_path / "key")},
    }
    config.write_text(yaml.safe_dump(written))
    application = build(load_settings(config))
    _, token = application.alerts.access.tokens.create("test", Role.ADMIN, 30, "test")
    ear = Client(CallbackAPIVersion.VERSION2)
    found = Running(application, f"http://127.0.0.1:{port}", config, token, mosquitto)
    ear.on_message = lambda client, data, message: found.carried.append((message.topic, message.payload))
    ear.connect("127.0.0.1", mosquitto.port)
    ear.subscribe([("cmd/appliance/+/+/diagnose", 1), (STATUS_WILDCARD, 1)])
    ear.loop_start()
    stop = threading.Event()
    pipeline = threading.Thread(target=application.run, args=(stop,))
    pipeline.start()
    try:
        until(lambda: application.runtime.status().connected)
        yield found
    finally:
        stop.set()
        pipeline.join()
        ear.disconnect()
        ear.loop_stop()


@contextmanager
def fleet(broker: Mosquitto) -> Iterator[None]:
    """Two refrigerators that speak in real time, an hour's readings a message: by themselves they say nothing soon."""
    stop = threading.Event()
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    scenario = Scenario(start=yesterday, days=2, appliances={"rf-260": 2}, fault_rate=0.0)
    how: dict[str, Any] = {"speed": 1.0, "stop": stop, "connections": 2}
    thread = threading.Thread(target=publish, args=(Fleet(scenario, 1), broker.url), kwargs=how)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_S)


def one_reading(broker: Mosquitto, appliance_id: str, hours: int = 2) -> None:
    """An appliance says something once, of so many hours ago, and is gone without a word."""
    said = {"ts": int(time.time() * 1_000) - hours * 3_600_000, "seq": 1, "signals": {"power": 80.0}}
    publish_once(broker, f"dt/appliance/rf-260/{appliance_id}/telemetry", orjson.dumps([said]))


def publish_once(broker: Mosquitto, topic: str, payload: bytes, retain: bool = False) -> None:
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.publish(topic, payload, 1, retain).wait_for_publish(PATIENCE_S)
    client.disconnect()
    client.loop_stop()


def test_an_appliance_that_is_online_answers_with_fresh_readings(running: Running) -> None:
    """Over its telemetry: the newest reading is another one each time, by the API as by the command line."""
    one_reading(running.broker, ONE, hours=72)
    until(lambda: running.heard(ONE))

    with fleet(running.broker):
        until(lambda: (status_topic("rf-260", ONE), b"online") in running.carried)
        first = running.diagnose(ONE).json()
        shown = CliRunner().invoke(app, ["diagnose", ONE, "--config", str(running.config), "--json"])

    second = orjson.loads(shown.output)
    assert (first["reached"], second["reached"]) == ("fresh", "fresh")
    assert first["heard_at"] < second["heard_at"]
    assert "fresh readings" in first["said"]["en"][0]
    assert "最新数据" in second["said"]["zh"][0]
    assert running.asked.count(f"cmd/appliance/rf-260/{ONE}/diagnose") == 2


def test_who_does_not_answer_is_waited_for_no_longer_than_said(running: Running) -> None:
    """Ten seconds; then what is known is said, with its age, in both languages."""
    one_reading(running.broker, ONE)
    until(lambda: running.heard(ONE))

    said = running.diagnose(ONE).json()

    assert said["reached"] == "no_answer"
    assert said["judged"] is False
    assert "did not answer within 10 seconds" in said["said"]["en"][0]
    assert "10 秒内没有应答" in said["said"]["zh"][0]
    assert "2 h ago" in said["said"]["en"][1]
    assert 7_200 <= said["age_s"] < 7_200 + PATIENCE_S
    assert len(running.asked) == 1


def test_who_is_offline_is_not_asked(running: Running) -> None:
    """By the broker's word, its last will; the answer comes at once."""
    one_reading(running.broker, ONE)
    until(lambda: running.heard(ONE))
    publish_once(running.broker, status_topic("rf-260", ONE), b"offline", retain=True)
    one_reading(running.broker, OTHER)
    until(lambda: running.heard(OTHER))

    said = running.diagnose(ONE).json()

    assert said["reached"] == "offline"
    assert "offline" in said["said"]["en"][0]
    assert running.asked == []


def test_an_id_that_nobody_knows_is_answered_with_the_nearest(running: Running) -> None:
    """By the pipeline, which knows those that nobody registered; the command line ends with the same sentence."""
    one_reading(running.broker, ONE)
    until(lambda: running.heard(ONE))

    unknown = running.diagnose("rf-260-00010")
    shown = CliRunner().invoke(app, ["diagnose", "rf-260-00010", "--config", str(running.config)])

    assert unknown.status_code == 404
    assert f"did you mean '{ONE}'?" in unknown.json()["detail"]
    assert ONE in str(shown.exception)
    assert running.asked == []


def test_who_may_not_be_watched_is_not_asked(running: Running) -> None:
    """The owner took the yes back: no message leaves, and the command line says why."""
    one_reading(running.broker, ONE)
    until(lambda: running.heard(ONE))
    alerts, now = running.application.alerts, int(time.time() * 1_000)
    alerts.owners.register_owners([Owner("o-1", {})])
    alerts.owners.register_appliances([OwnedAppliance(ONE, "o-1", "rf-260")])
    for at, given in ((now - 2, True), (now - 1, False)):
        alerts.consent.record([ConsentRecord(ONE, "o-1", Purpose.MONITORING, given, at, "1", "en", "app")])

    refused = running.diagnose(ONE)
    shown = CliRunner().invoke(app, ["diagnose", ONE, "--config", str(running.config)])

    assert refused.status_code == 409
    assert "consent for monitoring is missing" in refused.json()["detail"]
    assert "consent for monitoring is missing" in str(shown.exception)
    assert running.asked == []
