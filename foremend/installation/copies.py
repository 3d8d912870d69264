"""What a backup is made of: files that are on the disk when they are said to be, and known again by their digest."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from alerts.wording import iso
from foremend.vocabulary.durable import sync_path

_CHUNK = 1 << 20

Progress = Callable[[str, int, int], object]
"""Hears what is being done, and how much of it of how much."""


def copy_file(opened: BinaryIO, target: Path) -> None:
    """Copy all of `opened`, and close it; on the disk when this returns."""
    with opened:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened.seek(0)
        with target.open("wb") as copy:
            shutil.copyfileobj(opened, copy, _CHUNK)
    sync(target)


def sync(file: Path) -> None:
    """Returns when `file` and its entry in its folder are on the disk."""
    sync_path(file)
    sync_path(file.parent)


def described(file: Path) -> dict[str, Any]:
    """Size and SHA-256, as a manifest has them."""
    with file.open("rb") as opened:
        return {
            "bytes": file.stat().st_size,
            "sha256": hashlib.file_digest(opened, "sha256").hexdigest(),
        }


def summary(manifest: dict[str, Any]) -> dict[str, Any]:
    """What a person wants to know of a backup."""
    return {
        "moment": iso(manifest["at"]),
        "installation": manifest["installation"],
        "message": manifest["journal"],
        "files": len(manifest["files"]),
        "bytes": sum(one["bytes"] for one in manifest["files"].values()),
        "not_in_it": "the key that seals contacts, config.yaml, secrets",
    }
