"""What the fleet of the fault proof sends: made, not simulated, so that much is found soon and nothing is trained.

Appliances of four models, one for each of four partitions, report every ten minutes of event time what they measured
every minute. Each loads too much for four of every nine hours, so that episodes open and close all the time; some say
nothing after their first report. A few messages are delivered twice, and one of each round is no telemetry at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from foremend.vocabulary.topics import telemetry_topic

MODELS = ("rf-260", "rf-520", "ac-35i", "ac-26f")
PARTITIONS = 4
START = 1_736_892_000_000
"""ms UTC: 22:00, so that the first tick, at 06:00, comes after eight hours."""
READINGS = 10
"""Of a message, a minute apart."""
MOST_ROUNDS = 2_000


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message; `appliance` is its position in `Story.ids`, None for what is no telemetry."""

    topic: str
    payload: bytes
    appliance: int | None
    first_seq: int = 0
    readings: int = READINGS


@dataclass(frozen=True, slots=True)
class Story:
    """A fleet; event time goes so fast that its lateness is seconds of ours."""

    appliances: int = 31  # of each model; odd, so that an appliance's messages go to all gateways in turn
    lateness_h: int = 3  # 10 min in life: `ingest.lateness`
    round_s: float = 0.5  # of wall clock, for ten minutes of event time

    @property
    def ids(self) -> list[str]:
        return [f"{model}-{number:05d}" for number in range(self.appliances) for model in MODELS]

    @property
    def most_readings(self) -> int:
        """Of one appliance."""
        return MOST_ROUNDS * READINGS + (self.lateness_h + 1) * 60 + 2

    @property
    def rounds_ahead(self) -> int:
        """How far the fleet may be ahead of Kafka before it waits: half of the lateness."""
        return self.lateness_h * 60 // READINGS // 2

    def round(self, number: int) -> Iterator[Message]:
        """What all send in the `number`-th ten minutes."""
        for appliance, topic in enumerate(self._topics()):
            if number and _falls_silent(appliance):
                continue
            message = _telemetry(topic, appliance, number * READINGS, READINGS)
            yield message
            if (number + appliance) % 50 == 0:
                yield message
        yield Message(telemetry_topic(MODELS[0], "rf-260-00000"), b'{"ts": round %d' % number, None)

    def last_words(self, rounds: int) -> Iterator[Message]:
        """One reading of each, so late that everything before it is released; then a later one of each model.

        Whoever has seen the time of the later ones has taken the others: the event time of all is that of the first.
        """
        seq = rounds * READINGS + (self.lateness_h + 1) * 60
        topics = list(self._topics())
        for appliance, topic in enumerate(topics):
            yield _telemetry(topic, appliance, seq, 1)
        for appliance, topic in enumerate(topics[: len(MODELS)]):
            yield _telemetry(topic, appliance, seq + 1, 1)

    def rules(self) -> list[dict[str, Any]]:
        """The rule book, as in config.yaml."""
        overload = {
            "name": "overload",
            "fault": "compressor-wear",
            "when": {"signal": "power", "statistic": "mean", "above": 700, "unit": "W"},
            "sustained_for": "2 h",
            "clear_below": 500,
        }
        silence = {"silent_for": f"{self.lateness_h + 3} h"}
        return [overload, {"name": "no-data", "fault": "silent", "when": silence, "severity": "warning"}]

    def _topics(self) -> Iterator[str]:
        for appliance_id in self.ids:
            yield telemetry_topic(appliance_id[:-6], appliance_id)


def time_of(seq: int) -> int:
    """When a reading was taken, ms UTC."""
    return START + seq * 60_000


def _falls_silent(appliance: int) -> bool:
    return appliance % 15 == 14


def _telemetry(topic: str, appliance: int, first_seq: int, readings: int) -> Message:
    payload = [_reading(appliance, seq) for seq in range(first_seq, first_seq + readings)]
    return Message(topic, orjson.dumps(payload), appliance, first_seq, readings)


def _reading(appliance: int, seq: int) -> dict[str, Any]:
    overloaded = (seq // 60 + 5 * appliance) % 9 < 4
    power = (900 if overloaded else 90) + (7 * seq + appliance) % 10
    return {"ts": time_of(seq), "seq": seq, "fw": "1.0.0", "signals": {"power": power}}
