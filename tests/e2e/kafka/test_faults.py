"""Gateways and workers on real servers, struck while a fleet talks on: `benchmarks.reliability`, shorter."""

from pathlib import Path

import pytest

from benchmarks.kafka_server import KafkaServer
from benchmarks.mosquitto_server import Mosquitto
from benchmarks.postgres_server import PostgresServer
from benchmarks.reliability.faults import FAULTS
from benchmarks.reliability.rig import Servers, rigged
from benchmarks.reliability.story import Story
from benchmarks.reliability.verdict import judge


@pytest.fixture
def servers(kafka_server: KafkaServer, mosquitto: Mosquitto, postgres_server: PostgresServer) -> Servers:
    return Servers(kafka_server, mosquitto, postgres_server)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("worker-killed", "workers-changed", "garbage"), id="workers"),
        pytest.param(("gateway-killed", "database-away", "broker-restarted"), id="what-they-stand-between"),
    ],
)
def test_faults_under_load_lose_and_double_nothing(
    names: tuple[str, ...], servers: Servers, tmp_path: Path
) -> None:
    """Every acknowledged reading is in history, and findings, tickets and messages are those of one machine."""
    faults = [FAULTS[name] for name in names]

    with rigged(servers, tmp_path, Story()) as rig:
        for fault in faults:
            fault.strike(rig, fault.fewer)
        verdict = judge(rig, tmp_path, [one for fault in faults for one in fault.garbage(fault.fewer)])

    assert verdict.sound, verdict
    assert min(verdict.counts.values()) > 2
