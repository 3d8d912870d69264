"""Keeps what other people's code connects to within bounds: Apprise looks names up and connects by itself.

Every connection that Python opens is told to audit hooks (PEP 578) with the very address, before it is opened. Our hook
looks at the threads that asked for it and at no other. It stays for the process's life, as all of them do.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from alerts.public import is_public

_CONNECT = "socket.connect"
_CONNECTS = frozenset({_CONNECT, "socket.sendto"})
_watched = threading.local()
_installing = threading.Lock()
_installed = False


class InnerAddressError(OSError):
    """A connection to an address that is not one of the world was refused."""


class Connections:
    """What one thread connects to; `refused` has the addresses that it may not reach."""

    def __init__(self, public_only: bool) -> None:
        """`public_only`: addresses of the world alone may be reached."""
        self.refused: list[str] = []
        self._public_only = public_only
        self._lock = threading.Lock()
        self._opened: list[socket.socket] = []
        self._cut = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Those of this thread, within it."""
        _install()
        _watched.connections = self
        try:
            yield
        finally:
            _watched.connections = None
            with self._lock:
                while self._opened:
                    self._opened.pop().close()

    def cut(self) -> None:
        """End what is open, so that who reads from it reads no more, and open nothing more; from any thread."""
        with self._lock:
            self._cut = True
            for one in self._opened:
                with suppress(OSError):  # it is not connected yet, or no more
                    one.shutdown(socket.SHUT_RDWR)

    def check(self, host: str) -> None:
        """Raises InnerAddressError for one that may not be reached."""
        if self._public_only and not is_public(host):
            self.refused.append(host)
            raise InnerAddressError(f"{host} is a private address")

    def keep(self, opened: socket.socket) -> None:
        """By a name of its own, which stays when TLS takes the socket over. Raises OSError once it is cut."""
        with self._lock:
            if self._cut:
                raise ConnectionAbortedError("broken off")
            self._opened.append(socket.socket(fileno=os.dup(opened.fileno())))


def _install() -> None:
    global _installed
    with _installing:
        if not _installed:
            sys.addaudithook(_hook)
            _installed = True


def _hook(event: str, args: tuple[object, ...]) -> None:
    if event not in _CONNECTS:
        return
    connections: Connections | None = getattr(_watched, "connections", None)
    if connections is None:
        return
    opened, address = args
    if not isinstance(address, tuple):  # a socket of this machine's files
        return
    connections.check(str(address[0]))
    if event == _CONNECT and isinstance(opened, socket.socket):
        connections.keep(opened)
