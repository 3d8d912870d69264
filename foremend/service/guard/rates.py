"""How many requests a second: a bucket of tokens for each address and each credential, in bounded memory."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from foremend.service.guard.problems import Problem, answer

HEALTH = frozenset(("/livez", "/readyz"))
"""Asked by orchestrators, often from the address of a gateway that all requests come through."""

BURST_S = 4
"""A bucket holds what comes in so many seconds, so that a page may ask for all its parts at once."""
_MOST = 20_000


class Buckets:
    """`rate` requests a second for each name, and `BURST_S` times that at once. Each process has its own.

    Of more than `most` names those that asked longest ago are forgotten, that is, begin with a full bucket.
    """

    def __init__(self, rate: float, most: int = _MOST, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._most, self._now = rate, max(rate * BURST_S, 1.0), most, now
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, name: str) -> int:
        """0 where a request of `name` may pass, which takes one; else in how many whole seconds one may."""
        with self._lock:
            now = self._now()
            level, at = self._levels.pop(name, (self._burst, now))
            level = min(level + (now - at) * self._rate, self._burst)
            passes = level >= 1
            self._levels[name] = (level - 1 if passes else level, now)
            while len(self._levels) > self._most:
                self._levels.popitem(last=False)
        return 0 if passes else math.ceil((1 - level) / self._rate)

    def __len__(self) -> int:
        return len(self._levels)


class RatesByAddress:
    """Refuses with 429 what comes from one address faster than `buckets` let it.

    Questions about health have a bucket of their own: else a busy address would have a process that is well replaced.
    """

    def __init__(self, app: ASGIApp, buckets: Buckets) -> None:
        self._app, self._buckets = app, buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (wait := self._buckets.wait_s(_bucket(scope))):
            await answer(429, _too_many("from this address", wait), _after(wait))(scope, receive, send)
            return
        await self._app(scope, receive, send)


def require_rate(buckets: Buckets, who: str) -> None:
    """Raises Problem 429 where a credential asks faster than it may."""
    if wait := buckets.wait_s(who):
        raise Problem(429, _too_many("with this credential", wait), _after(wait))


def _bucket(scope: Scope) -> str:
    return f"{neighbourhood(scope)} health" if scope["path"] in HEALTH else neighbourhood(scope)


def neighbourhood(scope: Scope) -> str:
    """The caller's address; of IPv6 the /64, which one household or one rented machine has to itself."""
    client = scope.get("client")
    try:
        found = ip_address(client[0] if client else "")
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return f"{int(found) >> 64:x}/64"
    return str(found)


def _too_many(whose: str, wait: int) -> str:
    return f"too many requests {whose}: come again in {wait} s"


def _after(wait: int) -> dict[str, str]:
    return {"Retry-After": str(wait)}
