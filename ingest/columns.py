"""Readings of one appliance model -> a block of columns, without a step per reading and signal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json

from foremend.vocabulary.types import Block
from ingest.canonical import READING_KEYS, Reading


@dataclass(slots=True)
class CheckedReadings:
    """Checked readings of one appliance model, with the position of the message each came in."""

    readings: list[Reading] = field(default_factory=list)
    appliance_ids: list[str] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)

    def extend(
        self, readings: Iterable[Reading], appliance_ids: Iterable[str], messages: Iterable[int]
    ) -> None:
        self.readings.extend(readings)
        self.appliance_ids.extend(appliance_ids)
        self.messages.extend(messages)

    def keep(self, rows: NDArray[np.intp]) -> CheckedReadings:
        """Only these rows, in this order."""
        wanted = rows.tolist()
        return CheckedReadings(
            [self.readings[row] for row in wanted],
            [self.appliance_ids[row] for row in wanted],
            [self.messages[row] for row in wanted],
        )

    def of_messages(self, positions: Sequence[int]) -> CheckedReadings:
        """Only the rows of these messages."""
        wanted = set(positions)
        return self.keep(np.flatnonzero([position in wanted for position in self.messages]))

    def in_order_of_arrival(self) -> CheckedReadings:
        """Single readings and arrays are checked apart; here they come together again."""
        order = np.argsort(np.array(self.messages, np.int64), kind="stable")
        return self if (order[1:] > order[:-1]).all() else self.keep(order)

    def times(self) -> NDArray[np.int64]:
        return np.fromiter(map(itemgetter("ts"), self.readings), np.float64, len(self.readings)).astype(
            np.int64
        )

    def with_more_keys(self) -> list[int]:
        """Rows that carry keys besides those of a reading."""
        return [row for row, reading in enumerate(self.readings) if len(reading) > READING_KEYS]

    def take_unknown_signals(self, known: int) -> tuple[dict[str, int], int]:
        """Remove the signals behind the `known` first ones: the first row of each such name, and their count."""
        first: dict[str, int] = {}
        taken = 0
        for row, signals in enumerate(map(itemgetter("signals"), self.readings)):
            if len(signals) > known:
                taken += len(signals) - known
                for name in list(signals)[known:]:
                    first.setdefault(name, row)
                    del signals[name]
        return first, taken

    def matrix(self, n_signals: int) -> NDArray[np.float64]:
        """(n, n_signals) values, NaN where a reading says nothing (or null)."""
        values = chain.from_iterable(map(dict.values, map(itemgetter("signals"), self.readings)))
        return np.array(list(values), np.float64).reshape(len(self.readings), n_signals)

    def block(
        self, appliance_model: str, names: Sequence[str], time: NDArray[np.int64], values: NDArray[np.float64]
    ) -> Block:
        """The rows as a block; `time` (n,) and `values` (n, signals) belong to them."""
        ids = {name: row for row, name in enumerate(dict.fromkeys(self.appliance_ids))}
        appliance = np.fromiter(map(ids.__getitem__, self.appliance_ids), np.int32, len(self.appliance_ids))
        seq = np.fromiter(map(itemgetter("seq"), self.readings), np.int64, len(self.readings))
        columns = dict(zip(names, np.ascontiguousarray(values.T), strict=True))
        return Block(appliance_model, tuple(ids), appliance, time, seq, columns, self._firmware(ids))

    def _firmware(self, ids: Mapping[str, int]) -> tuple[str, ...]:
        """The last firmware each appliance named."""
        versions = map(itemgetter("fw"), self.readings)
        last = {name: version for name, version in zip(self.appliance_ids, versions, strict=True) if version}
        return tuple(last.get(name, "") for name in ids)


def as_payload(reading: Reading) -> bytes:
    """A reading as canonical JSON again, for the dead letter of one reading out of many."""
    known: dict[str, Any] = {name: value for name, value in reading["signals"].items() if _is_there(value)}
    return to_json({**reading, "ts": int(reading["ts"]), "signals": known})


def _is_there(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))
