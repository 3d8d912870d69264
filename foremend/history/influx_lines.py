"""Blocks as InfluxDB line protocol: one line a reading, made column by column."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from foremend.vocabulary.types import Block

NS_PER_MS = 1_000_000


def line_protocol(block: Block) -> bytes:
    """`<model>,appliance=<id> seq=<n>,fw="<version>",<signal>=<value>… <ns>`, lines joined by newlines.

    Numbers are floats, always: a field that once was an integer would refuse a float for ever. Absent signals are
    left out. The firmware is a field and not a tag, for a replay cut into other blocks may say another one, and a
    field is overwritten where a tag would make a second reading.
    """
    start = pa.array([_series(block.appliance_model, name) for name in block.appliance_ids], pa.string())
    firmware = block.firmware or ("",) * len(block.appliance_ids)
    fw = pa.array([f"fw={_quoted(version)}" if version else None for version in firmware], pa.string())
    index = pa.array(block.appliance)
    fields = [_field("seq", block.seq.astype(np.float64)), fw.take(index)]
    fields += [_field(_escaped(name), values) for name, values in block.signals.items()]
    joined = pc.binary_join_element_wise(*fields, ",", null_handling="skip")
    stamps = pc.cast(pa.array(timestamps_ns(block)), pa.string())
    lines = pc.binary_join_element_wise(start.take(index), joined, stamps, " ")
    return "\n".join(lines.to_pylist()).encode()


def timestamps_ns(block: Block) -> NDArray[np.int64]:
    """(n,) the reading's ms, and within it `seq` modulo a million as nanoseconds.

    InfluxDB keeps one point for a series and time. So a replay overwrites, and two readings of one millisecond,
    which differ by their `seq`, both stay. As a tag, `seq` would make every reading a series of its own.
    """
    return block.time * NS_PER_MS + block.seq % NS_PER_MS


def _series(appliance_model: str, appliance: str) -> str:
    return f"{_escaped(appliance_model)},appliance={_escaped(appliance)}"


def _field(name: str, values: NDArray[np.float64]) -> pa.Array:
    """`name=value` for each finite value, else null: the protocol has neither NaN nor infinity."""
    text = pc.cast(pa.array(values, mask=~np.isfinite(values)), pa.string())
    return pc.binary_join_element_wise(name, text, "=")


def _escaped(name: str) -> str:
    return re.sub(r"([,= ])", r"\\\1", name)


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
