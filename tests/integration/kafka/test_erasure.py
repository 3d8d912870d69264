"""An erasure on a real Kafka ends, whatever comes to its partitions meanwhile, and what it left is compacted away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition

from alerts.audit import verify
from alerts.desk import Alerts
from alerts.owners import OwnedAppliance, Owner
from benchmarks.worker_process import WorkerProcess, ends, feed, feed_looks
from foremend.config import Settings, load_settings
from foremend.installation.erasing import Erasing, workers_forgot
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.kafka import topics
from foremend.runtimes.kafka.settings import CompactionSettings, KafkaSettings, connection
from foremend.runtimes.kafka.state import StateStore
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.types import MS_PER_DAY, Block
from foremend.wiring.desk import open_desk
from foremend.wiring.service import streams
from tests.integration.kafka.checkpoints import last_checkpoints
from tests.integration.kafka.test_worker import RULE, wait_until

START = 20_000 * MS_PER_DAY
GOES, STAYS = "fridge-quillfeather", "fridge-stays"
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def kafka(kafka: KafkaSettings) -> KafkaSettings:
    """Its state topic is compacted as soon as Kafka can."""
    soon = CompactionSettings(segment_age=1_000, dirty_ratio=0, forget_after=1_000)
    return kafka.model_copy(update={"state": soon})


@pytest.fixture
def config(kafka: KafkaSettings, tmp_path: Path) -> Path:
    """Topics that are there, and an empty database."""
    asyncio.run(topics.create(kafka))
    path = tmp_path / "config.yaml"
    told = {
        "brokers": list(kafka.brokers), "prefix": kafka.prefix, "partitions": kafka.partitions,
        "checkpoint_every": "300 ms", "state": kafka.state.model_dump(),
    }  # fmt: skip
    written = {
        "kafka": told,
        "ingest": {"oldest": None},  # the readings are of 2024
        "models": {"appliance_models": []},
        "rules": {"book": [RULE]},
        "storage": {"folder": str(tmp_path / "var")},
        "alerts": {"database": f"sqlite:///{tmp_path}/foremend.db", "key_file": str(tmp_path / "key")},
    }
    path.write_text(yaml.safe_dump(written))
    return path


def an_hour(appliance: str) -> Block:
    """A reading a minute."""
    minute = np.arange(60)
    return Block(
        "rf-260", (appliance,), np.zeros(60, np.int32), START + minute * 60_000, minute,
        {"power": np.full(60, 90.0)}, ("",),
    )  # fmt: skip


def states(settings: KafkaSettings) -> bytes:
    """What the last checkpoints of all partitions hold, while their worker goes on."""

    async def read() -> bytes:
        store = StateStore(settings)
        found = [await store.load(partition) for partition in range(settings.partitions)]
        return b"".join(bytes(one.packed) for one in found if one is not None)

    return asyncio.run(read())


def everything_in(settings: KafkaSettings) -> bytes:
    """Whatever the state topic still holds, superseded and torn checkpoints, too: keys, and values unpacked."""

    async def read() -> bytes:
        at = [TopicPartition(settings.state_topic, n) for n in range(settings.partitions)]
        found = []
        async with AIOKafkaConsumer(**connection(settings), isolation_level="read_uncommitted") as reader:
            reader.assign(at)
            await reader.seek_to_beginning(*at)
            ends = await reader.end_offsets(at)
            while any([await reader.position(one) < ends[one] for one in at]):
                for records in (await reader.getmany(timeout_ms=200)).values():
                    found += [part for record in records for part in (record.key, unpacked(record.value))]
        return b" ".join(found)

    return asyncio.run(read())


def unpacked(value: bytes | None) -> bytes:
    """Of a part of a checkpoint what is in it, as these are small enough to have one; of a manifest itself."""
    if value is None or value.startswith(b"{"):
        return value or b""
    return pa.CompressedInputStream(pa.BufferReader(value), "lz4").read()


def memory_is_empty(settings: Settings, alerts: Alerts) -> bool:
    """Whether the erasure is past the memory of its workers; it goes on as far as it can."""
    names = streams(settings.kafka)
    erasing = Erasing(
        settings,
        alerts.erasures,
        lambda job: workers_forgot(alerts.engine, names, job),
        ("rf-260",),
        SystemClock().now_ms,
    )
    try:
        return not erasing.round()
    except UnavailableError:
        return False


def test_an_erasure_waits_for_no_partition_to_which_nothing_comes(
    kafka: KafkaSettings, config: Path, tmp_path: Path, covered: Callable[[], bool]
) -> None:
    """One partition had readings and has none any more, three never had one: without another record the owner is gone
    from every checkpoint, and who stays is still there."""
    settings = load_settings(config)
    alerts = open_desk(settings, SystemClock())
    alerts.owners.register_owners([Owner("owner-1", {})])
    alerts.owners.register_appliances([OwnedAppliance(GOES, "owner-1", "rf-260")])
    feed(kafka, [an_hour(GOES), an_hour(STAYS)])
    with WorkerProcess(config, tmp_path / "worker.log") as worker:
        wait_until(covered, worker)
        wait_until(lambda: GOES.encode() in states(kafka), worker)
        last = ends(kafka)

        alerts.erasures.ask("owner-1", "case 7", 0, "test")
        wait_until(lambda: memory_is_empty(settings, alerts), worker)

        assert ends(kafka) == last
        assert worker.stop() == 0
    kept = b"".join(bytes(one.packed) for one in last_checkpoints(kafka) if one is not None)
    assert GOES.encode() not in kept
    assert STAYS.encode() in kept
    alerts.close()


def test_no_byte_of_the_state_topic_tells_of_an_erased_appliance_once_it_is_compacted(
    kafka: KafkaSettings, config: Path, tmp_path: Path, covered: Callable[[], bool]
) -> None:
    """Nothing is measured any more, but a gateway looks at the clock: that is enough for Kafka to clean what was the
    end of the topic. Who stays is there, and the audit log verifies."""
    settings = load_settings(config)
    alerts = open_desk(settings, SystemClock())
    alerts.owners.register_owners([Owner("owner-1", {"sms": "+8613900000017"})])
    alerts.owners.register_appliances([OwnedAppliance(GOES, "owner-1", "rf-260")])
    feed(kafka, [an_hour(GOES), an_hour(STAYS)])
    with WorkerProcess(config, tmp_path / "worker.log") as worker:
        wait_until(covered, worker)
        wait_until(lambda: GOES.encode() in states(kafka), worker)
        alerts.erasures.ask("owner-1", "case 7", 0, "test")
        wait_until(lambda: memory_is_empty(settings, alerts), worker)
        assert GOES.encode() in everything_in(kafka)

        def is_compacted() -> bool:
            feed_looks(kafka, [SystemClock().now_ms()])
            return GOES.encode() not in everything_in(kafka)

        wait_until(is_compacted, worker)
        assert worker.stop() == 0
    assert STAYS.encode() in everything_in(kafka)
    assert verify(alerts.engine).intact
    alerts.close()
