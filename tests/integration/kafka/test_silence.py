"""Silence on a real Kafka: gateways' looks at the clock, workers that are killed, and what the page makes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from sqlalchemy import Engine as Database

from alerts.database import open_database
from alerts.queries import findings
from benchmarks.worker_process import WorkerProcess, feed, feed_looks
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.kafka import topics
from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.service.read_model import ReadModel
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Block
from foremend.wiring.service import streams

START = 20_000 * MS_PER_DAY
MINUTE = 60_000
PATIENCE_S = 240.0
pytestmark = pytest.mark.timeout(800)
FLEET = {"rf-260": tuple(f"fridge-{n:02}" for n in range(12)), "generic-compressor": ("lonely",)}
LOOKS = range(0, round(3.3 * MS_PER_DAY), 2 * MINUTE)
"""ms after the first: somebody listens for three days and a third, and nothing comes."""


@dataclass
class Site:
    """Topics, a database, and what the page shows."""

    kafka: KafkaSettings
    config: Path
    database: Database
    page: ReadModel

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """Every finding: about whom, what, and whether it opens or closes."""
        items = findings(self.database, 100).items
        return sorted((one["appliance_id"], one["fault"], one["kind"]) for one in items)

    @property
    def states(self) -> dict[str, int]:
        """How many appliances are shown in which state; states that nobody is in are left out."""
        return {state: count for state, count in self.page.summary().by_state.items() if count}


@pytest.fixture
def site(kafka: KafkaSettings, tmp_path: Path) -> Iterator[Site]:
    asyncio.run(topics.create(kafka))
    address, config = f"sqlite:///{tmp_path}/foremend.db", tmp_path / "config.yaml"
    written = {
        "kafka": {
            "brokers": list(kafka.brokers), "prefix": kafka.prefix, "partitions": kafka.partitions,
            "checkpoint_every": "300 ms", "session_timeout": "6 s",
        },
        "ingest": {"oldest": None},  # the readings are of 2024
        "models": {"appliance_models": []},
        "rules": {"book": [{"name": "no-data", "fault": "silent", "when": {"silent_for": "3 d"}}]},
        "alerts": {"database": address, "key_file": "key"},
    }  # fmt: skip
    config.write_text(yaml.safe_dump(written))
    database = open_database(address)
    pipeline = SharedPipeline(database, streams(kafka), SystemClock(), 90_000)
    yield Site(kafka, config, database, ReadModel(database, pipeline, load_profiles(), {}, {}))
    database.dispose()


def spoken(minutes: range) -> list[Block]:
    """A reading of everybody at each of these minutes after the start."""
    return [
        Block(
            model,
            names,
            np.tile(np.arange(len(names), dtype=np.int32), len(minutes)),
            START + np.repeat(np.array(minutes), len(names)) * MINUTE,
            np.repeat(np.array(minutes), len(names)),
            {"power": np.full(len(names) * len(minutes), 90.0)},
        )
        for model, names in FLEET.items()
    ]


def until(done: Callable[[], bool], worker: WorkerProcess) -> None:
    latest = time.monotonic() + PATIENCE_S
    while not done():
        assert worker.returncode is None, worker.log.read_text()
        assert time.monotonic() < latest, worker.log.read_text()
        time.sleep(0.1)  # neither Kafka nor a database tells of it


def test_an_outage_is_one_finding_and_one_line_though_a_worker_is_killed_in_it(
    site: Site, covered: Callable[[], bool], tmp_path: Path
) -> None:
    """And the only appliance of its model is told by itself. Nobody is shown as well; all are when they are back."""
    began = SystemClock().now_ms() - 4 * MS_PER_DAY  # Kafka removes what is older than a week
    opened = [("*rf-260/0", "silent-together", "opened"), ("lonely", "silent", "opened")]
    closed = [("*rf-260/0", "silent-together", "closed"), ("lonely", "silent", "closed")]
    everybody = sum(map(len, FLEET.values()))

    feed(site.kafka, spoken(range(0, 120, 10)))
    feed_looks(site.kafka, [began + after for after in LOOKS[: len(LOOKS) // 2]])
    with WorkerProcess(site.config, tmp_path / "first.log") as first:
        until(covered, first)
        quiet = site.told
        feed_looks(site.kafka, [began + after for after in LOOKS[len(LOOKS) // 2 :]])
        until(lambda: len(site.told) > 0, first)
        first.kill()
    with WorkerProcess(site.config, tmp_path / "second.log") as second:
        until(covered, second)
        until(lambda: site.states == {"silent": everybody}, second)
        told, lines = site.told, [(one.appliance_id, one.fault) for one in site.page.episodes().each]
        feed(site.kafka, spoken(range(120 + 3 * 24 * 60 + 500, 120 + 3 * 24 * 60 + 530, 10)))
        feed_looks(site.kafka, [began + LOOKS[-1] + 2 * MINUTE])
        until(covered, second)
        until(lambda: site.states == {"learning": everybody}, second)
        assert second.stop() == 0

    assert quiet == []
    assert told == opened
    assert sorted(lines) == [("*", "silent-together"), ("lonely", "silent")]
    assert site.told == sorted(opened + closed)
    assert site.page.episodes().each == []
