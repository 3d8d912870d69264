"""Looks at the blocks topic beside Faust: what is there, asked of Kafka itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.vocabulary.errors import UnavailableError

PATIENCE_S = 30.0


class LogReader:
    """In no group, and with no place in the log of its own; an asynchronous context manager.

    Everything raises UnavailableError while Kafka does not answer.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    async def __aenter__(self) -> Self:
        self._consumer = AIOKafkaConsumer(
            **connection(self._settings), enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await self._consumer.start()
        except KafkaError as error:
            await self._consumer.stop()
            raise UnavailableError(f"Kafka does not answer: {error!r}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    async def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """The offset behind the last record of each partition."""
        asked = [self._at(partition) for partition in partitions]
        return {
            at.partition: end for at, end in (await self._answer(self._consumer.end_offsets(asked))).items()
        }

    async def begin(self, partition: int) -> int:
        """The offset of the first record that is still kept."""
        at = self._at(partition)
        return (await self._answer(self._consumer.beginning_offsets([at])))[at]

    async def next_from(self, partition: int, offset: int) -> int:
        """The offset of the first record that is not before `offset`; waits for one."""
        at = self._at(partition)
        self._consumer.assign([at])
        self._consumer.seek(at, max(offset, await self.begin(partition)))
        record = await self._answer(self._consumer.getone(at))
        return int(record.offset)

    async def span(
        self, partition: int, first: int, up_to: int
    ) -> AsyncGenerator[Sequence[ConsumerRecord], None]:
        """The records with first <= offset < up_to, by a client of its own. What is gone for good is left out."""
        at = self._at(partition)
        async with LogReader(self._settings) as other:
            consumer = other._consumer
            consumer.assign([at])
            consumer.seek(at, max(first, await other.begin(partition)))
            while await self._answer(consumer.position(at)) < up_to:
                batches = await self._answer(consumer.getmany(at, timeout_ms=1_000))
                yield [record for record in batches.get(at, ()) if record.offset < up_to]

    def _at(self, partition: int) -> TopicPartition:
        return TopicPartition(self._settings.blocks_topic, partition)

    async def _answer(self, asked: Any) -> Any:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await asked
        except (KafkaError, TimeoutError) as error:
            raise UnavailableError(f"Kafka does not answer: {error!r}") from error
