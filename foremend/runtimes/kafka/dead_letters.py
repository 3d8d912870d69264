"""Dead letters as Kafka records: JSON that any consumer reads, the payload in base64."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode

import orjson

from foremend.errors import InputError
from foremend.types import DeadLetter

MOST_PAYLOAD_BYTES = 600_000
"""Of one letter; in base64 that is 800 KB, below Kafka's limit of 1 MiB a record."""


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
        told = orjson.loads(record)
        payload = b64decode(told["payload"], validate=True)
        return DeadLetter(str(told["topic"]), payload, str(told["reason"]), int(told["received"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, binascii.Error) as error:
        raise InputError(f"the record is no dead letter: {error!r}") from error
