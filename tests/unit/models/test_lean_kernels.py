"""Kernels that count no references say what plainly compiled ones say, to the last bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PLAINLY = "from models.stream import lean\nlean.LEAN.clear()\n"
FOLLOW = """
import hashlib
import numpy as np
from models.stream.stream import SignalStream
draw = np.random.default_rng(3)
minute = np.arange(4 * 24 * 60)
power = np.where(minute % 60 < 20, 90.0, 2.0) + draw.normal(0.0, 0.5, len(minute))
values = np.column_stack([power, draw.normal(4.0, 0.5, len(minute)), minute // 60])
values[draw.random(values.shape) < 0.1] = np.nan
stream = SignalStream(["power", "cabinet_temp", "door_openings"], "power", ["door_openings"])
told = hashlib.sha256()
for output in (stream.update(np.zeros(len(minute), np.int32), 60_000 * minute, values), stream.flush()):
    for rows in (output.hours, output.days, output.early):
        told.update(rows.time.tobytes() + rows.values.tobytes())
    assert len(output.hours) > 0
print(told.hexdigest())
"""


def test_they_give_the_same_windows(tmp_path: Path) -> None:
    """Four days of an appliance with gaps, a counter and a warm-up; the plain ones are compiled here, in a minute."""
    assert told(FOLLOW) == told(PLAINLY + FOLLOW, NUMBA_CACHE_DIR=str(tmp_path))


def told(script: str, **environ: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    return subprocess.check_output([sys.executable, "-c", script], env=env, text=True, cwd=ROOT)
