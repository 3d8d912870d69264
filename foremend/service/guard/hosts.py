"""The names that the service answers to. Against DNS rebinding: a page elsewhere may not reach it by its own name."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from foremend.service.guard.problems import answer

_OF_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


class KnownHosts:
    """Refuses a `Host` that is none of `names`, none of this machine's and no address.

    An address is let through: whoever rebinds a name needs a name, and a page that was loaded from an address came from
    the machine that has it.
    """

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self._app = app
        self._names = {name.lower() for name in (*names, *_OF_THIS_MACHINE)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = _name(Headers(scope=scope).get("host", ""))
            if host not in self._names and not _is_address(host):
                refused = answer(
                    400,
                    f"this service has not the name {host[:100]!r}: add it to service.names in config.yaml, or come by"
                    " an address",
                )
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _name(host: str) -> str:
    """Without the port; an address of IPv6 without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
