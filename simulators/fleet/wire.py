"""What appliances put on the wire, and when: readings in JSON messages, ordered by the moment they are sent.

Knows nothing of MQTT clients and nothing of the truth. An appliance without a link keeps its messages and sends
them when the link is back; a few messages are delivered twice, as QoS 1 allows.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from foremend.vocabulary.topics import telemetry_topic
from foremend.vocabulary.types import MS_PER_DAY
from simulators.base import Floats
from simulators.fleet.fleet import Fleet, Telemetry

READINGS_A_MESSAGE = 60
_CATCH_UP_SPEED = 20_000  # an offline spell of two days is uploaded in nine seconds


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """One MQTT message of one appliance."""

    sent: int  # ms UTC, event time at which it leaves the appliance
    appliance: int  # position in `Fleet.members`
    first_seq: int
    readings: int
    topic: str
    payload: bytes


def messages(fleet: Fleet, per_message: int = READINGS_A_MESSAGE) -> Iterator[Message]:
    """Every message of the fleet in the order of `sent`, at most `per_message` readings each."""
    rng = np.random.default_rng((fleet.seed, zlib.crc32(b"delivery")))
    rank = {member.appliance_id: k for k, member in enumerate(fleet.members)}
    held: list[Message] = []
    day_end = fleet.scenario.start_ms
    for day in fleet.days():
        day_end += MS_PER_DAY
        plans = [_Plan(part, rank, fleet, per_message) for part in day]
        for message in _merged(plans, held, day_end):
            yield message
            if rng.random() < fleet.scenario.imperfections.duplicates:
                yield message
    yield from sorted(held)


def _merged(plans: Sequence[_Plan], held: list[Message], day_end: int) -> Iterator[Message]:
    """Today's messages and those `held` from before, in order; what is due after `day_end` goes to `held`."""
    due: list[Message] = []
    while held and held[0].sent < day_end:
        due.append(heapq.heappop(held))
    for message in heapq.merge(due, *(plan.messages() for plan in plans)):
        if message.sent < day_end:
            yield message
        else:
            heapq.heappush(held, message)


class _Plan:
    """How one shard's day is cut into messages; payloads are made only when their turn comes."""

    def __init__(self, telemetry: Telemetry, rank: dict[str, int], fleet: Fleet, per_message: int) -> None:
        self._telemetry = telemetry
        self._columns = {name: _narrowed(column) for name, column in telemetry.signals.items()}
        self._members = [rank[member.appliance_id] for member in telemetry.members]
        first = np.flatnonzero(np.diff(telemetry.appliance, prepend=-1))
        sizes = np.diff(first, append=len(telemetry))
        cuts = [np.arange(a, a + n, per_message) for a, n in zip(first, sizes, strict=True)]
        self._from = np.concatenate([*cuts, np.zeros(0, dtype=np.int64)]).astype(np.int64)
        ends = np.repeat(first + sizes, [len(cut) for cut in cuts])
        self._to = np.minimum(self._from + per_message, ends)
        self._sent = self._sending_times(fleet)
        self._order = np.argsort(self._sent, kind="stable")

    def _sending_times(self, fleet: Fleet) -> np.ndarray:
        sent = self._telemetry.time[self._to - 1].copy()
        rows = self._telemetry.appliance[self._from]
        for row, member in enumerate(self._telemetry.members):
            own = rows == row
            for first, last in fleet.offline[member.appliance_id]:
                sent[own] = _sent_after_spell(sent[own], first, last)
        return sent

    def messages(self) -> Iterator[Message]:
        """In the order of `sent`."""
        data = self._telemetry
        for k in self._order:
            a, b = int(self._from[k]), int(self._to[k])
            member = data.members[data.appliance[a]]
            yield Message(
                sent=int(self._sent[k]),
                appliance=self._members[data.appliance[a]],
                first_seq=int(data.seq[a]),
                readings=b - a,
                topic=telemetry_topic(member.appliance_model, member.appliance_id),
                payload=encoded(data, self._columns, slice(a, b)),
            )


def _sent_after_spell(sent: NDArray[np.int64], first: int, last: int) -> NDArray[np.int64]:
    """Without a link in [first, last): what waited leaves in its order, what is newer leaves behind it."""
    uploaded = last + (last - first) // _CATCH_UP_SPEED
    waited, behind = (sent >= first) & (sent < last), (sent >= last) & (sent < uploaded)
    return np.select([waited, behind], [last + (sent - first) // _CATCH_UP_SPEED, uploaded], sent)


def _narrowed(column: Floats) -> NDArray[Any]:
    """Counts and codes as integers, which JSON writes shorter and faster."""
    with np.errstate(invalid="ignore"):
        whole = column.astype(np.int64)
    return whole if np.array_equal(whole, column) else column


def encoded(telemetry: Telemetry, columns: Mapping[str, NDArray[Any]], rows: slice) -> bytes:
    """Readings of one appliance as the JSON of the telemetry topic: always an array; absent signals left out."""
    firmware = telemetry.firmware[telemetry.appliance[rows.start]]
    names = tuple(columns)
    parts = [column[rows] for column in columns.values()]
    values = zip(*(part.tolist() for part in parts), strict=True)
    keys = zip(telemetry.time[rows].tolist(), telemetry.seq[rows].tolist(), values, strict=True)
    readings = [
        {"ts": ts, "seq": seq, "fw": firmware, "signals": dict(zip(names, row))}  # noqa: B905 - as long, and hot
        for ts, seq, row in keys
    ]
    if np.isnan(parts).any():
        for reading in readings:
            reading["signals"] = {name: value for name, value in reading["signals"].items() if value == value}
    return orjson.dumps(readings)
