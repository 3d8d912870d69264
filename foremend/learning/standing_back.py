"""What a child does that works beside a service."""

from __future__ import annotations

import os
import signal
import sys
import threading
from multiprocessing import parent_process

NICE = 10  # readings come first


def stand_back() -> None:
    """Of a child that works beside a service: it ends when its parent does, and whoever serves comes first."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent hears it, too, and ends this
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if sys.platform != "win32":
        os.nice(NICE)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
