"""Workers on a real Kafka, as processes: stopped, paused, cut off, and told to work on what cannot be worked on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition

from alerts.database import open_database
from alerts.queries import counts
from benchmarks.kafka_server import KafkaServer
from benchmarks.worker_process import WorkerProcess, feed, feed_raw
from foremend.runtimes.kafka import topics
from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.vocabulary.types import MS_PER_DAY, Block

MODELS = ("generic-compressor", "rf-260", "ac-35i", "wm-7")
START = 20_000 * MS_PER_DAY
MINUTE = 60_000
PATIENCE_S = 240.0
pytestmark = pytest.mark.timeout(800)
RULE = {
    "name": "overload",
    "fault": "overload",
    "when": {"signal": "power", "above": 1_000, "unit": "W"},
    "sustained_for": "2 h",
}


@pytest.fixture
def config(kafka: KafkaSettings, tmp_path: Path) -> Path:
    """Topics that are there, a rule, an empty database, and no trained model."""
    asyncio.run(topics.create(kafka))
    path = tmp_path / "config.yaml"
    told = {
        "brokers": list(kafka.brokers), "prefix": kafka.prefix, "partitions": kafka.partitions,
        "checkpoint_every": "300 ms", "session_timeout": "6 s", "stalled_after": "10 s",
    }  # fmt: skip
    written = {
        "kafka": told,
        "ingest": {"oldest": None},  # the readings are of 2024
        "models": {"appliance_models": []},
        "rules": {"book": [RULE]},
        "alerts": {"database": f"sqlite:///{tmp_path}/foremend.db", "key_file": "key"},
    }
    path.write_text(yaml.safe_dump(written))
    return path


def hours(first: int, last: int) -> list[Block]:
    """Readings a minute of one appliance a model, a block an hour; from the tenth hour on they draw too much."""
    blocks = []
    for hour in range(first, last):
        minute = np.arange(hour * 60, (hour + 1) * 60)
        power = np.where(minute > 600, 2_000.0, 90.0 * (minute % 40 < 14))
        blocks += [
            Block(
                model, (f"{model}-1",), np.zeros(60, np.int32), START + minute * MINUTE, minute,
                {"power": power}, ("",),
            )
            for model in MODELS
        ]  # fmt: skip
    return blocks


def wait_until(done: Callable[[], bool], *workers: WorkerProcess) -> None:
    until = time.monotonic() + PATIENCE_S
    while not done():
        for worker in workers:
            assert worker.returncode is None, worker.log.read_text()
        assert time.monotonic() < until, "\n".join(worker.log.read_text() for worker in workers)
        time.sleep(0.2)  # neither Kafka nor a database tells of it


def findings(tmp_path: Path) -> int:
    engine = open_database(f"sqlite:///{tmp_path}/foremend.db")
    found = counts(engine).findings
    engine.dispose()
    return found


def test_a_stop_leaves_nothing_to_repeat(
    kafka: KafkaSettings, config: Path, tmp_path: Path, covered: Callable[[], bool]
) -> None:
    """SIGTERM: a last checkpoint, exit code 0; the next worker goes on behind it, and findings are made once."""
    feed(kafka, hours(0, 14))
    with WorkerProcess(config, tmp_path / "first.log") as first:
        wait_until(lambda: findings(tmp_path) == len(MODELS), first)
        assert first.stop() == 0, first.log.read_text()
    assert covered()

    feed(kafka, hours(14, 20))
    with WorkerProcess(config, tmp_path / "second.log") as second:
        wait_until(covered, second)
        assert second.stop() == 0

    assert findings(tmp_path) == len(MODELS)
    assert "partition 1: on from record 28 of" in second.log.read_text()


def test_who_takes_a_partition_over_tells_lag_tools_where_it_stands(
    kafka: KafkaSettings, config: Path, tmp_path: Path, covered: Callable[[], bool]
) -> None:
    """A checkpoint was durable and a rebalance refused the commit behind it: no further record is needed for it."""
    with WorkerProcess(config, tmp_path / "first.log") as first:
        feed(kafka, hours(0, 6))
        wait_until(covered, first)
        assert first.stop() == 0, first.log.read_text()
    asyncio.run(_commit_nothing(kafka))
    assert not covered()

    with WorkerProcess(config, tmp_path / "second.log") as second:
        wait_until(covered, second)


async def _commit_nothing(kafka: KafkaSettings) -> None:
    async with AIOKafkaConsumer(**connection(kafka), group_id=kafka.prefix, enable_auto_commit=False) as one:
        partitions = [TopicPartition(kafka.blocks_topic, number) for number in range(kafka.partitions)]
        one.assign(partitions)
        await one.commit(dict.fromkeys(partitions, 0))


def test_a_paused_worker_does_no_harm_when_it_wakes(
    kafka: KafkaSettings, config: Path, tmp_path: Path, covered: Callable[[], bool]
) -> None:
    """Others took its partitions over meanwhile; both know the same findings, once, and work on together."""
    with (
        WorkerProcess(config, tmp_path / "first.log") as first,
        WorkerProcess(config, tmp_path / "second.log") as second,
    ):
        feed(kafka, hours(0, 6))
        wait_until(covered, first, second)
        first.pause(tmp_path / "foremend.db")
        feed(kafka, hours(6, 14))
        wait_until(covered, second)
        assert findings(tmp_path) == len(MODELS)
        first.resume()
        feed(kafka, hours(14, 24))
        wait_until(covered, first, second)

    assert findings(tmp_path) == len(MODELS)


def test_a_worker_comes_back_by_itself_when_kafka_does(
    kafka: KafkaSettings, kafka_server: KafkaServer, config: Path, tmp_path: Path, covered: Callable[[], bool]
) -> None:
    """The same process, whatever Faust made of the outage."""
    with WorkerProcess(config, tmp_path / "worker.log") as worker:
        feed(kafka, hours(0, 6))
        wait_until(covered, worker)

        kafka_server.kill()
        time.sleep(15)  # longer than a session; what Kafka's clients do meanwhile is what is tried here
        kafka_server.start()
        feed(kafka, hours(6, 24))
        wait_until(covered, worker)

    assert findings(tmp_path) == len(MODELS)


def test_a_partition_full_of_garbage_goes_on_behind_it(
    kafka: KafkaSettings, config: Path, tmp_path: Path, covered: Callable[[], bool]
) -> None:
    """Every piece is a dead letter, and not one reading behind it is lost."""
    feed(kafka, hours(0, 6))
    for n in range(120):
        feed_raw(kafka, n % kafka.partitions, b"rf-260/0", b"garbage %d" % n)
    feed_raw(kafka, 0, b"", b"")
    feed(kafka, hours(6, 14))

    with WorkerProcess(config, tmp_path / "worker.log") as worker:
        engine = open_database(f"sqlite:///{tmp_path}/foremend.db")
        wait_until(lambda: covered() and counts(engine).dead_letters == 121, worker)
        engine.dispose()
        assert worker.stop() == 0

    assert findings(tmp_path) == len(MODELS)


def test_a_worker_without_topics_says_what_to_do(kafka: KafkaSettings, config: Path, tmp_path: Path) -> None:
    """In a sentence and with the exit code of a wrong setting."""
    config.write_text(config.read_text().replace(kafka.prefix, "nobody-made-these"))

    with WorkerProcess(config, tmp_path / "worker.log") as worker:
        wait_until(lambda: worker.returncode is not None)

    assert worker.returncode == 2
    assert "foremend topics create" in worker.log.read_text()


def test_blocks_that_were_made_anew_under_old_state_are_refused(
    kafka: KafkaSettings, config: Path, tmp_path: Path, covered: Callable[[], bool]
) -> None:
    """Offsets of another log mean nothing: the worker ends rather than to pass new readings over."""
    feed(kafka, hours(0, 6))
    with WorkerProcess(config, tmp_path / "worker.log") as first:
        wait_until(covered, first)
        first.stop()
    asyncio.run(_remove(kafka, kafka.blocks_topic))
    asyncio.run(topics.create(kafka))

    with WorkerProcess(config, tmp_path / "worker.log") as second:
        wait_until(lambda: second.returncode is not None)

    assert second.returncode == 7
    assert "made anew" in second.log.read_text()


async def _remove(kafka: KafkaSettings, topic: str) -> None:
    from aiokafka.admin import AIOKafkaAdminClient

    from foremend.runtimes.kafka.settings import connection

    admin = AIOKafkaAdminClient(**connection(kafka))
    await admin.start()
    await admin.delete_topics([topic])
    while topic in await admin.list_topics():
        await asyncio.sleep(0.1)
    await admin.close()
