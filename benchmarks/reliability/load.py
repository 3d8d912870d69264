"""Publishes the story over MQTT at the pace of the wall clock, whatever happens to the pipeline meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from benchmarks.reliability.story import MOST_ROUNDS, READINGS, Message, Story
from benchmarks.reliability.watch import Readings
from foremend.vocabulary.types import MS_PER_SECOND, RawMessage
from ingest.mqtt.publish import MqttPublisher
from ingest.mqtt.settings import MqttSettings


class Watched(Protocol):
    """Sees from outside how far the pipeline is."""

    seen: Readings

    def until_seen(self, readings: Readings) -> None: ...

    def until_covered(self, readings: Readings) -> None: ...


class Load:
    """Goes on until `finish`; a context manager.

    A fleet in life is never ahead of `ingest.lateness` by mere speed. This one would be, on a machine slow enough:
    it waits for the pipeline where it is half of the lateness ahead, or where more waits for workers than they would
    catch up with in a fault's time, and says for how long (`held_back_s`).
    """

    def __init__(self, story: Story, mqtt: MqttSettings, watch: Watched) -> None:
        self._story, self._mqtt, self._watch = story, mqtt, watch
        self._finish = threading.Event()
        self._thread = ThreadPoolExecutor(1, "load")
        self.sent: Readings = np.zeros_like(watch.seen)
        self.messages: list[RawMessage] = []
        self.undecodable: set[bytes] = set()
        self.held_back_s = 0.0
        self.rounds = 0  # sent

    def __enter__(self) -> Self:
        self._running = self._thread.submit(self._publish)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish.set()
        self._thread.shutdown(cancel_futures=True)

    def is_past(self, rounds: int) -> bool:
        """Whether more than so many rounds were sent. Raises what ended the story before its time."""
        if self._running.done():
            self._running.result()
        return self.rounds > rounds

    def finish(self) -> None:
        """End the story, and wait until the MQTT broker has acknowledged all of it. Raises what went wrong."""
        self._finish.set()
        self._running.result()

    def _publish(self) -> None:
        began = time.monotonic()
        with MqttPublisher(self._mqtt) as publisher:
            while not self._finish.wait(max(began + self.rounds * self._story.round_s - time.monotonic(), 0)):
                self._send(publisher, self._story.round(self.rounds))
                self.rounds += 1
                began += self._wait_for_pipeline(self.rounds)
                assert self.rounds < MOST_ROUNDS, "the fault took longer than its story"
            self._wait_for_pipeline(self.rounds + self._story.rounds_ahead)
            self._send(publisher, self._story.last_words(self.rounds))
            publisher.wait_until_acknowledged()

    def _send(self, publisher: MqttPublisher, messages: Iterable[Message]) -> None:
        for message in messages:
            if message.appliance is None:
                self.undecodable.add(message.payload)
            else:
                last = message.first_seq + message.readings
                self.sent[message.appliance, message.first_seq : last] = True
            now = round(time.time() * MS_PER_SECOND)
            self.messages.append(RawMessage(message.topic, message.payload, now))
            publisher.publish(message.topic, message.payload)

    def _wait_for_pipeline(self, rounds: int) -> float:
        """Until it has all but the last so many; how long that took, s."""
        due = max(rounds - self._story.rounds_ahead, 0) * READINGS
        began = time.monotonic()
        wanted = self.sent.copy()
        wanted[:, due:] = False
        self._watch.until_seen(wanted)
        waited = time.monotonic() - began
        self.held_back_s += waited
        return waited
