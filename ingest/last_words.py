"""What each topic said last, for values without a time of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import numpy as np

from ingest.repeats import digest_of

SLOTS = 1 << 16
"""Topics share slots where there are more: what is forgotten by that is taken for news. 7 MB at most."""


class LastWords:
    """A digest a topic, in a bounded number of slots. Never takes one value for another: digests include the topic."""

    def __init__(self) -> None:
        self._digests: dict[int, int] = {}  # by slot

    def again(self, topic: str, payload: bytes) -> bool:
        """Whether `topic` said the same just before; from now on this is its last word. About 2 us."""
        slot = crc32(topic.encode(errors="replace")) % SLOTS
        digest = int.from_bytes(digest_of(topic, payload), "big")
        before = self._digests.get(slot)
        self._digests[slot] = digest
        return before == digest

    def snapshot(self) -> Mapping[str, Any]:
        return {
            "slots": np.fromiter(self._digests, np.int64, len(self._digests)),
            "digests": np.fromiter(self._digests.values(), np.uint64, len(self._digests)),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue where `snapshot` was taken; an empty one is that of an older version."""
        if snapshot:
            self._digests = dict(zip(snapshot["slots"].tolist(), snapshot["digests"].tolist(), strict=True))
