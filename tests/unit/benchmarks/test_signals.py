"""A benchmark that is told to end leaves by the way out."""

from __future__ import annotations

import signal
import subprocess
import sys

HOLDS = """
import signal
from contextlib import contextmanager
from benchmarks.signals import end_in_order

@contextmanager
def server():
    try:
        yield
    finally:
        print("stopped", flush=True)

end_in_order()
with server():
    print("started", flush=True)
    signal.pause()
"""


def test_what_it_holds_is_stopped_before_it_ends() -> None:
    """With the code that shells give to whom SIGTERM ended."""
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGTERM)

        assert process.communicate(timeout=60)[0] == "stopped\n"
        assert process.returncode == 128 + signal.SIGTERM
