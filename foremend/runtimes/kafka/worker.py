"""A worker: one process of the group. Faust brings records, `Holdings` works on them; here both are joined.

A worker that lost its partitions without knowing (it was paused, or cut off) does no harm: effects are known by their
ids, positions only rise, and its checkpoints are refused. Coming back, it sees that it missed a generation of its
group, or that it is refused, and begins from the checkpoints again.

Whatever is not expected ends `run`; `process.py` then starts the same process anew.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faust.types import TP

from foremend.runtimes.kafka.holdings import Held, Holdings, record_of
from foremend.runtimes.kafka.log_reader import LogReader
from foremend.runtimes.kafka.membership import open_membership, raw_topic
from foremend.runtimes.kafka.meter import Meter
from foremend.runtimes.kafka.partition import PartitionRuntime, Record
from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.vocabulary.errors import UnavailableError
from ingest.quarantine import Quarantine

log = logging.getLogger(__name__)

TICK_S = 0.25
STOP_S = 20.0
"""How long a stop waits for its last checkpoints: for a database that is away, or a Kafka."""

StoreLetter = Callable[[int, Record], None]
"""Takes a record of that partition of the dead letters' topic into the database; called in threads."""


class Worker:
    """Its numbers are for /metrics and may be read from other threads; `run` once."""

    def __init__(
        self,
        settings: KafkaSettings,
        runtime_of: Callable[[int], PartitionRuntime],
        store_letter: StoreLetter,
        meter: Meter,
        folder: Path,
        quarantine: Quarantine,
    ) -> None:
        """`runtime_of` makes what works on a partition; `folder` is for Faust's own files."""
        self._settings, self._runtime_of, self._store_letter = settings, runtime_of, store_letter
        self._folder, self.meter, self.quarantine = folder, meter, quarantine
        self.holdings: Holdings | None = None
        self.idle_since: float | None = time.monotonic()  # without partitions, in a rebalance; None: at work
        self.rebalances = 0
        self._generation = -1
        self._missed_one = self._stopping = False

    @property
    def held(self) -> Mapping[int, Held]:
        """The partitions that are ours, until we are about to leave."""
        return {} if self.holdings is None or self._stopping else dict(self.holdings.held)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then leave the group with a last checkpoint.

        Raises UnavailableError when only starting anew helps, IntegrityError when state and topics do not fit.
        """
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        producer = await self._open_producer()
        try:
            async with LogReader(self._settings) as reader:
                await self._work(stop, producer, reader)
        finally:
            await producer.stop()

    async def _work(self, stop: asyncio.Event, producer: AIOKafkaProducer, reader: LogReader) -> None:
        self._app = app = open_membership(self._settings, self._folder, self._checkpointed)
        self.holdings = holdings = Holdings(
            self._settings,
            self._runtime_of,
            producer,
            reader,
            self._commit,
            self.meter,
            self.quarantine,
        )
        self._take_part()
        try:
            await app.start()
            await self._until_over(stop, holdings)
            await self._finish(holdings)
        finally:
            self._stopping = True
            for end in (holdings.close, app.stop):
                with suppress(TimeoutError):
                    async with asyncio.timeout(STOP_S):
                        await end()

    async def _until_over(self, stop: asyncio.Event, holdings: Holdings) -> None:
        """Checkpoints until `stop`; raises what failed."""
        waits = (stop.wait(), self._checkpointing(holdings), self._watching())
        tasks: set[asyncio.Future[Any]] = {asyncio.ensure_future(one) for one in waits}
        over, _ = await asyncio.wait({*tasks, self._failed}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks - over:
            task.cancel()
        await asyncio.gather(*over)

    async def _checkpointing(self, holdings: Holdings) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            await holdings.checkpoint_due()

    async def _watching(self) -> None:
        while not self._app.crashed:
            await asyncio.sleep(TICK_S)
        if self._failed.done():
            self._failed.result()
        raise UnavailableError(f"Faust ended: {self._app.crash_reason!r}")

    async def _commit(self, partition: int, offset: int) -> bool:
        consumer: Any = self._app.consumer
        return bool(await consumer.commit_covered(TP(self._settings.blocks_topic, partition), offset))

    def _take_part(self) -> None:
        """Agents and the group's signals."""
        app, settings = self._app, self._settings
        signals: Any = app  # whose types know no handler without a name for every argument
        signals.on_partitions_assigned.connect(self._assigned)
        signals.on_partitions_revoked.connect(self._revoked)
        signals.on_rebalance_complete.connect(self._settle)

        @app.agent(raw_topic(app, settings.blocks_topic, acks=False), name="blocks")
        async def blocks(stream: Any) -> None:
            with self._whatever_fails():
                async for event in stream.noack().events():
                    await self._take(event.message)

        @app.agent(raw_topic(app, settings.dead_letters_topic, acks=True), name="dead-letters")
        async def dead_letters(stream: Any) -> None:
            with self._whatever_fails():
                async for event in stream.noack().events():
                    message = event.message
                    await asyncio.to_thread(self._store_letter, message.partition, record_of(message))
                    event.ack()

    async def _take(self, message: Any) -> None:
        if not self._stopping and self.holdings is not None:
            await self.holdings.take(message)

    async def _assigned(self, app: Any, *_: Any, **__: Any) -> None:
        """Every rebalance that we take part in comes by here: their numbers follow one another."""
        generation = app.consumer_generation_id
        self._missed_one |= self._generation not in (-1, generation - 1)
        self._generation = generation
        self.rebalances += 1

    async def _revoked(self, app: Any, *_: Any, **__: Any) -> None:
        if self.idle_since is None:
            self.idle_since = time.monotonic()

    async def _settle(self, app: Any, *_: Any, **__: Any) -> None:
        """The group agreed on who has what: be ready to go on before Faust fetches again."""
        assert self.holdings is not None
        with self._whatever_fails():
            if self._missed_one:
                self.holdings.drop()
                self._missed_one = False
            await self.holdings.keep(tp.partition for tp in self._blocks_of(app.consumer.assignment()))
            self.idle_since = None

    def _checkpointed(self, partitions: Iterable[TP]) -> dict[TP, int]:
        """Where the partitions that we hold go on."""
        held = self.held
        return {
            tp: held[tp.partition].runtime.next_offset
            for tp in self._blocks_of(partitions)
            if tp.partition in held
        }

    def _blocks_of(self, partitions: Iterable[TP]) -> list[TP]:
        return [tp for tp in partitions if tp.topic == self._settings.blocks_topic]

    async def _finish(self, holdings: Holdings) -> None:
        """In good order: a last checkpoint, so that whoever comes next has nothing to repeat."""
        self._stopping, self.idle_since = True, None
        self._app.consumer.stop_flow()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await holdings.checkpoint_all()

    async def _open_producer(self) -> AIOKafkaProducer:
        """For dead letters; sending one of them twice changes nothing, so it need not be idempotent."""
        producer = AIOKafkaProducer(**connection(self._settings), acks="all")
        try:
            await producer.start()
        except KafkaError as error:
            await producer.stop()
            raise UnavailableError(f"Kafka does not answer: {error!r}") from error
        return producer

    @contextmanager
    def _whatever_fails(self) -> Iterator[None]:
        """Ends `run`, instead of Faust's going on with the next record."""
        try:
            yield
        except Exception as error:
            if not self._failed.done():
                self._failed.set_exception(error)
            raise
