"""A load generator that is never the limit: packets made beforehand, sent at QoS 1 on a raw socket.

    python -m benchmarks.mqtt_load PORT MESSAGES READINGS_PER_MESSAGE

It keeps a bounded number of messages that the broker has not acknowledged, and ends when all are.
"""

from __future__ import annotations

import itertools
import socket
import sys
import time
from collections.abc import Iterator

import orjson

from foremend.vocabulary.topics import telemetry_topic
from foremend.vocabulary.types import MS_PER_DAY

APPLIANCE_MODEL = "rf-260"
APPLIANCES = 500
BEGUN_DAYS_AGO = 2
_PERIOD_MS = 60_000
_WINDOW = 2_000
_CHUNK = 200
_PUBACK_BYTES = 4


def payload_of(appliance: int, first: int, readings: int, days_ago: int = BEGUN_DAYS_AGO) -> bytes:
    """An appliance's readings `first`...: one object, or an array where there are more than one.

    Its very first was at midnight UTC, `days_ago`.
    """
    begun = (time.time_ns() // 1_000_000 // MS_PER_DAY - days_ago) * MS_PER_DAY
    rows = [
        {
            "ts": begun + number * _PERIOD_MS + appliance,
            "seq": number,
            "fw": "1.2.3",
            "signals": {
                "power": 85.2 if number % 30 < 12 else 2.1,
                "cabinet_temp": round(4.0 + 0.1 * (number % 30), 1),
                "compressor_starts": number // 30,
            },
        }
        for number in range(first, first + readings)
    ]
    return orjson.dumps(rows[0] if readings == 1 else rows)


def publish_packet(topic: str, payload: bytes, mid: int) -> bytes:
    """PUBLISH at QoS 1 (MQTT 3.1.1, section 3.3)."""
    body = len(topic).to_bytes(2, "big") + topic.encode() + mid.to_bytes(2, "big") + payload
    return b"\x32" + _length(len(body)) + body


def packets(messages: int, readings: int, first: int = 0, days_ago: int = BEGUN_DAYS_AGO) -> Iterator[bytes]:
    """`messages` packets from the `first` on, round and round the fleet, each appliance in the order of its time."""
    topics = [telemetry_topic(APPLIANCE_MODEL, f"fridge-{number:04d}") for number in range(APPLIANCES)]
    for number in range(first, first + messages):
        turn, appliance = divmod(number, APPLIANCES)
        yield publish_packet(
            topics[appliance], payload_of(appliance, turn * readings, readings, days_ago), number % 65_535 + 1
        )


def send_all(
    port: int, messages: int, readings: int, first: int = 0, days_ago: int = BEGUN_DAYS_AGO
) -> float:
    """Publish `messages` from the `first` on; returns the seconds that took, without the making of the packets."""
    made = packets(messages, readings, first, days_ago)
    chunks = [b"".join(chunk) for chunk in iter(lambda: list(itertools.islice(made, _CHUNK)), [])]
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04load")
        _receive(sock, _PUBACK_BYTES)  # CONNACK is as long
        begun = time.perf_counter()
        unacknowledged = 0
        for number, chunk in enumerate(chunks, start=1):
            sock.sendall(chunk)
            unacknowledged += min(_CHUNK, messages - (number - 1) * _CHUNK)
            while unacknowledged > _WINDOW:
                unacknowledged -= _receive(sock, _CHUNK * _PUBACK_BYTES) // _PUBACK_BYTES
        _receive(sock, unacknowledged * _PUBACK_BYTES)
        return time.perf_counter() - begun


def _receive(sock: socket.socket, count: int) -> int:
    """Read exactly `count` bytes of acknowledgements. Raises ConnectionError when the broker hangs up."""
    left = count
    while left:
        data = sock.recv(left)
        if not data:
            raise ConnectionError("the broker closed the load generator's connection")
        left -= len(data)
    return count


def _length(value: int) -> bytes:
    """MQTT's remaining length (section 2.2.3)."""
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | 0x80 if value else low)
        if not value:
            return bytes(out)


if __name__ == "__main__":
    send_all(*map(int, sys.argv[1:4]))
