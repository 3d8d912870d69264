"""The same payloads on Kafka: as JSON for peers, as blocks for a worker of ours, which a gateway would have decoded."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.kafka import FROM, TO, between
from benchmarks.kafka_workers import Workers, holds, total
from benchmarks.mqtt_load import APPLIANCE_MODEL, APPLIANCES, payload_of
from benchmarks.mqtt_subscribers import Figures
from benchmarks.worker_process import feed
from foremend.config import load_settings
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.kafka.blocks import encode
from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.runtimes.kafka.topics import create
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.topics import telemetry_topic
from foremend.vocabulary.types import Block, RawMessage
from ingest.decode import Ingest

BLOCK = 1_000  # readings of a record, as a gateway that is busy writes them


def sent(messages: int, readings: int) -> Iterator[RawMessage]:
    """What `benchmarks.mqtt_load` sends: round and round its fleet, each appliance in the order of its time."""
    received = SystemClock().now_ms()
    for number in range(messages):
        turn, appliance = divmod(number, APPLIANCES)
        topic = telemetry_topic(APPLIANCE_MODEL, f"fridge-{appliance:04d}")
        yield RawMessage(topic, payload_of(appliance, turn * readings, readings), received)


def fill_topic(kafka: KafkaSettings, topic: str, messages: Sequence[RawMessage]) -> None:
    """A record a message in a topic of one partition, keyed by the MQTT topic."""
    asyncio.run(_fill_topic(kafka, topic, messages))


async def _fill_topic(kafka: KafkaSettings, topic: str, messages: Sequence[RawMessage]) -> None:
    admin = AIOKafkaAdminClient(**connection(kafka))
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(**connection(kafka), acks="all", max_batch_size=500_000) as producer:
        for message in messages:
            await producer.send(topic, message.payload, message.topic.encode())


def measure_worker(
    broker: str, prefix: str, folder: Path, messages: Sequence[RawMessage], readings: int, fleets: int
) -> Figures:
    """One `foremend worker` with everything on, and what its gateway's decoding cost before it.

    It would be through before its numbers were looked at twice, so the stream comes once for each of `fleets` whose
    ids differ.
    """
    kafka = KafkaSettings(brokers=(broker,), prefix=prefix, partitions=1)
    blocks, gateway_us = decoded(messages, readings)
    asyncio.run(create(kafka))
    feed(kafka, (of_fleet(block, number) for block in blocks for number in range(fleets)))
    most = len(messages) * readings * fleets
    with Workers(kafka, folder / prefix, 1) as workers:
        first = workers.wait_for(lambda seen: holds(seen, 1) and total(seen, "readings_total") >= FROM * most)
        last = workers.wait_for(lambda seen: total(seen, "readings_total") >= TO * most)
    rate = between(first, last)
    return {
        "readings_per_s": rate["readings_per_s"],
        "cpu_us_per_reading": round(rate["cpu_us_per_reading"] + gateway_us, 2),
        "of_it_gateway_us": round(gateway_us, 2),
    }


def of_fleet(block: Block, number: int) -> Block:
    """The same of other appliances."""
    return replace(block, appliance_ids=tuple(f"{one}-{number}" for one in block.appliance_ids))


def decoded(messages: Sequence[RawMessage], readings: int) -> tuple[list[Block], float]:
    """Checked blocks of about `BLOCK` readings, and the CPU time of a reading: decoding, and encoding for Kafka."""
    signals = {name: profile.signals for name, profile in load_profiles().items()}
    ingest, at_once = Ingest(load_settings().ingest, signals), max(BLOCK // readings, 1)
    ingest.decode(messages[:at_once])  # compiles
    ingest = Ingest(load_settings().ingest, signals)
    blocks: list[Block] = []
    begun, stream = time.process_time(), iter(messages)
    while some := list(itertools.islice(stream, at_once)):
        said = ingest.decode(some)
        assert not said.dead_letters
        for block in said.blocks:
            encode(block)
            blocks.append(block)
    return blocks, (time.process_time() - begun) / (len(messages) * readings) * 1e6
