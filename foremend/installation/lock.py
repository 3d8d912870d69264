"""One process at a time on a storage folder: a lock that the kernel lets go of, however the process ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from foremend.vocabulary.errors import ConfigError, RefusedError, UnavailableError

NAME = "foremend.lock"


class FolderLock:
    """Held from its making until `close` or the end of the process, kill -9 included; child processes never have it."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder where there is none. Raises RefusedError, naming the process that has it."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.fdopen(os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o600), "r+")
        except OSError as error:
            raise ConfigError(f"storage.folder {folder} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            with self._file:
                holder = self._file.read().strip()
            raise RefusedError(
                f"{folder} is used by another Foremend, process {holder or 'unknown'}: stop that one, or give this"
                " one a storage.folder of its own"
            ) from error
        self._sign(folder)

    def _sign(self, folder: Path) -> None:
        """Write who holds it. Raises UnavailableError where the disk has no room even for that."""
        try:
            self._file.truncate(0)
            os.pwrite(self._file.fileno(), f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            self._file.close()
            raise UnavailableError(f"{folder / NAME} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Let the next one have it. Safe to call twice."""
        self._file.close()


def holder(folder: Path) -> int | None:
    """The process that has the folder now, None where nobody has it. Changes nothing."""
    try:
        with (folder / NAME).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return int((folder / NAME).read_text().strip() or 0)
    return None
