"""Canonical payloads as our own contract has them, read byte by byte into columns: `ingest.payloads`, compiled.

What is not plain is answered as such and read by pydantic, which words what is wrong: escapes, bytes beyond ASCII, keys
that the contract does not have, a key twice, numbers of more than 15 digits, values out of range. A number of at
most 15 digits times or by at most 10^22 is one rounding of two exact doubles, so it is the nearest double (Clinger,
1990), which is what every correct reader gives.

`_nrt=False`: nothing is allocated, and references to arrays are not counted at each call, which took half of the time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.compiling import compiled

_QUOTE, _COMMA, _COLON, _MINUS, _PLUS, _DOT = 34, 44, 58, 45, 43, 46
_BRACKET, _BRACKET_END, _BRACE, _BRACE_END, _BACKSLASH = 91, 93, 123, 125, 92
_ZERO, _NINE, _SPACE, _DELETE = 48, 57, 32, 127
_N, _U, _L, _E, _BIG_E = 110, 117, 108, 101, 69
_T, _S, _Q, _F, _W, _I, _G, _A = 116, 115, 113, 102, 119, 105, 103, 97
_MOST_DIGITS, _MOST_INT_DIGITS, _MOST_POWER = 15, 18, 22
_MOST_FIRMWARE = 64
_TENS = np.array([10.0**power for power in range(_MOST_POWER + 1)])

_TIME, _SEQ, _FIRMWARE, _SIGNALS = 1, 2, 4, 8
"""The keys of a reading, so that one number says which there were."""

_NO = -1
"""What follows is not plain."""


class Contract(NamedTuple):
    """What readings of one appliance model may say."""

    names: NDArray[np.uint8]  # of all signals, one behind the other
    name_ends: NDArray[np.int64]  # (signals,)
    least: NDArray[np.float64]  # (signals,)
    most: NDArray[np.float64]  # (signals,)
    earliest: int  # ms since 1970
    latest: int
    ahead: int  # ms that a reading may be ahead of its reception
    oldest: int  # ms that it may be before it
    max_readings: int


class Text(NamedTuple):
    """The payloads, one behind the other."""

    bytes: NDArray[np.uint8]
    ends: NDArray[np.int64]  # (n,)
    received: NDArray[np.int64]  # (n,) ms since 1970


class Room(NamedTuple):
    """For every reading that there can be."""

    message: NDArray[np.int64]  # (rows,) place of its payload
    time: NDArray[np.int64]  # (rows,)
    seq: NDArray[np.int64]  # (rows,)
    values: NDArray[np.float64]  # (rows, signals)
    firmware: NDArray[
        np.int64
    ]  # (n, 2) where the last firmware that a payload names begins and ends; 0 0: none


@compiled(error_model="numpy", _nrt=False)
def _blank(text: Any, at: int, end: int) -> int:
    """Behind white space."""
    while at < end and (text[at] == _SPACE or text[at] == 10 or text[at] == 13 or text[at] == 9):
        at += 1
    return at


@compiled(error_model="numpy", _nrt=False)
def _after(text: Any, at: int, end: int, sign: int) -> int:
    """Behind `sign`, with white space around it."""
    at = _blank(text, at, end)
    if at >= end or text[at] != sign:
        return _NO
    return _blank(text, at + 1, end)


@compiled(error_model="numpy", _nrt=False)
def _string(text: Any, at: int, end: int) -> int:
    """Where the plain string that begins at `at` has its last quote."""
    if at >= end or text[at] != _QUOTE:
        return _NO
    at += 1
    while at < end and text[at] != _QUOTE:
        if text[at] < _SPACE or text[at] >= _DELETE or text[at] == _BACKSLASH:
            return _NO
        at += 1
    return at if at < end else _NO


@compiled(error_model="numpy", _nrt=False)
def _digits(text: Any, at: int, end: int, mantissa: int, most: int) -> tuple[int, int, int]:
    """(behind the digits, `mantissa` with them, how many they were); _NO first where they are too many."""
    begin = at
    while at < end and _ZERO <= text[at] <= _NINE:
        mantissa = mantissa * 10 + int(text[at]) - _ZERO
        at += 1
        if at - begin > most:
            return _NO, 0, 0
    return at, mantissa, at - begin


@compiled(error_model="numpy", _nrt=False)
def _integer(text: Any, at: int, end: int) -> tuple[int, int]:
    """(behind the integer, it)."""
    negative = at < end and text[at] == _MINUS
    if negative:
        at += 1
    first = at
    at, value, count = _digits(text, at, end, 0, _MOST_INT_DIGITS)
    if at == _NO or count == 0 or (count > 1 and text[first] == _ZERO):
        return _NO, 0
    if at < end and (text[at] == _DOT or text[at] == _E or text[at] == _BIG_E):
        return _NO, 0
    return at, -value if negative else value


@compiled(error_model="numpy", _nrt=False)
def _power(text: Any, at: int, end: int) -> tuple[int, int]:
    """(behind the exponent, it); `at` is behind its letter."""
    negative = at < end and text[at] == _MINUS
    if negative or (at < end and text[at] == _PLUS):
        at += 1
    at, value, count = _digits(text, at, end, 0, 3)
    if at == _NO or count == 0:
        return _NO, 0
    return at, -value if negative else value


@compiled(error_model="numpy", _nrt=False)
def _number(text: Any, at: int, end: int) -> tuple[int, float]:
    """(behind the number, it)."""
    negative = at < end and text[at] == _MINUS
    if negative:
        at += 1
    first = at
    at, mantissa, whole = _digits(text, at, end, 0, _MOST_DIGITS)
    if at == _NO or whole == 0 or (whole > 1 and text[first] == _ZERO):
        return _NO, 0.0
    power, is_integer = 0, True
    if at < end and text[at] == _DOT:
        at, mantissa, parts = _digits(text, at + 1, end, mantissa, _MOST_DIGITS - whole)
        if at == _NO or parts == 0:
            return _NO, 0.0
        power, is_integer = -parts, False
    if at < end and (text[at] == _E or text[at] == _BIG_E):
        at, exponent = _power(text, at + 1, end)
        if at == _NO:
            return _NO, 0.0
        power, is_integer = power + exponent, False
    if abs(power) > _MOST_POWER:
        return _NO, 0.0
    value = mantissa / _TENS[-power] if power < 0 else mantissa * _TENS[power]
    if negative and not (is_integer and mantissa == 0):
        value = -value
    return at, value


@compiled(error_model="numpy", _nrt=False)
def _is_null(text: Any, at: int, end: int) -> bool:
    return (
        at + 4 <= end and text[at] == _N and text[at + 1] == _U and text[at + 2] == _L and text[at + 3] == _L
    )


@compiled(error_model="numpy", _nrt=False)
def _signal(text: Any, begin: int, size: int, names: Any, name_ends: Any, expected: int) -> int:
    """Which signal is named; devices name them in the same order each time, and `expected` is the next one."""
    signals = len(name_ends)
    which = expected
    for _ in range(signals):
        which = 0 if which >= signals else which
        start = name_ends[which - 1] if which else 0
        if name_ends[which] - start == size:
            same = 0
            while same < size and text[begin + same] == names[start + same]:
                same += 1
            if same == size:
                return which
        which += 1
    return _NO


@compiled(error_model="numpy", _nrt=False)
def _signals(
    text: Any,
    at: int,
    end: int,
    names: Any,
    name_ends: Any,
    least: Any,
    most: Any,
    values: Any,
    row: int,
    seen: Any,
) -> tuple[int, int]:
    """(behind the object of signals, how many have a value); fills `row` of `values` (rows, signals).

    `seen` (signals + 1,) says in which object each signal was named last, and behind that how many objects there were.
    """
    stamp = seen[len(name_ends)] + 1
    seen[len(name_ends)] = stamp
    at = _after(text, at, end, _BRACE)
    known = expected = 0
    while at != _NO:
        close = _string(text, at, end)
        if close == _NO:
            break
        which = _signal(text, at + 1, close - at - 1, names, name_ends, expected)
        if which == _NO or seen[which] == stamp:
            break
        seen[which] = stamp
        expected = which + 1
        at = _after(text, close + 1, end, _COLON)
        if at == _NO:
            break
        if _is_null(text, at, end):
            at += 4
        else:
            at, value = _number(text, at, end)
            if at == _NO or not least[which] <= value <= most[which]:
                break
            values[row, which] = value
            known += 1
        at = _blank(text, at, end)
        if at < end and text[at] == _BRACE_END:
            return at + 1, known
        at = _after(text, at, end, _COMMA)
    return _NO, 0


@compiled(error_model="numpy", _nrt=False)
def _key(text: Any, at: int, size: int) -> int:
    """Which of the four keys of a reading this is."""
    if size == 2 and text[at] == _T and text[at + 1] == _S:
        return _TIME
    if size == 2 and text[at] == _F and text[at + 1] == _W:
        return _FIRMWARE
    if size == 3 and text[at] == _S and text[at + 1] == _E and text[at + 2] == _Q:
        return _SEQ
    if (
        size == 7
        and text[at] == _S
        and text[at + 1] == _I
        and text[at + 2] == _G
        and text[at + 3] == _N
        and text[at + 4] == _A
        and text[at + 5] == _L
        and text[at + 6] == _S
    ):
        return _SIGNALS
    return _NO


@compiled(error_model="numpy", _nrt=False)
def _firmware(text: Any, at: int, end: int, out: Any) -> int:
    """Behind the version, which is noted in `out` (2,) unless it is empty."""
    close = _string(text, at, end)
    if close == _NO or close - at - 1 > _MOST_FIRMWARE:
        return _NO
    if close > at + 1:
        out[0], out[1] = at + 1, close
    return close + 1


@compiled(error_model="numpy", _nrt=False)
def _reading(text: Any, at: int, end: int, contract: Any, out: Any, row: int, payload: int, seen: Any) -> int:
    """Behind the reading, which is in `row` of `out` then."""
    out.values[row, :] = np.nan
    out.seq[row] = -1
    had = known = 0
    at = _after(text, at, end, _BRACE)
    while at != _NO:
        close = _string(text, at, end)
        if close == _NO:
            return _NO
        key = _key(text, at + 1, close - at - 1)
        at = _after(text, close + 1, end, _COLON)
        if at == _NO or key == _NO or had & key:
            return _NO
        had |= key
        if key == _TIME:
            at, out.time[row] = _integer(text, at, end)
        elif key == _SEQ:
            at, out.seq[row] = _integer(text, at, end)
            if out.seq[row] < -1:
                return _NO
        elif key == _FIRMWARE:
            at = _firmware(text, at, end, out.firmware[payload])
        else:
            at, known = _signals(
                text,
                at,
                end,
                contract.names,
                contract.name_ends,
                contract.least,
                contract.most,
                out.values,
                row,
                seen,
            )
        if at == _NO:
            return _NO
        at = _blank(text, at, end)
        if at < end and text[at] == _BRACE_END:
            return at + 1 if had & _TIME and known > 0 else _NO
        at = _after(text, at, end, _COMMA)
    return _NO


@compiled(error_model="numpy", _nrt=False)
def _is_timely(time: int, received: int, contract: Any) -> bool:
    ahead = time - received
    return contract.earliest <= time <= contract.latest and -contract.oldest <= ahead <= contract.ahead


@compiled(error_model="numpy", _nrt=False)
def _payload(
    text: Any, begin: int, end: int, payload: int, received: int, contract: Any, out: Any, row: int, seen: Any
) -> int:
    """The row behind the readings of one payload, written from `row` on; _NO where it is not plain."""
    at = _blank(text, begin, end)
    several = at < end and text[at] == _BRACKET
    if several:
        at += 1
    first = row
    while True:
        if row - first >= contract.max_readings:
            return _NO
        at = _reading(text, at, end, contract, out, row, payload, seen)
        if at == _NO or not _is_timely(out.time[row], received, contract):
            return _NO
        out.message[row] = payload
        row += 1
        at = _blank(text, at, end)
        if not several:
            return row if at == end else _NO
        if at < end and text[at] == _BRACKET_END:
            return row if _blank(text, at + 1, end) == end else _NO
        at = _after(text, at, end, _COMMA)
        if at == _NO:
            return _NO


@compiled(error_model="numpy")
def read(text: Any, contract: Any, out: Any, plain: Any) -> int:
    """Fill `out` from `text` and say in `plain` (n,) of which payloads; returns the number of readings."""
    seen = np.zeros(len(contract.name_ends) + 1, np.int64)
    row = begin = 0
    for payload in range(len(text.ends)):
        end = text.ends[payload]
        behind = _payload(text.bytes, begin, end, payload, text.received[payload], contract, out, row, seen)
        plain[payload] = behind != _NO
        if behind == _NO:
            out.firmware[payload, 0] = out.firmware[payload, 1] = 0
        else:
            row = behind
        begin = end
    return row
