"""Child processes and ports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from foremend.commands.demo.interrupts import shielded
from foremend.stores.free_port import free_port as free_port
from foremend.vocabulary.errors import UnavailableError


@contextmanager
def process(arguments: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A `foremend` command as a child, its words in `log`; stopped by process id at the end."""
    with running([sys.executable, "-m", "foremend", *arguments], log) as child:
        yield child


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Any command as a child; SIGTERM at the end, SIGKILL if that does not help."""
    with ExitStack() as stack:
        words = stack.enter_context(log.open("wb"))
        with shielded():
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True
            )
            stack.callback(end, child)
        yield child


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


def wait_for_port(port: int, within_s: float = 30.0) -> None:
    """Until somebody listens on `port`. Raises UnavailableError when nobody does."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if listens(port):
            return
        time.sleep(0.05)
    raise UnavailableError(f"nobody listens on port {port} after {within_s:g} s")


def wait_for_child(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until `child` listens on `port`, however long that takes. Raises UnavailableError when it ends instead."""
    while not listens(port):
        if child.poll() is not None:
            raise UnavailableError(f"nobody listens on port {port}: {ended(child, log)}")
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Whether somebody does, on this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def ended(child: subprocess.Popen[bytes], log: Path) -> str:
    """Its last words, for people."""
    words = log.read_text(errors="replace").strip().splitlines()
    last = f": {words[-1]}" if words else ""
    return f"the process ended with code {child.returncode}{last} (all of it is in {log})"
