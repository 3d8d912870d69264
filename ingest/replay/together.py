"""Several recordings as one: together, in the order of time, as a fleet sends them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import MS_PER_HOUR, Block
from ingest.replay.files import is_table
from ingest.replay.joining import joined
from ingest.replay.mapping import ReplayMapping
from ingest.replay.recording import read_file
from ingest.replay.tables import ROWS_AT_ONCE
from ingest.values import Decoded, SignalSpecs

AT_ONCE_MS = 6 * MS_PER_HOUR
"""Of event time, of all files."""
_ROWS = 1 << 20  # in memory of all files, about
_LEAST_ROWS = 1 << 10  # of one


def read_together(files: Sequence[Path], mapping: ReplayMapping, signals: SignalSpecs) -> Iterator[Decoded]:
    """Six hours of event time of all files after another, so that siblings are compared and nobody's readings are late.

    Whatever order the files are named in; each keeps the order of its own rows, and is open from its first six hours
    to its last. One with several appliances side by side is read once for each. Raises as `read_file` does.
    """
    parts = [_Part(path, one) for path in files for one in mapping.each]
    at_once = max(min(_ROWS // max(len(parts), 1), ROWS_AT_ONCE), _LEAST_ROWS)
    waiting = sorted(
        ((_begins(part, signals), part) for part in parts),
        key=lambda one: (one[0], one[1].path),
        reverse=True,
    )
    reading: list[_File] = []
    while waiting or reading:
        until = (_earliest(waiting, reading) // AT_ONCE_MS + 1) * AT_ONCE_MS
        while waiting and waiting[-1][0] < until:
            part = waiting.pop()[1]
            reading.append(_File(read_file(part.path, part.mapping, signals, at_once=at_once)))
        yield _one([part for file in reading for part in file.before(until)])
        reading = [file for file in reading if not file.ended]


def recordings(named: Iterable[Path], mapping: ReplayMapping, besides: Path | None = None) -> list[Path]:
    """The files that are named, and of a folder those in it that can be replayed.

    Left out in a folder are text files, those whose names `appliance_id.file_name` does not fit, and the table
    `besides`. Raises InputError for a folder without any.
    """
    return [file for path in named for file in (_within(path, mapping, besides) if path.is_dir() else [path])]


def _within(folder: Path, mapping: ReplayMapping, besides: Path | None) -> list[Path]:
    apart = besides and besides.resolve()
    found = [file for file in sorted(folder.iterdir()) if file.is_file() and file.resolve() != apart]
    files = [file for file in found if is_table(file) and mapping.appliance_id.fits(file)]
    if not files:
        raise InputError(
            f"{folder} holds no table that this mapping fits; if Foremend stored it, write --history {folder}"
        )
    return files


class _Part(NamedTuple):
    """A file, and how it is read for one appliance."""

    path: Path
    mapping: ReplayMapping


class _File:
    """What of a file was read and not yet handed on."""

    def __init__(self, parts: Iterator[Decoded]) -> None:
        self._parts = parts
        self._blocks: list[Block] = []
        self._at = 0  # rows of the first block that were handed on
        self.ended = False

    @property
    def next(self) -> int:
        """The time of its next row, ms UTC; there must be one."""
        return int(self._blocks[0].time[self._at])

    def before(self, until: int) -> Iterator[Decoded]:
        """Rows up to the first that is not before `until`, and what could not be used around them."""
        while not self.ended:
            if not self._blocks:
                yield from self._read_on()
                continue
            block = self._blocks[0]
            later = np.flatnonzero(block.time[self._at :] >= until)[:1]
            end = self._at + int(later[0]) if len(later) else len(block)
            yield Decoded([block.take(slice(self._at, end))], ())
            self._at = end
            if len(later):
                return
            self._blocks, self._at = self._blocks[1:], 0

    def _read_on(self) -> Iterator[Decoded]:
        part = next(self._parts, None)
        if part is None:
            self.ended = True
            return
        self._blocks = [block for block in part.blocks if len(block)]
        yield Decoded((), part.dead_letters, ignored=part.ignored)


def _earliest(waiting: Sequence[tuple[int, _Part]], reading: Sequence[_File]) -> int:
    return min([*(begins for begins, _ in waiting[-1:]), *(file.next for file in reading)])


def _begins(part: _Part, signals: SignalSpecs) -> int:
    """When its first readings are, ms UTC; 0 where none can be used."""
    parts = read_file(part.path, part.mapping, signals, at_once=_LEAST_ROWS)
    first = next((part for part in parts if part.blocks), None)
    return int(first.blocks[0].time.min()) if first is not None else 0


def _one(parts: Sequence[Decoded]) -> Decoded:
    blocks = [block for part in parts for block in part.blocks if len(block)]
    letters = [letter for part in parts for letter in part.dead_letters]
    ignored, readings = sum(part.ignored for part in parts), sum(map(len, blocks))
    return Decoded([_joined(blocks)] if blocks else [], letters, ignored=ignored, readings=readings)


def _joined(blocks: Sequence[Block]) -> Block:
    """All rows in the order of time; of one time, in the order of the files."""
    if len(blocks) == 1:
        return blocks[0]
    whole = joined(blocks)
    return whole.take(np.argsort(whole.time, kind="stable"))
