"""Which addresses are ones of the world: inner ones are told by what they embed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network

PRIVATE = "it is at a private address; set allow_private if it is meant"
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


def is_inner(host: str) -> bool:
    """Whether it is an address, and none of the world; where a name leads is seen when something is sent there."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return not is_public(host)


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
