"""Checkpoints on the compacted state topic: partition n of it holds the state of partition n of the blocks topic.

A checkpoint ("generation") is packed state, compressed, cut into records `{generation}/{n}`, and then one record
`manifest` that names it: until that one is there, the generation before is the last. Every writer's generation has a
random name, so those of two cannot mix, and whoever takes the partition over shuts the others out (`fence.py`): what
they have under way never counts. What is superseded gets tombstones, in the same transaction.

A reader looks for the last manifest from the end backwards, then reads that generation's span alone: the topic may
hold many old generations that compaction did not reach yet.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import pyarrow as pa
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from foremend.runtimes.kafka.fence import PATIENCE_S, Fence
from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.vocabulary.errors import IntegrityError, UnavailableError
from foremend.vocabulary.types import MS_PER_SECOND

log = logging.getLogger(__name__)

CHUNK = 512 * 1024
"""Bytes of a record: well below the 1 MiB that brokers take by default."""

_MANIFEST = b"manifest"
_CODEC = pa.Codec("lz4")
"""758 MB/s and 50 % on the state of refrigerators; zstd at its fastest 507 MB/s and 46 %."""
_FIRST_LOOK = 64  # records
_FETCH_BYTES = 16 * 1024 * 1024
_FETCH_WAIT_MS = 10
"""Each jump waits out the fetch before it, which may be at the topic's end, where nothing comes; 500 by default."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one generation is made of."""

    generation: str
    chunks: int
    first: int  # offset of its first record in the state topic
    sha256: str  # of the compressed state
    size: int  # of the packed state, bytes
    next_offset: int  # of the blocks topic: where to go on

    def parts(self) -> list[bytes]:
        return [f"{self.generation}/{n}".encode() for n in range(self.chunks)]


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint as it was found: the packed state, and the record to go on with."""

    packed: memoryview
    next_offset: int


class StateStore:
    """Writes and finds checkpoints, each of one partition."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings, self._topic = settings, settings.state_topic
        self._superseded: dict[int, set[bytes]] = {}
        self._last: dict[int, int] = {}
        """Of each partition, the offset of the last manifest that was made durable here."""

    async def take_over(self, partition: int) -> tuple[Fence, Saved | None]:
        """Shut out whoever wrote before, then `load`. Raises as both do."""
        fence = Fence(self._settings, partition)
        await fence.begin()
        try:
            return fence, await self.load(partition)
        except BaseException:
            await fence.end()
            raise

    async def save(self, fence: Fence, packed: bytes | bytearray, next_offset: int) -> None:
        """Make a checkpoint of the fence's partition durable, and let go of the one before.

        Raises UnavailableError while Kafka does not take it, RefusedError once another one has taken the partition
        over: then the one before is still the last.
        """
        compressed, digest = await asyncio.to_thread(_compress, packed)
        generation = secrets.token_hex(8)
        cuts = range(0, len(compressed), CHUNK)
        keys = [f"{generation}/{n}".encode() for n in range(len(cuts))]
        try:
            async with fence.together() as send:
                first = await send(keys, [compressed[at : at + CHUNK].to_pybytes() for at in cuts])
                manifest = Manifest(generation, len(keys), first, digest, len(packed), next_offset)
                last = await send([_MANIFEST], [orjson.dumps(asdict(manifest))])
                old = self._superseded.get(fence.partition, set())
                await send(sorted(old), [None] * len(old))
        except UnavailableError:
            self._superseded.setdefault(fence.partition, set()).update(keys)
            raise
        self._superseded[fence.partition], self._last[fence.partition] = set(keys), last

    async def load(self, partition: int) -> Saved | None:
        """The last whole checkpoint, or None where there never was one.

        What this store has made durable is always found. What another one writes is found a moment after its
        transaction ended: Kafka answers that a transaction stands before it shows it (KIP-98); `take_over` waits it
        out. Raises IntegrityError when what is there is damaged and no earlier one is left, and UnavailableError
        when Kafka does not answer.
        """
        reader = AIOKafkaConsumer(
            **connection(self._settings),
            enable_auto_commit=False,
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            isolation_level="read_committed",
        )
        try:
            async with reader:
                where = TopicPartition(self._topic, partition)
                await self._until_shown(reader, where)
                return await self._last_whole(reader, where)
        except (KafkaError, TimeoutError) as error:
            raise UnavailableError(f"Kafka did not give a checkpoint back: {error!r}") from error

    async def _until_shown(self, reader: AIOKafkaConsumer, where: TopicPartition) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while (await _bounds(reader, where))[1] <= self._last.get(where.partition, -1):
                await asyncio.sleep(_FETCH_WAIT_MS / MS_PER_SECOND)

    async def _last_whole(self, reader: AIOKafkaConsumer, where: TopicPartition) -> Saved | None:
        reader.assign([where])
        seen: set[bytes] = set()
        problem: IntegrityError | None = None
        async for manifest in self._manifests(reader, where, seen):
            try:
                saved = await _read(reader, where, manifest)
            except IntegrityError as error:
                log.error("state of partition %d: %s; looking for the one before", where.partition, error)
                problem = error
            else:
                self._superseded[where.partition] = seen | set(manifest.parts())
                return saved
        if problem is not None:
            raise IntegrityError(
                f"the state of partition {where.partition} in {where.topic} is damaged, and none before it is left"
                f" ({problem}): restore the topic, or empty it to learn anew from the blocks that are still kept"
            )
        return None

    async def _manifests(
        self, reader: AIOKafkaConsumer, where: TopicPartition, seen: set[bytes]
    ) -> AsyncIterator[Manifest]:
        """The last one first. `seen` collects the keys of chunks that were passed on the way."""
        begin, end = await _bounds(reader, where)
        look = _FIRST_LOOK
        while end > begin:
            start = max(begin, end - look)
            found = []
            async for record in _span(reader, where, start, end):
                if record.key == _MANIFEST:
                    found.append(Manifest(**orjson.loads(record.value)))
                elif record.value is not None:
                    seen.add(record.key)
                else:
                    seen.discard(record.key)
            for manifest in reversed(found):
                yield manifest
            end, look = start, 4 * look


async def _read(reader: AIOKafkaConsumer, where: TopicPartition, manifest: Manifest) -> Saved:
    """The state that `manifest` names. Raises IntegrityError when it is not whole."""
    _, end = await _bounds(reader, where)
    wanted = set(manifest.parts())
    parts: dict[bytes, bytes] = {}
    async for record in _span(reader, where, manifest.first, end):
        if record.key in wanted and record.value is not None:
            parts[record.key] = record.value
            if len(parts) == len(wanted):
                break
    if len(parts) < len(wanted):
        raise IntegrityError(
            f"the checkpoint {manifest.generation} has {len(parts)} of its {len(wanted)} parts"
        )
    packed = await asyncio.to_thread(_decompress, [parts[key] for key in manifest.parts()], manifest)
    return Saved(packed, manifest.next_offset)


async def _bounds(reader: AIOKafkaConsumer, where: TopicPartition) -> tuple[int, int]:
    begin, end = await reader.beginning_offsets([where]), await reader.end_offsets([where])
    return begin[where], end[where]


async def _span(
    reader: AIOKafkaConsumer, where: TopicPartition, start: int, end: int
) -> AsyncIterator[ConsumerRecord]:
    """The records with start <= offset < end; compaction may have left gaps."""
    reader.seek(where, start)
    while await reader.position(where) < end:
        batches = await reader.getmany(where, timeout_ms=1_000)
        for record in batches.get(where, ()):
            if record.offset < end:
                yield record


def _compress(packed: bytes | bytearray) -> tuple[Any, str]:
    compressed = _CODEC.compress(packed)
    return compressed, hashlib.sha256(compressed).hexdigest()


def _decompress(parts: Sequence[bytes], manifest: Manifest) -> memoryview:
    compressed = b"".join(parts)
    if hashlib.sha256(compressed).hexdigest() != manifest.sha256:
        raise IntegrityError(f"the checkpoint {manifest.generation} does not match its checksum")
    return memoryview(_CODEC.decompress(compressed, manifest.size))
