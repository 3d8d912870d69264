"""Asking appliances for fresh readings, where somebody waits for a diagnosis.

The request leaves by the pipeline's own connection, and what an appliance answers comes as telemetry, as everything
does: it answered once a newer reading of it has gone all the way. Who is offline by the broker's word is not asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import orjson

from alerts.diagnosis.composing import FRESH, NO_ANSWER, NOT_ASKED, OFFLINE
from alerts.diagnosis.desk import ANSWERS_WITHIN_S, UNKNOWN, Diagnoses, Waiting
from foremend.runtimes.status import Heard
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.rounds import ByRounds, Rounds
from foremend.vocabulary.topics import command_topic, is_segment

REQUEST = "diagnose"
EVERY_S = 0.25
ALIKE, MOST_ALIKE = 3, 500
"""Letters at the beginning that a hint shares with what was typed; ids that it is chosen from."""
_ERRAND_S = 5.0  # a pipeline that does not get to it in this time is busy with something else


class AskedPipeline(Protocol):
    """What is asked of the runtime."""

    def heard(self, appliance_id: str) -> Heard | None: ...

    def like(self, text: str) -> str | None: ...

    def ask(self, errand: Callable[[], object], wait_s: float) -> None: ...


Publish = Callable[[str, bytes], bool]
"""Sends; False where the broker is away."""


@dataclass(slots=True)
class _UnderWay:
    waiting: Waiting
    before: int  # ms UTC, event time of the newest reading when it was asked
    until: float  # monotonic, s


class Asking(ByRounds):
    """A thread that looks for diagnoses that wait, between `start` and `close`."""

    def __init__(
        self,
        diagnoses: Diagnoses,
        pipeline: AskedPipeline,
        publish: Publish,
        within_s: float = ANSWERS_WITHIN_S,
    ) -> None:
        self._diagnoses, self._pipeline, self._publish = diagnoses, pipeline, publish
        self._within_s = within_s
        self._under_way: list[_UnderWay] = []
        self._rounds = Rounds("asking appliances", self.round, EVERY_S)
        self._lock = threading.Lock()

    def round(self) -> None:
        """Take up what waits, and note what came. Raises UnavailableError while the database is away."""
        with self._lock:
            for one in self._diagnoses.waiting():
                if self._diagnoses.take(one.id):
                    self._begin(one)
            for under_way in list(self._under_way):
                if self._is_over(under_way):
                    self._under_way.remove(under_way)

    def _begin(self, one: Waiting) -> None:
        heard, sent = self._look(one, send=True)
        if heard is None and sent is None:
            self._diagnoses.note(one.id, NOT_ASKED, {})
        elif heard is None:
            self._diagnoses.note(one.id, UNKNOWN, {"near": self._pipeline.like(one.appliance_id)})
        elif not sent:
            how = OFFLINE if heard.offline else NOT_ASKED
            self._diagnoses.note(one.id, how, _seen(heard), heard.appliance_model)
        else:
            self._under_way.append(_UnderWay(one, heard.last_seen, time.monotonic() + self._within_s))

    def _is_over(self, one: _UnderWay) -> bool:
        heard, _ = self._look(one.waiting)
        late = time.monotonic() >= one.until
        if heard is None or (heard.last_seen <= one.before and not late):
            if late:
                self._diagnoses.note(one.waiting.id, NO_ANSWER, {})
            return late
        how = FRESH if heard.last_seen > one.before else NO_ANSWER
        self._diagnoses.note(one.waiting.id, how, _seen(heard), heard.appliance_model)
        return True

    def _look(self, one: Waiting, send: bool = False) -> tuple[Heard | None, bool | None]:
        """The appliance, and whether it was asked; (None, None) where the pipeline is busy. In its own thread, so that
        it is between two blocks."""
        heard: Heard | None = None
        sent: bool | None = None
        failed: Exception | None = None

        def errand() -> None:
            nonlocal heard, sent, failed
            try:
                heard = self._pipeline.heard(one.appliance_id)
                sent = send and heard is not None and not heard.offline and self._send(one, heard)
            except Exception as error:  # noqa: BLE001 raised again, in this thread: no reading waits for it
                failed = error

        try:
            self._pipeline.ask(errand, _ERRAND_S)
        except UnavailableError:
            return None, None
        if failed is not None:
            raise failed
        return heard, sent

    def _send(self, one: Waiting, heard: Heard) -> bool:
        """What speaks another language than ours has no such topic, and is known by the names that we gave it."""
        if not is_segment(heard.appliance_model):
            return False
        topic = command_topic(heard.appliance_model, one.appliance_id, REQUEST)
        return self._publish(topic, orjson.dumps({"id": one.id}))


def _seen(heard: Heard) -> dict[str, int | bool]:
    return {"heard_at": heard.last_seen, "known": heard.known}
