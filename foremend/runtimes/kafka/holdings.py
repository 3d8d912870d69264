"""The partitions that a worker holds: taken over from their checkpoints, fed, checkpointed, let go. No Faust in here.

- What a checkpoint covers is done, once the checkpoint is durable; what went wrong in between happens again and leads
  to the same findings, known by their ids.
- A partition goes on exactly behind its checkpoint. Where a record does not follow the one before, Kafka itself is
  asked what comes next: either it is gone for good, which is logged, or the worker has to start anew.
- Engines work in one thread of their own, so that the event loop goes on, also while the database is away.
- What raises is searched for in that thread, too (`recovery.py`), and nothing half done is ever written.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from foremend.engine.packing import pack, unpack
from foremend.runtimes.kafka.dead_letters import LetterBox
from foremend.runtimes.kafka.fence import Fence
from foremend.runtimes.kafka.log_reader import LogReader
from foremend.runtimes.kafka.meter import Meter
from foremend.runtimes.kafka.partition import PartitionRuntime, Record
from foremend.runtimes.kafka.recovery import answer_of, recover
from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.runtimes.kafka.state import StateStore
from foremend.vocabulary.errors import IntegrityError, RefusedError, UnavailableError
from foremend.vocabulary.types import MS_PER_SECOND, DeadLetter
from ingest.quarantine import Quarantine

log = logging.getLogger(__name__)
T = TypeVar("T")

MOST_WAITING_ROWS = 2_000_000  # readings that history keeps in memory before a checkpoint is due
MOST_LETTERS = 50  # dead letters that wait to be sent together
RETRY_S = 5.0
_TAKEN = "a partition was taken over without our knowing"
LOADS_AT_ONCE = 2  # one is read while the other is restored; each takes twice its state in memory


Commit = Callable[[int, int], Awaitable[bool]]
"""Tells the group, for whoever looks at its lag, up to where a partition is covered by a checkpoint."""


class Message(Protocol):
    """A record as Faust hands it over."""

    partition: int
    offset: int
    timestamp: float  # s
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class Held:
    """One partition; times are monotonic seconds."""

    runtime: PartitionRuntime
    covered: int  # `next_offset` of the last checkpoint
    checkpointed: float  # when that was
    due: float  # when the next one is
    letters: LetterBox  # must be in Kafka before the next checkpoint
    fence: Fence  # checkpoints are written through it
    committed: int = 0  # what lag tools were told of it by us
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class Written:
    """Checkpoints since the process began."""

    checkpoints: int = 0
    bytes: int = 0  # of packed state, before compression
    failed: int = 0


class Holdings:
    """By partition. All methods belong to one event loop; `take` and `keep` are never called at the same time."""

    def __init__(
        self,
        settings: KafkaSettings,
        runtime_of: Callable[[int], PartitionRuntime],
        producer: AIOKafkaProducer,
        reader: LogReader,
        commit: Commit,
        meter: Meter,
        quarantine: Quarantine,
    ) -> None:
        """`runtime_of` makes what works on a partition, in the engines' thread; `commit` hears of each checkpoint."""
        self._settings, self._runtime_of, self._producer = settings, runtime_of, producer
        self._reader, self._commit, self._meter, self._quarantine = reader, commit, meter, quarantine
        self._store = StateStore(settings)
        self._ending = set[asyncio.Future[None]]()
        self._thread = ThreadPoolExecutor(1, "foremend-engine")
        self._loop = asyncio.get_running_loop()
        self._loading = asyncio.Semaphore(LOADS_AT_ONCE)
        self._restoring: PartitionRuntime | None = None  # the last one that was taken over
        self.held: dict[int, Held] = {}
        self.written = Written()
        self.busy_since: float | None = None
        """Since when the engines' thread is at the same piece of work, monotonic s; from any thread."""

    async def keep(self, partitions: Iterable[int]) -> None:
        """Hold exactly these: let go of others, take over new ones where their checkpoints end.

        Raises IntegrityError when a checkpoint cannot be gone on with, UnavailableError when Kafka does not answer.
        """
        wanted = set(partitions)
        for partition in set(self.held) - wanted:
            self._let_go(partition)
        new = sorted(wanted - set(self.held))
        for partition, held in zip(new, await asyncio.gather(*map(self._taken_over, new)), strict=True):
            self.held[partition] = held

    def drop(self) -> None:
        """Let go of everything: others may have worked on it."""
        for partition in list(self.held):
            self._let_go(partition)

    async def take(self, message: Message) -> None:
        """Work on a record. One that is not ours, or is in the state already, is passed over."""
        held = self.held.get(message.partition)
        if held is None:
            return
        if message.offset > held.runtime.next_offset:
            await self._account_for_gap(message, held.runtime.next_offset)
        if message.offset >= held.runtime.next_offset:
            await self._work_on(message, held)

    async def checkpoint_due(self) -> None:
        """Checkpoints of those partitions whose time has come."""
        for partition, held in list(self.held.items()):
            if time.monotonic() >= held.due or _is_full(held.runtime):
                await self._checkpoint(partition, held)

    async def checkpoint_all(self) -> None:
        """A last checkpoint of everything, before it is given away in good order."""
        for partition, held in list(self.held.items()):
            try:
                await self._checkpoint(partition, held)
            except UnavailableError as error:
                log.warning("partition %d is given away without a last checkpoint: %s", partition, error)

    async def close(self) -> None:
        """Let go of everything, and of the thread when it is through with its record."""
        self.drop()
        if self._restoring is not None:
            self._restoring.abandon()
        self._thread.shutdown(wait=False, cancel_futures=True)
        await asyncio.gather(*self._ending)

    def _let_go(self, partition: int) -> None:
        held = self.held.pop(partition)
        held.runtime.abandon()
        ending = asyncio.ensure_future(held.fence.end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _taken_over(self, partition: int) -> Held:
        async with self._loading:
            return await self._loaded(partition)

    async def _loaded(self, partition: int) -> Held:
        began = time.monotonic()
        fence, saved = await self._store.take_over(partition)
        first = await self._reader.begin(partition)
        end = (await self._reader.ends([partition]))[partition]
        if saved is not None and saved.next_offset > end:
            raise IntegrityError(
                f"the state of partition {partition} goes on at record {saved.next_offset}, but"
                f" {self._settings.blocks_topic} ends at {end}: it was made anew, so make {self._settings.state_topic}"
                " anew too, or choose another kafka.prefix"
            )
        packed = saved.packed if saved else None
        try:
            runtime = await self._in_thread(self._restored, partition, packed, first, fence)
        except RefusedError as error:
            raise UnavailableError(f"{_TAKEN}: {error}") from error
        log.info(
            "partition %d: on from record %d of %d after %.1f s",
            partition, runtime.next_offset, end, time.monotonic() - began,
        )  # fmt: skip
        now = time.monotonic()
        letters = LetterBox(partial(self._producer.send, self._settings.dead_letters_topic))
        return Held(runtime, runtime.next_offset, now, now + self._every_s, letters, fence)

    def _restored(
        self, partition: int, packed: memoryview | None, first: int, fence: Fence
    ) -> PartitionRuntime:
        """The thread may have been busy for minutes: who took over meanwhile is not robbed of the history."""

        def still_ours() -> None:
            answer_of(fence.confirm(), self._loop)

        still_ours()
        with self._meter.on("restore"):
            runtime = self._restoring = self._runtime_of(partition)
            runtime.restore(unpack(packed) if packed is not None else None, first, still_ours)
        return runtime

    async def _account_for_gap(self, message: Message, expected: int) -> None:
        there = await self._reader.next_from(message.partition, expected)
        if there < message.offset:
            raise UnavailableError(
                f"partition {message.partition}: record {message.offset} came, though {there} was to come first"
            )
        log.error(
            "partition %d: records %d to %d are no longer in Kafka, nobody read them in time: raise kafka.retention",
            message.partition, expected, message.offset - 1,
        )  # fmt: skip

    async def _work_on(self, message: Message, held: Held) -> None:
        try:
            await self._in_thread(self._process, message.partition, held, record_of(message))
        except UnavailableError:
            if self.held.get(message.partition) is held:
                raise
            return  # it was taken from us while the database was away
        if len(held.letters) >= MOST_LETTERS:
            with suppress(UnavailableError):  # the checkpoint tries again
                await self._flush_letters(held)

    async def _flush_letters(self, held: Held) -> None:
        """Raises UnavailableError when Kafka did not take all: they are sent again with the next flush."""
        try:
            await held.letters.flush()
        except KafkaError as error:
            raise UnavailableError(f"Kafka did not take a dead letter: {error!r}") from error

    async def _checkpoint(self, partition: int, held: Held) -> None:
        held.due = time.monotonic() + self._every_s
        is_new = held.runtime.next_offset > held.covered
        if is_new or await self._in_thread(held.runtime.owes_erasure):
            try:
                packed = await self._in_thread(self._packed, partition, held)
            except UnavailableError:
                if self.held.get(partition) is held:
                    raise
                return  # it was taken from us meanwhile
            try:
                if packed is not None:
                    await self._make_durable(partition, held, *packed)
            except RefusedError as error:
                if self.held.get(partition) is held:
                    raise UnavailableError(f"{_TAKEN}: {error}") from error
                return
            except UnavailableError as error:
                log.error("partition %d has no new checkpoint: %s", partition, error)
                self.written.failed += 1
                held.due = time.monotonic() + RETRY_S
                return
        if held.committed < held.covered:  # a rebalance came between, to us or to whoever had it before
            await self._tell_lag_tools(partition, held)
        await self._in_thread(held.runtime.report)

    async def _make_durable(self, partition: int, held: Held, next_offset: int, packed: bytearray) -> None:
        """A checkpoint, unless a later one is durable already. Raises as `StateStore.save` does."""
        async with held.saving:
            if next_offset < held.covered:
                return
            await self._flush_letters(held)
            await self._store.save(held.fence, packed, next_offset)
            held.covered, held.checkpointed = next_offset, time.monotonic()
            held.runtime.covered(next_offset)
        self.written.checkpoints += 1
        self.written.bytes += len(packed)
        await self._tell_lag_tools(partition, held)

    async def _tell_lag_tools(self, partition: int, held: Held) -> None:
        covered = held.covered
        if await self._commit(partition, covered):
            held.committed = covered

    def _process(self, partition: int, held: Held, record: Record) -> None:
        """A whole step, whatever is in the record."""
        before = held.runtime.next_offset
        try:
            for letter in held.runtime.process(record):
                held.letters.put(letter)
        except Exception as error:  # noqa: BLE001 - raised again where no record is to blame
            self._recover(partition, held, error, before, record.offset + 1)

    def _packed(self, partition: int, held: Held) -> tuple[int, bytearray] | None:
        """The next checkpoint; None where there is none to write, as half of a step is never written."""
        runtime = held.runtime
        if not runtime.whole:
            return None
        try:
            state = runtime.checkpoint()
        except RefusedError as error:  # as history does when another process has taken its stream over
            raise UnavailableError(f"{_TAKEN}: {error}") from error
        except Exception as error:  # noqa: BLE001 - raised again where no record is to blame
            self._recover(partition, held, error, held.covered, runtime.next_offset)
            return None
        with self._meter.on("checkpoint"):
            return runtime.next_offset, pack(state)

    def _recover(self, partition: int, held: Held, error: Exception, first: int, last: int) -> None:
        kept = KeptByKafka(self, partition, held)
        recover(held.runtime, kept, self._loop, self._quarantine, error, first, last)

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return await self._loop.run_in_executor(self._thread, partial(self._busy, work, *arguments))

    def _busy(self, work: Callable[..., T], *arguments: Any) -> T:
        self.busy_since = time.monotonic()
        try:
            return work(*arguments)
        finally:
            self.busy_since = None

    @property
    def _every_s(self) -> float:
        return self._settings.checkpoint_every / MS_PER_SECOND


class KeptByKafka:
    """What Kafka keeps of a partition that is held, for `recover`."""

    def __init__(self, holdings: Holdings, partition: int, held: Held) -> None:
        self._all, self._partition, self._held = holdings, partition, held

    async def saved(self) -> tuple[memoryview | None, int]:
        await self._held.letters.forget()
        async with self._held.saving:
            saved = await self._all._store.load(self._partition)
        return saved.packed if saved else None, await self._all._reader.begin(self._partition)

    async def records(self, first: int, up_to: int) -> AsyncGenerator[Sequence[Record], None]:
        async with aclosing(self._all._reader.span(self._partition, first, up_to)) as batches:
            async for batch in batches:
                yield [Record(one.offset, one.key, one.value, one.timestamp) for one in batch]

    def put(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            self._held.letters.put(letter)

    async def keep(self, packed: bytearray, next_offset: int) -> None:
        await self._all._make_durable(self._partition, self._held, next_offset, packed)


def _is_full(runtime: PartitionRuntime) -> bool:
    """Whether so much waits in memory that a checkpoint is due before its time."""
    return runtime.waiting_rows > MOST_WAITING_ROWS or runtime.crowded


def record_of(message: Message) -> Record:
    return Record(message.offset, message.key, message.value, round(message.timestamp * MS_PER_SECOND))
