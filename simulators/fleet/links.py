"""MQTT connections of simulated appliances: many paho clients, one thread.

paho's own `loop_start` takes a thread a client; a thousand of them spend their time in the interpreter lock. Its
documented external loop (`loop_read`, `loop_write`, `loop_misc` and the socket callbacks) lets one selector serve
all. paho keeps what the broker has not acknowledged and sends it again after a reconnect; here it is only bounded.
"""

from __future__ import annotations

import logging
import selectors
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from foremend.vocabulary.errors import ConfigError, RefusedError, UnavailableError

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 1_000
MOST_UNACKNOWLEDGED = 100  # messages a connection keeps
_KEEPALIVE_S = 60
_CONNECT_TIMEOUT_S = 10.0
_RETRY_FIRST_S, _RETRY_LONGEST_S = 0.5, 10.0
_MISC_EVERY_S = 1.0

OnMessage = Callable[["Link", str, bytes], None]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is and who says so, from mqtt://user:password@host:port or mqtts://..."""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None

    @staticmethod
    def parse(url: str) -> Address:
        """Raises ConfigError for anything that is not such a URL."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigError(f"{url!r} is not a broker's address: {error}") from error
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ConfigError(
                f"{url!r} is not a broker's address: write mqtt://host:1883 or mqtts://host:8883"
            )
        tls = parts.scheme == "mqtts"
        return Address(
            host=parts.hostname,
            port=port or (8883 if tls else 1883),
            tls=tls,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


@dataclass(slots=True, eq=False)
class Link:
    """One connection: an appliance's own, or one that many share."""

    client_id: str
    subscriptions: Sequence[str] = ()
    will_topic: str | None = None  # retained "offline" when the connection breaks
    username: str | None = None
    password: str | None = None
    client: mqtt.Client = field(init=False)
    up: bool = field(default=False, init=False)
    refused: str | None = field(default=None, init=False)
    unacknowledged: int = field(default=0, init=False)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """QoS 1; kept while the broker is away. The caller minds `MOST_UNACKNOWLEDGED`."""
        self.unacknowledged += 1
        self.client.publish(topic, payload, qos=1, retain=retain)


class Links:
    """All connections to one broker, served by whoever calls `poll`."""

    def __init__(self, address: Address, links: Sequence[Link], on_message: OnMessage) -> None:
        self.links = links
        self._address = address
        self._on_message = on_message
        self._selector = selectors.DefaultSelector()
        self._retry_at, self._retry_after = 0.0, _RETRY_FIRST_S
        self._misc_at = 0.0
        self._lost = False
        for link in links:
            link.client = self._client(link)

    def open(self) -> None:
        """Connect everybody. Raises UnavailableError or RefusedError, naming the broker, when one cannot."""
        for link in self.links:
            try:
                link.client.connect(self._address.host, self._address.port, _KEEPALIVE_S)
            except OSError as error:
                raise UnavailableError(f"no MQTT broker answers at {self._address}: {error}") from error
            self._serve(0.0)
        deadline = time.monotonic() + _CONNECT_TIMEOUT_S
        while not all(link.up for link in self.links):
            self._serve(0.05)
            self._complain_if_refused()
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"the MQTT broker at {self._address} accepts connections but no sessions"
                )

    def poll(self, timeout_s: float) -> None:
        """Move bytes for at most about `timeout_s`, keep connections alive, bring lost ones back."""
        self._serve(timeout_s)
        now = time.monotonic()
        if now >= self._retry_at:
            self._bring_back(now)

    def _serve(self, timeout_s: float) -> None:
        for key, events in self._selector.select(timeout_s):
            client = key.data
            if events & selectors.EVENT_READ:
                self._read(client)
            if events & selectors.EVENT_WRITE and client.socket() is not None:
                client.loop_write()
        now = time.monotonic()
        if now >= self._misc_at:
            self._misc_at = now + _MISC_EVERY_S
            for link in self.links:
                link.client.loop_misc()

    def _read(self, client: mqtt.Client) -> None:
        """All that came; what TLS has decrypted already no selector would tell of."""
        client.loop_read()
        while isinstance(sock := client.socket(), ssl.SSLSocket) and sock.pending():
            client.loop_read()

    @property
    def unacknowledged(self) -> int:
        """Messages that no broker has confirmed yet."""
        return sum(link.unacknowledged for link in self.links)

    def close(self) -> None:
        """Say goodbye properly, so that no last will is sent."""
        for link in self.links:
            link.client.disconnect()
        self._selector.close()

    def _client(self, link: Link) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=link.client_id, userdata=link)
        client.max_inflight_messages_set(MOST_UNACKNOWLEDGED)
        client.connect_timeout = 5.0
        username = link.username or self._address.username
        if username is not None:
            client.username_pw_set(username, link.password or self._address.password)
        if self._address.tls:
            client.tls_set_context(ssl.create_default_context())
        if link.will_topic is not None:
            client.will_set(link.will_topic, b"offline", qos=1, retain=True)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_publish = _acknowledged
        client.on_message = self._received
        reading, both = selectors.EVENT_READ, selectors.EVENT_READ | selectors.EVENT_WRITE
        client.on_socket_open = lambda c, _, sock: self._meet(c, sock)
        client.on_socket_close = lambda c, _, sock: self._watch(c, sock, 0)
        client.on_socket_register_write = lambda c, _, sock: self._watch(c, sock, both)
        client.on_socket_unregister_write = lambda c, _, sock: self._watch(c, sock, reading)
        return client

    def _meet(self, client: mqtt.Client, sock: Any) -> None:
        self._selector.register(sock, selectors.EVENT_READ, client)

    def _watch(self, client: mqtt.Client, sock: Any, events: int) -> None:
        """Change what we wait for; paho also tells of sockets that it has closed already."""
        if sock not in (self._selector.get_map() or {}):
            return
        if events:
            self._selector.modify(sock, events, client)
        else:
            self._selector.unregister(sock)

    def _connected(self, client: mqtt.Client, link: Link, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            link.refused = str(reason)
            return
        link.up, link.refused = True, None
        if link.will_topic is not None:
            link.publish(link.will_topic, b"online", retain=True)
        if link.subscriptions:
            client.subscribe([(topic, 1) for topic in link.subscriptions])

    def _disconnected(
        self, _client: mqtt.Client, link: Link, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        link.up = False
        if not self._lost and reason.is_failure:
            self._lost = True
            log.warning(
                "lost the broker at %s (%s); keeping what it has not acknowledged", self._address, reason
            )

    def _received(self, _client: mqtt.Client, link: Link, message: mqtt.MQTTMessage) -> None:
        self._on_message(link, message.topic, bytes(message.payload))

    def _bring_back(self, now: float) -> None:
        """Try the links that are down, but only while tries succeed: one probe for all of them."""
        down = [link for link in self.links if not link.up and link.client.socket() is None]
        for link in down:
            try:
                link.client.reconnect()
            except OSError:
                self._retry_after = min(2 * self._retry_after, _RETRY_LONGEST_S)
                break
        else:
            self._retry_after = _RETRY_FIRST_S
            if self._lost and all(link.up for link in self.links):
                self._lost = False
                log.info("the broker at %s is back", self._address)
        self._retry_at = now + self._retry_after

    def _complain_if_refused(self) -> None:
        for link in self.links:
            if link.refused is not None:
                raise RefusedError(f"the broker at {self._address} refused {link.client_id}: {link.refused}")


def _acknowledged(_client: mqtt.Client, link: Link, _mid: int, _reason: Any, _properties: Any) -> None:
    link.unacknowledged -= 1


def credentials_of(passwords: Mapping[str, str] | None, appliance_id: str) -> tuple[str | None, str | None]:
    """(user name, password) of an appliance: its id and its own password, or neither."""
    if passwords is None or appliance_id not in passwords:
        return None, None
    return appliance_id, passwords[appliance_id]
