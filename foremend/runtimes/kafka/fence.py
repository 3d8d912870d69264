"""What a partition's checkpoints are written through: of all who ever wrote them, the one that began last.

A worker that dies may have a checkpoint on its way. If Kafka took it after its successor has read an earlier one,
whoever comes next would go on from there, past readings that the successor had taken back. So each checkpoint is a
transaction under the partition's own transactional id: who begins shuts out who began before, and nothing of what is
under way stands (KIP-98).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced, TransactionalIdAuthorizationFailed

from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.vocabulary.errors import RefusedError, UnavailableError

PATIENCE_S = 60.0
"""For one transaction, its beginning or its end: a client of Kafka asks a coordinator that is away for ever."""

_TRANSACTION_MS = 300_000
"""After this long the broker gives up a transaction that nobody ends; brokers take 900,000 at most by default."""

_STILL_OURS = b"still-ours"
"""Key of a record that says nothing: Kafka asks whose a transaction is where there is something in it."""

Send = Callable[[Sequence[bytes], Sequence[bytes | None]], Awaitable[int]]
"""Sends values under keys and waits until all are durable; the lowest offset (0 for nothing)."""


class Fence:
    """Writes to one partition of the state topic until somebody else begins to. Belongs to one event loop."""

    def __init__(self, settings: KafkaSettings, partition: int) -> None:
        self._settings, self.partition = settings, partition
        self._name = f"{settings.state_topic}-{partition}"
        self._producer: AIOKafkaProducer | None = None
        self._shut_out = False
        self._alone = asyncio.Lock()

    async def begin(self) -> None:
        """Shut out who began before. Raises UnavailableError while Kafka does not answer, or does not allow it."""
        producer = AIOKafkaProducer(
            **connection(self._settings), acks="all", transactional_id=self._name,
            transaction_timeout_ms=_TRANSACTION_MS,
        )  # fmt: skip
        try:
            async with asyncio.timeout(PATIENCE_S):
                await producer.start()
        except TransactionalIdAuthorizationFailed as error:
            await _stop(producer)
            raise UnavailableError(
                f"Kafka does not let this user write under the transactional id {self._name}: grant Write and"
                f" Describe on all that begin with {self._settings.state_topic}-"
            ) from error
        except (KafkaError, TimeoutError) as error:
            await _stop(producer)
            raise UnavailableError(f"Kafka did not begin a transaction: {error!r}") from error
        self._producer = producer

    @asynccontextmanager
    async def together(self) -> AsyncIterator[Send]:
        """All that is sent within stands, or nothing of it.

        Raises RefusedError once somebody else has begun, UnavailableError while Kafka does not take it.
        """
        async with self._alone:
            producer, stands = await self._begun(), False
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await producer.begin_transaction()
                    yield self._send
                    await producer.commit_transaction()
                stands = True
            except ProducerFenced as error:
                self._shut_out = True
                raise RefusedError(self._another) from error
            except (KafkaError, TimeoutError) as error:
                raise UnavailableError(f"Kafka did not take a checkpoint: {error!r}") from error
            finally:
                if not stands:
                    await self._give_up()

    async def confirm(self) -> None:
        """Raises RefusedError where somebody else has begun, or may have, as Kafka was away; UnavailableError while it
        does not answer.
        """
        if self._producer is None:
            raise RefusedError(self._another)
        async with self.together() as send:
            await send([_STILL_OURS], [None])

    async def end(self) -> None:
        """Write no more, once what is under way has ended."""
        self._shut_out = True
        async with self._alone:
            await self._give_up()

    @property
    def _another(self) -> str:
        return f"another worker writes the checkpoints of {self._name}"

    async def _begun(self) -> AIOKafkaProducer:
        if self._shut_out:
            raise RefusedError(self._another)
        if self._producer is None:
            await self.begin()
        assert self._producer is not None
        return self._producer

    async def _give_up(self) -> None:
        """What is open is the broker's to abort, when the next one begins."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)

    async def _send(self, keys: Sequence[bytes], values: Sequence[bytes | None]) -> int:
        assert self._producer is not None
        sent = [
            await self._producer.send(self._settings.state_topic, value, key, self.partition)
            for key, value in zip(keys, values, strict=True)
        ]
        return min([done.offset for done in await asyncio.gather(*sent)], default=0)


async def _stop(producer: AIOKafkaProducer) -> None:
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await producer.stop()
