"""Sparkplug B's payload on the wire: Protocol Buffers, of which it needs four kinds of field.

After protobuf.dev/programming-guides/encoding and sparkplug_b.proto of the Sparkplug 3.0 specification; why no library
reads it is in docs/decisions/0037-device-families.md. What is unknown is skipped, as the encoding wants it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from foremend.vocabulary.errors import InputError

Field = tuple[int, int | bytes]
"""A field's number, and its value: an integer, or bytes (of a length, or the four or eight of a number)."""

_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5
_FIXED = {_EIGHT: 8, _FOUR: 4}
_MOST_METRICS = 10_000

_INT8, _INT16, _INT32, _INT64 = 1, 2, 3, 4
_BITS = {_INT8: 8, _INT16: 16, _INT32: 32, _INT64: 64}
BOOLEAN = 11


@dataclass(slots=True)
class Metric:
    """One value of a payload; what it does not say is None."""

    name: str | None = None
    alias: int | None = None
    timestamp: int | None = None  # ms UTC
    datatype: int | None = None
    historical: bool = False
    null: bool = False
    value: object = None  # integers are unsigned; see `signed`


@dataclass(slots=True)
class Payload:
    """A message."""

    timestamp: int | None = None  # ms UTC
    seq: int | None = None
    metrics: list[Metric] = field(default_factory=list)


def payload_of(data: bytes) -> Payload:
    """The payload in `data`. Raises InputError where it is none."""
    payload = Payload()
    for number, value in _fields(data):
        if number == 1 and isinstance(value, int):
            payload.timestamp = value
        elif number == 3 and isinstance(value, int):
            payload.seq = value
        elif number == 2 and isinstance(value, bytes):
            if len(payload.metrics) >= _MOST_METRICS:
                raise InputError(f"more than {_MOST_METRICS} metrics in one message")
            payload.metrics.append(_metric(value))
    return payload


def signed(value: object, datatype: int | None) -> object:
    """An integer with the sign that its data type has: negative ones are sent as their complement."""
    bits = _BITS.get(datatype or 0)
    if type(value) is not int or bits is None:
        return value
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def command(name: str, timestamp: int) -> bytes:
    """A payload that sets the boolean metric `name`, as a rebirth is asked for."""
    text = name.encode()
    metric = (
        b"\x0a" + _varint(len(text)) + text + b"\x18" + _varint(timestamp) + bytes((0x20, BOOLEAN, 0x70, 1))
    )
    return b"\x08" + _varint(timestamp) + b"\x12" + _varint(len(metric)) + metric


def _metric(data: bytes) -> Metric:
    metric = Metric()
    for number, value in _fields(data):
        if isinstance(value, int):
            if number == 2:
                metric.alias = value
            elif number == 3:
                metric.timestamp = value
            elif number == 4:
                metric.datatype = value
            elif number == 5:
                metric.historical = bool(value)
            elif number == 7:
                metric.null = bool(value)
            elif number in (10, 11):
                metric.value = value
            elif number == 14:
                metric.value = bool(value)
        elif number == 1:
            metric.name = value.decode(errors="replace")
        elif number == 12 and len(value) == 4:
            metric.value = struct.unpack("<f", value)[0]
        elif number == 13 and len(value) == 8:
            metric.value = struct.unpack("<d", value)[0]
        elif number == 15:
            metric.value = value.decode(errors="replace")
    return metric


def _fields(data: bytes) -> Iterator[Field]:
    """Each field of a message in turn. Raises InputError where it is cut short, or no message."""
    at, end = 0, len(data)
    while at < end:
        key, at = _read_varint(data, at)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise InputError("not Sparkplug B: a field without a number")
        if wire == _VARINT:
            value, at = _read_varint(data, at)
            yield number, value
            continue
        if wire == _LENGTH:
            size, at = _read_varint(data, at)
        elif wire in _FIXED:
            size = _FIXED[wire]
        else:
            raise InputError(f"not Sparkplug B: a field of wire type {wire}")
        if at + size > end:
            raise InputError("not Sparkplug B: cut short")
        yield number, data[at : at + size]
        at += size


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + place + 1
    raise InputError("not Sparkplug B: cut short")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))
