"""MQTT → blocks → Kafka. Any number of gateways share one MQTT subscription; each is the same small loop.

Nothing is lost: MQTT is acknowledged, in order, only after Kafka has what the messages became (`acks=all`). While
Kafka is away a gateway keeps the few takes it has, takes no more, and the MQTT broker keeps the rest. A gateway that
ends, however it ends, leaves the rest unacknowledged, and the broker delivers it again: at least once. The engine
drops the repeats. Between the messages stand looks at the clock (`looks.py`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foremend.runtimes.arrivals import Arrivals
from foremend.runtimes.device_words import carried
from foremend.runtimes.kafka.blocks import encode_in_parts, partition_of, split
from foremend.runtimes.kafka.dead_letters import encode_letter
from foremend.runtimes.kafka.keeper import Answers, Keeper
from foremend.runtimes.kafka.looks import KEY, Looks
from foremend.runtimes.kafka.proof import SharedProof
from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.vocabulary.errors import ForemendError, MissingExtraError, RefusedError, UnavailableError
from foremend.vocabulary.ports import PipelineSource
from foremend.vocabulary.types import Block, DeadLetter, RawMessage
from ingest.decode import Ingest
from ingest.messages import to_messages
from ingest.presences import as_blocks
from ingest.quarantine import sift
from ingest.values import Decoded

try:
    from aiokafka import AIOKafkaProducer
    from aiokafka.errors import KafkaError
except ImportError as error:
    raise MissingExtraError("the pipeline on Kafka", "kafka") from error

log = logging.getLogger(__name__)

TAKE_TIMEOUT_S = 0.05
LINGER_S = 0.02  # messages wait this long for more, because workers pay by the record ...
QUIET_S = 0.002  # ... but not once so long nothing came: MQTT's window may be full, and only we can open it
ENOUGH_MESSAGES = 500
SLICE_BYTES = 512 * 1024  # of payloads in a take: what is ready is acknowledged while the rest is decoded
MOST_WAITING = 4  # takes that wait for Kafka, besides the one being written and the one being made
STALLED_S = 5.0  # Kafka took nothing for this long: worth a line in the log
DRAIN_S = 5.0  # how long a stop waits for Kafka
BATCH_BYTES = 1_000_000  # of one partition in one request


Deliveries = Sequence[tuple[RawMessage, Any]]
"""Messages, each with the token that acknowledges it."""


@dataclass(frozen=True, slots=True)
class Record:
    """What goes to Kafka; `partition` None leaves the choice to the key, `time` (ms UTC) to the producer."""

    topic: str
    key: bytes
    value: bytes
    partition: int | None = None
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Take:
    """Messages taken together: their MQTT tokens, and what they became."""

    tokens: Sequence[Any]
    records: Sequence[Record]


@dataclass(slots=True)
class GatewayCounts:
    """Since the process began."""

    messages: int = 0  # taken from MQTT
    acknowledged: int = 0  # of these, told to MQTT
    readings: int = 0
    repeated: int = 0  # messages that came twice
    blocks: int = 0  # records made of readings
    block_bytes: int = 0
    dead_letters: int = 0
    stalls: int = 0  # how often Kafka took nothing for 5 s


def slices(deliveries: Deliveries) -> Iterator[Deliveries]:
    """Cut so that payloads of about 512 KiB are together."""
    start = size = 0
    for end, (message, _) in enumerate(deliveries, start=1):
        size += len(message.payload)
        if size >= SLICE_BYTES or end == len(deliveries):
            yield deliveries[start:end]
            start, size = end, 0


def _payload_bytes(deliveries: Deliveries) -> int:
    return sum(len(message.payload) for message, _ in deliveries)


class Gateway:
    """One process' way from MQTT to Kafka; `run` once."""

    def __init__(
        self,
        source: PipelineSource,
        ingest: Ingest,
        settings: KafkaSettings,
        proof: SharedProof | None = None,
        looks: Looks | None = None,
        share: Answers | Keeper | None = None,
        ask: Callable[[str, bytes], object] = lambda topic, payload: None,
    ) -> None:
        """`proof` is what a gateway with shared subscriptions wants to see at its start, `share` its part in them.

        `ask` publishes what devices must be asked for. Without `looks` it never looks at the clock.
        """
        self._source, self._ingest, self._settings, self._proof = source, ingest, settings, proof
        self._looks, self._share, self._ask = looks, share, ask
        self._waiting: asyncio.Queue[tuple[Take, Sequence[asyncio.Future[Any]]]] = asyncio.Queue(MOST_WAITING)
        self.stalled = False
        self.quarantine = ingest.quarantine
        self.counts = GatewayCounts()
        self._arrivals = Arrivals()

    def left_out(self) -> dict[str, int]:
        """Signals left out of readings since the process began, by kind."""
        return self._ingest.left_out()

    @property
    def keeper(self) -> Keeper | None:
        """What stands in for the share, if this gateway is there for that."""
        return self._share if isinstance(self._share, Keeper) else None

    def connected(self) -> bool:
        """Whether the MQTT broker is there."""
        return self._source.connected()

    async def run(self, stop: asyncio.Event) -> None:
        """Forward until `stop`; then finish what is taken, or leave it unacknowledged if Kafka does not take it.

        Raises UnavailableError when Kafka or MQTT is not there at the start, RefusedError when one refuses for good
        or shared subscriptions bring nothing; what is not acknowledged by then comes again to the next gateway.
        """
        producer = await self._open_producer()
        try:
            await asyncio.to_thread(self._source.connect)
            await self._forward_until(stop, producer)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        finally:
            await asyncio.to_thread(self._source.close)
            await self._close(producer)

    async def _open_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **connection(self._settings), acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
        )
        try:
            await producer.start()
        except KafkaError as error:
            await producer.stop()
            raise UnavailableError(f"Kafka at {self._where} cannot be reached: {error}") from error
        return producer

    async def _forward_until(self, stop: asyncio.Event, producer: AIOKafkaProducer) -> None:
        async with asyncio.TaskGroup() as tasks:
            forwarding = tasks.create_task(self._forward(stop, producer))
            confirming = tasks.create_task(self._confirm())
            await stop.wait()
            try:
                async with asyncio.timeout(DRAIN_S):
                    await asyncio.wait({forwarding})
                    await self._waiting.join()
            except TimeoutError:
                left = self.counts.messages - self.counts.acknowledged
                log.warning("Kafka does not take them: %d messages stay with the MQTT broker", left)
            forwarding.cancel()
            confirming.cancel()

    async def _forward(self, stop: asyncio.Event, producer: AIOKafkaProducer) -> None:
        """Send what comes; waits while as much as may be is in flight."""
        while not stop.is_set():
            taken = await asyncio.to_thread(self._collect)
            if look := self._look(caught_up=not taken):
                await self._hand_over(look, producer)
            for messages in slices(taken):
                await self._hand_over(await asyncio.to_thread(self._pack, messages), producer)

    async def _hand_over(self, take: Take, producer: AIOKafkaProducer) -> None:
        written = [await self._send(producer, record) for record in take.records]
        await self._waiting.put((take, written))

    def _look(self, caught_up: bool) -> Take | None:
        """A look at the clock, where one is due: before what was just taken, as that may be of a time without any."""
        if self._looks is None:
            return None
        look = self._looks.due(connected=self.connected(), caught_up=caught_up)
        if look is None:
            return None
        topic, partitions = self._settings.blocks_topic, range(self._settings.partitions)
        return Take((), [Record(topic, KEY, look.value, number, look.wall) for number in partitions])

    def _collect(self) -> Deliveries:
        """What waits at the MQTT source, and what comes within moments, until it is enough for a slice."""
        taken = list(self._source.take(TAKE_TIMEOUT_S))
        until = time.monotonic() + LINGER_S
        more, size = taken, _payload_bytes(taken)
        while more and len(taken) < ENOUGH_MESSAGES and size < SLICE_BYTES and time.monotonic() < until:
            more = list(self._source.take(QUIET_S))
            taken += more
            size += _payload_bytes(more)
        if self._proof is not None and self._proof.given(taken):
            self._proof = None
        if self._share is not None:
            self._share.took(taken)
        self.counts.messages += len(taken)
        return taken

    def _pack(self, deliveries: Deliveries) -> Take:
        """Decode and encode: all the work of a gateway, in a thread of its own."""
        messages: Sequence[RawMessage] = [message for message, _ in deliveries]
        decoded = self._ingest.decode(messages if self._share is None else self._share.needed(messages))
        for topic, payload in self._ingest.requests():
            self._ask(topic, payload)
        self.counts.readings += decoded.readings
        self.counts.repeated += decoded.repeated
        return Take([token for _, token in deliveries], list(self._records(decoded)))

    def _records(self, decoded: Decoded) -> Iterator[Record]:
        settings = self._settings
        letters = list(decoded.dead_letters)
        for block in decoded.blocks:
            self._arrivals.came(block.appliance_model, len(block))
        for block in (*decoded.blocks, *as_blocks(decoded.presence)):
            for record in self._encoded(block, letters):
                self.counts.blocks += 1
                self.counts.block_bytes += len(record.value)
                yield record
        for word in decoded.words:
            letter = carried(word)
            yield Record(settings.dead_letters_topic, letter.topic.encode(), encode_letter(letter))
        for letter in letters:
            self.counts.dead_letters += 1
            yield Record(settings.dead_letters_topic, letter.topic.encode(), encode_letter(letter))

    def _encoded(self, block: Block, letters: list[DeadLetter]) -> list[Record]:
        """The records of a block; a reading that cannot be one goes to `letters`, as canonical JSON."""
        settings, records = self._settings, list[Record]()

        def attempt(rows: Sequence[int]) -> None:
            part = block if len(rows) == len(block) else block.take(np.array(rows))
            made = [
                Record(settings.blocks_topic, key.encode(), value, partition_of(key, settings.partitions))
                for key, one in split(part, settings.groups)
                for value in encode_in_parts(one)
            ]
            records.extend(made)  # all of them or none

        def alone(row: int, error: Exception) -> None:
            reason = self.quarantine.reason("record", error)
            (message,) = to_messages(block.take(np.array([row])))
            letters.append(DeadLetter(message.topic, message.payload, reason, int(block.time[row])))

        sift(range(len(block)), attempt, alone)
        return records

    async def _send(self, producer: AIOKafkaProducer, record: Record) -> asyncio.Future[Any]:
        """Hand the record to the producer, which tries until Kafka has it and keeps each partition's order."""
        while True:
            try:
                async with asyncio.timeout(STALLED_S):
                    return await producer.send(
                        record.topic, record.value, record.key, record.partition, record.time
                    )
            except TimeoutError:  # its buffer is full, or it looks for the partition's leader
                self._say_stalled()
            except KafkaError as error:
                raise self._given_up(error) from error

    async def _confirm(self) -> None:
        """Acknowledge takes in their order, each when Kafka has it."""
        while True:
            take, written = await self._waiting.get()
            await self._until_written(written)
            self._source.acknowledge(take.tokens)
            self.counts.acknowledged += len(take.tokens)
            self._waiting.task_done()

    async def _until_written(self, written: Sequence[asyncio.Future[Any]]) -> None:
        """Wait, however long Kafka is away; say so once, and once when it is back.

        Raises a ForemendError when the producer gave up: its order is broken then, so it may write nothing more.
        """
        everything = asyncio.gather(*written)
        while not (await asyncio.wait({everything}, timeout=STALLED_S))[0]:
            self._say_stalled()
        try:
            await everything
        except KafkaError as error:
            raise self._given_up(error) from error
        if self.stalled and written:
            log.warning("Kafka takes blocks again")
            self.stalled = False

    def _say_stalled(self) -> None:
        if not self.stalled:
            log.warning("Kafka at %s takes nothing; MQTT is not acknowledged meanwhile", self._where)
            self.stalled = True
            self.counts.stalls += 1

    async def _close(self, producer: AIOKafkaProducer) -> None:
        """Without waiting for records that nobody acknowledged: whoever gets their messages again writes them."""
        try:
            async with asyncio.timeout(1.0):
                await producer.stop()
        except TimeoutError:
            await producer.client.close()

    def _given_up(self, error: KafkaError) -> ForemendError:
        kind = UnavailableError if error.retriable else RefusedError
        return kind(f"Kafka at {self._where} did not take a record ({error!r}); the MQTT broker has it still")

    @property
    def _where(self) -> str:
        return ", ".join(self._settings.brokers)
