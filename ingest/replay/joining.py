"""Blocks of recordings put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foremend.vocabulary.types import Block


def joined(blocks: Sequence[Block]) -> Block:
    """Blocks of one appliance model, with the same signals, as one."""
    ids = {
        name: row
        for row, name in enumerate(dict.fromkeys(one for block in blocks for one in block.appliance_ids))
    }
    codes = [
        np.array([ids[name] for name in block.appliance_ids], np.int32)[block.appliance] for block in blocks
    ]
    return Block(
        blocks[0].appliance_model,
        tuple(ids),
        np.concatenate(codes),
        np.concatenate([block.time for block in blocks]),
        np.concatenate([block.seq for block in blocks]),
        {name: np.concatenate([block.signals[name] for block in blocks]) for name in blocks[0].signals},
    )
