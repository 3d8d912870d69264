"""Keeps one MQTT connection up in a thread of its own: connect, subscribe, serve, and again after a loss.

The thread never waits for whoever uses the messages, so PINGREQ leaves in time however busy the pipeline is.
"""

from __future__ import annotations

import logging
import random
import selectors
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from foremend.vocabulary.errors import ForemendError, RefusedError, UnavailableError
from ingest.mqtt.client import build_client
from ingest.mqtt.scan import Publish
from ingest.mqtt.session import Session
from ingest.mqtt.settings import MqttSettings

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

log = logging.getLogger(__name__)

SWITCH_S = 0.0005
_TICK_S = 0.5  # how often keepalive is looked at
_LASTING_S = 5.0  # a connection that ended sooner came to nothing, whatever the broker said at first
_SUSPICIOUS = 5  # of these in a row
_LONGEST_STOP_S = 5.0  # for a thread that waits for a name or a handshake; it ends with the process then
_UNAVAILABLE = "Server unavailable"


class Listener(Protocol):
    """Hears from the connection's thread; must not wait in it."""

    def online(self) -> None:
        """The session is there: messages come."""
        ...

    def arrived(self, publishes: Sequence[Publish]) -> None: ...

    def lost(self) -> None:
        """The connection is gone, and with it every packet id. Called also where it never came to `online`."""
        ...

    def holding(self) -> bool:
        """Whether deliveries of this connection wait for their acknowledgement."""
        ...

    def full(self) -> bool:
        """Whether as much waits as may: nothing is read until it is less."""
        ...

    def failed(self, failure: ForemendError) -> None:
        """No further attempt will be made."""
        ...


class Connection:
    """The thread, its socket and its way back after a loss (doubling waits with jitter)."""

    def __init__(self, settings: MqttSettings, listener: Listener, session: Session) -> None:
        self._settings, self._listener, self._session = settings, listener, session
        self._client = build_client(settings, listener.arrived)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        # Without this callback paho writes to the socket from whatever thread queues a packet.
        self._client.on_socket_register_write = lambda *_: self.wake()
        self._online, self._since = False, 0.0
        self.trouble = f"no MQTT broker answers on {settings.url}"  # why the last attempt came to nothing
        self._answered = False  # in this attempt: what was said stands until the next one ends
        self._let_in = False  # since the process began: a refusal now is no wrong setting of ours
        self._told = ""  # of what is tried again and again, once
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """Start the thread. From now on this process hands the interpreter over every half millisecond, not every 5:
        each acknowledgement waits for it, and with it the next window of messages."""
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_S))
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._thread.start()

    def close(self) -> None:
        """Disconnect and end the thread; one that hangs in a look-up or a handshake is left alone. Twice is safe."""
        self._closing.set()
        self.wake()
        if self._thread.ident is not None:
            self._thread.join(_LONGEST_STOP_S)

    def wake(self) -> None:
        """Make the thread look at once at what is queued; before `start` there is none."""
        if self._thread.ident is None:
            return
        try:
            self._wake_out.send(b"\0")
        except OSError:
            return  # as many wake-ups wait as fit, or the connection is closed

    def send_pubacks(self, mids: Iterable[int]) -> None:
        """Queue PUBACKs. Whoever calls makes sure that `mids` are of the present connection."""
        self._client.send_pubacks(mids)

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        self._client.publish(topic, payload, qos, retain)

    # What follows runs in the connection's own thread.

    def _run(self) -> None:
        try:
            self._keep_connected()
        finally:
            if not self._closing.is_set():
                self._listener.failed(UnavailableError("the MQTT thread ended; the log has its traceback"))
            self._put_away()

    def _put_away(self) -> None:
        self._wake_in.close()
        self._wake_out.close()

    def _keep_connected(self) -> None:
        failures = short = 0
        while not self._closing.is_set():
            self._attempt()
            lasted = self._online and time.monotonic() - self._since >= _LASTING_S
            failures = 0 if lasted else failures + 1
            short = 0 if lasted else short + self._online
            if self._online and short == _SUSPICIOUS and not self._closing.is_set():
                self._tell_of_a_namesake()
            self._lose()
            self._closing.wait(self._pause_s(failures))

    def _attempt(self) -> None:
        """One connection, from its beginning to its end, whatever the broker says in it."""
        self._answered = False
        try:
            if self._open():
                self._serve()
                if not self._answered and not self._closing.is_set():
                    self.trouble = (
                        f"{self._settings.url} ends the connection before it accepts us: "
                        "some brokers do so when user, password or protocol is wrong"
                    )
        except Exception as error:
            self.trouble = f"{self._settings.url} sent what cannot be understood: {error!r}"
            if self._told != self.trouble:
                log.exception("%s; tried again on a new connection", self.trouble)
                self._told = self.trouble
        finally:
            self._client.hang_up()

    def _tell_of_a_namesake(self) -> None:
        """No broker says why it ends a session, but a client of the same name is what they end it for."""
        log.error(
            "%s ended %d connections in a row within %g s each: does another Foremend use mqtt.client_id %r? Each then"
            " gets a part of the messages; give each a client_id of its own",
            self._settings.url,
            _SUSPICIOUS,
            _LASTING_S,
            self._settings.client_id,
        )

    def _pause_s(self, failures: int) -> float:
        first, longest = self._settings.reconnect_first, self._settings.reconnect_longest
        return min(longest, first * 2 ** min(failures, 20)) / 1000 * random.uniform(0.5, 1.0)

    def _open(self) -> bool:
        try:
            self._client.reconnect()
        except ssl.SSLCertVerificationError as error:
            self._refuse(f"the certificate of {self._settings.url} is not trusted ({error.verify_message})")
            return False
        except OSError as error:
            self.trouble = f"no MQTT broker on {self._settings.url}: {error}"
            return False
        return True

    def _serve(self) -> None:
        sock = self._client.socket()
        if sock is None:
            return
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            selector.register(self._wake_in, selectors.EVENT_READ)
            while self._client.socket() is sock and not self._closing.is_set():
                self._step(selector, sock)
        if self._closing.is_set():
            self._client.disconnect()
            self._client.loop_write()

    def _step(self, selector: selectors.BaseSelector, sock: SocketLike) -> None:
        """One turn: read what came, send what waits, keep the connection alive.

        Before the session is there its answers must be read, however much waits.
        """
        readable = {key.fileobj for key, event in selector.select(_TICK_S) if event & selectors.EVENT_READ}
        if self._wake_in in readable:
            self._wake_in.recv(4096)
        if sock in readable:
            self._client.loop_read()
        if self._client.want_write():
            self._client.loop_write()
        reads = not (self._online and self._listener.full())
        if not reads or self._listener.holding():
            self._client.excuse_silence()
        self._client.loop_misc()
        if self._client.socket() is sock:
            self._await(selector, sock, reads)

    def _await(self, selector: selectors.BaseSelector, sock: SocketLike, reads: bool) -> None:
        """What ends the next wait of `selector` besides a wake-up: a socket that nothing is wanted of is left out."""
        events = selectors.EVENT_READ * reads | selectors.EVENT_WRITE * self._client.want_write()
        known = sock in selector.get_map()
        if events and known:
            selector.modify(sock, events)
        elif events:
            selector.register(sock, events)
        elif known:
            selector.unregister(sock)

    def _lose(self) -> None:
        if self._online and not self._closing.is_set():
            log.warning("lost the broker on %s; trying until it is back", self._settings.url)
        self._online = False
        self._listener.lost()

    def _refuse(self, sentence: str) -> None:
        """The end, but for who was let in before: then the broker is to be mended, and nothing else need stop."""
        sentence = f"{sentence}; see the mqtt settings and the broker's users and ACL"
        if not self._let_in:
            self._closing.set()
            self._listener.failed(RefusedError(sentence))
            return
        self.trouble = sentence
        if self._told != sentence:
            log.error("%s. We were let in before: tried again until we are", sentence)
            self._told = sentence
        self._client.disconnect()

    def _on_connect(
        self,
        client: Client,
        userdata: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._answered = True
        if reason == _UNAVAILABLE:  # as one says that is just starting
            self.trouble = f"{self._settings.url} says that it is not available"
            return
        if reason.is_failure:
            self._refuse(f"{self._settings.url} refuses the connection ({reason})")
            return
        self._session.answered(flags.session_present)
        client.subscribe([(topic, 1) for topic in self._settings.subscribe])
        if flags.session_present:  # rumqttd answers SUBSCRIBE only after the backlog's first acknowledgements
            self._come_online()

    def _on_subscribe(
        self,
        client: Client,
        userdata: object,
        mid: int,
        reasons: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        topics = self._settings.subscribe
        refused = [topic for topic, reason in zip(topics, reasons, strict=True) if reason.is_failure]
        if refused:
            self._refuse(f"{self._settings.url} refuses the subscription to {', '.join(refused)}")
            return
        if any(reason.value == 0 for reason in reasons):
            self._tell_of_qos_0()
        self._let_in, self._told = True, ""
        self._come_online()

    def _tell_of_qos_0(self) -> None:
        if not self._let_in:
            log.warning(
                "%s grants QoS 0 where 1 was asked: it keeps nothing for us while we are away, and may lose what it"
                " sends; choose a broker that grants QoS 1",
                self._settings.url,
            )

    def _come_online(self) -> None:
        if not self._online:
            self._online, self._since = True, time.monotonic()
            self._session.began()
            self._listener.online()
            log.info("the broker on %s is there", self._settings.url)
