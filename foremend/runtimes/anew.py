"""Starting the same process anew, when only that helps.

Anew means `exec`: the process keeps its id, so that whoever supervises it need not know, and nothing of the old one
stays, not a thread and not a socket.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import NoReturn

log = logging.getLogger(__name__)

RESTART_S = 3.0


def start_anew(why: str) -> NoReturn:
    """Replace this process by the same command. From any thread."""
    log.error("%s; starting anew", why)
    time.sleep(RESTART_S)
    logging.shutdown()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
