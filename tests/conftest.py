"""What tests of several folders share."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from hypothesis import settings as hypothesis
from sqlalchemy import Engine as Database

from alerts.consent import ConsentLedger, ConsentRecord
from alerts.database import open_database
from alerts.desk import open_alerts
from alerts.dispatch import open_channels
from alerts.effects import DatabaseEffects
from alerts.owner_channels import FileChannel
from alerts.owners import OwnedAppliance, Owner, Owners
from alerts.settings import AlertsSettings
from alerts.vault import open_vault
from benchmarks.kafka_server import KafkaServer
from benchmarks.mosquitto_server import Mosquitto
from benchmarks.postgres_server import PostgresServer
from benchmarks.worker_process import coverage
from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.runtimes.status import ApplianceStatus, PipelineStatus
from foremend.service.pipeline import OwnPipeline
from foremend.service.read_model import ReadModel
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.catalogue.features import feature_titles
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import (
    MS_PER_DAY,
    MS_PER_HOUR,
    DeadLetter,
    Evidence,
    Finding,
    FindingKind,
    Purpose,
    Severity,
)
from foremend.wiring.desk import guide_of

pytest_plugins = ["tests.parallel", "tests.once"]

hypothesis.register_profile("foremend", deadline=None)  # a slow machine is not a failing test
hypothesis.load_profile("foremend")

NOW = 20_500 * MS_PER_DAY + 10 * MS_PER_HOUR
MODELS = ("rf-260", "rf-520", "ac-35i", "ac-26f")
PHONE = "+8613912345678"


def not_here(what: str) -> NoReturn:
    """Skips what this machine cannot run; in CI, which installs everything, it is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def _postgres_server() -> Iterator[PostgresServer]:
    try:
        server = PostgresServer()
    except UnavailableError as error:
        not_here(str(error))
    yield server
    server.close()


@pytest.fixture
def postgres_server(_postgres_server: PostgresServer) -> PostgresServer:
    """A PostgreSQL of our own, running, whatever an earlier test did to it."""
    _postgres_server.start()
    return _postgres_server


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> str:
    """The address of its databases, their name left open."""
    return postgres_server.address


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file as its first start leaves it: the migrations take twenty times as long as a copy."""
    path = tmp_path_factory.mktemp("migrated") / "effects.db"
    open_database(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(scope="session")
def _migrated_name(_postgres_server: PostgresServer) -> str:
    """The name of a PostgreSQL database as its first start leaves it."""
    _postgres_server.start()
    engine = open_database(_postgres_server.new_database())
    engine.dispose()
    return str(engine.url.database)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of each kind with its tables, which are empty."""
    if request.param == "sqlite":
        copied = shutil.copyfile(request.getfixturevalue("_migrated_file"), tmp_path / "effects.db")
        yield f"sqlite:///{copied}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    address = server.new_database(like=request.getfixturevalue("_migrated_name"))
    yield address
    server.drop(address)


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of each kind that nobody has opened yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/effects.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new_database()


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own that can really be full."""

    path: Path

    @property
    def _filler(self) -> Path:
        return self.path / "filler"

    def fill(self) -> None:
        """Not a byte is left."""
        with self._filler.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        self._filler.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """16 MB; skips where this process may not mount."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(path)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small disk cannot be mounted here: it takes root, as in CI")
    yield SmallDisk(path)
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture(scope="session")
def _kafka_server() -> Iterator[KafkaServer]:
    with tempfile.TemporaryDirectory(prefix="foremend-kafka-") as folder:
        server = KafkaServer(Path(folder))
        try:
            server.start()
        except UnavailableError as error:
            not_here(str(error))
        yield server
        server.kill()


@pytest.fixture
def kafka_server(_kafka_server: KafkaServer) -> KafkaServer:
    """A real broker, running, whatever an earlier test did to it."""
    if not _kafka_server.running:
        _kafka_server.start()
    return _kafka_server


@pytest.fixture
def kafka(kafka_server: KafkaServer) -> KafkaSettings:
    """A running broker, and topics of the test's own: not created yet."""
    return KafkaSettings(brokers=(kafka_server.address,), prefix=f"t{uuid.uuid4().hex[:12]}", partitions=4)


@pytest.fixture
def covered(kafka: KafkaSettings) -> Iterator[Callable[[], bool]]:
    """Asks whether workers' checkpoints cover all that was written; its topics are created before."""
    with ExitStack() as stack:
        asked: list[Callable[[], bool]] = []

        def ask() -> bool:
            if not asked:
                asked.append(stack.enter_context(coverage(kafka)))
            return asked[0]()

        yield ask


@pytest.fixture
def mosquitto() -> Iterator[Mosquitto]:
    """A real MQTT broker of the test's own."""
    # Not below pytest's own folder, which only its user may enter: its queues would not survive a restart.
    with tempfile.TemporaryDirectory(prefix="foremend-mosquitto-") as folder:
        broker = Mosquitto(Path(folder))
        try:
            broker.start()
        except UnavailableError as error:
            not_here(str(error))
        yield broker
        broker.stop()


class StillClock:
    """A clock that stands."""

    def now_ms(self) -> int:
        return NOW


@dataclass
class StillPipeline:
    """A pipeline that stands: `foremend.runtimes.status.Pipeline` with what it is given."""

    now: PipelineStatus
    appliances: list[ApplianceStatus]

    def status(self) -> PipelineStatus:
        return self.now

    def fleet(self) -> Sequence[ApplianceStatus]:
        return self.appliances


@dataclass
class World:
    """A fleet with a past in a real database: the pipeline stands still, everything else happened."""

    model: ReadModel
    pipeline: StillPipeline
    effects: DatabaseEffects
    engine: Database
    position: int = 1

    @property
    def new_finding(self) -> Finding:
        """An episode on an appliance that is well so far."""
        return a_finding(24, "defrost-failure", days=25, ago_days=7)

    def happen(self, *findings: Finding) -> None:
        """Apply more findings."""
        self.position += 1
        self.effects.apply(findings, [], self.position)


def a_finding(appliance: int, fault: str, *, days: float | None = None, ago_days: float = 2.0) -> Finding:
    """An episode that opened `ago_days` ago on the `appliance`-th of the fleet."""
    time = NOW - int(ago_days * MS_PER_DAY)
    probability = None if days is None else 0.93
    return Finding(
        FindingKind.OPENED, _id(appliance), MODELS[appliance % 4], fault, "predicted-fault", Severity.WARNING,
        time, time - 2 * MS_PER_DAY, probability or 0.97, probability, days,
        None if days is None else days * 0.6, None if days is None else days * 1.7,
        (
            Evidence("duty", 0.71, usual=0.42, siblings=0.44),
            Evidence("evaporator_temp_mean", -14.2, usual=-21.3, siblings=-20.8, unit="degC"),
            Evidence("longest_run_s", 9_480, usual=2_350, siblings=2_410, unit="s"),
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Sixty appliances, ten open episodes, owners of whom some agreed, messages sent and held back."""
    folder = tmp_path_factory.mktemp("world")
    settings = AlertsSettings(
        database=f"sqlite:///{folder / 'foremend.db'}",
        key_file=folder / "key",
        sms=FileChannel(file=folder / "sms.jsonl"),
        push=FileChannel(file=folder / "push.jsonl"),
        quiet_hours=None,
    )
    clock = StillClock()
    alerts = open_alerts(
        settings,
        clock,
        open_vault(settings, os.environ),
        open_channels(settings, clock, os.environ),
        np.random.default_rng(1),
        {name: guide_of(entry) for name, entry in load_catalogue().items()},
        feature_titles(load_profiles().values()),
    )
    _register(alerts.owners, alerts.consent)
    letter = DeadLetter("dt/appliance/rf-260/rf-260-07/telemetry", b'{"ts": NaN}', "ts is not a number", NOW)
    alerts.effects.apply(_past(), [letter], 1)
    alerts.dispatcher.run_once()
    pipeline = StillPipeline(_status(), _fleet())
    model = ReadModel(
        alerts.engine,
        OwnPipeline(pipeline),
        load_profiles(),
        load_catalogue(),
        feature_titles(load_profiles().values()),
    )
    yield World(model, pipeline, alerts.effects, alerts.engine)
    alerts.close()


def _id(appliance: int) -> str:
    return f"{MODELS[appliance % 4]}-{appliance:02d}"


def _past() -> list[Finding]:
    findings = [
        replace(a_finding(0, "refrigerant-leak", days=5, ago_days=6), severity=Severity.CRITICAL),
        a_finding(4, "condenser-fouling", days=18, ago_days=5),
        a_finding(1, "door-gasket-leak", days=31, ago_days=4),
        a_finding(2, "refrigerant-undercharge", days=12, ago_days=3),
        a_finding(6, "filter-clog", days=44, ago_days=2.5),
        a_finding(3, "run-capacitor-degradation", days=23, ago_days=2),
        replace(a_finding(9, "not-cooling", ago_days=1), rule="cabinet-too-warm"),
        replace(a_finding(14, "abnormal-behaviour", ago_days=0.8), severity=Severity.INFO, rule="not-itself"),
        replace(a_finding(20, "silent", ago_days=0.5), severity=Severity.INFO, rule="no-data"),
    ]
    mended = a_finding(11, "outdoor-coil-fouling", days=20, ago_days=9)
    closed = replace(
        mended, kind=FindingKind.CLOSED, time=NOW - MS_PER_DAY // 8, probability=0.05, score=0.05
    )
    return [mended, *findings, closed]


def _register(owners: Owners, ledger: ConsentLedger) -> None:
    """Owners of even appliances agreed to everything; of the odd ones every second agreed to tickets only."""
    owners.register_owners([Owner(f"owner-{i:02d}", {"sms": PHONE, "push": f"token-{i}"}) for i in range(60)])
    owners.register_appliances(
        [OwnedAppliance(_id(i), f"owner-{i:02d}", MODELS[i % 4], ("zh", "en")[i % 2]) for i in range(60)]
    )
    all_used = [one for one in Purpose if one is not Purpose.WELLBEING]
    purposes = {0: all_used, 1: [Purpose.MONITORING, Purpose.TICKET], 3: [Purpose.MONITORING]}
    ledger.record(
        ConsentRecord(_id(i), f"owner-{i:02d}", purpose, True, NOW - 90 * MS_PER_DAY, "2026-1", "zh", "app")
        for i in range(60)
        for purpose in purposes[i % 4 if i % 2 else 0]
    )


def _fleet() -> list[ApplianceStatus]:
    profiles = load_profiles()
    return [
        ApplianceStatus(_id(i), MODELS[i % 4], profiles[MODELS[i % 4]].category, NOW - 60_000 * i)
        for i in range(60)
    ]


def _status() -> PipelineStatus:
    return PipelineStatus(
        "running",
        True,
        129_600,
        7_776_000,
        120,
        36,
        1,
        NOW,
        129_600,
        129_600,
        NOW - 2 * MS_PER_HOUR,
        left_out={"outside": 3, "time": 0},
    )
