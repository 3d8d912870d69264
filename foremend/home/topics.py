"""The broker's side: topics that it keeps (retained, QoS 1), with a last will, and what is there of an earlier run."""

from __future__ import annotations

import logging
import threading

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from alerts.settings import HomeAssistant
from foremend.home.discovery import OFFLINE, state_topic, status_topic
from foremend.vocabulary.errors import RefusedError, UnavailableError
from ingest.mqtt.guest import names_are_users
from ingest.mqtt.settings import MqttSettings

log = logging.getLogger(__name__)

_LONGEST_WAIT_S = 30
_GOODBYE_S = 3.0


class KeptTopics:
    """One connection of its own, taken up again for ever: the pipeline's has another will, and work to do."""

    def __init__(self, mqtt: MqttSettings, settings: HomeAssistant) -> None:
        """Opens nothing yet. Raises ConfigError for a password or certificate that cannot be read."""
        self.url = mqtt.url
        self._mqtt, self._settings = mqtt, settings
        self.connections = 0
        """How many there were: after each, the broker may have nothing of what it was told."""
        self.refusal: str | None = None
        self._online = threading.Event()
        self._lock = threading.Lock()
        self._there: set[str] = set()
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"{mqtt.client_id}-home")
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_message = self._on_message
        client.will_set(status_topic(settings), OFFLINE, qos=1, retain=True)
        client.reconnect_delay_set(1, _LONGEST_WAIT_S)
        if mqtt.user is not None:
            client.username_pw_set(mqtt.user, mqtt.password())
        if mqtt.tls:
            client.tls_set_context(mqtt.tls_context())
        self._client = client

    @property
    def connected(self) -> bool:
        return self._online.is_set()

    def wait(self, seconds: float) -> None:
        """Until it is connected, so long at most."""
        self._online.wait(seconds)

    def there(self) -> frozenset[str]:
        """The ids of appliances of which the broker has a picture, as far as it has said by now."""
        with self._lock:
            return frozenset(self._there)

    def start(self) -> None:
        """Connect, now or as soon as there is a broker; not at all where that would end the pipeline's session."""
        if self._is_the_pipeline():
            self.refusal = (
                "it takes the user for the client's name (use_username_as_clientid): no second client"
            )
            log.error("nothing is kept for home on %s: %s. The pipeline goes on", self.url, self.refusal)
            return
        self._client.connect_async(self._mqtt.host, self._mqtt.port, self._mqtt.keepalive // 1_000)
        self._client.loop_start()

    def keep(self, topic: str, payload: bytes) -> None:
        """From now on whoever subscribes gets `payload` first; an empty one removes the topic."""
        self._client.publish(topic, payload, qos=1, retain=True)

    def close(self) -> None:
        """Say that nobody is there any more, and go. Waits 3 s for a broker at most."""
        if self.connected:
            said = self._client.publish(status_topic(self._settings), OFFLINE, qos=1, retain=True)
            try:
                said.wait_for_publish(_GOODBYE_S)
            except (RuntimeError, ValueError):  # the connection went just now: its will says the same
                log.debug("no goodbye was said to %s", self.url)
        self._client.disconnect()
        self._client.loop_stop()

    def _is_the_pipeline(self) -> bool:
        try:
            return names_are_users(self._mqtt)
        except (UnavailableError, RefusedError):
            return False  # what is wrong is seen again by the connection itself

    def _on_connect(
        self, client: Client, data: object, flags: ConnectFlags, reason: ReasonCode, more: Properties | None
    ) -> None:
        self.refusal = str(reason) if reason.is_failure else None
        if reason.is_failure:
            return
        with self._lock:
            self._there.clear()
        client.subscribe(state_topic(self._settings, "+"), qos=1)
        self.connections += 1
        self._online.set()

    def _on_disconnect(
        self,
        client: Client,
        data: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        more: Properties | None,
    ) -> None:
        self._online.clear()

    def _on_message(self, client: Client, data: object, message: MQTTMessage) -> None:
        appliance_id = message.topic.rpartition("/")[2]
        with self._lock:
            if message.payload:
                self._there.add(appliance_id)
            else:
                self._there.discard(appliance_id)
