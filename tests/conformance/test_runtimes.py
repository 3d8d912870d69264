"""One recorded stream gives the same findings, tickets and messages on one machine and on Kafka, by 1, 2 or 3 workers.

The stream has several appliance models, one of them with a trained predictor; faults, an outage with its late upload,
duplicates, reboots, readings out of order. In between a worker is killed, and a record is garbage.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import create_engine, select, text

from alerts.consent import ConsentRecord
from alerts.database import reading
from alerts.desk import Alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.queries import counts
from alerts.tables import FindingRow, HeldBackRow, OutboxRow, TicketRow
from benchmarks.kafka_server import KafkaServer
from benchmarks.worker_process import WorkerProcess, committed, coverage, ends, feed, feed_raw
from foremend.config import Settings, load_settings
from foremend.history.parquet import ParquetHistory
from foremend.jobs.lifecycle import Lifecycle
from foremend.learning.stored import open_registry
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.inprocess import InProcessRuntime
from foremend.runtimes.kafka import topics
from foremend.stores.journal import SqliteJournal
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.schema import validated
from foremend.vocabulary.types import Block, Purpose, RawMessage
from foremend.wiring.desk import open_desk
from foremend.wiring.worker import Engines
from ingest.decode import Ingest
from simulators.fleet.fleet import Fleet
from simulators.fleet.scenario import Scenario
from simulators.fleet.wire import messages

TRAINED = "rf-260"
STORY = {
    "appliances": {TRAINED: 8, "ac-35i": 4, "wm-7": 4, "wh-60": 4},
    "days": 24,
    "report_every": 10,
    "fault_rate": 0.5,
    "faults": [
        {"appliance": "rf-260-00001", "fault": "refrigerant-leak", "onset_day": 2, "days_to_failure": 12},
        {"appliance": "rf-260-00002", "fault": "condenser-fouling", "onset_day": 1, "days_to_failure": 18},
    ],
    "outages": [{"from_day": 8, "hours": 110, "appliances": ["wm-7-00001", "ac-35i-00002", "rf-260-00003"]}],
    "imperfections": {"duplicates": 0.02, "reboots_per_month": 4, "offline_per_month": 3},
}
RULES = [  # quick to speak, so that a short story says much
    {"name": "predicted-fault", "when": {"probability": "any", "above": 0.3}, "clear_below": 0.2},
    {
        "name": "not-itself",
        "fault": "abnormal-behaviour",
        "when": {"score": "any", "above": 0.9},
        "clear_below": 0.7,
    },
    {
        "name": "cabinet-too-warm",
        "fault": "not-cooling",
        "applies_to": {"category": "refrigerator"},
        "when": {"signal": "cabinet_temp", "statistic": "mean", "above": 6, "unit": "degC"},
        "clear_below": 5,
        "escalate": {"above": 9, "severity": "critical"},
    },
    {
        "name": "busy",
        "fault": "compressor-wear",
        "when": {"feature": "duty", "above": 0.4},
        "clear_below": 0.3,
    },
    {"name": "no-data", "fault": "silent", "when": {"silent_for": "1 d"}, "severity": "warning"},
]
TAKE = 40  # messages
PATIENCE_S = 240.0
pytestmark = pytest.mark.timeout(
    900
)  # training and three workers, on a machine that may have other things to do


@dataclass(frozen=True)
class Outcome:
    """What is known by ids."""

    findings: frozenset[str]
    tickets: frozenset[str]
    outbox: frozenset[str]
    held_back: frozenset[str]


class ListSource:
    """Messages that are already there."""

    def __init__(self, waiting: Iterable[RawMessage]) -> None:
        self._waiting = deque(waiting)

    def connect(self) -> None: ...

    def take(self, timeout_s: float) -> Sequence[tuple[RawMessage, Any]]:
        return [(self._waiting.popleft(), None) for _ in range(min(TAKE, len(self._waiting)))]

    def acknowledge(self, tokens: Iterable[Any]) -> None: ...

    def connected(self) -> bool:
        return True

    def close(self) -> None: ...


def configured(folder: Path, database: str, registry: Path, **kafka: Any) -> Path:
    """A config.yaml in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.yaml"
    training = {"appliances": 20, "days": 40, "every_days": 1}
    written = {
        "models": {"registry": str(registry), "appliance_models": [TRAINED], "training": training},
        "alerts": {
            "database": database,
            "key_file": "key",
            "webhooks": [{"name": "desk", "url": "https://desk.example.com", "secret_env": "DESK_SECRET"}],
        },
        "rules": {"book": RULES},
        "ingest": {"oldest": None},
        "kafka": kafka,
    }
    path.write_text(yaml.safe_dump(written))
    return path


@pytest.fixture(scope="module", autouse=True)
def secret() -> Iterator[None]:
    """The webhook's; nothing is sent to it."""
    os.environ["DESK_SECRET"] = "whsec_" + "c2VjcmV0" * 4
    yield
    del os.environ["DESK_SECRET"]


@pytest.fixture(scope="module")
def recording() -> list[RawMessage]:
    fleet = Fleet(validated(Scenario, STORY, "test"), seed=5)
    return [RawMessage(one.topic, one.payload, one.sent) for one in messages(fleet)]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a champion for one appliance model."""
    folder = tmp_path_factory.mktemp("registry")
    config = configured(folder, f"sqlite:///{folder}/foremend.db", folder / "models")
    Lifecycle(config, SystemClock()).train(TRAINED, 0, None, None, lambda what, done, total: None)
    return folder / "models"


@pytest.fixture(scope="module")
def expected(
    recording: list[RawMessage], registry: Path, tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    """What one machine makes of it."""
    folder = tmp_path_factory.mktemp("inprocess")
    settings = load_settings(configured(folder, f"sqlite:///{folder}/foremend.db", registry))
    with desk(settings) as alerts:
        in_process(settings, alerts, recording, folder)
        return outcome(alerts)


@contextlib.contextmanager
def desk(settings: Settings) -> Iterator[Alerts]:
    """The alerts stage with the owners of the fleet: most agreed to everything, some to less."""
    clock = SystemClock()
    alerts = open_desk(settings, clock)
    ids = [f"{model}-{row + 1:05d}" for model, n in STORY["appliances"].items() for row in range(n)]  # type: ignore[attr-defined]
    alerts.owners.register_owners([Owner(f"of-{one}", {"sms": "+8613912345678"}) for one in ids])
    alerts.owners.register_appliances([OwnedAppliance(one, f"of-{one}", one[:-6]) for one in ids])
    agreed = (Purpose.MONITORING, Purpose.TICKET, Purpose.SMS, Purpose.PUSH)
    alerts.consent.record(
        [
            ConsentRecord(
                one, f"of-{one}", purpose, not one.endswith("4"), clock.now_ms(), "2026-1", "en", "app"
            )
            for one in ids
            for purpose in agreed
            if purpose is not Purpose.MONITORING
        ]
    )
    try:
        yield alerts
    finally:
        alerts.close()


class StandingClock:
    """Nobody looks at it: what is found comes from event time alone, as a worker's does."""

    def now_ms(self) -> int:
        return 0


def in_process(settings: Settings, alerts: Alerts, recording: list[RawMessage], folder: Path) -> None:
    journal = SqliteJournal(folder / "journal.db")
    history = ParquetHistory(folder / "history", journal.id)
    profiles = load_profiles()
    engines = Engines(settings, open_registry(settings.models))
    engine, _ = engines(f"{TRAINED}/0", history.write)
    runtime = InProcessRuntime(
        source=ListSource(recording),
        journal=journal,
        ingest=Ingest(settings.ingest, {name: profile.signals for name, profile in profiles.items()}),
        engine=engine,
        effects=alerts.effects,
        history=history,
        snapshot_file=folder / "engine.snapshot",
        clock=StandingClock(),
        checkpoint_every_ms=10**9,
        permitted=lambda block: block,
        report=lambda progress: None,
    )
    runtime.recover()
    while runtime.step(0.0):
        pass


def blocks_of(recording: list[RawMessage]) -> list[Block]:
    """As a gateway cuts them."""
    settings, profiles = Settings(), load_profiles()
    ingest = Ingest(settings.ingest, {name: profile.signals for name, profile in profiles.items()})
    takes = [recording[at : at + TAKE] for at in range(0, len(recording), TAKE)]
    return [block for take in takes for block in ingest.decode(take).blocks]


def outcome(alerts: Alerts) -> Outcome:
    with reading(alerts.engine) as session:
        return Outcome(
            *(
                frozenset(session.scalars(select(table.id)).all())
                for table in (FindingRow, TicketRow, OutboxRow, HeldBackRow)
            )
        )


def caught_up(settings: Settings, workers: Sequence[WorkerProcess]) -> None:
    """Wait until checkpoints cover everything."""
    until = time.monotonic() + PATIENCE_S
    with coverage(settings.kafka) as covered:
        while not covered():
            dead = [worker.log.read_text() for worker in workers if worker.returncode is not None]
            assert not dead, dead[0]
            assert time.monotonic() < until, told(settings, workers)
            time.sleep(0.2)  # Kafka tells nobody of a commit


def told(settings: Settings, workers: Sequence[WorkerProcess]) -> str:
    """How far it is, and what every worker says."""
    logs = [f"{worker.log.name}:\n{worker.log.read_text()}" for worker in workers]
    return "\n".join([f"covered {committed(settings.kafka)} of {ends(settings.kafka)}", *logs])


def put_aside(alerts: Alerts, count: int) -> None:
    """Wait until the database has so many dead letters; they come by a topic of their own, behind the checkpoints."""
    until = time.monotonic() + PATIENCE_S
    while (total := counts(alerts.engine).dead_letters) != count:
        assert total < count
        assert time.monotonic() < until, f"{total} dead letters came"
        time.sleep(0.2)  # nor does the database


def new_database(postgres: str, name: str) -> None:
    """PostgreSQL's own way; `postgres` is an address with the name left open."""
    engine = create_engine(postgres.format("postgres").replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as admin:
        admin.execution_options(isolation_level="AUTOCOMMIT").execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_kafka_gives_what_one_machine_gives(
    workers: int,
    expected: Outcome,
    recording: list[RawMessage],
    registry: Path,
    kafka_server: KafkaServer,
    postgres: str,
    tmp_path: Path,
) -> None:
    """Findings, tickets, messages and what consent held back, by their ids; garbage on the way is put aside.

    With several workers one of them is killed in the middle.
    """
    name = f"t{uuid.uuid4().hex[:12]}"
    new_database(postgres, name)
    config = configured(
        tmp_path, postgres.format(name), registry,
        brokers=[kafka_server.address], prefix=name, partitions=4, checkpoint_every="500 ms",
        session_timeout="6 s", stalled_after="20 s",
    )  # fmt: skip
    settings = load_settings(config)
    asyncio.run(topics.create(settings.kafka))
    blocks = blocks_of(recording)
    with desk(settings) as alerts, contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(WorkerProcess(config, tmp_path / f"worker-{n}.log")) for n in range(workers)
        ]
        feed(settings.kafka, blocks[: len(blocks) // 2])
        for partition in range(4):
            feed_raw(settings.kafka, partition, b"rf-260/0", f"garbage {partition}".encode())
        if workers > 1:
            caught_up(settings, running)
            running.pop().kill()
        feed(settings.kafka, blocks[len(blocks) // 2 :])
        caught_up(settings, running)
        put_aside(alerts, 4)

        assert [worker.stop() for worker in running] == [0] * len(running)
        assert outcome(alerts) == expected
    assert all(len(ids) > 2 for ids in (expected.findings, expected.tickets, expected.outbox))
