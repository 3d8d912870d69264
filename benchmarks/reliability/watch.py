"""Watches Kafka from outside: which readings are in it, and up to where checkpoints cover them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from numpy.typing import NDArray

from benchmarks.reliability.story import Story
from foremend.runtimes.kafka.blocks import decode
from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.vocabulary.errors import InputError, UnavailableError

PATIENCE_S = 480.0
"""Two cores that others use, too, were 4 minutes behind what they were sent in one."""
MOST_BEHIND = 2_000
"""Blocks that may wait for workers before the fleet waits for them: half a minute of what it says."""
_LOOK_MS = 50
_AGAIN_S = 0.5
_MANIFEST = b"manifest"

Readings = NDArray[np.bool_]
"""(appliances, seq): a flag for each reading."""


class LogWatch:
    """Follows the topics of blocks and of state in a thread of its own; a context manager."""

    def __init__(self, kafka: KafkaSettings, story: Story) -> None:
        self._kafka = kafka
        self._rows = {appliance_id: row for row, appliance_id in enumerate(story.ids)}
        partitions = range(kafka.partitions)
        self._offsets = {
            TopicPartition(topic, partition): 0
            for topic in (kafka.blocks_topic, kafka.state_topic)
            for partition in partitions
        }
        self._covered = dict.fromkeys(partitions, 0)
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._follow()), name="log-watch")
        self.seen: Readings = np.zeros((len(self._rows), story.most_readings), np.bool_)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._thread.join()

    @property
    def ends(self) -> Mapping[int, int]:
        """By partition, the offset behind the last block that was seen."""
        blocks = self._kafka.blocks_topic
        return {at.partition: offset for at, offset in self._offsets.items() if at.topic == blocks}

    def until_seen(self, readings: Readings) -> None:
        """Until all of `readings` are in Kafka, and no more than `MOST_BEHIND` blocks of it are without a checkpoint.

        Raises UnavailableError when that never comes.
        """
        self._until(lambda: not np.any(readings & ~self.seen), "readings that never came to Kafka")
        self._until(
            lambda: sum(self.ends.values()) - sum(self._covered.values()) <= MOST_BEHIND,
            f"more than {MOST_BEHIND} blocks that no checkpoint covers",
        )

    def until_covered(self, readings: Readings) -> None:
        """Until they are in Kafka, worked on, and covered by checkpoints."""
        self.until_seen(readings)
        ends = self.ends
        self._until(
            lambda: all(self._covered[partition] >= end for partition, end in ends.items()),
            "blocks that no checkpoint covers",
        )

    def _until(self, holds: Callable[[], bool], otherwise: str) -> None:
        with self._changed:
            if not self._changed.wait_for(holds, PATIENCE_S):
                raise UnavailableError(
                    f"{otherwise} for {PATIENCE_S:g} s: ends {self.ends}, covered {self._covered}"
                )

    async def _follow(self) -> None:
        while not self._ended:
            try:
                async with AIOKafkaConsumer(
                    **connection(self._kafka),
                    enable_auto_commit=False,
                    auto_offset_reset="none",
                    isolation_level="read_committed",  # a checkpoint of which not all came is none
                ) as reader:
                    await self._read(reader)
            except KafkaError:  # it is away: that is what we are here for
                await asyncio.sleep(_AGAIN_S)

    async def _read(self, reader: AIOKafkaConsumer) -> None:
        reader.assign(list(self._offsets))
        for at, offset in self._offsets.items():
            reader.seek(at, offset)
        while not self._ended:
            found = await reader.getmany(timeout_ms=_LOOK_MS)
            if found:
                with self._changed:
                    self._take(found)
                    self._changed.notify_all()

    def _take(self, found: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        for at, records in found.items():
            for record in records:
                if at.topic == self._kafka.blocks_topic:
                    self._mark(record.value)
                elif record.key == _MANIFEST:
                    self._covered[at.partition] = orjson.loads(record.value)["next_offset"]
            self._offsets[at] = records[-1].offset + 1

    def _mark(self, value: Any) -> None:
        try:
            block = decode(value or b"")
        except InputError:  # garbage, put there on purpose, or a look at the clock
            return
        rows = np.array([self._rows[appliance_id] for appliance_id in block.appliance_ids])
        self.seen[rows[block.appliance], block.seq] = True
