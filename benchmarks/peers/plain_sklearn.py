"""The script that most begin with: paho, pydantic for the payload, scikit-learn for what is usual.

    python -m benchmarks.peers.plain_sklearn TOPICS PORT MESSAGES

An incremental StandardScaler an appliance is told a message's readings in one call.
"""

from __future__ import annotations

import sys
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field, TypeAdapter
from sklearn.preprocessing import StandardScaler

from benchmarks.peers.job import FAR, RANGES, Tally
from benchmarks.peers.listening import connected

_POWER, _TEMP, _STARTS = RANGES.values()


class Signals(BaseModel):
    power: Annotated[float, Field(ge=_POWER[0], le=_POWER[1])]
    cabinet_temp: Annotated[float, Field(ge=_TEMP[0], le=_TEMP[1])]
    compressor_starts: Annotated[float, Field(ge=_STARTS[0], le=_STARTS[1])]


class Reading(BaseModel):
    ts: int
    seq: int
    fw: str
    signals: Signals


def main(topics: str, port: int, messages: int) -> None:
    payloads = TypeAdapter(Reading | list[Reading])
    known: dict[str, StandardScaler] = {}
    tally = Tally(messages)

    def heard(topic: str, payload: bytes) -> bool:
        tally.begin()
        said = payloads.validate_json(payload)
        rows = [
            (one.signals.power, one.signals.cabinet_temp, one.signals.compressor_starts)
            for one in (said if isinstance(said, list) else [said])
        ]
        scaler = known.setdefault(topic, StandardScaler())
        values = np.array(rows)
        far = int(np.sum(np.abs(scaler.transform(values)) > FAR)) if hasattr(scaler, "mean_") else 0
        scaler.partial_fit(values)
        return tally.count(len(rows), far)

    connected(topics, port, heard).loop_forever()
    tally.say()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
