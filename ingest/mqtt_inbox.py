"""What came over MQTT and waits for the pipeline: shared by the connection's thread and the pipeline's."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from foremend.errors import ForemendError
from foremend.types import RawMessage
from ingest.mqtt_scan import Publish
from ingest.mqtt_window import NO_TOKEN, DeliveryWindow

log = logging.getLogger(__name__)


class Inbox:
    """Messages with tokens; whether the broker is there, or why it will not be again.

    The lock also covers what is sent because of this state: an acknowledgement is queued while its connection is known
    to be the present one, so it can never reach the next, where the same packet id is another message.
    """

    def __init__(self, most_waiting_qos0: int) -> None:
        self.dropped_qos0 = 0
        self._most_waiting_qos0 = most_waiting_qos0
        self._changed = threading.Condition()  # guards what follows
        self._waiting: list[tuple[RawMessage, int]] = []
        self._waiting_qos0 = 0
        self._window = DeliveryWindow()
        self._online = False
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

    def take(self, timeout_s: float) -> Sequence[tuple[RawMessage, int]]:
        """All that waits; empty after `timeout_s`. Raises what the connection failed with once nothing waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._failure, timeout_s)
            batch, self._waiting = self._waiting, []
            self._waiting_qos0 = 0
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

    # For the connection's thread: see `ingest.mqtt_connection.Listener`.

    def online(self) -> None:
        with self._changed:
            self._online = True
            self._changed.notify_all()

    def arrived(self, publishes: Sequence[Publish]) -> None:
        now = time.time_ns() // 1_000_000
        with self._changed:
            for topic, payload, mid, retained in publishes:
                if mid:
                    token = self._window.admit(mid)
                elif self._has_room_qos0():
                    token = NO_TOKEN
                else:
                    continue
                self._waiting.append(
                    (RawMessage(topic.decode(errors="replace"), payload, now, retained), token)
                )
            self._changed.notify_all()

    def holding(self) -> bool:
        with self._changed:
            return len(self._window) > 0

    def lost(self) -> None:
        with self._changed:
            self._online = False
            self._window.forget()

    def failed(self, failure: ForemendError) -> None:
        with self._changed:
            self._failure = failure
            self._changed.notify_all()

    def _has_room_qos0(self) -> bool:
        if self._waiting_qos0 < self._most_waiting_qos0:
            self._waiting_qos0 += 1
            return True
        if not self.dropped_qos0:
            log.warning("the pipeline is behind: QoS 0 messages are dropped; publish telemetry at QoS 1")
        self.dropped_qos0 += 1
        return False
