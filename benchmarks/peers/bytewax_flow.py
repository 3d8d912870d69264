"""Bytewax: a dataflow with state by appliance, behind a source that takes what paho heard.

    python -m benchmarks.peers.bytewax_flow TOPICS PORT MESSAGES

It comes with no source for MQTT, so this is one of its custom sources; recovery is off.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

from benchmarks.peers.job import Moments, Tally, judge, readings_of
from benchmarks.peers.listening import connected

Said = tuple[str, bytes]
_AT_ONCE = 1_000
_PAUSE = timedelta(milliseconds=1)


class Heard(StatelessSourcePartition[Said]):
    def __init__(self, topics: str, port: int, messages: int, tally: Tally) -> None:
        self._queue: SimpleQueue[Said] = SimpleQueue()
        self._left, self._tally, self._empty = messages, tally, False
        self._client = connected(topics, port, self._put)
        self._client.loop_start()

    def _put(self, topic: str, payload: bytes) -> bool:
        self._tally.begin()
        self._queue.put((topic, payload))
        return False

    def next_batch(self) -> list[Said]:
        if not self._left:
            self._client.disconnect()
            raise StopIteration
        batch = [self._queue.get() for _ in range(min(self._queue.qsize(), _AT_ONCE))]
        self._left, self._empty = self._left - len(batch), not batch
        return batch

    def next_awake(self) -> datetime | None:
        return datetime.now(UTC) + _PAUSE if self._empty else None


class Mqtt(DynamicSource[Said]):
    def __init__(self, *wanted: Any) -> None:
        self._wanted = wanted

    def build(self, step_id: str, worker_index: int, worker_count: int) -> Heard:
        return Heard(*self._wanted)


class Counted(StatelessSinkPartition[Any]):
    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def write_batch(self, items: list[tuple[str, tuple[int, int]]]) -> None:
        for _, (readings, far) in items:
            self._tally.count(readings, far)


class Count(DynamicSink[Any]):
    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def build(self, step_id: str, worker_index: int, worker_count: int) -> Counted:
        return Counted(self._tally)


def judged(moments: Moments | None, rows: list[dict[str, float]]) -> tuple[Moments, tuple[int, int]]:
    """One message of an appliance: its new state, and how many readings and far values it had."""
    known: Moments = {} if moments is None else moments
    return known, (len(rows), sum(judge(known, signals) for signals in rows))


def main(topics: str, port: int, messages: int) -> None:
    tally = Tally(messages)
    flow = Dataflow("peer")
    heard = op.input("heard", flow, Mqtt(topics, port, messages, tally))
    read = op.map("read", heard, lambda said: (said[0], readings_of(said[1])))
    op.output("counted", op.stateful_map("judged", read, judged), Count(tally))
    run_main(flow)
    tally.say()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
