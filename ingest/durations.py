"""Durations in words."""

from __future__ import annotations

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1))


def spell(duration_ms: int) -> str:
    """5400000 -> '1.5 h': in the largest unit of which there is at least one."""
    for name, size in _UNITS:
        if abs(duration_ms) >= size:
            return (
                f"{duration_ms / size:.3g} {name}"
                if duration_ms < 1000 * size
                else f"{duration_ms // size} {name}"
            )
    return "0 ms"
