"""Blocks -> canonical messages, as appliances would send them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import orjson
from numpy.typing import NDArray

from foremend.vocabulary.topics import telemetry_topic
from foremend.vocabulary.types import Block, RawMessage

READINGS_PER_MESSAGE = 60


def to_messages(block: Block) -> Iterator[RawMessage]:
    """The block as canonical messages: arrays of up to 60 readings, one appliance after another, each in its order."""
    rows = np.argsort(block.appliance, kind="stable")
    ends = np.flatnonzero(np.diff(block.appliance[rows])) + 1
    for run in np.split(rows, ends):
        for start in range(0, len(run), READINGS_PER_MESSAGE):
            yield _message(block, run[start : start + READINGS_PER_MESSAGE])


def _message(block: Block, rows: NDArray[np.intp]) -> RawMessage:
    columns = [column[rows].tolist() for column in block.signals.values()]
    numbers_ = np.maximum(block.seq[rows], -1)  # what nobody sent has none either
    table = zip(block.time[rows].tolist(), numbers_.tolist(), *columns, strict=True)
    readings = [
        {"ts": ts, "seq": seq, "signals": _present(block.signals, values)} for ts, seq, *values in table
    ]
    appliance_id = block.appliance_ids[block.appliance[rows[0]]]
    return RawMessage(
        telemetry_topic(block.appliance_model, appliance_id), orjson.dumps(readings), readings[-1]["ts"]
    )


def _present(names: Iterable[str], values: Iterable[float]) -> dict[str, float]:
    return {name: value for name, value in zip(names, values, strict=True) if not math.isnan(value)}
