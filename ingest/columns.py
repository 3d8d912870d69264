"""Readings of one appliance model -> a block of columns, without a step per reading and signal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json

from foremend.vocabulary.types import Block
from ingest.canonical import READING_KEYS, Reading


class Columns(NamedTuple):
    """Readings of one appliance model that can be used, a row each."""

    messages: NDArray[np.int64]  # (n,) position of the message that each came in
    ids: tuple[str, ...]
    appliance: NDArray[np.int32]  # (n,) index into ids
    time: NDArray[np.int64]  # (n,) ms UTC
    seq: NDArray[np.int64]  # (n,)
    values: NDArray[np.float64]  # (n, signals), NaN where a reading says nothing
    firmware: Sequence[tuple[int, str, str]]  # (position of a message, appliance, version), where one is said

    def take(self, rows: NDArray[Any]) -> Columns:
        """Only `rows` (a mask or indices), in this order."""
        kept = set(self.messages[rows].tolist())
        return Columns(
            self.messages[rows],
            self.ids,
            self.appliance[rows],
            self.time[rows],
            self.seq[rows],
            self.values[rows],
            [said for said in self.firmware if said[0] in kept],
        )

    def with_others(self, others: Columns) -> Columns:
        """Both, in order of arrival; no message is in both."""
        if not len(self.time) or not len(others.time):
            return self if len(self.time) else others
        messages = np.concatenate([self.messages, others.messages])
        ids, index = indexed([*self.ids, *others.ids])
        appliance = np.concatenate([self.appliance, others.appliance + np.int32(len(self.ids))])
        joined = Columns(
            messages,
            ids,
            index[appliance],
            np.concatenate([self.time, others.time]),
            np.concatenate([self.seq, others.seq]),
            np.concatenate([self.values, others.values]),
            [*self.firmware, *others.firmware],
        )
        return joined.take(np.argsort(messages, kind="stable"))

    def block(self, appliance_model: str, names: Sequence[str]) -> Block:
        """As a block; the appliances are in order of their first reading."""
        there, first = np.unique(self.appliance, return_index=True)
        there = there[np.argsort(first)]
        place = np.zeros(len(self.ids), np.int32)
        place[there] = np.arange(len(there))
        ids = tuple(self.ids[one] for one in there.tolist())
        said = sorted(self.firmware, key=itemgetter(0))
        last = {name: version for _, name, version in said}
        columns = dict(zip(names, np.ascontiguousarray(self.values.T), strict=True))
        return Block(
            appliance_model,
            ids,
            place[self.appliance],
            self.time,
            self.seq,
            columns,
            tuple(last.get(name, "") for name in ids),
        )


def indexed(names: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """The different ones in order, and (n,) which of them each is."""
    places: dict[str, int] = {}
    index = [places.setdefault(name, len(places)) for name in names]
    return tuple(places), np.array(index, np.int32)


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

    def columns(self, time: NDArray[np.int64], values: NDArray[np.float64]) -> Columns:
        """The rows as columns; `time` (n,) and `values` (n, signals) belong to them."""
        messages = np.array(self.messages, np.int64)
        seq = np.fromiter(map(itemgetter("seq"), self.readings), np.int64, len(self.readings))
        said = zip(self.messages, self.appliance_ids, map(itemgetter("fw"), self.readings), strict=True)
        firmware = [(message, name, version) for message, name, version in said if version]
        return Columns(messages, *indexed(self.appliance_ids), time, seq, values, firmware)


def as_payload(reading: Reading) -> bytes:
    """A reading as canonical JSON again, for the dead letter of one reading out of many."""
    known: dict[str, Any] = {name: value for name, value in reading["signals"].items() if _is_there(value)}
    return to_json({**reading, "ts": int(reading["ts"]), "signals": known})


def _is_there(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))
