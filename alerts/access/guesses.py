"""A guess at a login costs time, and the more of it the more were wrong; never so much that it locks somebody out.

Counted by user, by address and by device. Who has logged in from a device before brings its cookie (`Devices`) and is
counted by it: so somebody who guesses at a name from elsewhere makes others wait, and not the one whose name it is.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from alerts.vault import Vault

LONGEST_S = 60.0
_FORGOTTEN_S = 3_600.0
_MOST = 20_000

Counted = Mapping[str, int]
"""What a guess is counted by, each with how many wrong ones cost nothing."""


class Guesses:
    """The wait doubles with each wrong guess from 1 s to `LONGEST_S`; an hour without one is forgiven.

    Of more than `most` names, those that were guessed at longest ago are forgotten. Each process has its own.
    """

    def __init__(self, most: int = _MOST, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._now = most, now
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, counted: Counted) -> int:
        """0 where the guess may be looked at, and it counts as wrong until `right` is told; else the wait in whole s.

        Counted before it is looked at: a hundred at once are a hundred, not one.
        """
        with self._lock:
            now = self._now()
            wait = max(self._wait(name, free, now) for name, free in counted.items())
            if wait <= 0:
                for name in counted:
                    self._put(name, self._count(name, now) + 1, now)
        return math.ceil(max(wait, 0))

    def right(self, forgiven: str, counted: Counted) -> None:
        """The guess was none: all of `forgiven` is forgotten, and of the others this one.

        Whoever logs in under a name of their own between two guesses gains nothing by it at their address.
        """
        with self._lock:
            now = self._now()
            for name in counted:
                count, at = self._wrong.get(name, (0, now))
                self._put(name, 0 if name == forgiven else max(count - 1, 0), at)

    def __len__(self) -> int:
        return len(self._wrong)

    def _wait(self, name: str, free: int, now: float) -> float:
        count = self._count(name, now)
        if count < free:
            return 0.0
        return self._wrong[name][1] + min(2.0 ** min(count - free, 30), LONGEST_S) - now

    def _count(self, name: str, now: float) -> int:
        count, at = self._wrong.get(name, (0, now))
        return count if now - at < _FORGOTTEN_S else 0

    def _put(self, name: str, count: int, at: float) -> None:
        self._wrong.pop(name, None)
        if count:
            self._wrong[name] = (count, at)
        while len(self._wrong) > self._most:
            self._wrong.popitem(last=False)


class Devices:
    """Cookies that tell a browser in which a user has logged in before. They open nothing."""

    def __init__(self, vault: Vault) -> None:
        self._key = vault.derived("devices")[-1]

    def new(self, user_id: str) -> str:
        """The text of a cookie for `user_id`."""
        number = secrets.token_hex(16)
        return f"{number}.{self._seal(number, user_id)}"

    def known(self, cookie: str, user_id: str) -> str | None:
        """The device's number, where the cookie was made here for `user_id`."""
        number, _, seal = cookie.partition(".")
        return number if hmac.compare_digest(seal.encode(), self._seal(number, user_id).encode()) else None

    def _seal(self, number: str, user_id: str) -> str:
        return hmac.digest(self._key, f"{number}\0{user_id}".encode(), hashlib.sha256).hex()
