"""Dead letters on their way to Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest
from aiokafka.errors import KafkaConnectionError

from foremend.runtimes.kafka.dead_letters import LetterBox, encode_letter
from foremend.vocabulary.types import DeadLetter


def letter(number: int) -> DeadLetter:
    return DeadLetter("blocks", b"garbage %d" % number, "no block", 1_000 + number)


class Log:
    """Takes letters at once, and has them when it is told so."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self._answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def send(self, value: bytes) -> Awaitable[object]:
        self.asked.append(value)
        return self._answer

    def has_them(self) -> None:
        self._answer.set_result(None)

    def fails(self) -> None:
        self._answer.set_exception(KafkaConnectionError())


def test_letters_that_come_during_a_flush_are_sent_by_the_next() -> None:
    """A checkpoint flushes while records are worked on: what comes meanwhile is not taken for sent."""

    async def scene() -> list[bytes]:
        log = Log()
        box = LetterBox(log.send)
        box.put(letter(1))
        flushes = [asyncio.create_task(box.flush()) for _ in range(2)]
        while not log.asked:
            await asyncio.sleep(0)
        box.put(letter(2))
        log.has_them()
        await asyncio.gather(*flushes)
        assert not len(box)
        return log.asked

    assert asyncio.run(scene()) == [encode_letter(letter(1)), encode_letter(letter(2))]


def test_what_kafka_did_not_take_is_sent_again() -> None:
    """A letter leaves the box when Kafka has it."""

    async def scene() -> list[bytes]:
        away, back = Log(), Log()
        away.fails()
        back.has_them()
        logs = [away, back]

        box = LetterBox(lambda value: logs[0].send(value))
        box.put(letter(1))
        with pytest.raises(KafkaConnectionError):
            await box.flush()
        logs.pop(0)
        await box.flush()
        return back.asked

    assert asyncio.run(scene()) == [encode_letter(letter(1))]
