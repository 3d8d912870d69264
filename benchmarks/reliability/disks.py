"""Disks of a pipeline's own: one that is soon full, and one whose power can be cut. Both need root."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foremend.vocabulary.errors import UnavailableError

_TMPFS = "size=160m,mode=0700"
_IMAGE_BYTES = 400 << 20
_MENDED = 1  # of e2fsck: errors that it corrected


@contextmanager
def small_disk(folder: Path) -> Iterator[dict[str, Any]]:
    """The storage folder on a file system of its own. Raises UnavailableError where mounting is not permitted."""
    place = folder / "var"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", _TMPFS, "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        raise UnavailableError("a small disk cannot be mounted here: that needs root")
    try:
        yield {}
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def disk_of_its_own(folder: Path) -> Iterator[dict[str, Any]]:
    """The storage folder on an ext4 of its own. Raises UnavailableError where a loop device cannot be mounted."""
    place = folder / "var"
    place.mkdir()
    image = _image(place)
    with image.open("wb") as file:
        file.truncate(_IMAGE_BYTES)
    try:
        _run("mkfs.ext4", "-q", str(image))
        _mount(place)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UnavailableError(
            "a disk image cannot be mounted here: that needs root, ext4 and loop devices"
        ) from error
    try:
        yield {}
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def cut_off(place: Path) -> None:
    """From now on the disk takes nothing more, not even what was written and not synced yet: the power is gone."""
    device = Path(_run("findmnt", "--noheadings", "--output", "SOURCE", str(place)).strip()).name
    Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("1", encoding="utf-8")


def mended(place: Path) -> None:
    """The power is back: the disk is checked and mounted with what it has. Nobody may have a file open on it."""
    _run("umount", str(place))
    _mount(place)


def _image(place: Path) -> Path:
    return place.with_name("disk.img")


def _mount(place: Path) -> None:
    """Check the disk, as a start of the machine does, and mount it; an error makes it read-only."""
    checked = subprocess.run(
        ["e2fsck", "-p", str(_image(place))], check=False, capture_output=True, text=True
    )
    if checked.returncode > _MENDED:
        raise UnavailableError(f"the disk cannot be mended: {checked.stdout}")
    _run("mount", "-o", "loop,errors=remount-ro", str(_image(place)), str(place))


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
