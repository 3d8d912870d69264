"""Raw messages from an MQTT broker: QoS 1, persistent session, acknowledged only when the pipeline says so.

One thread owns the connection and never waits for the pipeline, so PINGREQ leaves in time however long the pipeline
takes. What holds the sender back is the broker's window of unacknowledged messages (rumqttd 100, Mosquitto
`max_inflight_messages`): until the pipeline acknowledges, the broker sends no more QoS 1 messages and keeps them.
QoS 0 has no window and promises nothing: beyond `waiting_qos0` such messages are dropped, counted and logged once.
"""

from __future__ import annotations

import logging
import random
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from foremend.errors import ForemendError, RefusedError, UnavailableError
from foremend.types import RawMessage
from ingest.mqtt_client import build_client
from ingest.mqtt_scan import Publish
from ingest.mqtt_settings import MqttSettings

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

log = logging.getLogger(__name__)

_NO_TOKEN = 0
_TICK_S = 0.5


class MqttSource:
    """`foremend.ports.Source` on MQTT.

    A token names one delivery on one connection. The broker delivers again whatever was not acknowledged when the
    connection broke, so tokens of an older connection are ignored: a repeat is possible, a loss is not.
    """

    def __init__(self, settings: MqttSettings) -> None:
        self._settings = settings
        self._client = build_client(settings, self._arrived)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_socket_register_write = lambda *_: self._wake()
        self._changed = threading.Condition()  # guards everything down to _failure
        self._waiting: list[tuple[RawMessage, int]] = []
        self._waiting_qos0 = 0
        self._window: deque[tuple[int, int]] = deque()  # (token, packet id), delivered and not acknowledged
        self._done: set[int] = set()  # tokens acknowledged while an older one is not
        self._token = _NO_TOKEN
        self._online = False
        self._failure: ForemendError | None = None
        self.dropped_qos0 = 0
        self._closing = threading.Event()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def connect(self, timeout_s: float = 10.0) -> None:
        """Return once subscribed; from then on a lost connection is taken up again by itself.

        Raises UnavailableError when the broker is not there within `timeout_s` and RefusedError when it says no;
        after either the source is closed.
        """
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._online or self._failure, timeout_s)
            failure = self._failure
            if not self._online and failure is None:
                failure = UnavailableError(f"no MQTT broker answers on {self._settings.url}")
        if failure is not None:
            self.close()
            raise failure

    def take(self, timeout_s: float) -> Sequence[tuple[RawMessage, Any]]:
        """Everything that waits, each with its token; empty after `timeout_s`.

        Raises RefusedError when the broker has come to refuse us, once what it sent before has been taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._failure, timeout_s)
            batch, self._waiting = self._waiting, []
            self._waiting_qos0 = 0
            if not batch and self._failure is not None:
                raise self._failure
        return batch

    def acknowledge(self, tokens: Iterable[Any]) -> None:
        """Tell the broker to forget these deliveries. Any order will do: MQTT-4.6.0-2 is kept here."""
        with self._changed:
            if not self._window:
                return
            first = self._window[0][0]
            self._done.update(token for token in tokens if token >= first)
            mids = []
            while self._window and self._window[0][0] in self._done:
                token, mid = self._window.popleft()
                self._done.discard(token)
                mids.append(mid)
            if mids:
                self._client.send_pubacks(mids)
        self._wake()

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> bool:
        """Send a small message of the pipeline's own (progress, a command) on the same connection.

        Returns False, with nothing sent or kept, while the broker is away.
        """
        with self._changed:
            if not self._online:
                return False
            self._client.publish(topic, payload, qos, retain)
        self._wake()
        return True

    def close(self) -> None:
        """Disconnect and stop the thread; the session stays on the broker. Safe to call twice."""
        self._closing.set()
        self._wake()
        if self._thread.ident is not None:
            self._thread.join()
        self._wake_in.close()
        self._wake_out.close()

    # What follows runs in the connection's own thread.

    def _run(self) -> None:
        attempt = 0
        while not self._closing.is_set():
            if self._open():
                self._serve()
            attempt = 0 if self._lost() else attempt + 1
            self._closing.wait(self._pause_s(attempt))

    def _pause_s(self, attempt: int) -> float:
        longest = min(
            self._settings.reconnect_longest, self._settings.reconnect_first * 2 ** min(attempt, 20)
        )
        return longest / 1000 * random.uniform(0.5, 1.0)

    def _open(self) -> bool:
        try:
            self._client.reconnect()
        except ssl.SSLCertVerificationError as error:
            self._refused(
                f"{self._settings.url} shows a certificate that is not trusted: {error.verify_message}"
            )
            return False
        except OSError as error:
            log.debug("no broker on %s: %s", self._settings.url, error)
            return False
        return True

    def _serve(self) -> None:
        sock = self._client.socket()
        if sock is None:
            return
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            selector.register(self._wake_in, selectors.EVENT_READ)
            while self._client.socket() is sock:
                self._step(selector, sock)

    def _step(self, selector: selectors.BaseSelector, sock: SocketLike) -> None:
        """One turn: read what came, send what waits, keep the connection alive."""
        ready = {key.fileobj for key, _ in selector.select(_TICK_S)}
        if self._wake_in in ready:
            self._wake_in.recv(4096)
        if self._closing.is_set():
            self._client.disconnect()
        if sock in ready:
            self._client.loop_read()
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()
        if self._client.socket() is sock:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._client.want_write() else 0)
            selector.modify(sock, events)

    def _lost(self) -> bool:
        """Forget the connection's deliveries: the broker has them still. Returns whether it had been in use."""
        with self._changed:
            was_online, self._online = self._online, False
            self._window.clear()
            self._done.clear()
        if was_online and not self._closing.is_set():
            log.warning("lost the broker on %s; trying again until it is back", self._settings.url)
        return was_online

    def _arrived(self, publishes: Sequence[Publish]) -> None:
        now = time.time_ns() // 1_000_000
        with self._changed:
            for topic, payload, mid, retained in publishes:
                token = self._admit(mid)
                if token is not None:
                    message = RawMessage(topic.decode(errors="replace"), payload, now, retained)
                    self._waiting.append((message, token))
            self._changed.notify()

    def _admit(self, mid: int) -> int | None:
        """The token of a delivery, or None for a QoS 0 message that finds no room."""
        if mid:
            self._token += 1
            self._window.append((self._token, mid))
            return self._token
        if self._waiting_qos0 < self._settings.waiting_qos0:
            self._waiting_qos0 += 1
            return _NO_TOKEN
        if not self.dropped_qos0:
            log.warning("the pipeline is behind: QoS 0 messages are dropped; publish telemetry at QoS 1")
        self.dropped_qos0 += 1
        return None

    def _connected(
        self,
        client: Client,
        userdata: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._refused(f"{self._settings.url} refuses the connection: {reason}")
            return
        client.subscribe([(topic, 1) for topic in self._settings.subscribe])

    def _subscribed(
        self,
        client: Client,
        userdata: object,
        mid: int,
        reasons: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        refused = [
            t for t, reason in zip(self._settings.subscribe, reasons, strict=True) if reason.is_failure
        ]
        if refused:
            self._refused(f"{self._settings.url} refuses the subscription to {', '.join(refused)}")
            return
        with self._changed:
            self._online = True
            self._changed.notify_all()
        log.info("subscribed to %s on %s", ", ".join(self._settings.subscribe), self._settings.url)

    def _refused(self, sentence: str) -> None:
        self._closing.set()
        with self._changed:
            self._failure = RefusedError(
                f"{sentence}; check the mqtt settings and the broker's user and ACL files"
            )
            self._changed.notify_all()

    def _wake(self) -> None:
        try:
            self._wake_out.send(b"\0")
        except (BlockingIOError, OSError):
            return  # already awake, or closed
