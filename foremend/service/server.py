"""Serving the application from a thread of its process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence

import uvicorn
from starlette.applications import Starlette

from foremend.vocabulary.errors import ConfigError

_STOP_WITHIN_S = 5.0


class Server:
    """Listens from `start` to `stop`; a context manager does both."""

    def __init__(
        self,
        app: Starlette,
        host: str,
        port: int,
        setting: str = "service.port",
        proxies: Sequence[str] = (),
    ) -> None:
        """`port` 0 takes any free one; `setting` is where the operator says it, for the sentence when it is taken.

        `proxies`: addresses of gateways that are believed when they say whom they ask for.
        """
        self._host, self._port, self._setting = host, port, setting
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
            lifespan="off",
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Listen and serve; returns the address. Raises ConfigError when the port is taken or not ours to take."""
        listener = self._listen()
        port = listener.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="http", daemon=True
        )
        self._thread.start()
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{port}"

    def stop(self) -> None:
        """Finish what is being answered and let go of the port."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_WITHIN_S)

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listen(self) -> socket.socket:
        return _listener(self._host, self._port, self._setting)


def require_port(host: str, port: int, setting: str = "service.port") -> None:
    """Take `port` and let go of it again, before any long work. Raises ConfigError as `Server.start` would."""
    _listener(host, port, setting).close()


def _listener(host: str, port: int, setting: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port} ({error.strerror}):"
            f" stop what uses the port, or set {setting} to another one or to 0"
        ) from error
    # What it accepts has it, too. Without, an answer's body waits 40 ms for the receipt of its head; asyncio sees to it
    # only where a socket names its protocol.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
