"""Faust, an event at a time: one agent, state in a dict, which a kill loses (its tables write a record an event).

python -m benchmarks.peers.faust_events BROKER TOPIC MESSAGES
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import defaultdict
from typing import Any

import faust

from benchmarks.peers.job import Moments, Tally, judge, readings_of


def main(broker: str, topic: str, messages: int) -> None:
    tally = Tally(messages)
    known: dict[bytes, Moments] = defaultdict(dict)
    app = faust.App(
        f"{topic}-faust",
        broker=f"kafka://{broker}",
        datadir=tempfile.mkdtemp(prefix="foremend-peer-"),
        topic_disable_leader=True,
        web_enabled=False,
    )

    async def watch(stream: Any) -> None:
        async for event in stream.events():
            tally.begin()
            rows, moments = readings_of(event.value), known[event.key]
            if tally.count(len(rows), sum(judge(moments, signals) for signals in rows)):
                tally.say()
                os._exit(0)

    app.agent(app.topic(topic, key_type=bytes, value_type=bytes, value_serializer="raw"))(watch)
    faust.Worker(app, loglevel="ERROR", quiet=True, redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
