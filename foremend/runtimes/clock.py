"""The clock of this machine."""

from __future__ import annotations

import time


class SystemClock:
    """`foremend.vocabulary.ports.Clock` of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000
