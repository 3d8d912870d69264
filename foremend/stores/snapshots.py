"""Snapshots: packed state on disk, with a checksum, replaced atomically."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foremend.engine.packing import LENGTH, MAGIC, pack, unpack
from foremend.vocabulary.durable import replace_atomically
from foremend.vocabulary.errors import IntegrityError, UnavailableError


def snapshot_header(path: Path) -> dict[str, Any]:
    """The plain values at the top of the snapshot at `path`, without its arrays. Raises IntegrityError as they do."""
    with path.open("rb") as file:
        file.seek(32)
        if file.read(len(MAGIC)) != MAGIC:
            unpack(b"")
        try:
            tree = json.loads(file.read(int.from_bytes(file.read(LENGTH), "little")))["tree"]["m"]
            return {name: node["v"] for name, node in tree.items() if "v" in node}
        except (ValueError, KeyError, TypeError, AttributeError, MemoryError, OverflowError) as error:
            raise IntegrityError(f"the snapshot {path} does not match its checksum") from error


def save_snapshot(path: Path, snapshot: Mapping[str, Any]) -> None:
    """Write `snapshot` to `path`; a crash leaves the old file or the new one, never half of one.

    Raises UnavailableError when the disk refuses: the old file is still there, and nothing else.
    """
    body = pack(snapshot)
    try:
        replace_atomically(path, hashlib.sha256(body).digest(), body)
    except OSError as error:
        raise UnavailableError(f"the snapshot {path} cannot be written: {error.strerror}") from error


def load_snapshot(path: Path) -> dict[str, Any] | None:
    """The snapshot at `path`, or None where there is none yet.

    Raises IntegrityError when the file does not match its checksum, or is of another version of Foremend, and
    UnavailableError when the disk refuses.
    """
    try:
        content = bytearray(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnavailableError(f"the snapshot {path} cannot be read: {error.strerror}") from error
    digest, body = content[:32], memoryview(content)[32:]
    if hashlib.sha256(body).digest() != digest:
        raise IntegrityError(f"the snapshot {path} does not match its checksum: restore it from a backup")
    return unpack(body)
