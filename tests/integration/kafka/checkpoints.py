"""What workers left on the state topic."""

from __future__ import annotations

import asyncio

from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.runtimes.kafka.state import Saved, StateStore


def last_checkpoints(kafka: KafkaSettings) -> list[Saved | None]:
    """Of each partition, as whoever takes it over finds it; shuts out a worker that still runs."""

    async def read() -> list[Saved | None]:
        return [await taken_over(kafka, partition) for partition in range(kafka.partitions)]

    return asyncio.run(read())


async def taken_over(kafka: KafkaSettings, partition: int) -> Saved | None:
    fence, found = await StateStore(kafka).take_over(partition)
    await fence.end()
    return found
