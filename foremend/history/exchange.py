"""A folder of a day exchanged for another one, so that a reader lists the one or the other and never a mixture.

A reader that had opened the old folder lists it after the exchange. So the old files stay in `past` for a while: listed
while they are deleted, some would be missing, and nothing would say so.

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
from tempfile import mkdtemp

from foremend.history.parquet_folder import Folder
from foremend.vocabulary.durable import sync_path

LISTED_S = 60.0
"""Who opened a day's folder has listed it by then: microseconds, and seconds on a machine that is starved."""

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_CANNOT = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


def prepared(folder: Folder, day: Path) -> Path:
    """An empty folder to put the new files of `day` into, where no reader looks."""
    new = folder.work / "next" / day.relative_to(folder.root)
    new.mkdir(parents=True)
    return new


def put_in_place(folder: Folder, day: Path) -> None:
    """Exchange `day` for what was prepared for it. Hold `exchanging`; the old files are in `past` afterwards."""
    relative = day.relative_to(folder.root)
    new, aside = folder.work / "next" / relative, folder.work / "last" / relative
    sync_path(new)
    if _exchanged(new, day):
        old = new
    else:
        old = aside
        aside.parent.mkdir(parents=True, exist_ok=True)
        day.rename(aside)
        new.rename(day)
    sync_path(day.parent)
    sync_path(new.parent)
    past = folder.work / "past"
    past.mkdir(exist_ok=True)
    old.rename(Path(mkdtemp(dir=past)) / day.name)


def remove(folder: Folder, day: Path) -> None:
    """Take a day away in one step. Hold `exchanging`; afterwards `clear` its files."""
    gone = folder.work / "gone" / day.relative_to(folder.root)
    gone.parent.mkdir(parents=True, exist_ok=True)
    day.rename(gone)
    sync_path(day.parent)


def clear(folder: Folder, listed_s: float = 0.0) -> None:
    """Delete what was exchanged or removed, and what was never put in place. Hold `upkeep`.

    Of what was exchanged all but what came to `past` in the last `listed_s` seconds, by the clock of the file system.
    """
    for name in ("next", "last", "gone", "spill"):
        if (folder.work / name).exists():
            shutil.rmtree(folder.work / name)
    past = folder.work / "past"
    if past.exists():
        past.touch()
        now = past.stat().st_mtime
        for one in list(past.iterdir()):
            if not 0 <= now - one.stat().st_mtime < listed_s:  # a clock that was set back keeps nothing
                shutil.rmtree(one)


def recover(folder: Folder, listed_s: float = 0.0) -> None:
    """After a kill at any step: every reading is where readers look, once. Hold `upkeep`. Clears, as `clear` does."""
    with folder.exchanging():
        for aside in (folder.work / "last").glob("*/*"):
            relative = aside.relative_to(folder.work / "last")
            if (folder.work / "next" / relative).exists():  # the new files never came to stand there
                _bring_back(aside, folder.root / relative)
    clear(folder, listed_s)


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
