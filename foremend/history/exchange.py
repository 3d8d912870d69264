"""A folder of a day exchanged for another one, so that a reader lists the one or the other and never a mixture.

Linux exchanges two folders in one step (renameat2, RENAME_EXCHANGE: ext4, xfs, btrfs, overlayfs and tmpfs have it).
Where the file system has not (NFS), the old one steps aside first: for the microseconds between two renames the day
is not there, and `recover` puts a kill right that falls between them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from pathlib import Path

from foremend.history.parquet_folder import Folder
from foremend.vocabulary.durable import sync_path

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_CANNOT = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


def prepared(folder: Folder, day: Path) -> Path:
    """An empty folder to put the new files of `day` into, where no reader looks."""
    new = folder.work / "next" / day.relative_to(folder.root)
    new.mkdir(parents=True)
    return new


def put_in_place(folder: Folder, day: Path) -> None:
    """Exchange `day` for what was prepared for it. Hold `exchanging`; afterwards `clear` the old files."""
    relative = day.relative_to(folder.root)
    new, aside = folder.work / "next" / relative, folder.work / "last" / relative
    sync_path(new)
    if not _exchanged(new, day):
        aside.parent.mkdir(parents=True, exist_ok=True)
        day.rename(aside)
        new.rename(day)
    sync_path(day.parent)
    sync_path(new.parent)


def remove(folder: Folder, day: Path) -> None:
    """Take a day away in one step. Hold `exchanging`; afterwards `clear` its files."""
    gone = folder.work / "gone" / day.relative_to(folder.root)
    gone.parent.mkdir(parents=True, exist_ok=True)
    day.rename(gone)
    sync_path(day.parent)


def clear(folder: Folder) -> None:
    """Delete what was exchanged or removed, and what was never put in place."""
    for name in ("next", "last", "gone", "spill"):
        if (folder.work / name).exists():
            shutil.rmtree(folder.work / name)


def recover(folder: Folder) -> None:
    """After a kill at any step: every reading is where readers look, once. Hold `upkeep`."""
    with folder.exchanging():
        for aside in (folder.work / "last").glob("*/*"):
            relative = aside.relative_to(folder.work / "last")
            if (folder.work / "next" / relative).exists():  # the new files never came to stand there
                _bring_back(aside, folder.root / relative)
    clear(folder)


def _bring_back(aside: Path, day: Path) -> None:
    """Whoever wrote meanwhile made the day's folder anew, so file by file."""
    day.mkdir(exist_ok=True)
    for file in list(aside.iterdir()):
        file.rename(day / file.name)
    sync_path(day)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the file system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    if ctypes.get_errno() in _CANNOT:
        return False
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))
