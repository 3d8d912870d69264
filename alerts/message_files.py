"""Files of JSON lines that channels write: lines taken out of them, while whoever writes them goes on."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from foremend.vocabulary.durable import write_synced

Line = Mapping[str, Any]


@contextmanager
def alone(path: Path) -> Iterator[BinaryIO]:
    """The file, opened to append, and nobody else's for as long: whoever waited gets the one that is there then."""
    while True:
        with path.open("ab", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                if os.fstat(file.fileno()).st_ino != path.stat().st_ino:
                    continue
            except FileNotFoundError:
                continue
            yield file
            return


def remove_lines(
    path: Path, unwanted: Callable[[Line], bool], torn: Callable[[str], bool] = lambda text: False
) -> int:
    """Remove the messages that are `unwanted`; how many lines that was.

    A line that is no message, as a crash tore it or somebody else wrote it, stays as it is unless it is `torn`. A kill
    at any moment leaves the old file or the new one.
    """
    if not path.is_file():
        return 0
    with alone(path):
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not _goes(line, unwanted, torn)]
        if len(kept) == len(lines):
            return 0
        new = path.with_name(path.name + ".new")
        write_synced(new, *kept)
        new.chmod(path.stat().st_mode & 0o777)
        new.replace(path)
    return len(lines) - len(kept)


def read_lines(path: Path) -> Iterator[Line]:
    """Every message in the file, each with a text as its `id`."""
    if path.is_file():
        with path.open("rb") as file:
            yield from (said for line in file if (said := _line(line)) is not None)


def _goes(line: bytes, unwanted: Callable[[Line], bool], torn: Callable[[str], bool]) -> bool:
    said = _line(line)
    return torn(line.decode(errors="replace")) if said is None else unwanted(said)


def _line(line: bytes) -> Line | None:
    """None of one that a crash tore, whose message is sent again, or that somebody else wrote."""
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return said if isinstance(said, dict) and isinstance(said.get("id"), str) else None
