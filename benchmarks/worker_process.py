"""Processes of Foremend and what workers are fed with, for tests and benchmarks."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from foremend.runtimes.kafka.blocks import encode_in_parts, partition_of, split
from foremend.runtimes.kafka.looks import CAUGHT_UP, KEY
from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.vocabulary.types import Block

Offsets = dict[int, int]
"""By partition, the offset behind the last record."""


class ForemendProcess:
    """A `foremend` command as a process of its own, logging into a file."""

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = ("-m", "foremend"),
    ) -> None:
        """`environment` is added to this process's own; `program` is what Python runs."""
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, *program, *arguments],
                stdout=out,
                stderr=out,
                env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
            )

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    def stop(self, timeout_s: float = 60.0) -> int:
        """As a supervisor does, by SIGTERM; the exit code."""
        self._process.terminate()
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        """As a power cut does, by SIGKILL."""
        self._process.kill()
        self._process.wait()

    def pause(self, database: Path | None = None) -> None:
        """As a stalled virtual machine does, by SIGSTOP; never while it writes into `database`, a file of SQLite.

        Who is stopped in the midst of a write holds the file's one lock, and nobody writes until it goes on: what
        others do meanwhile, which is what is looked at, could not be seen.
        """
        self._process.send_signal(signal.SIGSTOP)
        while database is not None and not _can_write(database):
            self.resume()
            time.sleep(0.05)  # a write is over in less
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.returncode is None:
            self.kill()


def _can_write(database: Path) -> bool:
    with closing(sqlite3.connect(database, timeout=0.5, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
    return True


class WorkerProcess(ForemendProcess):
    """`foremend worker`."""

    def __init__(self, config: Path, log: Path, program: Sequence[str] = ("-m", "foremend")) -> None:
        super().__init__(["worker", "--config", str(config)], log, program=program)


def feed(settings: KafkaSettings, blocks: Iterable[Block]) -> None:
    """Write blocks as a gateway does."""
    asyncio.run(_feed(settings, blocks))


def feed_raw(settings: KafkaSettings, partition: int, key: bytes, value: bytes) -> None:
    """Write one record, whatever it is."""
    asyncio.run(_feed_raw(settings, partition, key, value))


def feed_looks(settings: KafkaSettings, walls: Iterable[int]) -> None:
    """Look at the clock as a gateway that hears does, at these times (ms UTC)."""
    asyncio.run(_feed_looks(settings, walls))


def ends(settings: KafkaSettings) -> Offsets:
    """Where the blocks topic ends."""
    return asyncio.run(_ends(settings))


def committed(settings: KafkaSettings) -> Offsets:
    """Up to where checkpoints of the workers' group cover the blocks topic; 0 where they do not yet."""
    return asyncio.run(_committed(settings))


@contextmanager
def coverage(settings: KafkaSettings) -> Iterator[Callable[[], bool]]:
    """Asks whether checkpoints cover the whole blocks topic, by one connection: for who waits for it, again and again.

    A connection for each of `ends` and `committed` is 20 ms of CPU here and 50 in Kafka.
    """
    with asyncio.Runner() as runner:
        reader = runner.run(_reader(settings))
        try:
            yield lambda: runner.run(_covers(reader, settings))
        finally:
            runner.run(reader.stop())


async def _feed(settings: KafkaSettings, blocks: Iterable[Block]) -> None:
    async with AIOKafkaProducer(**connection(settings), acks="all", linger_ms=5) as producer:
        for block in blocks:
            for key, part in split(block, settings.groups):
                partition = partition_of(key, settings.partitions)
                for value in encode_in_parts(part):
                    await producer.send(settings.blocks_topic, value, key.encode(), partition)


async def _feed_raw(settings: KafkaSettings, partition: int, key: bytes, value: bytes) -> None:
    async with AIOKafkaProducer(**connection(settings), acks="all") as producer:
        await producer.send_and_wait(settings.blocks_topic, value, key, partition)


async def _feed_looks(settings: KafkaSettings, walls: Iterable[int]) -> None:
    async with AIOKafkaProducer(**connection(settings), acks="all", linger_ms=5) as producer:
        for wall in walls:
            for partition in range(settings.partitions):
                await producer.send(settings.blocks_topic, CAUGHT_UP, KEY, partition, wall)


async def _ends(settings: KafkaSettings) -> Offsets:
    async with AIOKafkaConsumer(**connection(settings)) as reader:
        found = await reader.end_offsets(_partitions(settings))
        return {at.partition: end for at, end in found.items()}


async def _committed(settings: KafkaSettings) -> Offsets:
    reader = await _reader(settings)
    try:
        return await _committed_by(reader, settings)
    finally:
        await reader.stop()


async def _covers(reader: AIOKafkaConsumer, settings: KafkaSettings) -> bool:
    found = await reader.end_offsets(_partitions(settings))
    return await _committed_by(reader, settings) == {at.partition: end for at, end in found.items()}


async def _reader(settings: KafkaSettings) -> AIOKafkaConsumer:
    reader = AIOKafkaConsumer(**connection(settings), group_id=settings.prefix, enable_auto_commit=False)
    await reader.start()  # of no partition: else each question would wait behind a request for records
    return reader


async def _committed_by(reader: AIOKafkaConsumer, settings: KafkaSettings) -> Offsets:
    return {at.partition: await reader.committed(at) or 0 for at in _partitions(settings)}


def _partitions(settings: KafkaSettings) -> list[TopicPartition]:
    return [TopicPartition(settings.blocks_topic, n) for n in range(settings.partitions)]
