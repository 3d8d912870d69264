"""Where a receiver's name leads, asked within a deadline; inner addresses are told by what they embed."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from foremend.errors import UnavailableError

Resolver = Callable[[str, int], list[str]]
"""(host, port) -> addresses, best first; may block for as long as it likes. Raises OSError where there is none."""

_MOST_ADDRESSES = 2  # of a name with many, so that each gets a fair part of the time: a name's IPv6 and IPv4

_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291: all that IANA gives out; the rest has special uses
_NEVER = (
    IPv6Network("3fff::/20"),  # documentation, RFC 9637; Python 3.11 does not know it
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays of 6to4, RFC 7526
)
_NAT64 = IPv6Network(
    "64:ff9b::/96"
)  # RFC 6052; the local 64:ff9b:1::/48 (RFC 8215) is no address of the world
_MAPPED = IPv6Network("::ffff:0:0/96")
_TRANSLATED = IPv6Network("::ffff:0:0:0/96")  # RFC 2765
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291, 2.5.5.1
_EMBED_AT_END = (_NAT64, _MAPPED, _TRANSLATED, _COMPATIBLE)
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # bits 64 to 96 of an interface's address, RFC 5214


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


def is_public(address: str) -> bool:
    """Whether an address is one of the world, and everything that it embeds too. Text that is none is not."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return _is_global(found)
    embedded = list(_embedded(found))
    is_reached = found in _GLOBAL_UNICAST and _is_global(found)
    return (is_reached or _is_only_clothes(found)) and all(map(_is_global, embedded))


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not special and not any(address in network for network in _NEVER)


def _is_only_clothes(address: IPv6Address) -> bool:
    """Where nothing but the embedded address says where it leads."""
    return any(address in network for network in _EMBED_AT_END)


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that packets to `address` may come to."""
    number = int(address)
    if _is_only_clothes(address) or (number >> 32) & 0xFFFF_FFFF in _ISATAP:
        yield IPv4Address(number & 0xFFFF_FFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:  # its server, and the client behind it
        yield from address.teredo
