"""What somebody ordered of the pipeline that has the storage folder, from another process: a file each."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from foremend.vocabulary.durable import replace_atomically
from foremend.vocabulary.errors import UnavailableError

log = logging.getLogger(__name__)

_END = ".order"
_MOST_BYTES = 1_024
"""Of an order, which names an appliance and its model."""


@dataclass(frozen=True, slots=True)
class Order:
    """One that waits."""

    file: Path
    what: bytes


class Orders:
    """Given by commands, carried out by the pipeline once its journal has them, oldest first.

    All raise UnavailableError where the disk refuses.
    """

    def __init__(self, storage: Path) -> None:
        self._folder = storage / "orders"
        self._left: set[str] = set()  # files that were told of

    def give(self, what: bytes, at: int) -> None:
        """Keep an order of `at`, ms UTC, until the pipeline takes it."""
        with self._in_our_words():
            replace_atomically(self._folder / f"{at:015d}-{secrets.token_hex(4)}{_END}", what)

    def waiting(self) -> Sequence[Order]:
        """Those that nobody carried out yet; what is there and is none stays, and is told once."""
        with self._in_our_words():
            try:
                files = sorted(file for file in self._folder.iterdir() if file.name.endswith(_END))
            except FileNotFoundError:  # nobody ever gave one
                return ()
            # One that could not be removed would come again every second.
            if files and not os.access(self._folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "nothing can be removed there")
            read = ((file, self._read(file)) for file in files)
            return [Order(file, what) for file, what in read if what is not None]

    def done(self, order: Order) -> None:
        """The journal has it."""
        with self._in_our_words():
            order.file.unlink(missing_ok=True)

    def forget(self, named: Callable[[str], bool]) -> None:
        """Nothing of an order stays that names one of these, nor of one that a kill cut short."""
        with self._in_our_words():
            for file in sorted(self._folder.glob(f"*{_END}*")):
                what = self._read(file)
                if what is not None and named(what.decode(errors="replace")):
                    file.unlink(missing_ok=True)

    def _read(self, file: Path) -> bytes | None:
        """None where it is no order: a folder, a link, a large file, or one that another account keeps to itself."""
        try:
            found = file.lstat()
            if stat.S_ISREG(found.st_mode) and found.st_size <= _MOST_BYTES:
                return file.read_bytes()
            why = "it is no file of an order"
        except OSError as error:
            why = str(error.strerror)
        if file.name not in self._left:
            self._left.add(file.name)
            log.warning("the order %s is left where it is: %s", file, why)
        return None

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UnavailableError(f"orders in {self._folder} cannot be used: {error.strerror}") from error
