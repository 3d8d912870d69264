"""What an owner says on the appliance itself, through a real Mosquitto and a real Kafka into the one ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from alerts import queries
from alerts.audit import verify
from alerts.owners import OwnedAppliance, Owner
from benchmarks.mosquitto_server import Mosquitto
from benchmarks.worker_process import WorkerProcess
from foremend.config import load_settings
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.runtimes.kafka.topics import create
from foremend.vocabulary.types import Purpose
from foremend.wiring.desk import open_desk
from ingest.mqtt.settings import MqttSettings
from tests.integration.kafka.test_gateway import Line, topics_of
from tests.integration.kafka.test_worker import RULE, wait_until

FRIDGE, OWNER = "fridge-1", "owner-1"
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def line(kafka: KafkaSettings, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Line]:
    """One configuration for gateway and worker, and topics that are there."""
    asyncio.run(create(kafka))
    told = {
        "brokers": list(kafka.brokers), "prefix": kafka.prefix, "partitions": kafka.partitions,
        "checkpoint_every": "300 ms",
    }  # fmt: skip
    config = tmp_path / "config.yaml"
    written = {
        "mqtt": {"url": mosquitto.url, "reconnect_first": "50 ms"},
        "kafka": told,
        "models": {"appliance_models": []},
        "rules": {"book": [RULE]},
        "storage": {"folder": str(tmp_path / "var")},
        "alerts": {"database": f"sqlite:///{tmp_path}/foremend.db", "key_file": str(tmp_path / "key")},
    }
    config.write_text(yaml.safe_dump(written))
    with topics_of(kafka) as records:
        yield Line(tmp_path, MqttSettings(url=mosquitto.url, client_id="fleet"), kafka, config, records)


def word(given: bool, ts: int, owner_id: str = OWNER, **more: Any) -> tuple[str, bytes]:
    said = {"ts": ts, "purposes": ["sms"], "given": given, "owner_id": owner_id, "language": "en"}
    return f"dt/appliance/rf-260/{FRIDGE}/consent", orjson.dumps(said | more)


def test_a_word_on_the_appliance_reaches_the_ledger_by_kafka_once(line: Line, tmp_path: Path) -> None:
    """A yes that comes three times, a no behind it, and one in another's name, of which the reason alone is kept."""
    desk = open_desk(load_settings(line.config), SystemClock())
    desk.owners.register_owners([Owner(OWNER, {})])
    desk.owners.register_appliances([OwnedAppliance(FRIDGE, OWNER, "rf-260")])
    ts = int(time.time() * 1_000) - 5_000

    with WorkerProcess(line.config, tmp_path / "worker.log") as worker, line.gateway():
        line.publish([word(True, ts)] * 3)
        wait_until(lambda: desk.consent.is_given(FRIDGE, Purpose.SMS), worker)
        line.publish([word(True, ts + 1, "owner-quillfeather"), word(False, ts + 2)])
        wait_until(lambda: not desk.consent.is_given(FRIDGE, Purpose.SMS), worker)
        wait_until(lambda: queries.dead_letters(desk.engine).total == 1, worker)
        assert worker.stop() == 0

    said = [(one["given"], one["how"]) for one in desk.consent.history(FRIDGE)]
    [letter] = queries.dead_letters(desk.engine).items
    assert said == [(True, "appliance"), (False, "appliance")]
    assert "not the registered owner" in letter["reason"]
    assert b"quillfeather" not in orjson.dumps(letter, default=str)
    assert verify(desk.engine).intact
    desk.close()
