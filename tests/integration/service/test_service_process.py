"""`foremend service` as processes of their own, on SQLite and PostgreSQL."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from alerts.consent import ConsentRecord
from alerts.owners import OwnedAppliance, Owner
from foremend.commands.demo.processes import free_port, process, running, wait_for_port
from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.kafka.status_writer import StatusWriter
from foremend.runtimes.status import PipelineStatus
from foremend.vocabulary.types import Block, Finding, FindingKind, Purpose, Severity
from foremend.wiring.desk import open_desk

NOW = 1_767_240_000_000
HARD_OF_HEARING = """
import signal, sys, threading
from pathlib import Path
from foremend.wiring.service import run_service
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
run_service(Path(sys.argv[1]))
"""
"""A service whose main thread no signal reaches."""
APPLIANCES = [f"fridge-{number}" for number in range(20)]


@dataclass
class Running:
    """Two services on one database, each with a file of its own for what it sends."""

    configs: list[Path]
    addresses: list[str]

    def sent(self) -> list[str]:
        files = [config.parent / f"{config.stem}.sms" for config in self.configs]
        return [line for file in files if file.exists() for line in file.read_text("utf-8").splitlines()]


def config_file(folder: Path, name: str, database: str) -> Path:
    path = folder / f"{name}.yaml"
    settings = {
        "service": {"port": free_port()},
        "storage": {"folder": "state"},
        "alerts": {
            "database": database,
            "key_file": "key",
            "sms": {"file": f"{name}.sms"},
            "push": None,
            "quiet_hours": None,
        },
        "kafka": {"partitions": 1},
    }
    path.write_text(yaml.safe_dump(settings), "utf-8")
    return path


def listening(config: Path) -> str:
    """The address of the service, once it answers there."""
    port = load_settings(config).service.port
    wait_for_port(port, 240)
    return f"http://127.0.0.1:{port}"


def opened(appliance_id: str) -> Finding:
    return Finding(
        FindingKind.OPENED, appliance_id, "rf-260", "not-cooling", "r", Severity.WARNING, NOW, NOW, 1.0
    )  # fmt: skip


def ask_for_messages(config: Path) -> None:
    """What a worker does: findings on appliances whose owners want an SMS."""
    alerts = open_desk(load_settings(config), SystemClock(), "foremend-0")
    alerts.owners.register_owners([Owner("o", {"sms": "+8613912345678"})])
    alerts.owners.register_appliances([OwnedAppliance(one, "o", "rf-260") for one in APPLIANCES])
    alerts.consent.record(
        ConsentRecord(one, "o", purpose, True, NOW, "1", "zh", "app")
        for one in APPLIANCES
        for purpose in (Purpose.TICKET, Purpose.SMS)
    )
    alerts.effects.apply([opened(one) for one in APPLIANCES], [], 1)
    alerts.close()


def until(ready: Callable[[], bool], within_s: float = 240.0) -> None:
    """Other processes tell us nothing, so we ask."""
    end = time.monotonic() + within_s
    while not ready():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def metric(address: str, name: str) -> float | None:
    """The value of a metric; None where there is none."""
    lines = httpx.get(f"{address}/metrics", timeout=60).text.splitlines()
    found = [line.rpartition(" ")[2] for line in lines if line.rpartition(" ")[0] == f"foremend_{name}"]
    return float(found[0]) if found else None


@pytest.fixture
def services(database: str, tmp_path: Path) -> Iterator[Running]:
    configs = [config_file(tmp_path, name, database) for name in ("one", "two")]
    ask_for_messages(configs[0])
    with ExitStack() as stack:
        for config in configs:
            stack.enter_context(process(["service", "--config", str(config)], config.with_suffix(".log")))
        yield Running(configs, [listening(config) for config in configs])


def test_two_services_send_each_message_once(services: Running) -> None:
    """Whoever takes a message, takes it alone."""
    until(lambda: all(metric(one, "outbox_waiting") == 0 for one in services.addresses))

    assert len(services.sent()) == len(APPLIANCES)
    assert len(set(services.sent())) == len(APPLIANCES)


def test_the_page_shows_what_workers_wrote(
    services: Running, make_engine: Callable[[], Engine], reading: Callable[..., Block]
) -> None:
    """Every service shows the same fleet, is alive and ready, and knows when the stream was heard of."""
    alerts = open_desk(load_settings(services.configs[0]), SystemClock())
    engine = make_engine()
    engine.process(reading(*APPLIANCES))
    status = PipelineStatus("running", True, 1, 20, 0, 0, 0, NOW, 1, 1, NOW)
    StatusWriter(alerts.engine, "foremend-0", SystemClock()).record({"rf-260/0": engine}, status)
    alerts.close()

    address = services.addresses[1]
    fleet = httpx.get(f"{address}/api/fleet", timeout=60).json()

    assert (fleet["total"], fleet["by_state"]["warning"]) == (20, 20)
    assert httpx.get(f"{address}/api/summary", timeout=60).json()["pipeline"]["state"] == "running"
    assert httpx.get(f"{address}/livez", timeout=60).text == "ok\n"
    assert httpx.get(f"{address}/readyz", timeout=60).json() == {
        "ready": True,
        "checks": {"database": "ok", "dispatcher": "ok"},
    }
    assert metric(address, 'stream_silent_seconds{stream="foremend-0"}') is not None


def test_a_service_ends_in_good_order(tmp_path: Path, database: str) -> None:
    """SIGTERM, and it ends with 0."""
    config = config_file(tmp_path, "one", database)
    with process(["service", "--config", str(config)], tmp_path / "log") as child:
        listening(config)

        child.send_signal(signal.SIGTERM)

        assert child.wait(240) == 0


def test_a_signal_that_wakes_nobody_ends_it_all_the_same(tmp_path: Path) -> None:
    """It may come in the instant before the main thread waits; here another thread takes it, the same each time."""
    config = config_file(tmp_path, "one", f"sqlite:///{tmp_path}/effects.db")
    with running([sys.executable, "-c", HARD_OF_HEARING, str(config)], tmp_path / "log") as child:
        listening(config)

        child.send_signal(signal.SIGTERM)

        assert child.wait(60) == 0
