"""Snapshots on disk: nested state as one .npz file, without pickle, with a checksum, replaced atomically."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from foremend.errors import IntegrityError

_INDEX = "__index__"


def save_snapshot(path: Path, snapshot: Mapping[str, Any]) -> None:
    """Write `snapshot` (mappings, lists, str, int, float, bool, None and numpy arrays) to `path`.

    A crash leaves the old file or the new one, never half of one.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    index = json.dumps(_flatten(snapshot, arrays))
    buffer = io.BytesIO()
    np.savez(buffer, **{_INDEX: np.frombuffer(index.encode(), dtype=np.uint8)}, **arrays)  # type: ignore[arg-type]
    body = buffer.getvalue()
    replace_atomically(path, hashlib.sha256(body).digest() + body)


def load_snapshot(path: Path) -> dict[str, Any] | None:
    """The snapshot at `path`, or None where there is none yet.

    Raises IntegrityError when the file does not match its checksum.
    """
    if not path.exists():
        return None
    content = path.read_bytes()
    digest, body = content[:32], content[32:]
    if hashlib.sha256(body).digest() != digest:
        raise IntegrityError(f"the snapshot {path} does not match its checksum: restore it from a backup")
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        index = json.loads(arrays[_INDEX].tobytes())
        restored = _unflatten(index, arrays)
    assert isinstance(restored, dict)
    return restored


def replace_atomically(path: Path, content: bytes) -> None:
    """Write `content` beside `path`, make it durable, then rename it over `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _flatten(node: Any, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    if isinstance(node, Mapping):
        return {"m": {key: _flatten(value, arrays) for key, value in node.items()}}
    if isinstance(node, list | tuple):
        return {"l": [_flatten(value, arrays) for value in node]}
    if isinstance(node, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = node
        return {"a": name}
    if isinstance(node, np.generic):
        return {"v": node.item()}
    return {"v": node}


def _unflatten(node: Any, arrays: Any) -> Any:
    ((kind, value),) = node.items()
    if kind == "m":
        return {key: _unflatten(child, arrays) for key, child in value.items()}
    if kind == "l":
        return [_unflatten(child, arrays) for child in value]
    if kind == "a":
        return arrays[value]
    return value
