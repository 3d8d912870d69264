"""Dead letters as Kafka records: JSON that any consumer reads, the payload in base64."""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable

import orjson

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import DeadLetter

MOST_PAYLOAD_BYTES = 600_000
"""Of one letter; in base64 that is 800 KB, below Kafka's limit of 1 MiB a record."""

Send = Callable[[bytes], Awaitable[Awaitable[object]]]
"""Gives a record to a Kafka producer; the second wait is for Kafka to have it."""


class LetterBox:
    """Dead letters of one partition until Kafka has them, in memory.

    Whoever works on records empties it, and whoever writes checkpoints: one after the other, and each takes out only
    what it sent, for more may come meanwhile.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._letters: list[bytes] = []
        self._emptying = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._letters)

    def put(self, letter: DeadLetter) -> None:
        """Keep it until the next `flush`."""
        self._letters.append(encode_letter(letter))

    async def forget(self) -> None:
        """Those that wait: what they came from is worked on again."""
        async with self._emptying:
            self._letters.clear()

    async def flush(self) -> None:
        """Returns when Kafka has all that were in it. Raises what `send` does: then they are sent again next time."""
        async with self._emptying:
            sent = list(self._letters)
            await asyncio.gather(*[await self._send(letter) for letter in sent])
            del self._letters[: len(sent)]


def encode_letter(letter: DeadLetter) -> bytes:
    """{"topic", "payload": base64, "bytes": how many there were, "reason", "received": ms UTC}.

    A payload above 600,000 bytes is cut to its beginning; `bytes` tells.
    """
    return orjson.dumps(
        {
            "topic": letter.topic,
            "payload": b64encode(letter.payload[:MOST_PAYLOAD_BYTES]).decode(),
            "bytes": len(letter.payload),
            "reason": letter.reason,
            "received": letter.received,
        }
    )


def decode_letter(record: bytes) -> DeadLetter:
    """The letter that `encode_letter` was given, or the beginning of it. Raises InputError for anything else."""
    try:
        letter = orjson.loads(record)
        payload = b64decode(letter["payload"], validate=True)
        return DeadLetter(str(letter["topic"]), payload, str(letter["reason"]), int(letter["received"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, binascii.Error) as error:
        raise InputError(f"the record is no dead letter: {error!r}") from error
