"""Child processes and ports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foremend.vocabulary.errors import UnavailableError


@contextmanager
def process(arguments: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A `foremend` command as a child, its words in `log`; stopped by process id at the end."""
    with running([sys.executable, "-m", "foremend", *arguments], log) as child:
        yield child


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Any command as a child; SIGTERM at the end, SIGKILL if that does not help."""
    with log.open("wb") as words:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True
        )
        try:
            yield child
        finally:
            end(child)


def end(child: subprocess.Popen[bytes], within_s: float = 20.0) -> None:
    """Ask a child and its own children to stop; force them after `within_s`."""
    if child.poll() is not None:
        return
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(within_s)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for_port(port: int, within_s: float = 30.0) -> None:
    """Until somebody listens on `port`. Raises UnavailableError when nobody does."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise UnavailableError(f"nobody listens on port {port} after {within_s:g} s")
