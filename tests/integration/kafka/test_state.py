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
from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.runtimes.kafka.state import CHUNK, StateStore
from foremend.vocabulary.errors import IntegrityError

PARTITION = 1


def packed(megabytes: float, seed: int) -> bytes:
    """Something that does not shrink."""
    return np.random.default_rng(seed).bytes(int(megabytes * 2**20))


def with_topics(kafka: KafkaSettings, act: Callable[[StateStore, AIOKafkaProducer], Awaitable[Any]]) -> Any:
    """What `act` answers, on topics of the test's own."""

    async def run() -> Any:
        await topics.create(kafka)
        async with AIOKafkaProducer(**connection(kafka), acks="all") as producer:
            return await act(StateStore(kafka, producer), producer)

    return asyncio.run(run())


async def keys(kafka: KafkaSettings) -> dict[bytes, bool]:
    """What compaction would leave: key -> whether it has a value."""
    at = TopicPartition(kafka.state_topic, PARTITION)
    async with AIOKafkaConsumer(**connection(kafka)) as reader:
        reader.assign([at])
        reader.seek(at, 0)
        end = (await reader.end_offsets([at]))[at]
        left: dict[bytes, bool] = {}
        while await reader.position(at) < end:
            record = await reader.getone(at)
            left[record.key] = record.value is not None
        return left


def test_a_checkpoint_comes_back_as_it_was_written(kafka: KafkaSettings) -> None:
    """In many parts, each below what a broker takes; other partitions know nothing of it."""
    state = packed(3.3, 1)

    async def act(store: StateStore, producer: AIOKafkaProducer) -> Any:
        nothing = await store.load(PARTITION)
        await store.save(PARTITION, state, 1234)
        return nothing, await store.load(PARTITION), await store.load(PARTITION + 1)

    nothing, found, other = with_topics(kafka, act)

    assert nothing is None
    assert other is None
    assert (bytes(found.packed), found.next_offset) == (state, 1234)


def test_the_last_of_many_is_found_and_the_others_are_let_go(kafka: KafkaSettings) -> None:
    """More generations than a first look from the end shows; tombstones leave one of them."""

    async def act(store: StateStore, producer: AIOKafkaProducer) -> Any:
        for n in range(30):
            await store.save(PARTITION, packed(1.2, n), n)
        return await StateStore(kafka, producer).load(PARTITION), await keys(kafka)

    found, left = with_topics(kafka, act)

    assert (bytes(found.packed), found.next_offset) == (packed(1.2, 29), 29)
    assert sum(left.values()) == 1 + -(-found.packed.nbytes // CHUNK)


def test_a_torn_generation_is_passed_over_and_cleared_away_later(kafka: KafkaSettings) -> None:
    """A writer that died before its manifest leaves parts without a meaning."""

    async def act(store: StateStore, producer: AIOKafkaProducer) -> Any:
        await store.save(PARTITION, b"good", 5)
        for n in range(200):
            await producer.send_and_wait(kafka.state_topic, b"half", f"deadbeef/{n}".encode(), PARTITION)
        successor = StateStore(kafka, producer)
        found = await successor.load(PARTITION)
        await successor.save(PARTITION, b"better", 6)
        return found, await successor.load(PARTITION), await keys(kafka)

    found, next_one, left = with_topics(kafka, act)

    assert (bytes(found.packed), found.next_offset) == (b"good", 5)
    assert (bytes(next_one.packed), next_one.next_offset) == (b"better", 6)
    assert sum(left.values()) == 2


def test_a_zombie_and_its_successor_cannot_mix(kafka: KafkaSettings) -> None:
    """Both write at the same time; whichever manifest is last names a whole state, with its own offset."""
    states = {n: packed(2.0, n) for n in (10, 20, 30, 40)}

    async def act(store: StateStore, producer: AIOKafkaProducer) -> Any:
        await store.save(PARTITION, packed(2.0, 1), 1)
        zombie, successor = StateStore(kafka, producer), StateStore(kafka, producer)
        await asyncio.gather(zombie.load(PARTITION), successor.load(PARTITION))
        seen = []
        for old, new in ((10, 20), (30, 40)):
            await asyncio.gather(
                zombie.save(PARTITION, states[old], old), successor.save(PARTITION, states[new], new)
            )
            seen.append(await StateStore(kafka, producer).load(PARTITION))
        return seen

    for found in with_topics(kafka, act):
        assert bytes(found.packed) == states[found.next_offset]


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
        await store.save(PARTITION, b"good", 5)
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
