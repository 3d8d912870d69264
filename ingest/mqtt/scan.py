"""Cuts a stream of MQTT 3.1.1 bytes into packets, many at a time. No I/O.

paho reads a packet with four `recv` calls and some eighty Python calls; cutting a whole `recv` at once takes about two
microseconds a message (docs/decisions/0002).
"""

from __future__ import annotations

from typing import NamedTuple

from foremend.vocabulary.errors import InputError

PUBLISH = 0x30
_TYPE = 0xF0
_QOS = 0x06
_RETAIN = 0x01
_LENGTH_BYTES = 4


class Publish(NamedTuple):
    """One PUBLISH; `mid` is its packet id, 0 at QoS 0."""

    topic: bytes
    payload: bytes
    mid: int
    retained: bool


class Control(NamedTuple):
    """Any other packet: its first byte and what follows its length."""

    command: int
    body: bytes


class PacketScanner:
    """Give it what `recv` returned; it gives the packets that are whole and keeps the rest for the next time.

    A stream cut anywhere gives the same packets. `feed` raises InputError on bytes that cannot be MQTT; the scanner
    must be reset after that, and for each new connection.
    """

    def __init__(self) -> None:
        self._rest = b""

    def reset(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> tuple[list[Publish], list[Control]]:
        data = self._rest + data if self._rest else data
        publishes: list[Publish] = []
        controls: list[Control] = []
        at, end = 0, len(data)
        while end - at >= 2:
            length = data[at + 1]
            body = at + 2
            if length > 127:
                length, body = _long_length(data, at + 1)
            stop = body + length
            if body == 0 or stop > end:
                break
            command = data[at]
            if command & _TYPE == PUBLISH:
                publishes.append(_publish(command, data, body, stop))
            else:
                controls.append(Control(command, data[body:stop]))
            at = stop
        self._rest = data[at:]
        return publishes, controls


def _long_length(data: bytes, at: int) -> tuple[int, int]:
    """The remaining length that starts at `at` and the index after it; (0, 0) while its bytes are not all there."""
    value = 0
    for shift, byte in enumerate(data[at : at + _LENGTH_BYTES]):
        value |= (byte & 127) << (7 * shift)
        if byte < 128:
            return value, at + shift + 1
    if len(data) - at >= _LENGTH_BYTES:
        raise InputError("the broker sent a packet whose length has more than 4 bytes")
    return 0, 0


def _publish(command: int, data: bytes, body: int, stop: int) -> Publish:
    topic = body + 2
    topic_end = topic + int.from_bytes(data[body:topic], "big")
    payload = topic_end + 2 if command & _QOS else topic_end
    if payload > stop:
        raise InputError("the broker sent a PUBLISH that ends before its topic does")
    mid = int.from_bytes(data[topic_end:payload], "big")
    return Publish(data[topic:topic_end], data[payload:stop], mid, bool(command & _RETAIN))
