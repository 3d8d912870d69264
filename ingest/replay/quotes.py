"""Quotes in a text file that open a cell which nothing closes where it should: they are left out, line by line."""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingest.replay.files import open_text
from ingest.replay.layout import Layout, cells

_MOST_LINES = 1_000
"""Of one cell. A note has fewer; behind a quote that is never closed comes the rest of the file."""
_AT_ONCE = 1 << 20
_LIKE_A_NUMBER = re.compile(r"[-+]?\d[\d.,:/ TZ+-]*")


@dataclass(frozen=True, slots=True)
class Quotes:
    """Where quotes are not what they seem."""

    stray: frozenset[int] = frozenset()  # lines, 1 = the first, in which a quote opens what is no cell
    over_lines: bool = False  # whether a cell has several lines


def quotes_of(path: Path, layout: Layout) -> Quotes:
    """Looks through a whole text file; one without a line that leaves a quote open costs a scan by a pattern."""
    clean = _clean(layout.delimiter)
    with open_text(path) as stream:
        if all(b'"' not in lines or clean.fullmatch(lines) for lines in _whole_lines(stream)):
            return Quotes()
    with open_text(path) as stream:
        return _judged(_lines(stream), layout)


def without_stray(stream: Any, quotes: Quotes, delimiter: str) -> Any:
    """`stream`, in which each stray quote is left out; line ends stay where they are."""
    return pa.PythonFile(_Mended(stream, quotes.stray, delimiter), mode="r") if quotes.stray else stream


class _Mended(io.RawIOBase):
    """A file of whole lines, as Arrow reads it."""

    def __init__(self, stream: Any, stray: frozenset[int], delimiter: str) -> None:
        self._numbered = enumerate(_lines(stream), start=1)
        self._stray, self._delimiter = stray, delimiter
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts, have = [self._left], len(self._left)
        while size < 0 or have < size:
            numbered = next(self._numbered, None)
            if numbered is None:
                break
            number, line = numbered
            parts.append(_closed(line, self._delimiter) if number in self._stray else line)
            have += len(parts[-1])
        whole = b"".join(parts)
        size = have if size < 0 else size
        self._left = whole[size:]
        return whole[:size]


def _clean(delimiter: str) -> re.Pattern[bytes]:
    """Whole lines, each of whose quoted cells ends within it."""
    end = re.escape(delimiter.encode())
    cell = rb'(?:"[^"\n]*+(?:""[^"\n]*+)*+"[^\n%b]*+|[^"\n%b][^\n%b]*+|)' % (end, end, end)
    return re.compile(rb"(?:%b(?:%b%b)*+(?:\n|\Z))*+" % (cell, end, cell))


def _opens(line: bytes, delimiter: bytes) -> int:
    """Where the quote is that `line` does not close; -1 where it closes all. Quotes within a word open nothing."""
    at = 0
    while True:
        if line[at : at + 1] == b'"':
            end = _closes(line, at + 1)
            if end < 0:
                return at
            at = end
        at = line.find(delimiter, at)
        if at < 0:
            return -1
        at += 1


def _closes(line: bytes, at: int) -> int:
    """What is behind the quote that closes a cell in which `at` is; -1 where none does."""
    while (at := line.find(b'"', at)) >= 0:
        if line[at + 1 : at + 2] != b'"':
            return at + 1
        at += 2
    return -1


def _closed(line: bytes, delimiter: str) -> bytes:
    end = delimiter.encode()
    while (at := _opens(line, end)) >= 0:
        line = line[:at] + line[at + 1 :]
    return line


def _judged(lines: Iterator[bytes], layout: Layout) -> Quotes:
    """A quote is stray where nothing closes it, or where what it would take in are rows like its own."""
    stray, over_lines, number = set(), False, 0
    end = layout.delimiter.encode()
    ahead: deque[bytes] = deque()
    while line := _next(ahead, lines):
        number += 1
        while _opens(line, end) >= 0:
            taken = _taken(line, ahead, lines, layout)
            if not taken:
                stray.add(number)
                break
            over_lines = True
            inside = [ahead.popleft() for _ in range(taken)]
            number += taken
            line = b"x" + inside[-1][_closes(inside[-1], 0) :]  # the rest of the row
    return Quotes(frozenset(stray), over_lines)


def _taken(line: bytes, ahead: deque[bytes], lines: Iterator[bytes], layout: Layout) -> int:
    """How many of the following lines belong to the cell that `line` opens; 0 where it is none."""
    numeric = _numeric(_closed(line, layout.delimiter), layout)
    for at in range(_MOST_LINES):
        while len(ahead) <= at:
            following = next(lines, b"")
            if not following:
                return 0
            ahead.append(following)
        if numeric and numeric <= _numeric(_closed(ahead[at], layout.delimiter), layout):
            return 0
        behind = _closes(ahead[at], 0)
        if behind >= 0:
            return (
                at + 1
                if ahead[at][behind : behind + 1] in (layout.delimiter.encode(), b"\r", b"\n", b"")
                else 0
            )
    return 0


def _numeric(line: bytes, layout: Layout) -> set[int]:
    """Which cells of a row are numbers or times; none of what has fewer cells than a row."""
    row = cells(line.decode("utf-8", "replace").rstrip("\r\n"), layout.delimiter)
    found = {at for at, cell in enumerate(row[: layout.width]) if _LIKE_A_NUMBER.fullmatch(cell)}
    return found if len(row) >= layout.width else set()


def _next(ahead: deque[bytes], lines: Iterator[bytes]) -> bytes:
    return ahead.popleft() if ahead else next(lines, b"")


def _whole_lines(stream: Any) -> Iterator[bytes]:
    """All of it in parts that end with a line."""
    left = b""
    while part := stream.read(_AT_ONCE):
        end = part.rfind(b"\n") + 1
        if end:
            yield left + part[:end]
        left = part[end:] if end else left + part
    if left:
        yield left


def _lines(stream: Any) -> Iterator[bytes]:
    """Each with its line feed."""
    for lines in _whole_lines(stream):
        yield from io.BytesIO(lines)
