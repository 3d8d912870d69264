"""A publisher for recordings: QoS 1, bounded, and it knows when the broker has everything."""

from __future__ import annotations

import threading
from types import TracebackType

from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from foremend.vocabulary.errors import RefusedError, UnavailableError
from ingest.mqtt.settings import MqttSettings

_CONNECT_WITHIN_S = 10.0
_STALLED_S = 60.0


class MqttPublisher:
    """Publishes while at most `most_waiting` messages wait for the broker's acknowledgement; a context manager."""

    def __init__(self, settings: MqttSettings, most_waiting: int = 500) -> None:
        self._settings = settings
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"{settings.client_id}-replay")
        self._client.on_connect = self._connected
        self._room = threading.Semaphore(most_waiting)
        self._client.on_publish = lambda *_: self._room.release()
        self._most_waiting = most_waiting
        self._answered = threading.Event()
        self._refusal: str | None = None
        if settings.user:
            self._client.username_pw_set(settings.user, settings.password())
        if settings.tls:
            self._client.tls_set_context(settings.tls_context())

    def __enter__(self) -> MqttPublisher:
        """Raises UnavailableError when no broker answers, RefusedError when it says no."""
        try:
            self._client.connect(self._settings.host, self._settings.port, self._settings.keepalive // 1_000)
        except OSError as error:
            raise UnavailableError(f"no MQTT broker answers on {self._settings.url}: {error}") from error
        self._client.loop_start()
        if not self._answered.wait(_CONNECT_WITHIN_S):
            self._client.loop_stop()
            raise UnavailableError(f"{self._settings.url} accepts connections but no session")
        if self._refusal is not None:
            self._client.loop_stop()
            raise RefusedError(f"{self._settings.url} refuses the connection: {self._refusal}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes) -> None:
        """Send, waiting for room first. Raises UnavailableError when the broker stalls."""
        self._acquire()
        self._client.publish(topic, payload, qos=1)

    def wait_until_acknowledged(self) -> None:
        """Until the broker has everything. Raises UnavailableError when it stalls."""
        for _ in range(self._most_waiting):
            self._acquire()
        self._room.release(self._most_waiting)

    def _acquire(self) -> None:
        if not self._room.acquire(timeout=_STALLED_S):
            raise UnavailableError(f"{self._settings.url} acknowledged nothing for {_STALLED_S:g} s")

    def _connected(
        self, client: Client, data: object, flags: ConnectFlags, reason: ReasonCode, more: Properties | None
    ) -> None:
        self._refusal = str(reason) if reason.is_failure else None
        self._answered.set()
