"""Where a receiver's name leads, asked within a deadline."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable

from alerts.public import is_public
from foremend.vocabulary.errors import UnavailableError

Resolver = Callable[[str, int], list[str]]
"""(host, port) -> addresses, best first; may block for as long as it likes. Raises OSError where there is none."""

_MOST_ADDRESSES = 2  # of a name with many, so that each gets a fair part of the time: a name's IPv6 and IPv4


def resolve(host: str, port: int) -> list[str]:
    """The addresses that the system knows. Raises OSError, and UnicodeError for a name that can be none."""
    return [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Lookup:
    """Looks names up in a thread of its own, since no resolver knows a deadline; one at a time."""

    def __init__(self, resolver: Resolver = resolve) -> None:
        self._resolver = resolver
        self._thread: threading.Thread | None = None

    async def addresses(self, host: str, port: int, allow_private: bool) -> list[str]:
        """Where to connect to, at most two. Cancelled, the thread is left to the resolver and its answer dropped.

        Raises UnavailableError when there is no address, when one is not public and `allow_private` is not set (the
        name could lead inside at the next look), or when an earlier look-up still hangs.
        """
        if self._thread is not None and self._thread.is_alive():
            raise UnavailableError(f"{host}: an earlier look-up of the name still hangs")
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[str] | Exception] = loop.create_future()
        self._thread = threading.Thread(
            target=self._look_up, args=(host, port, loop, found), name=f"look-up {host}", daemon=True
        )
        self._thread.start()
        answer = await found
        self._thread = None  # it ends at this moment, and the next message may be here before
        if isinstance(answer, Exception):
            raise UnavailableError(f"{host} has no address ({answer})") from answer
        return allowed(host, answer, allow_private)

    def _look_up(
        self,
        host: str,
        port: int,
        loop: asyncio.AbstractEventLoop,
        found: asyncio.Future[list[str] | Exception],
    ) -> None:
        answer: list[str] | Exception
        try:
            answer = self._resolver(host, port)
        except (OSError, UnicodeError) as error:
            answer = error
        try:
            loop.call_soon_threadsafe(_answer, found, answer)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return


def _answer(found: asyncio.Future[list[str] | Exception], answer: list[str] | Exception) -> None:
    if not found.done():
        found.set_result(answer)


def allowed(host: str, addresses: list[str], allow_private: bool) -> list[str]:
    """The first two different ones. Raises UnavailableError where there are none, or one is not public."""
    different = list(dict.fromkeys(addresses))
    if not different:
        raise UnavailableError(f"{host} has no address")
    private = [address for address in different if not is_public(address)]
    if private and not allow_private:
        raise UnavailableError(
            f"{host} is at the private address {private[0]}; set allow_private if it is meant"
        )
    return different[:_MOST_ADDRESSES]
