"""Dead letters as Kafka records: JSON that any consumer reads, the payload in base64."""

from __future__ import annotations

from base64 import b64encode

import orjson

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
