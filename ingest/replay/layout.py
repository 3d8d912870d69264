"""What the beginning of a text file says of it: its delimiter, the line of its header, and who wrote it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from foremend.vocabulary.errors import InputError
from ingest.replay.files import head_of
from ingest.replay.mapping import ReplayMapping

Writer = Literal["influx", "home-assistant"]

DELIMITERS = (",", ";", "\t", "|", " ")
_RANK = (";", "\t", "|", ",", " ")
"""Where two cut all lines alike: a comma may stand in numbers, a blank in times."""
_LINES_LOOKED_AT = 100
_HISTORY = {"entity_id", "state", "last_changed"}
"""The header of Home Assistant's history download."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text file is to be read."""

    delimiter: str
    before: int  # lines before the header, or before the rows where there is none
    width: int  # how many columns there are
    header: tuple[str, ...]  # their names, empty where the file has none
    writer: Writer | None = None


def layout_of(path: Path, mapping: ReplayMapping) -> Layout:
    """Of a text file. Raises InputError where it is empty."""
    lines = head_of(path).splitlines()[:_LINES_LOOKED_AT]
    if not any(map(str.strip, lines)):
        raise InputError(f"{path} cannot be read: Empty CSV file")
    delimiter = mapping.delimiter or _delimiter(lines, mapping)
    if not mapping.header:
        at = first_row(lines, delimiter)
        return Layout(delimiter, at, len(cells(lines[at], delimiter)), ())
    names = {column for column in mapping.columns if isinstance(column, str)}
    having = [at for at, line in enumerate(lines) if names and names <= set(cells(line, delimiter))]
    at = having[0] if having else _first(lines)
    header = tuple(cells(lines[at], delimiter))
    return Layout(delimiter, at, len(header), header, writer_of(lines, header))


def cells(line: str, delimiter: str) -> list[str]:
    """The fields of one line, without quotes and blanks around them."""
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]


def sniffed(lines: Sequence[str]) -> str:
    """The delimiter that cuts most lines into the same number of fields, more than one; a comma where none does."""
    for line in lines[:3]:
        if line.lower().startswith("sep=") and len(line.rstrip()) == len("sep=") + 1:
            return line.rstrip()[-1]
    rows = [line for line in lines[:-1] or lines if line.strip()]

    def agreement(delimiter: str) -> tuple[int, int]:
        counts = [len(cells(line, delimiter)) for line in rows]
        usual = max(set(counts), key=counts.count, default=1)
        return (counts.count(usual), -_RANK.index(delimiter)) if usual > 1 else (0, 0)

    best = max(DELIMITERS, key=agreement)
    return best if agreement(best)[0] else ","


def _delimiter(lines: Sequence[str], mapping: ReplayMapping) -> str:
    """By the line that has all the columns that the mapping names, else by what cuts most lines alike."""
    names = {column for column in mapping.columns if isinstance(column, str)}
    for delimiter in DELIMITERS:
        if names and any(names <= set(cells(line, delimiter)) for line in lines):
            return delimiter
    return sniffed(lines)


def first_row(lines: Sequence[str], delimiter: str) -> int:
    """The first line of the table: it has as many cells as most lines have; of its names, or of values."""
    counts = [len(cells(line, delimiter)) if _is_of_table(line) else 0 for line in lines]
    usual = Counter(count for count in counts if count).most_common(1)
    return counts.index(usual[0][0]) if usual else 0


def _is_of_table(line: str) -> bool:
    return bool(line.strip()) and not line.lower().startswith(("#", "sep="))


def _first(lines: Sequence[str]) -> int:
    """The first line that is neither a comment of a known kind nor `sep=;`."""
    odd = ("#", "sep=", "Sep=", "SEP=")
    for at, line in enumerate(lines):
        if line.strip() and not line.startswith(odd):
            return at
    return 0


def writer_of(lines: Sequence[str], header: Sequence[str]) -> Writer | None:
    """Who wrote a file that begins so; None for nobody who is known."""
    if any(line.startswith(("#group", "#datatype")) for line in lines[:10]):
        return "influx"
    return "home-assistant" if set(header) >= _HISTORY else None
