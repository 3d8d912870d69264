"""Fills a blocks topic with a recorded stream, as gateways would have left it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace

from aiokafka import AIOKafkaProducer

from benchmarks.recorded import blocks, in_messages, recording
from foremend.runtimes.kafka.blocks import encode, partition_of, split
from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.runtimes.kafka.topics import create


@dataclass(frozen=True, slots=True)
class Fleet:
    """Appliances of several models for a day; `times` such fleets whose ids differ."""

    models: tuple[str, ...] = ("rf-260", "ac-35i", "wh-60", "wm-7")
    appliances: int = 200  # of each model
    times: int = 12
    message: int = 60  # readings that an appliance sends at a time
    block: int = 1_000  # readings of a record
    partitions: int = 12
    groups: int = 6

    def in_small_records(self) -> Fleet:
        """A quarter of it, in records of one message each."""
        return replace(self, times=max(self.times // 4, 1), block=self.message)


def fill(kafka: KafkaSettings, fleet: Fleet) -> int:
    """Create the topics, and write every reading of a day; answers how many."""
    return asyncio.run(_fill(kafka, fleet))


async def _fill(kafka: KafkaSettings, fleet: Fleet) -> int:
    await create(kafka)
    readings = 0
    producer = AIOKafkaProducer(
        **connection(kafka), acks="all", enable_idempotence=True, max_batch_size=1_000_000
    )
    async with producer:
        for count, key, record in _records(fleet, kafka):
            readings += count
            await producer.send(
                kafka.blocks_topic,
                record,
                key.encode(),
                partition_of(key, kafka.partitions),
            )
    return readings


def _records(fleet: Fleet, kafka: KafkaSettings) -> Iterator[tuple[int, str, bytes]]:
    """The models' blocks in turn, as time goes on."""
    streams = [
        blocks(
            in_messages(recording(model, fleet.appliances, 1), fleet.message),
            fleet.block * kafka.groups,
            fleet.times,
        )
        for model in fleet.models
    ]
    while streams:
        for stream in list(streams):
            block = next(stream, None)
            if block is None:
                streams.remove(stream)
                continue
            for key, part in split(block, kafka.groups):
                yield len(part), key, encode(part)
