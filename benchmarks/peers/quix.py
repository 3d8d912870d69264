"""Quix Streams: a dataframe with its own state (RocksDB, read and written once a message), without a changelog.

python -m benchmarks.peers.quix BROKER TOPIC MESSAGES
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

from quixstreams import Application

from benchmarks.peers.job import Tally, judge, readings_of


def main(broker: str, topic: str, messages: int) -> None:
    tally = Tally(messages)
    app = Application(
        broker_address=broker,
        consumer_group=f"{topic}-quix",
        auto_offset_reset="earliest",
        state_dir=tempfile.mkdtemp(prefix="foremend-peer-"),
        use_changelog_topics=False,
        loglevel="ERROR",
    )

    def watch(payload: bytes, state: Any) -> None:
        tally.begin()
        rows, moments = readings_of(payload), state.get("moments") or {}
        far = sum(judge(moments, signals) for signals in rows)
        state.set("moments", moments)
        if tally.count(len(rows), far):
            tally.say()
            os._exit(0)

    source = app.topic(topic, key_deserializer="str", value_deserializer="bytes")
    app.dataframe(source).update(watch, stateful=True)
    app.run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
