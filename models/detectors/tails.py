"""How unlikely a magnitude is by those before it: their histogram, and a Pareto tail beyond (Pickands, 1975).

Bins are quarters of an octave, 16 octaves of them, around the first one: any unit will do. They move up by one where
something greater comes, so that a few absurd ones do not push the others out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from foremend.vocabulary.compiling import compiled

BINS = 64
_AN_OCTAVE = 4

_USUAL = 0.98
"""Of all magnitudes so many are within the bound."""

_TAIL = 0.15
_TAIL_LOOKS = 4.0
"""Before anything is known beyond the bound, magnitudes fall off as the power -1 / 0.15, as sure as after 4 of them."""

_AT_ONCE = 8.0
"""One magnitude counts as at most so many bounds in the root mean square: a glitch must not blind for good."""


Tail = Any
"""A record with these fields, which a detector keeps of each signal, as the kernels see it."""

TAIL: list[tuple[Any, ...]] = [
    ("total", np.float64),  # all magnitudes
    ("squares", np.float64),  # the sum of their squares
    ("lowest", np.int32),  # the lowest bin's place, in quarters of an octave
    ("counts", np.float32, (BINS,)),  # magnitudes by bin; the lowest holds all below it, and zeros
]


@compiled(error_model="numpy")
def _octaves(value: float) -> float:
    return _AN_OCTAVE * math.log2(value)


@compiled(error_model="numpy")
def _move_up(tail: Tail) -> None:
    """Move the bins up by one place; what is below then is in the lowest."""
    counts = tail.counts
    below = counts[0] + counts[1]
    for bin_ in range(BINS - 1):
        counts[bin_] = counts[bin_ + 1]
    counts[0], counts[BINS - 1] = below, np.float32(0.0)
    tail.lowest += 1


@compiled(error_model="numpy")
def count(tail: Tail, value: float, bound: float, memory: float) -> None:
    """Learn one more magnitude, at least 0; once there are `memory` of them all count half."""
    place = 0
    if value > 0.0:
        if tail.squares == 0.0:
            tail.lowest = math.floor(_octaves(value)) - BINS // 2
        place = math.floor(_octaves(value)) - tail.lowest
        if place >= BINS:
            _move_up(tail)
            place = BINS - 1
    tail.counts[max(place, 0)] += np.float32(1.0)
    tail.total += 1.0
    least = min(value, _AT_ONCE * bound) if bound > 0.0 else value
    tail.squares += least * least
    if tail.total >= memory:
        tail.counts[:] *= np.float32(0.5)
        tail.total *= 0.5
        tail.squares *= 0.5


@compiled(error_model="numpy")
def bound_of(tail: Tail) -> float:
    """What 98 % of magnitudes do not exceed, and no less than their root mean square; 0 if all were 0."""
    counts, left = tail.counts, (1.0 - _USUAL) * tail.total
    if tail.squares <= 0.0:
        return 0.0
    quantile = 0.0
    for bin_ in range(BINS - 1, 0, -1):
        if counts[bin_] > 0.0 and counts[bin_] >= left:
            above = tail.lowest + bin_ + 1.0 - left / counts[bin_]
            quantile = 2.0 ** (above / _AN_OCTAVE)
            break
        left -= counts[bin_]
    return float(max(quantile, math.sqrt(tail.squares / tail.total)))


@compiled(error_model="numpy")
def chance(tail: Tail, value: float, bound: float) -> float:
    """How likely a magnitude of at least `value` is, which is beyond `bound` > 0."""
    counts, start = tail.counts, _octaves(bound) - tail.lowest
    beyond, logs = 0.0, 0.0
    for bin_ in range(max(int(start), 0), BINS):
        part = min(bin_ + 1.0 - start, 1.0)
        beyond += part * counts[bin_]
        logs += part * counts[bin_] * (bin_ + 1.0 - 0.5 * part - start)
    logs *= math.log(2.0) / _AN_OCTAVE
    shape = max((logs + _TAIL_LOOKS * _TAIL) / (beyond + _TAIL_LOOKS), _TAIL)
    rate = (beyond + 1.0) / (tail.total + 1.0)
    return float(min(rate * (value / bound) ** (-1.0 / shape), 1.0))
