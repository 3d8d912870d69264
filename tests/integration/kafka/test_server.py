"""The broker that other tests rely on."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError

from benchmarks.kafka_server import KafkaServer
from foremend.runtimes.kafka.settings import KafkaSettings, connection


async def _make(kafka: KafkaSettings) -> None:
    admin = AIOKafkaAdminClient(**connection(kafka))
    await admin.start()
    await admin.create_topics([NewTopic(kafka.prefix, 1, 1)])
    await admin.close()


async def _write(kafka: KafkaSettings, value: bytes) -> None:
    async with AIOKafkaProducer(**connection(kafka), acks="all", enable_idempotence=True) as producer:
        await producer.send_and_wait(kafka.prefix, value)


async def _read(kafka: KafkaSettings, n: int) -> list[bytes]:
    reader = AIOKafkaConsumer(kafka.prefix, **connection(kafka), auto_offset_reset="earliest")
    async with reader:
        return [(await reader.getone()).value for _ in range(n)]


def test_what_a_broker_took_survives_its_stop_and_its_death(
    kafka: KafkaSettings, kafka_server: KafkaServer
) -> None:
    """The same address serves the same records after an orderly stop, and after a kill."""
    asyncio.run(_make(kafka))
    asyncio.run(_write(kafka, b"before the stop"))
    kafka_server.stop()
    kafka_server.start()
    asyncio.run(_write(kafka, b"before the kill"))
    kafka_server.kill()
    kafka_server.start()

    read = asyncio.run(_read(kafka, 2))

    assert read == [b"before the stop", b"before the kill"]


def test_no_topic_comes_to_be_by_writing_to_it(kafka: KafkaSettings) -> None:
    """A topic must be made with the right partitions, so the broker makes none by itself."""

    async def write() -> None:
        producer = AIOKafkaProducer(**connection(kafka), request_timeout_ms=500)
        async with producer:
            await producer.send_and_wait(kafka.prefix, b"")

    with pytest.raises(UnknownTopicOrPartitionError):
        asyncio.run(write())
