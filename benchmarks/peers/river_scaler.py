"""River behind paho: a StandardScaler an appliance, which learns a reading at a time.

python -m benchmarks.peers.river_scaler TOPICS PORT MESSAGES
"""

from __future__ import annotations

import sys
from collections import defaultdict

from river.preprocessing import StandardScaler

from benchmarks.peers.job import FAR, Tally, readings_of
from benchmarks.peers.listening import connected


def main(topics: str, port: int, messages: int) -> None:
    known: dict[str, StandardScaler] = defaultdict(StandardScaler)
    tally = Tally(messages)

    def heard(topic: str, payload: bytes) -> bool:
        tally.begin()
        scaler, far = known[topic], 0
        rows = readings_of(payload)
        for signals in rows:
            far += sum(abs(value) > FAR for value in scaler.transform_one(signals).values())
            scaler.learn_one(signals)
        return tally.count(len(rows), far)

    connected(topics, port, heard).loop_forever()
    tally.say()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
