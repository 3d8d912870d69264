"""A benchmark that is told to end stops the servers that it started."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def end_in_order() -> None:
    """From now on SIGTERM leaves by the way out, as Ctrl-C does: whatever a `with` holds is stopped."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
