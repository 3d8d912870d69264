"""A visit to a broker: a client of its own with a name of its own, which leaves no session behind.

To come by the pipeline's name would end the connection of the one that runs.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from foremend.vocabulary.errors import RefusedError, UnavailableError
from ingest.mqtt.settings import MqttSettings

PATIENCE_S = 10.0
_SOON_S = 0.5  # a broker ends the one connection before it answers the other


class NamesakeError(RefusedError):
    """Whoever comes as this user comes as another client, whose session it would take."""


class Guest:
    """One connected client; `came` is what it received, unless `take` takes it.

    `most_bytes`: by MQTT 5, a larger packet is not sent to it. What it does not acknowledge stays the session's.
    """

    def __init__(
        self,
        settings: MqttSettings,
        name: str,
        clean: bool = True,
        version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311,
        take: Callable[[MQTTMessage], None] | None = None,
        most_bytes: int | None = None,
        acknowledges: bool = True,
    ) -> None:
        self.came: list[MQTTMessage] = []
        self.url = settings.url
        self._take, self._most_bytes = take, most_bytes if version == MQTTProtocolVersion.MQTTv5 else None
        self.session_present = False
        self.announced: Properties | None = None
        self._changed = threading.Condition()
        self._reason: ReasonCode | None = None
        self._gone = False
        self._granted: list[ReasonCode] | None = None
        how: dict[str, Any] = {} if version == MQTTProtocolVersion.MQTTv5 else {"clean_session": clean}
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            f"{settings.client_id}-{name}",
            protocol=version,
            reconnect_on_failure=False,
            manual_ack=not acknowledges,
            **how,
        )
        if settings.user is not None:
            self._client.username_pw_set(settings.user, settings.password())
        if settings.tls:
            self._client.tls_set_context(settings.tls_context())
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect
        self._connect(settings)

    def subscribe(self, topics: Sequence[str]) -> None:
        """Raises RefusedError, naming them, where the broker refuses any."""
        self._granted = None
        self._client.subscribe([(topic, 1) for topic in topics])
        self._until(lambda: self._granted is not None, PATIENCE_S)
        if (granted := self._granted) is None:
            raise UnavailableError(f"{self.url} does not answer a subscription")
        refused = [topic for topic, code in zip(topics, granted, strict=True) if code.is_failure]
        if refused:
            raise RefusedError(f"{self.url} refuses the subscription to {', '.join(refused)}: see its ACL")

    def publish(self, topic: str, payload: bytes, qos: int = 1) -> None:
        self._client.publish(topic, payload, qos)

    def heard(self, topic: str, size: int, within_s: float) -> bool:
        """Whether a message on `topic` with a payload of `size` bytes came, or comes."""
        return self._until(
            lambda: any(one.topic == topic and len(one.payload) == size for one in self.came), within_s
        )

    def heard_any(self, topic: str, within_s: float) -> bytes | None:
        self._until(lambda: any(one.topic == topic for one in self.came), within_s)
        return next((bytes(one.payload) for one in self.came if one.topic == topic), None)

    def is_gone(self, within_s: float) -> bool:
        """Whether the connection ended, or ends by then."""
        return self._until(lambda: self._gone, within_s)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        # Out of the circle with us: thrown out meanwhile, paho may have opened its pair of sockets anew, and closes
        # it only as it goes itself.
        self._client.on_connect = self._client.on_disconnect = None
        self._client.on_subscribe = self._client.on_message = None

    def _connect(self, settings: MqttSettings) -> None:
        try:
            self._client.connect(
                settings.host, settings.port, settings.keepalive // 1_000, properties=self._wishes()
            )
        except OSError as error:
            raise UnavailableError(f"no MQTT broker on {self.url}: {error}") from error
        self._client.loop_start()
        self._until(lambda: self._reason is not None or self._gone, PATIENCE_S)
        if self._reason is not None:
            if not self._reason.is_failure:
                return
            self.close()
            raise RefusedError(
                f"{self.url} refuses the connection ({self._reason}): see mqtt.user and its password"
            )
        self.close()
        raise UnavailableError(f"{self.url} accepts the connection and does not answer: is it MQTT?")

    def _wishes(self) -> Properties | None:
        if self._most_bytes is None:
            return None
        wishes = Properties(PacketTypes.CONNECT)
        wishes.MaximumPacketSize = self._most_bytes
        return wishes

    def _until(self, holds: Callable[[], bool], within_s: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: holds() or self._gone, within_s)
            return holds()

    def _on_connect(
        self, client: Client, data: Any, flags: ConnectFlags, reason: ReasonCode, more: Properties | None
    ) -> None:
        with self._changed:
            self._reason, self.announced = reason, more
            self.session_present = flags.session_present
            self._changed.notify_all()

    def _on_disconnect(self, *_: object) -> None:
        with self._changed:
            self._gone = True
            self._changed.notify_all()

    def _on_subscribe(self, client: Client, data: Any, mid: int, codes: Any, more: Any) -> None:
        with self._changed:
            self._granted = codes
            self._changed.notify_all()

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        if self._take is not None:
            self._take(message)
            return
        with self._changed:
            self.came.append(message)
            self._changed.notify_all()


@contextmanager
def guest(settings: MqttSettings, name: str, **how: Any) -> Iterator[Guest]:
    """Raises UnavailableError where no broker answers in time, RefusedError where it says no."""
    one = Guest(settings, name, **how)
    try:
        yield one
    finally:
        one.close()


def names_are_users(settings: MqttSettings) -> bool:
    """Whether the broker takes the user for the client's name, so that two clients of one user throw each other out.

    Of no session anything is taken. Raises UnavailableError and RefusedError as `guest` does.
    """
    if settings.user is None:
        return False
    names = [f"name-{secrets.token_hex(4)}" for _ in range(2)]
    with guest(settings, names[0], clean=False, acknowledges=False) as one:
        if one.session_present:
            return True
        with guest(settings, names[1], clean=False, acknowledges=False):
            if one.is_gone(_SOON_S):
                return True
    for name in names:  # takes the empty sessions away again
        with guest(settings, name):
            pass
    return False


def require_names(settings: MqttSettings) -> None:
    """Raises NamesakeError where the broker takes the user for the client's name and keeps a session for it.

    To come there under any name is to come as the pipeline: with a clean session its queue would be gone. So the first
    to come takes up whatever session there is, acknowledges nothing of what it is sent, and leaves it there. A pipeline
    that runs loses its connection once and has it again at once. Raises UnavailableError where no broker answers, and
    RefusedError where it says no.
    """
    if settings.user is None:
        return
    name = f"name-{secrets.token_hex(4)}"  # nobody's ever, so there is no session
    with guest(settings, name, clean=False, acknowledges=False) as one:
        if one.session_present:
            raise NamesakeError(
                f"{settings.url} takes the user for the client's name (use_username_as_clientid): the session of"
                f" {settings.user} would be lost with all that waits in it. Come as a user of your own: a copy of"
                " config.yaml with another mqtt.user"
            )
    with guest(settings, name):  # takes the empty session away again
        pass
