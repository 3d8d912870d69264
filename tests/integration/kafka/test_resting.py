"""Appliances rest in a real PostgreSQL while workers on a real Kafka are killed, paused and take over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sqlalchemy import Engine as Database
from sqlalchemy import func, select

from alerts.database import open_database, reading
from alerts.tables import FindingRow, RestingRow
from benchmarks.postgres_server import PostgresServer
from benchmarks.worker_process import WorkerProcess, feed
from foremend.engine.engine import Engine
from foremend.runtimes.kafka import topics
from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Block
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

MODELS = ("generic-compressor", "rf-260", "ac-35i", "wm-7")
START = 20_000 * MS_PER_DAY
MINUTE = 60_000
PATIENCE_S = 240.0
pytestmark = pytest.mark.timeout(800)
BOOK = [
    {
        "name": "overload",
        "fault": "overload",
        "when": {"signal": "power", "above": 1_000, "unit": "W"},
        "sustained_for": "2 h",
    },
    {"name": "no-data", "fault": "silent", "when": {"silent_for": "1 d"}},
]


@dataclass
class Site:
    """Topics, a database, and how workers are told of both."""

    kafka: KafkaSettings
    config: Path
    database: Database

    def rest(self) -> int:
        """States in the database."""
        with reading(self.database) as session:
            return session.scalar(select(func.count()).select_from(RestingRow)) or 0

    def told(self) -> set[tuple[Any, ...]]:
        with reading(self.database) as session:
            rows = session.scalars(select(FindingRow)).all()
            return {(r.appliance_id, r.fault, r.kind.value, r.time, r.episode_start) for r in rows}


@pytest.fixture
def site(kafka: KafkaSettings, postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Site]:
    asyncio.run(topics.create(kafka))
    address, config = postgres_server.new_database(), tmp_path / "config.yaml"
    written = {
        "kafka": {
            "brokers": list(kafka.brokers), "prefix": kafka.prefix, "partitions": kafka.partitions,
            "checkpoint_every": "300 ms", "session_timeout": "6 s",
        },
        "storage": {"folder": str(tmp_path / "var"), "rest_after": "1 d"},
        "ingest": {"oldest": None},  # the readings are of 2024
        "models": {"appliance_models": []},
        "rules": {"book": BOOK},
        "alerts": {"database": address, "key_file": "key"},
    }  # fmt: skip
    config.write_text(yaml.safe_dump(written))
    database = open_database(address)
    yield Site(kafka, config, database)
    database.dispose()


def days(first: int, last: int) -> list[Block]:
    """A reading each half hour of one that always speaks and of one that is away from day 2 to day 6, overloaded."""
    blocks = []
    for quarter in range(first * 4, last * 4):
        minute = np.arange(quarter * 360, (quarter + 1) * 360, 30)
        names, watts = ["always"], [90.0 * (minute % 90 < 60)]
        if not 2 <= quarter // 4 < 6:
            names.append("away")
            watts.append(np.full(len(minute), 2_000.0))
        blocks += [
            Block(
                model,
                tuple(f"{model}-{name}" for name in names),
                np.tile(np.arange(len(names), dtype=np.int32), len(minute)),
                START + np.repeat(minute, len(names)) * MINUTE,
                np.repeat(minute, len(names)),
                {"power": np.column_stack(watts).ravel()},
                ("",) * len(names),
            )
            for model in MODELS
        ]
    return blocks


def undisturbed() -> set[tuple[Any, ...]]:
    """What one engine finds that keeps everybody in memory."""
    rules = RuleBook(RulesSettings.model_validate({"book": BOOK}))
    engine = Engine(load_profiles(), rules, lateness_ms=10 * MINUTE)
    found = [one for block in days(0, 9) for one in engine.process(block)]
    return {(one.appliance_id, one.fault, one.kind.value, one.time, one.episode_start) for one in found}


def until(done: Callable[[], bool], *workers: WorkerProcess) -> None:
    latest = time.monotonic() + PATIENCE_S
    while not done():
        for worker in workers:
            assert worker.returncode is None, worker.log.read_text()
        assert time.monotonic() < latest, "\n".join(worker.log.read_text() for worker in workers)
        time.sleep(0.2)  # neither Kafka nor a database tells of it


def test_who_rests_comes_back_as_it_was_to_whoever_has_the_partition(
    site: Site, covered: Callable[[], bool], tmp_path: Path
) -> None:
    """Killed while they rest, paused over their return, taken over: findings as of one engine that keeps all."""
    expected = undisturbed()
    feed(site.kafka, days(0, 5))
    with WorkerProcess(site.config, tmp_path / "first.log") as first:
        until(lambda: covered() and site.rest() == len(MODELS), first)
        first.kill()

    with WorkerProcess(site.config, tmp_path / "second.log") as second:
        feed(site.kafka, days(5, 6))
        until(covered, second)
        second.pause()
        with WorkerProcess(site.config, tmp_path / "third.log") as third:
            feed(site.kafka, days(6, 8))
            until(covered, third)
            second.resume()
            feed(site.kafka, days(8, 9))
            until(covered, second, third)
            third.kill()
            until(lambda: site.told() == expected, second)

    assert site.told() == expected
    assert {fault for _, fault, *_ in site.told()} == {"overload", "silent"}
    assert site.rest() == len(MODELS)
    logs = "".join((tmp_path / f"{name}.log").read_text() for name in ("first", "second", "third"))
    assert "learnt anew" not in logs
