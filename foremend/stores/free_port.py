"""A port for a server that is started in a moment, when others on this machine look for one, too."""

from __future__ import annotations

import random
import socket

_OURS = range(20_000, 32_000)
"""Below those that systems give away by themselves (Linux: 32,768 and up), to connections and to servers that ask for
any: one of those could be given to somebody else before our server listens, or while it is down."""

_given: set[int] = set()


def free_port() -> int:
    """One of 127.0.0.1 that nobody listens on now, and another one every time.

    Drawn, and by no seed: processes that ask at the same moment get different ones.
    """
    while True:
        port = random.SystemRandom().choice(_OURS)
        if port not in _given and not _listens(port):
            _given.add(port)
            return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
