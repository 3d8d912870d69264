"""The two compiled entry points: walk over sorted readings, and finish at the end of input.

Numba's disk cache looks at the source file of the cached function only, not of those it calls. Only the entry
points are cached here, and they close over a fingerprint of every kernel module, which is part of the cache's key:
editing any of them compiles anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.stream_kernel import finish, take
from models.stream_state import Params, Pool, State
from models.stream_warmup import learn, ready, refit, release, wait
from models.stream_windows import Rows

MOST_WINDOWS = 32
"""One reading closes at most this many windows: those of a whole warm-up."""
_KERNELS = ("on_level.py", "cycles.py", "stream_*.py")


def _fingerprint() -> str:
    files = sorted(file for pattern in _KERNELS for file in Path(__file__).parent.glob(pattern))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _compile(fingerprint: str) -> tuple[Callable[..., int], Callable[..., int]]:
    @njit(cache=True)
    def walk(
        s: State,
        pool: Pool,
        p: Params,
        appliance: NDArray[np.int32],
        time: NDArray[np.int64],
        values: NDArray[np.float64],
        first: int,
        hours: Rows,
        days: Rows,
    ) -> int:
        """Take the readings from row `first` on; returns the row to go on from once the outputs are emptied."""
        assert len(fingerprint) > 0
        for i in range(first, len(time)):
            if hours.filled[0] + MOST_WINDOWS > len(hours.start):
                return i
            r = appliance[i]
            m = s.machine[r]
            if p.cycle >= 0 and learn(m, p, time[i], values[i, p.cycle]):
                refit(m, p)
            if m.slot < 0:
                take(s, p, r, time[i], values[i], hours, days)
                continue
            wait(pool, m.slot, time[i], values[i])
            if ready(m, pool, p, time[i]):
                release(s, pool, p, r, hours, days)
        return len(time)

    @njit(cache=True)
    def finish_all(s: State, pool: Pool, p: Params, first: int, fleet: int, hours: Rows, days: Rows) -> int:
        """End of input for appliances first..fleet-1: decide by what is known, close what is open.

        Returns the appliance to go on from once the outputs are emptied.
        """
        assert len(fingerprint) > 0
        for r in range(first, fleet):
            if hours.filled[0] + MOST_WINDOWS > len(hours.start):
                return r
            if s.machine[r].slot >= 0:
                refit(s.machine[r], p)
                release(s, pool, p, r, hours, days)
            finish(s, p, r, hours, days)
        return fleet

    return walk, finish_all


walk, finish_all = _compile(_fingerprint())
