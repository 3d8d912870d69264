"""Passwords as Argon2id keeps them, and a check that takes as long for a user that there is not."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from foremend.vocabulary.errors import InputError, UnavailableError

SHORTEST, LONGEST = 12, 256
_AT_ONCE, _PATIENCE_S = 2, 5.0


class Passwords:
    """With the parameters of RFC 9106 for 64 MiB (argon2-cffi's own default): 3 passes, 4 lanes.

    At most two are looked at at once, so that guesses take 128 MiB and no more. Raises UnavailableError for whoever
    waited for 5 s in vain.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = threading.BoundedSemaphore(_AT_ONCE)

    def kept(self, password: str) -> str:
        """As it is stored: parameters, salt and hash."""
        with self._turn():
            return self._hasher.hash(_same(password))

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether it is the one; of None, which never fits, it takes as long to say so."""
        with self._turn():
            try:
                return self._hasher.verify(kept or self._of_nobody, _same(password)) and kept is not None
            except (VerificationError, InvalidHashError):
                return False

    def is_dated(self, kept: str) -> bool:
        """Whether it was kept with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    @cached_property
    def _of_nobody(self) -> str:
        return self._hasher.hash(secrets.token_hex(16))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=_PATIENCE_S):
            raise UnavailableError("too many are logging in at this moment: try again in some seconds")
        try:
            yield
        finally:
            self._turns.release()


def require_password(password: str, name: str) -> None:
    """Raises InputError for what is too short, too long, or the user's name."""
    length = len(_same(password))
    if not SHORTEST <= length <= LONGEST:
        raise InputError(f"a password has {SHORTEST} to {LONGEST} characters: this one has {length}")
    if len(set(_same(password))) < 4 or (name in _same(password).casefold() and length < len(name) + 8):
        raise InputError("this password is easy to guess: take some words that do not belong together")


def _same(password: str) -> str:
    """One form for what keyboards write differently, as NIST SP 800-63B, 3.1.1.2 asks for."""
    return unicodedata.normalize("NFKC", password)
