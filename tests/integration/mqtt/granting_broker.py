"""A broker for tests that grants every subscription, and deals nothing out to some: as NATS 2.15 and Moquette 0.17 do
with `$share`, and a Mosquitto with an ACL that lacks a topic."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from benchmarks.mqtt_load import publish_packet
from ingest.mqtt.scan import Control, PacketScanner

_CONNECT, _SUBSCRIBE, _PINGREQ = 0x10, 0x82, 0xC0
_CONNACK, _PINGRESP = b"\x20\x02\x00\x00", b"\xd0\x00"


@contextmanager
def granting_broker(delivers: Callable[[str], bool]) -> Iterator[int]:
    """The port of a broker that gives back what is published to the filters, of exact topics, that `delivers`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, delivers))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listener: socket.socket, delivers: Callable[[str], bool]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return  # the test is over
        with client, suppress(OSError):  # it went while something was on its way to it
            _talk(client, delivers)


def _talk(client: socket.socket, delivers: Callable[[str], bool]) -> None:
    """With one client at a time, until it goes."""
    scanner, topics = PacketScanner(), set[bytes]()
    while data := client.recv(65_536):
        publishes, controls = scanner.feed(data)
        for control in controls:
            client.sendall(_answer(control, topics, delivers))
        for publish in publishes:
            client.sendall(b"\x40\x02" + publish.mid.to_bytes(2, "big"))
            if publish.topic in topics:
                client.sendall(publish_packet(publish.topic.decode(), publish.payload, 1))


def _answer(control: Control, topics: set[bytes], delivers: Callable[[str], bool]) -> bytes:
    if control.command == _CONNECT:
        return _CONNACK
    if control.command == _PINGREQ:
        return _PINGRESP
    if control.command != _SUBSCRIBE:
        return b""
    filters = list(_filters(control.body[2:]))
    topics.update(topic.encode() for topic in filters if delivers(topic))
    granted = b"\x01" * len(filters)
    return bytes([0x90, 2 + len(filters)]) + control.body[:2] + granted


def _filters(body: bytes) -> Iterator[str]:
    while body:
        end = 2 + int.from_bytes(body[:2], "big")
        yield body[2:end].decode()
        body = body[end + 1 :]
