"""A whole Foremend on free ports: broker, service platform, registered fleet, pipeline as a process of its own."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson
import pyarrow.dataset as ds
import pytest
import yaml

from alerts import queries
from alerts.desk import Alerts
from alerts.queries import tickets
from alerts.wording import iso
from foremend.commands.demo.ears import heard
from foremend.commands.demo.owners import register
from foremend.commands.demo.processes import free_port, process, running, wait_for_port
from foremend.config import Settings, load_settings
from foremend.engine.engine import Engine
from foremend.runtimes.clock import SystemClock
from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import FindingKind, RawMessage
from foremend.wiring.desk import open_desk
from ingest.decode import Ingest
from ingest.mqtt.source import MqttSource
from rules.evaluator import RuleBook
from simulators.fleet.fleet import Fleet
from simulators.fleet.live import publish
from simulators.fleet.scenario import Scenario
from simulators.fleet.wire import Message, messages

SEED = 11
RULE = {
    "name": "too-warm",
    "fault": "not-cooling",
    "when": {"signal": "freezer_temp", "above": -13.0, "unit": "degC"},
    "sustained_for": "3 h",
    "clear_below": -15.0,
}
SCENARIO = Scenario.model_validate(
    {
        "days": 16,
        "appliances": {"rf-260": 16},
        "consent": {"full": 1, "monitoring_only": 0, "none": 0, "withdraws": 0},
        "faults": [
            {"appliance": f"rf-260-0000{k}", "fault": fault, "onset_day": 2 + k, "days_to_failure": 2}
            for k, fault in enumerate(("door-gasket-leak", "refrigerant-leak", "compressor-wear"), start=1)
        ],
    }
)


@dataclass
class Stage:
    """Everything but the broker, which a test brings; the pipeline runs while `pipeline()` is open."""

    config: Path
    settings: Settings
    alerts: Alerts
    platform: str
    fleet: Fleet = field(default_factory=lambda: Fleet(SCENARIO, SEED))
    sent: list[Message] = field(default_factory=lambda: list(messages(Fleet(SCENARIO, SEED))))

    @contextmanager
    def pipeline(self) -> Iterator[subprocess.Popen[bytes]]:
        """The pipeline as a process of its own."""
        with process(["run", "--config", str(self.config)], self.config.parent / "pipeline.log") as child:
            yield child

    def publishing(self) -> threading.Thread:
        """The fleet, on its way as fast as the pipeline keeps up."""
        how = {"window": 150, "connections": 4}
        thread = threading.Thread(
            target=publish, args=(self.fleet, self.settings.mqtt.url), kwargs=how, daemon=True
        )
        thread.start()
        return thread

    @property
    def readings(self) -> int:
        """How many different readings were sent."""
        return sum(message.readings for message in {(m.topic, m.first_seq): m for m in self.sent}.values())

    def wait_until(self, ears: MqttSource, readings: int) -> None:
        """Until the pipeline has used so many readings; fails when it falls silent for two minutes."""
        for _ in range(10_000):
            words = heard(ears, timeout_s=120.0)
            assert words, "the pipeline fell silent"
            if words[-1].readings >= readings:
                return
        raise AssertionError(f"{readings} readings were never used")

    def check_nothing_lost_or_doubled(self) -> None:
        """Every reading that was sent is stored once; every ticket is there, and reached the platform, once."""
        assert self.stored_readings() == Counter(self.sent_readings())
        expected = self.expected_tickets()
        items = tickets(self.alerts.engine, 1_000).items
        assert sorted((ticket["appliance_id"], ticket["opened_at"]) for ticket in items) == expected
        assert len(expected) >= 2
        events = httpx.get(f"{self.platform}/events", timeout=60).json()
        accepted = [event["id"] for event in events if event["type"] == "foremend.ticket.opened"]
        assert len(accepted) == len(set(accepted)) == len(expected)

    def wait_until_ready(self, ready: bool) -> dict[str, str]:
        """Until /readyz says so; what it says of each check."""
        for _ in range(24_000):
            answer = httpx.get(f"http://127.0.0.1:{self.settings.service.port}/readyz", timeout=20)
            if answer.is_success == ready:
                checks: dict[str, str] = answer.json()["checks"]
                return checks
            threading.Event().wait(0.01)
        raise AssertionError(f"/readyz stays at {answer.text}")

    def wait_until_delivered(self) -> None:
        """Until nothing waits in the outbox."""
        for _ in range(24_000):
            if not queries.counts(self.alerts.engine).messages_waiting:
                return
            threading.Event().wait(0.01)
        raise AssertionError("messages still wait in the outbox")

    def stored_readings(self) -> Counter[tuple[str, int]]:
        """How often history holds each reading."""
        folder = self.settings.storage.folder / "history"
        table = ds.dataset(folder, partitioning="hive").to_table(["appliance", "seq"])
        return Counter(zip(table["appliance"].to_pylist(), table["seq"].to_pylist(), strict=True))

    def sent_readings(self) -> set[tuple[str, int]]:
        """Every reading that was published, but for the last ten minutes, which are held for late ones."""
        found: dict[str, dict[int, int]] = {}
        for message in self.sent:
            appliance = message.topic.split("/")[3]
            for reading in orjson.loads(message.payload):
                found.setdefault(appliance, {})[reading["seq"]] = reading["ts"]
        return {
            (appliance, seq)
            for appliance, times in found.items()
            for released in [max(times.values()) - 600_000]
            for seq, ts in times.items()
            if ts < released
        }

    def expected_tickets(self) -> list[tuple[str, str]]:
        """What one engine finds in the same messages, undisturbed."""
        profiles = load_profiles()
        ingest = Ingest(self.settings.ingest, {name: p.signals for name, p in profiles.items()})
        engine = Engine(profiles, RuleBook(self.settings.rules), lateness_ms=self.settings.ingest.lateness)
        raw = [RawMessage(m.topic, m.payload, SystemClock().now_ms()) for m in self.sent]
        findings = [f for block in ingest.decode(raw).blocks for f in engine.process(block)]
        return sorted((f.appliance_id, iso(f.time)) for f in findings if f.kind is FindingKind.OPENED)


@pytest.fixture
def make_stage(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """A stage on the broker at a url; its database is SQLite, or at a url too."""
    with ExitStack() as stack:

        def make(broker: str, database: str | None = None) -> Stage:
            secret = tmp_path / "secret"
            secret.write_text("whsec_" + b64encode(secrets.token_bytes(32)).decode())
            port = free_port()
            command = [sys.executable, "-m", "simulators.platform", "--port", str(port)]
            command += ["--secret-file", str(secret), "--store", str(tmp_path / "platform.db")]
            stack.enter_context(running(command, tmp_path / "platform.log"))
            config = tmp_path / "config.yaml"
            database = database or f"sqlite:///{tmp_path}/foremend.db"
            config.write_text(yaml.safe_dump(configuration(tmp_path, broker, port, secret, database)))
            settings = load_settings(config)
            alerts = open_desk(settings, SystemClock())
            stack.callback(alerts.close)
            stage = Stage(config, settings, alerts, f"http://127.0.0.1:{port}")
            register(alerts, stage.fleet)
            wait_for_port(port, 240)
            return stage

        yield make


@pytest.fixture
def embedded() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        yield broker


def configuration(folder: Path, broker: str, platform: int, secret: Path, database: str) -> dict[str, object]:
    webhook = {
        "name": "platform",
        "url": f"http://127.0.0.1:{platform}/webhooks",
        "secret_file": str(secret),
        "allow_private": True,
    }
    return {
        "service": {"port": free_port()},
        "storage": {"folder": str(folder), "checkpoint_every": "1 s"},
        "models": {"appliance_models": []},
        "mqtt": {"url": broker},
        "rules": {"book": [RULE]},
        "alerts": {
            "database": database,
            "key_file": str(folder / "key"),
            "webhooks": [webhook],
            "sms": None,
            "push": None,
        },
    }
