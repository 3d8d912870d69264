"""Messages that come twice: QoS 1 delivers again what was not acknowledged in time, byte for byte."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import numpy as np

REMEMBERED = 50_000
"""Messages; a broker delivers again at most its window of unacknowledged ones (rumqttd 100, Mosquitto as set)."""

_DIGEST_BYTES = 8


class RecentMessages:
    """The digests of the last messages. Only for payloads that carry their own time: a bare `0.0` repeats by right."""

    def __init__(self) -> None:
        self._digests: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._digests

    def remember(self, digest: bytes) -> None:
        """Know this message from now on; the oldest one is forgotten."""
        self._digests[digest] = None
        if len(self._digests) > REMEMBERED:
            self._digests.popitem(last=False)

    def forget(self, digest: bytes) -> None:
        """Let a message count again when it comes again: it could not be used, and may be sent anew after a fix."""
        self._digests.pop(digest, None)

    def snapshot(self) -> Mapping[str, Any]:
        return {"digests": np.frombuffer(b"".join(self._digests), np.uint8)}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue where `snapshot` was taken."""
        joined = snapshot["digests"].tobytes()
        starts = range(0, len(joined), _DIGEST_BYTES)
        self._digests = OrderedDict((joined[at : at + _DIGEST_BYTES], None) for at in starts)


def digest_of(topic: str, payload: bytes) -> bytes:
    """What a message is known by. About 1 us for a small payload."""
    return blake2b(payload, digest_size=_DIGEST_BYTES, key=topic.encode()[-64:]).digest()
