"""Checkpoints on a real, compacted topic: whole or not at all, whatever happened to their writers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from foremend.runtimes.kafka import topics
from foremend.runtimes.kafka.fence import Fence
from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.runtimes.kafka.state import CHUNK, StateStore
from foremend.vocabulary.errors import IntegrityError, RefusedError
from tests.integration.kafka.checkpoints import taken_over

PARTITION = 1


def packed(megabytes: float, seed: int) -> bytes:
    """Something that does not shrink."""
    return np.random.default_rng(seed).bytes(int(megabytes * 2**20))


def with_topics(kafka: KafkaSettings, act: Callable[[StateStore, AIOKafkaProducer], Awaitable[Any]]) -> Any:
    """What `act` answers, on topics of the test's own."""

    async def run() -> Any:
        await topics.create(kafka)
        async with AIOKafkaProducer(**connection(kafka), acks="all") as producer:
            return await act(StateStore(kafka), producer)

    return asyncio.run(run())


async def saved(store: StateStore, state: bytes, next_offset: int) -> None:
    """By one that takes the partition over for it."""
    fence, _ = await store.take_over(PARTITION)
    await store.save(fence, state, next_offset)
    await fence.end()


async def keys(kafka: KafkaSettings) -> dict[bytes, bool]:
    """What compaction would leave: key -> whether it has a value."""
    at = TopicPartition(kafka.state_topic, PARTITION)
    async with AIOKafkaConsumer(**connection(kafka), isolation_level="read_committed") as reader:
        reader.assign([at])
        reader.seek(at, 0)
        end = (await reader.end_offsets([at]))[at]
        left: dict[bytes, bool] = {}
        while await reader.position(at) < end:
            for record in (await reader.getmany(at, timeout_ms=1_000)).get(at, ()):
                left[record.key] = record.value is not None
        return left


def test_what_was_written_is_found_at_once_each_time(kafka: KafkaSettings) -> None:
    """Kafka answers that a transaction stands a moment before it shows what is in it."""

    async def act(store: StateStore, producer: AIOKafkaProducer) -> Any:
        fence, _ = await store.take_over(PARTITION)
        found = []
        for n in range(40):
            await store.save(fence, b"good", n)
            found.append((await store.load(PARTITION)).next_offset)  # type: ignore[union-attr]
        await fence.end()
        return found

    assert with_topics(kafka, act) == list(range(40))


def test_a_checkpoint_comes_back_as_it_was_written(kafka: KafkaSettings) -> None:
    """In many parts, each below what a broker takes; other partitions know nothing of it."""
    state = packed(3.3, 1)

    async def act(store: StateStore, producer: AIOKafkaProducer) -> Any:
        fence, nothing = await store.take_over(PARTITION)
        await store.save(fence, state, 1234)
        found = await store.load(PARTITION), await store.load(PARTITION + 1)
        await fence.end()
        return nothing, *found

    nothing, found, other = with_topics(kafka, act)

    assert nothing is None
    assert other is None
    assert (bytes(found.packed), found.next_offset) == (state, 1234)


def test_the_last_of_many_is_found_and_the_others_are_let_go(kafka: KafkaSettings) -> None:
    """More generations than a first look from the end shows; tombstones leave one of them."""

    async def act(store: StateStore, producer: AIOKafkaProducer) -> Any:
        fence, _ = await store.take_over(PARTITION)
        for n in range(30):
            await store.save(fence, packed(1.2, n), n)
        await fence.end()
        return await taken_over(kafka, PARTITION), await keys(kafka)

    found, left = with_topics(kafka, act)

    assert (bytes(found.packed), found.next_offset) == (packed(1.2, 29), 29)
    assert sum(left.values()) == 1 + -(-found.packed.nbytes // CHUNK)


def test_a_torn_generation_is_passed_over_and_cleared_away_later(kafka: KafkaSettings) -> None:
    """A writer that died before its manifest leaves parts without a meaning."""

    async def act(store: StateStore, producer: AIOKafkaProducer) -> Any:
        await saved(store, b"good", 5)
        for n in range(200):
            await producer.send_and_wait(kafka.state_topic, b"half", f"deadbeef/{n}".encode(), PARTITION)
        successor = StateStore(kafka)
        fence, found = await successor.take_over(PARTITION)
        await successor.save(fence, b"better", 6)
        await fence.end()
        return found, await successor.load(PARTITION), await keys(kafka)

    found, next_one, left = with_topics(kafka, act)

    assert (bytes(found.packed), found.next_offset) == (b"good", 5)
    assert (bytes(next_one.packed), next_one.next_offset) == (b"better", 6)
    assert sum(left.values()) == 2


def test_whoever_takes_over_shuts_the_others_out(kafka: KafkaSettings) -> None:
    """One that was paused writes no checkpoint any more, however often it tries; its successor's stands."""

    async def act(store: StateStore, producer: AIOKafkaProducer) -> Any:
        zombie, _ = await store.take_over(PARTITION)
        await store.save(zombie, packed(2.0, 1), 1)
        successor, found = await StateStore(kafka).take_over(PARTITION)
        for _ in range(2):
            with pytest.raises(RefusedError, match="another worker writes the checkpoints"):
                await store.save(zombie, packed(2.0, 10), 10)
        await store.save(successor, packed(2.0, 2), 2)
        with pytest.raises(RefusedError, match="another worker writes the checkpoints"):
            await store.save(zombie, packed(2.0, 20), 20)
        await zombie.end()
        await successor.end()
        return found, await store.load(PARTITION)

    before, after = with_topics(kafka, act)

    assert (before.next_offset, after.next_offset) == (1, 2)
    assert bytes(after.packed) == packed(2.0, 2)


def test_what_a_dead_worker_has_under_way_counts_no_more(kafka: KafkaSettings) -> None:
    """Kafka has all of it when the next one takes over, but for the last word; its own, later one is behind it."""

    async def act(store: StateStore, producer: AIOKafkaProducer) -> Any:
        dying, _ = await store.take_over(PARTITION)
        await store.save(dying, b"good", 5)
        refused = pytest.raises(RefusedError, match="another worker writes the checkpoints")
        with refused:  # as `dying` ends its transaction
            async with dying.together() as send:
                await send([b"late/0", b"manifest"], [b"late", b"{}"])
                successor, found = await store.take_over(PARTITION)
        again = await StateStore(kafka).load(PARTITION)
        await store.save(successor, b"better", 6)
        await successor.end()
        return found, again, await store.load(PARTITION)

    found = [(bytes(one.packed), one.next_offset) for one in with_topics(kafka, act)]

    assert found == [(b"good", 5), (b"good", 5), (b"better", 6)]


def test_who_lets_go_writes_no_more(kafka: KafkaSettings) -> None:
    """And what was written before is found, here and by whoever takes the partition over."""

    async def act(store: StateStore, producer: AIOKafkaProducer) -> Any:
        fence, _ = await store.take_over(PARTITION)
        await store.save(fence, b"good", 5)
        await fence.end()
        with pytest.raises(RefusedError, match="another worker writes the checkpoints"):
            await store.save(fence, b"late", 6)
        return await store.load(PARTITION), await taken_over(kafka, PARTITION)

    mine, another_s = with_topics(kafka, act)

    assert (mine.next_offset, another_s.next_offset) == (5, 5)


def test_whose_a_partition_is_can_be_asked(kafka: KafkaSettings) -> None:
    """Whoever is not sure says that it is not: no answer begins anew, which would shut the others out."""

    async def act(store: StateStore, producer: AIOKafkaProducer) -> Any:
        late, _ = await store.take_over(PARTITION)
        await late.confirm()
        owner, _ = await StateStore(kafka).take_over(PARTITION)
        await owner.confirm()
        await store.save(owner, b"good", 5)
        for _ in range(2):
            with pytest.raises(RefusedError, match="another worker writes the checkpoints"):
                await late.confirm()
        with pytest.raises(RefusedError, match="another worker writes the checkpoints"):
            await Fence(kafka, PARTITION).confirm()
        await owner.confirm()
        await owner.end()
        return await taken_over(kafka, PARTITION), await keys(kafka)

    found, left = with_topics(kafka, act)

    assert (bytes(found.packed), found.next_offset) == (b"good", 5)
    assert sum(left.values()) == 2  # the checkpoint and what names it


async def damage(kafka: KafkaSettings, producer: AIOKafkaProducer) -> None:
    """A generation whose manifest does not fit its part."""
    done = await producer.send_and_wait(kafka.state_topic, b"not what it was", b"0bad/0", PARTITION)
    manifest = {
        "generation": "0bad", "chunks": 1, "first": done.offset,
        "sha256": hashlib.sha256(b"what it was").hexdigest(), "size": 11, "next_offset": 99,
    }  # fmt: skip
    await producer.send_and_wait(kafka.state_topic, orjson.dumps(manifest), b"manifest", PARTITION)


def test_a_damaged_checkpoint_falls_back_to_the_one_before(kafka: KafkaSettings) -> None:
    """While compaction has left it there."""

    async def act(store: StateStore, producer: AIOKafkaProducer) -> Any:
        await saved(store, b"good", 5)
        await damage(kafka, producer)
        return await store.load(PARTITION)

    found = with_topics(kafka, act)

    assert (bytes(found.packed), found.next_offset) == (b"good", 5)


def test_a_damaged_checkpoint_without_one_before_is_refused(kafka: KafkaSettings) -> None:
    """Rather than to begin anew without a word."""

    async def act(store: StateStore, producer: AIOKafkaProducer) -> Any:
        await damage(kafka, producer)
        await store.load(PARTITION)

    with pytest.raises(IntegrityError, match="does not match its checksum"):
        with_topics(kafka, act)
