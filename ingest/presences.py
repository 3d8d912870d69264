"""Who is there and who is not, as blocks: so it takes the way of readings, through consent, Kafka and the journal.

A row of such a block has no signals; its `seq` says what it tells, and its time is that of reception.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foremend.vocabulary.types import Block
from ingest.values import Presence

OFFLINE, ONLINE = -3, -4
"""In place of a reading's number, of which STANDING is one more."""


def as_blocks(presence: Sequence[Presence]) -> list[Block]:
    """What is news of `presence`, in order of arrival: a block an appliance model, of each appliance the last word."""
    last = {(said.appliance_model, said.appliance_id): said for said in presence if said.news}
    by_model: dict[str, list[Presence]] = {}
    for said in last.values():
        by_model.setdefault(said.appliance_model, []).append(said)
    return [_block(model, some) for model, some in by_model.items()]


def tells_presence(block: Block) -> bool:
    """Whether `block` is one of those, and none of readings."""
    return len(block) > 0 and int(block.seq[0]) in (OFFLINE, ONLINE)


def _block(model: str, some: Sequence[Presence]) -> Block:
    return Block(
        model,
        tuple(said.appliance_id for said in some),
        np.arange(len(some), dtype=np.int32),
        np.array([said.time for said in some], np.int64),
        np.array([ONLINE if said.online else OFFLINE for said in some], np.int64),
        {},
    )
