"""Raw messages from an MQTT broker: QoS 1, persistent session, acknowledged only when the pipeline says so.

What holds the sender back is that nothing is read from the socket while `waiting_bytes` wait for the pipeline; pings
still leave, so the connection stays. The broker's own window of unacknowledged messages (rumqttd 100, Mosquitto
`max_inflight_messages`) does not do it: Mosquitto 2.0.11 lets out another whole window for each acknowledgement.
QoS 0 promises nothing: beyond `waiting_qos0` such messages are dropped, counted and logged once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.types import RawMessage
from ingest.mqtt.connection import Connection
from ingest.mqtt.inbox import Inbox
from ingest.mqtt.session import Session
from ingest.mqtt.settings import MqttSettings


class MqttSource:
    """`foremend.vocabulary.ports.Source` on MQTT, and the way out for the pipeline's own small messages.

    The broker delivers again whatever was not acknowledged when a connection broke, and tokens of that connection are
    ignored from then on: a message may come twice, none is lost. A session that the broker has forgotten is told;
    `session_file` is for this what one process leaves the next. Raises ConfigError when the settings name a password or
    certificate that cannot be read.
    """

    def __init__(self, settings: MqttSettings, session_file: Path | None = None) -> None:
        self._inbox = Inbox(settings.waiting_qos0, settings.waiting_bytes)
        self._session = Session(settings, session_file)
        self._connection = Connection(settings, self._inbox, self._session)

    @property
    def dropped_qos0(self) -> int:
        """How many QoS 0 messages found no room since the start."""
        return self._inbox.dropped_qos0

    @property
    def sessions_forgotten(self) -> int:
        """How often since the start the broker no longer knew our session."""
        return self._session.forgotten

    @property
    def losses(self) -> int:
        """How many connections were lost since the start; what a later one brings is taken after it is counted here."""
        return self._inbox.losses

    @property
    def waiting_bytes(self) -> int:
        """What waits for `take` weighs in memory, about."""
        return self._inbox.waiting_bytes

    def connect(self, timeout_s: float = 10.0) -> None:
        """Return once subscribed; a connection lost later is taken up again without further calls.

        Raises UnavailableError when the broker is not there within `timeout_s` and RefusedError when it says no; the
        source is closed then.
        """
        self._connection.start()
        if not self._inbox.wait_online(timeout_s):
            self.close()
            raise self._inbox.failure or UnavailableError(self._connection.trouble)

    def connected(self, timeout_s: float = 0.0) -> bool:
        """Whether the broker is there now, or is within `timeout_s`."""
        return self._inbox.wait_online(timeout_s)

    def take(self, timeout_s: float) -> Sequence[tuple[RawMessage, Any]]:
        """Messages that wait, each with its token, oldest first, some 2 MiB at most; empty after `timeout_s`.

        Raises RefusedError once the broker, which never let us in, refuses us, and what it had sent before is taken.
        """
        taken = self._inbox.take(timeout_s)
        if taken:
            self._connection.wake()  # it may have stopped reading
        return taken

    def acknowledge(self, tokens: Iterable[Any]) -> None:
        """Tell the broker to forget these deliveries; in any order, PUBACKs leave in the order of delivery."""
        self._inbox.acknowledge(tokens, self._connection.send_pubacks)
        self._connection.wake()

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> bool:
        """Send a small message; False, with nothing sent or kept, while the broker is away."""
        sent = self._inbox.if_online(lambda: self._connection.publish(topic, payload, qos, retain))
        self._connection.wake()
        return sent

    def close(self) -> None:
        """Disconnect; the session and what is not acknowledged stay on the broker. Safe to call twice."""
        self._connection.close()
