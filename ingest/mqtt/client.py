"""paho's MQTT client with a faster way in: everything that touches paho's inside is in this file.

paho keeps connecting, TLS, keepalive, subscribing and publishing. Two things are replaced, because paho spends 70-90
Python calls on each message (docs/decisions/0002): reading, where one `recv` is cut into many packets, and
acknowledging, where many PUBACKs leave in one write.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import cast

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from foremend.vocabulary.errors import InputError
from ingest.mqtt.scan import Control, PacketScanner, Publish
from ingest.mqtt.settings import MqttSettings

_READ_BYTES = 256 * 1024
_PUBACK = 0x40


class BlockClient(paho.Client):
    """Gives each `recv`'s PUBLISH packets to `on_block` at once and leaves every other packet to paho.

    MQTT 3.1.1, persistent session, nothing acknowledged by itself. Drive it with paho's calls for an outside loop
    (`reconnect`, `loop_read`, `loop_write`, `loop_misc`), all from one thread.
    """

    def __init__(self, client_id: str, on_block: Callable[[Sequence[Publish]], None]) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,
            protocol=paho.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        self._on_block = on_block
        self._scanner = PacketScanner()

    def reconnect(self) -> MQTTErrorCode:
        self._scanner.reset()
        return super().reconnect()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """One `recv` and every packet that it completes; `max_packets` is paho's and unused."""
        try:
            data = self._sock_recv(_READ_BYTES)
            publishes, controls = self._scanner.feed(data)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        except InputError:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_PROTOCOL)
        if not data:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        with self._msgtime_mutex:
            self._last_bytes_received = time.monotonic()
        if publishes:
            self._on_block(publishes)
        return self._handle_controls(controls)

    def send_pubacks(self, mids: Iterable[int]) -> None:
        """Queue one write that acknowledges `mids` in this order; the loop's thread sends it."""
        packets = b"".join(b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids)
        self._packet_queue(_PUBACK, packets, 0, 0)

    def hang_up(self) -> None:
        """Close the socket, if there is one still."""
        self._sock_close()

    def excuse_silence(self) -> None:
        """Do not take a missing PINGRESP for a dead broker now; PINGREQ still leaves every keepalive.

        rumqttd sends no PINGRESP while its window of unacknowledged messages to us is full, so a pipeline that is busy
        for longer than the keepalive would lose a healthy connection.
        """
        self._ping_t = 0.0

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        """As paho's, but a failed handshake leaves no open socket behind."""
        tcp_sock.settimeout(self.connect_timeout)
        return cast(ssl.SSLContext, self._ssl_context).wrap_socket(tcp_sock, server_hostname=self.host)

    def _handle_controls(self, controls: Sequence[Control]) -> MQTTErrorCode:
        for command, body in controls:
            self._in_packet["command"] = command
            self._in_packet["remaining_length"] = len(body)
            self._in_packet["packet"] = bytearray(body)
            result = self._packet_handle()
            if result > 0:
                return self._loop_rc_handle(result)
            if self.socket() is None:
                return MQTTErrorCode.MQTT_ERR_NO_CONN
        return MQTTErrorCode.MQTT_ERR_SUCCESS


def build_client(settings: MqttSettings, on_block: Callable[[Sequence[Publish]], None]) -> BlockClient:
    """A client that is ready to `reconnect()`. Raises ConfigError on a missing password or an unusable certificate."""
    client = BlockClient(settings.client_id, on_block)
    if settings.user is not None:
        client.username_pw_set(settings.user, settings.password())
    if settings.tls:
        client.tls_set_context(settings.tls_context())
    client.connect_async(settings.host, settings.port, keepalive=settings.keepalive // 1000)
    return client
