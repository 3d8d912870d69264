"""Asking appliances where the pipeline is elsewhere: `foremend service` beside workers on Kafka.

Gateways have MQTT and no database, workers a database and no MQTT. So whoever has the page comes to the broker as a
guest, for one diagnosis at a time: it listens to that appliance alone, asks it, and goes. What the appliance answers
is telemetry, which gateways and workers judge like all other; of the guest's copy only the time is read.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import orjson
from paho.mqtt.client import MQTTMessage

from alerts.diagnosis.composing import FRESH, NO_ANSWER, OFFLINE
from alerts.diagnosis.desk import ANSWERS_WITHIN_S, UNKNOWN, Diagnoses, Waiting
from alerts.shared_status import Seen, Wanted, in_order, some, streams
from foremend.runtimes.asking import ALIKE, EVERY_S, MOST_ALIKE, REQUEST
from foremend.vocabulary.aside import Aside
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ids import nearest
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rounds import ByRounds, Lapse, Rounds
from foremend.vocabulary.topics import command_topic, is_segment, status_topic, telemetry_topic
from ingest.canonical import CanonicalPayload, Reading
from ingest.decoders.presence import is_online
from ingest.mqtt.guest import guest, names_are_users
from ingest.mqtt.settings import MqttSettings
from ingest.settings import IngestSettings
from ingest.values import SignalSpecs

log = logging.getLogger(__name__)

AT_ONCE = 16
"""Diagnoses that ask at the same time. One that comes to it too late asks nobody: it is over by then."""
ON_ITS_WAY_S = 1.0
"""So long fresh readings are given to reach the workers, and what they lead to the database."""


class AskingApart(ByRounds):
    """Looks for diagnoses that wait, between `start` and `close`, and asks for each in a thread of its own.

    Where the broker is away, or would take the guest for the gateways' own client, it takes up none, and says so once.
    """

    def __init__(
        self,
        diagnoses: Diagnoses,
        mqtt: MqttSettings,
        ingest: IngestSettings,
        signals: SignalSpecs,
        clock: Clock,
        within_s: float = ANSWERS_WITHIN_S,
    ) -> None:
        """`signals` by appliance model: only whom one of them describes is asked."""
        self._diagnoses, self._mqtt, self._ingest, self._signals = diagnoses, mqtt, ingest, signals
        self._clock, self._within_s = clock, within_s
        self._tried: set[str] = set()
        self._as_guest: bool | None = None  # nobody has looked yet
        self._first = threading.Lock()
        self._lapse, self._aside = Lapse("asking appliances"), Aside("asking appliances")
        self._threads = ThreadPoolExecutor(AT_ONCE, "asking")
        self._rounds = Rounds("asking appliances", self.round, EVERY_S)

    def round(self) -> None:
        """Begin with what waits. Raises UnavailableError while the database is away."""
        waiting = self._diagnoses.waiting()
        new = [one for one in waiting if one.id not in self._tried]
        self._tried = {one.id for one in waiting}
        for one in new:
            self._threads.submit(self._try, one)

    def close(self) -> None:
        """Whoever is waiting for an appliance still is told what is known."""
        super().close()
        self._threads.shutdown(cancel_futures=True)

    def _try(self, one: Waiting) -> None:
        try:
            seen = next(iter(some(self._diagnoses.engine, [one.appliance_id])), None)
            if seen is None and not one.appliance_model:
                self._refuse(one)
            elif seen is not None and self._speaks_our_language(seen) and self._may_come():
                self._ask(one, seen)
        except Exception as error:  # noqa: BLE001 it is of one diagnosis, which is concluded without
            self._lapse.failed(f"asking appliances: {self._aside.reason(error)}")
        else:
            self._lapse.worked()

    def _refuse(self, one: Waiting) -> None:
        """Nobody ever heard of it, nor registered it; where no worker ever spoke, nobody here can say so."""
        if streams(self._diagnoses.engine) and self._diagnoses.take(one.id):
            begins = Wanted(begins=one.appliance_id[:ALIKE])
            alike = in_order(self._diagnoses.engine, begins, "appliance_id", None, MOST_ALIKE)
            near = nearest(one.appliance_id, (other.appliance_id for other in alike))
            self._diagnoses.note(one.id, UNKNOWN, {"near": near})

    def _speaks_our_language(self, seen: Seen) -> bool:
        return is_segment(seen.appliance_model) and seen.appliance_model in self._signals

    def _may_come(self) -> bool:
        """Whether the broker tells clients of one user apart. Raises UnavailableError and RefusedError."""
        with self._first:
            if self._as_guest is None:
                self._as_guest = not names_are_users(self._mqtt)
                if not self._as_guest:
                    log.warning(
                        "%s takes the user for the client's name, so that to ask an appliance would end a gateway's"
                        " connection: nobody is asked. Give Foremend's own processes a listener without"
                        " use_username_as_clientid, and start this one again",
                        self._mqtt.url,
                    )
            return self._as_guest

    def _ask(self, one: Waiting, seen: Seen) -> None:
        """Raises UnavailableError and RefusedError of database and broker."""
        model, answer = seen.appliance_model, self._answer_of(seen)
        with guest(self._mqtt, f"diagnose-{secrets.token_hex(4)}", take=answer.take) as visitor:
            visitor.subscribe([status_topic(model, one.appliance_id)])
            # granted after what the broker kept of its status came
            visitor.subscribe([telemetry_topic(model, one.appliance_id)])
            if not self._diagnoses.take(one.id):
                return
            if not answer.offline:
                ask = orjson.dumps({"id": one.id})
                visitor.publish(command_topic(model, one.appliance_id, REQUEST), ask, qos=0)
                answer.wait(self._within_s, self._rounds.stopping)
        if answer.newest is not None:
            self._rounds.stopping.wait(ON_ITS_WAY_S)
        known = {"heard_at": answer.newest or seen.last_seen, "known": _is_known(seen)}
        self._diagnoses.note(one.id, answer.how, known, model)

    def _answer_of(self, seen: Seen) -> _Answer:
        specs = self._signals[seen.appliance_model]
        payloads = CanonicalPayload(specs, self._ingest.max_readings)
        until = self._clock.now_ms() + self._ingest.clock_ahead + int(self._within_s * 1_000)
        return _Answer(payloads, self._ingest.max_payload_bytes, seen.last_seen, until)


class _Answer:
    """What the broker brings of one appliance: `newest`, ms UTC, of a reading that nobody had before."""

    def __init__(self, payloads: CanonicalPayload, most_bytes: int, before: int, until: int) -> None:
        self._payloads, self._most_bytes = payloads, most_bytes
        self._before, self._until = before, until
        self._changed = threading.Condition()
        self.newest: int | None = None
        self.offline = False

    @property
    def how(self) -> str:
        """What a diagnosis notes."""
        if self.newest is not None:
            return FRESH
        return OFFLINE if self.offline else NO_ANSWER

    def take(self, message: MQTTMessage) -> None:
        """Of the client's thread. What cannot be read is left to the gateways, which say what is wrong with it."""
        with self._changed, suppress(InputError):
            if message.topic.endswith("/status"):
                self.offline = not is_online(bytes(message.payload))
            elif not message.retain and len(message.payload) <= self._most_bytes:
                times = (int(one["ts"]) for one in self._readings(bytes(message.payload)))
                new = [one for one in times if self._before < one <= self._until]
                self.newest = max(new, default=self.newest)
            self._changed.notify_all()

    def wait(self, within_s: float, stopping: threading.Event) -> None:
        """Until there is something to say, or for as long."""
        end = time.monotonic() + within_s
        with self._changed:
            while self.newest is None and not self.offline and not stopping.is_set():
                if not self._changed.wait(min(EVERY_S, end - time.monotonic())) and time.monotonic() >= end:
                    return

    def _readings(self, payload: bytes) -> list[Reading]:
        if payload.lstrip()[:1] == b"[":
            several, _ = self._payloads.arrays([payload])
            return several[0] if several else []
        return list(self._payloads.objects([payload]).readings)


def _is_known(seen: Seen) -> bool:
    """Whether it speaks, and it is known what is usual for it."""
    return not seen.silent and seen.days_missing == 0
