"""Files that are whole and on the disk when they are said to be: also after a power cut, not only after a kill."""

from __future__ import annotations

import os
from pathlib import Path


def sync_path(path: Path) -> None:
    """Make a file's content, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_synced(path: Path, *content: bytes | bytearray) -> None:
    """Write `content` and wait for the disk. The name is durable only after `sync_path` of its folder."""
    with path.open("wb") as file:
        file.writelines(content)
        file.flush()
        os.fsync(file.fileno())


def replace_atomically(path: Path, *content: bytes | bytearray) -> None:
    """Write `content` beside `path`, make it durable, then rename it over `path`. OSError leaves nothing behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    try:
        write_synced(temporary, *content)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # half of it would keep the disk full
        raise
    sync_path(path.parent)
