"""How the kernels of the stream are compiled: they allocate nothing, so they count no references either.

Each look at a part of the state, `s.gauge[r, HOUR, g]`, was counted up and down again: more than half of the walk.
Whatever would need to allocate does not compile. A division by zero is infinite or NaN, as in NumPy, and no error.
"""

from __future__ import annotations

from typing import Any

LEAN: dict[str, Any] = {"_nrt": False, "error_model": "numpy"}
