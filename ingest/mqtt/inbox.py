"""What came over MQTT and waits for the pipeline: shared by the connection's thread and the pipeline's."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from foremend.vocabulary.errors import ForemendError
from foremend.vocabulary.types import RawMessage
from ingest.mqtt.scan import Publish
from ingest.mqtt.window import NO_TOKEN, DeliveryWindow

log = logging.getLogger(__name__)

MESSAGE_BYTES = 340
"""What a waiting message weighs besides topic and payload: its objects, measured in CPython 3.11 by tracemalloc."""

TAKE_BYTES = 2 * 1024 * 1024
"""A take is full once it weighs this much: what it turns into while it is worked on weighs several times more."""

SETTLED_S = 5.0
"""After a subscription's answer a broker has sent what it kept by then; messages until then are `just_subscribed`."""

Delivery = tuple[RawMessage, int]


class Inbox:
    """Messages with tokens; whether the broker is there, or why it will not be again.

    They wait in parcels, one for each `recv`, so that neither weighing nor cutting costs a step a message.

    The lock also covers what is sent because of this state: an acknowledgement is queued while its connection is known
    to be the present one, so it can never reach the next, where the same packet id is another message.
    """

    def __init__(self, most_waiting_qos0: int, most_bytes: int) -> None:
        self.dropped_qos0 = self.waiting_bytes = self.losses = 0
        self._most_waiting_qos0, self._most_bytes = most_waiting_qos0, most_bytes
        self._changed = threading.Condition()  # guards what follows
        self._waiting: deque[_Parcel] = deque()
        self._waiting_qos0 = self._waiting_qos0_bytes = 0
        self._window = DeliveryWindow()
        self._online = False
        self._settled = math.inf  # by the monotonic clock; until then what comes may have been kept
        self._failure: ForemendError | None = None

    # For the pipeline's thread.

    @property
    def failure(self) -> ForemendError | None:
        """Why the connection will not come again, if it will not."""
        return self._failure

    def wait_online(self, timeout_s: float) -> bool:
        """Whether the broker is there, or is within `timeout_s`."""
        with self._changed:
            self._changed.wait_for(lambda: self._online or self._failure, timeout_s)
            return self._online and self._failure is None

    def take(self, timeout_s: float) -> Sequence[Delivery]:
        """What waits, oldest first, until it weighs `TAKE_BYTES`; empty after `timeout_s`.

        Raises what the connection failed with once nothing waits.
        """
        batch: list[Delivery] = []
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._failure, timeout_s)
            left = TAKE_BYTES
            while self._waiting and left > 0:
                parcel = self._waiting.popleft()
                batch += parcel.deliveries
                left -= parcel.weight
                self._count(parcel, -1)
            if not batch and self._failure is not None:
                raise self._failure
        return batch

    def acknowledge(self, tokens: Iterable[int], send: Callable[[Sequence[int]], None]) -> None:
        """Call `send` with the packet ids that are free to be acknowledged now, in order of delivery."""
        with self._changed:
            mids = self._window.acknowledge(tokens)
            if mids:
                send(mids)

    def if_online(self, send: Callable[[], None]) -> bool:
        """Call `send` unless the broker is away; whether it was called."""
        with self._changed:
            if self._online:
                send()
            return self._online

    # For the connection's thread: see `ingest.mqtt.connection.Listener`.

    def online(self) -> None:
        with self._changed:
            self._online = True
            self._settled = time.monotonic() + SETTLED_S
            self._changed.notify_all()

    def arrived(self, publishes: Sequence[Publish]) -> None:
        now = time.time_ns() // 1_000_000
        parcel = _Parcel()
        with self._changed:
            fresh = time.monotonic() < self._settled
            for topic, payload, mid, retained in publishes:
                weight = len(topic) + len(payload) + MESSAGE_BYTES
                if mid:
                    token = self._window.admit(mid)
                elif self._has_room_qos0(parcel, weight):
                    token = NO_TOKEN
                else:
                    continue
                message = RawMessage(topic.decode(errors="replace"), payload, now, retained, fresh)
                parcel.deliveries.append((message, token))
                parcel.weight += weight
            if parcel.deliveries:
                self._waiting.append(parcel)
                self._count(parcel, 1)
                self._changed.notify_all()

    def holding(self) -> bool:
        with self._changed:
            return len(self._window) > 0

    def full(self) -> bool:
        with self._changed:
            return self.waiting_bytes - self._waiting_qos0_bytes >= self._most_bytes

    def lost(self) -> None:
        with self._changed:
            self.losses += self._online
            self._online = False
            self._settled = math.inf
            self._window.forget()

    def failed(self, failure: ForemendError) -> None:
        with self._changed:
            self._failure = failure
            self._changed.notify_all()

    def _count(self, parcel: _Parcel, sign: int) -> None:
        self.waiting_bytes += sign * parcel.weight
        self._waiting_qos0 += sign * parcel.qos0
        self._waiting_qos0_bytes += sign * parcel.qos0_weight

    def _has_room_qos0(self, parcel: _Parcel, weight: int) -> bool:
        number = self._waiting_qos0 + parcel.qos0
        if number < self._most_waiting_qos0 and (
            self._waiting_qos0_bytes + parcel.qos0_weight < self._most_bytes
        ):
            parcel.qos0 += 1
            parcel.qos0_weight += weight
            return True
        if not self.dropped_qos0:
            log.warning("the pipeline is behind: QoS 0 messages are dropped; publish telemetry at QoS 1")
        self.dropped_qos0 += 1
        return False


class _Parcel:
    """What one `recv` brought."""

    __slots__ = ("deliveries", "qos0", "qos0_weight", "weight")

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.weight = 0  # bytes
        self.qos0 = self.qos0_weight = 0  # of these, at QoS 0: how many, and their bytes
