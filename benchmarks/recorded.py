"""A recorded stream for the benchmarks: simulated appliances' readings in the order in which a fleet sends them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from foremend.learning.practice_rows import as_block
from foremend.vocabulary.types import Block
from simulators.fleet.fleet import SHARD, Fleet
from simulators.fleet.scenario import plain_fleet

MOST = SHARD
"""Appliances of one recording."""


def recording(appliance_model: str, appliances: int, days: int, seed: int = 20_261) -> Block:
    """All readings of up to `MOST` simulated appliances of one model, healthy, as a block in the order of time."""
    assert appliances <= MOST
    fleet = Fleet(plain_fleet({appliance_model: appliances}, days, 0.0), seed)
    parts = [as_block(telemetry) for telemetry in fleet.telemetry()]
    return replace(
        parts[0],
        appliance=np.concatenate([part.appliance for part in parts]),
        time=np.concatenate([part.time for part in parts]),
        seq=np.concatenate([part.seq for part in parts]),
        signals={name: np.concatenate([part.signals[name] for part in parts]) for name in parts[0].signals},
    )


def in_messages(block: Block, readings: int) -> Block:
    """The same when appliances send so many readings at a time, once the last of them is taken."""
    order = np.lexsort((block.seq, block.appliance))
    appliance, time = block.appliance[order], block.time[order]
    number = np.arange(len(order)) - np.searchsorted(appliance, appliance)
    first = np.flatnonzero(np.diff(appliance, prepend=-1) | (number % readings == 0))
    sent = np.repeat(np.maximum.reduceat(time, first), np.diff(first, append=len(order)))
    return block.take(order[np.lexsort((number, appliance, sent))])


def blocks(recorded: Block, readings: int, fleets: int = 1) -> Iterator[Block]:
    """Blocks of so many readings; every one comes once for each of `fleets` fleets, whose ids differ."""
    for start in range(0, len(recorded), readings):
        piece = recorded.take(slice(start, start + readings))
        rows, appliance = np.unique(piece.appliance, return_inverse=True)
        ids = [piece.appliance_ids[row] for row in rows]
        firmware = tuple(piece.firmware[row] for row in rows)
        for fleet in range(fleets):
            yield replace(
                piece,
                appliance_ids=tuple(f"{one}-{fleet}" for one in ids),
                appliance=appliance.astype(np.int32),
                firmware=firmware,
            )
