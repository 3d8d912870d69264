"""Gateways and workers as processes between a real Mosquitto, Kafka and PostgreSQL, with a fleet that talks on."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from alerts.consent import ConsentRecord
from alerts.desk import Alerts
from alerts.owners import OwnedAppliance, Owner
from benchmarks.kafka_server import KafkaServer
from benchmarks.mosquitto_server import Mosquitto
from benchmarks.postgres_server import PostgresServer
from benchmarks.reliability.asked import AskedProcess
from benchmarks.reliability.load import Load
from benchmarks.reliability.story import PARTITIONS, Story
from benchmarks.reliability.watch import LogWatch
from foremend.config import Settings, load_settings
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.kafka.topics import create
from foremend.stores.free_port import free_port
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.types import Purpose
from foremend.wiring.desk import open_desk

SESSION_S = 6
"""The least that brokers take by default: this long a killed worker keeps its partitions."""
CHECKPOINT_S = 2
PATIENCE_S = 240.0
_LOOK_S = 0.05


@dataclass
class Servers:
    """What Foremend runs between. Whoever makes them stops them."""

    kafka: KafkaServer
    mosquitto: Mosquitto
    postgres: PostgresServer


class Process(AskedProcess):
    """A gateway or a worker."""

    def __init__(self, command: str, config: Path, *more: str) -> None:
        port = free_port()
        arguments = [command, "--config", str(config), "--health-port", str(port), *more]
        super().__init__(arguments, config.parent / f"{command}-{port}.log", port)


class Rig:
    """The parts of one proof; open it with `rigged`."""

    def __init__(self, servers: Servers, config: Path, story: Story) -> None:
        self.servers, self.story = servers, story
        self.settings = load_settings(config)
        self.watch = LogWatch(self.settings.kafka, story)
        self.load = Load(story, self.settings.mqtt, self.watch)
        self.workers: list[Process] = []
        self.gateways: dict[str, Process] = {}
        self._config = config

    def add_worker(self) -> Process:
        """Start one more."""
        self.workers.append(Process("worker", self._config))
        return self.workers[-1]

    def add_gateway(self, name: str) -> Process:
        """Start a gateway, or the same again: its MQTT session is known by its name."""
        self.gateways[name] = Process("gateway", self._config, "--client-id", name)
        return self.gateways[name]

    def recovered(self) -> float:
        """Seconds from now until all that was sent, and what is sent next, is worked on and in a checkpoint."""
        began, rounds = time.monotonic(), self.load.rounds
        until(lambda: self.load.is_past(rounds + 1), "the fleet to go on")
        self.watch.until_covered(self.load.sent.copy())
        return time.monotonic() - began

    def shared_out(self) -> bool:
        """Whether each partition is held by one worker."""
        return sum(one.number("worker_partitions") for one in self.workers) == PARTITIONS

    def restarts(self) -> int:
        """How often a worker found that only starting anew helps."""
        logs = self._config.parent.glob("worker-*.log")
        return sum(log.read_text(encoding="utf-8").count("; starting anew") for log in logs)

    def end(self) -> None:
        """Stop in good order. Raises UnavailableError where a process does not end as it should."""
        for process in (*self.gateways.values(), *self.workers):
            if (code := process.stop()) != 0:
                raise UnavailableError(
                    f"a process ended with {code}: {process.log.read_text(encoding='utf-8')[-2_000:]}"
                )

    def kill(self) -> None:
        """Whatever still runs."""
        for process in (*self.gateways.values(), *self.workers):
            if process.returncode is None:
                process.kill()


@contextmanager
def rigged(
    servers: Servers, folder: Path, story: Story, workers: int = 2, gateways: int = 2
) -> Iterator[Rig]:
    """A rig under load, everything working; nothing of it runs afterwards."""
    config = configured(servers, folder, story)
    settings = load_settings(config)
    asyncio.run(create(settings.kafka))
    with desk(settings, story):  # makes the tables, and knows the owners
        pass
    rig = Rig(servers, config, story)
    try:
        for _ in range(workers):
            rig.add_worker()
        for number in range(gateways):
            rig.add_gateway(f"gateway-{number}")
        for process in rig.gateways.values():  # the MQTT broker keeps messages from the first subscription on
            until(process.ready, f"a gateway that works: {process.log}")
        with rig.watch, rig.load:
            until(
                lambda: sum(one.number("worker_partitions") for one in rig.workers) == PARTITIONS, "workers"
            )
            rig.recovered()
            yield rig
    finally:
        rig.kill()


def configured(servers: Servers, folder: Path, story: Story) -> Path:
    """A config.yaml in `folder`, with topics and a database of its own."""
    written = written_settings(folder, servers.mosquitto.url, servers.postgres.new_database(), story)
    written["kafka"] = {
        "brokers": [servers.kafka.address],
        "prefix": f"r{uuid.uuid4().hex[:12]}",
        "partitions": PARTITIONS,
        "checkpoint_every": f"{CHECKPOINT_S} s",
        "session_timeout": f"{SESSION_S} s",
    }
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(written), encoding="utf-8")
    return config


def written_settings(folder: Path, broker: str, database: str, story: Story) -> dict[str, Any]:
    """What both runtimes are told, for config.yaml in `folder`."""
    (folder / "secret").write_text("whsec_" + b64encode(secrets.token_bytes(32)).decode(), encoding="utf-8")
    desk_of_service = {"name": "desk", "url": "https://desk.example.com", "secret_file": "secret"}
    return {
        "storage": {"folder": "var"},
        "models": {"registry": "models", "appliance_models": []},
        "mqtt": {"url": broker},
        # The story is of a year that is over.
        "ingest": {"lateness": f"{story.lateness_h} h", "oldest": None},
        "rules": {"book": story.rules()},
        "alerts": {
            "database": database,
            "key_file": "key",
            "webhooks": [desk_of_service],
            "sms": {"file": "sms.jsonl"},
            "push": None,
            # every letter's bytes are looked for
            "dead_letters": {"most_per_hour": 1_000_000, "most_together_per_hour": 1_000_000},
        },
    }


@contextmanager
def desk(settings: Settings, story: Story) -> Iterator[Alerts]:
    """The alerts stage, with an owner for each appliance; one in five did not agree to tickets."""
    clock = SystemClock()
    alerts, ids = open_desk(settings, clock), story.ids
    alerts.owners.register_owners([Owner(f"of-{one}", {"sms": "+8613912345678"}) for one in ids])
    alerts.owners.register_appliances([OwnedAppliance(one, f"of-{one}", one[:-6]) for one in ids])
    alerts.consent.record(
        ConsentRecord(one, f"of-{one}", purpose, bool(row % 5), clock.now_ms(), "2026-1", "en", "app")
        for row, one in enumerate(ids)
        for purpose in (Purpose.TICKET, Purpose.SMS)
    )
    try:
        yield alerts
    finally:
        alerts.close()


def until(holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Look again and again. Raises UnavailableError when it never comes."""
    end = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > end:
            raise UnavailableError(f"waited {patience_s:g} s for {what}")
        time.sleep(_LOOK_S)
