"""Each machine's own on-level, learned while its readings stream by.

Every appliance has a histogram of its cycle signal (power or current) on a logarithmic scale, weighted by the
time each value was held and forgotten with a half-life, so that wear and seasons move it slowly. Two levels are
read from it:

- `base` is the 2 % quantile: what the machine draws when it does least;
- the on-level is where half of the *energy above base* lies, then the median of the time spent above the cut
  between the two. Energy rather than time makes a fan step (long, weak) lose against the compressor, a median
  rather than a mean makes a defrost heater and inrush (strong, short) lose as well;
- the idle level is the 90 % quantile of the time below the cut, so that the upper of two idle steps counts as off.

The running state is then a hysteresis between idle and on-level (cycles.py). See docs/decisions/0006-cycles.md.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.stream.lean import LEAN

BINS = 64
BINS_PER_OCTAVE = 3
LOWEST = 2.0**-7
"""Below this (8 mW, 8 mA) a machine draws nothing; the last bin begins at 2**14."""

BASE_QUANTILE = 0.02
IDLE_QUANTILE = 0.90
CUT = 0.4
"""Where, between base and on-level, the histogram is divided into idle and running."""
NOISE = 0.1
"""Levels below this share of standby are not told apart."""
APART_BINS = 2
MIN_CONTRAST = 1.5
"""An on-level less than this many times the idle level is noise on one level."""
MIN_TIME_S = 300.0
"""Time that must have been spent on each side before two levels are believed."""
RARE = 0.05
"""Below this share of time, a high level over a base that is no standby is a heater on a machine that never stops."""
FORGOTTEN = 0.001


@njit(**LEAN)
def bin_of(value: float) -> int:
    """The histogram bin, 0..BINS-1, of a value in the signal's own unit."""
    if value < LOWEST:
        return 0
    return min(1 + int(BINS_PER_OCTAVE * math.log2(value / LOWEST)), BINS - 1)


@njit(**LEAN)
def lower_edge(position: float) -> float:
    """The value at a fractional bin position; 0 in the lowest bin, which holds 'nothing drawn'."""
    if position < 1.0:
        return 0.0
    return float(LOWEST * 2.0 ** ((position - 1.0) / BINS_PER_OCTAVE))


@njit(**LEAN)
def quantile(histogram: NDArray[np.float32], low: int, high: int, share: float) -> float:
    """The value below which `share` of the weight of bins low..high-1 lies; NaN without weight."""
    target = share * histogram[low:high].sum()
    below = 0.0
    for index in range(low, high):
        if histogram[index] > 0.0 and below + histogram[index] >= target:
            return lower_edge(index + (target - below) / histogram[index])
        below += histogram[index]
    return math.nan


@njit(**LEAN)
def _energy_median_bin(histogram: NDArray[np.float32], base_bin: int) -> int:
    """The bin in which half of the energy above base is reached; -1 if nothing is well above base."""
    base = lower_edge(base_bin + 0.5)
    first = base_bin + APART_BINS
    total = 0.0
    for index in range(first, BINS):
        total += histogram[index] * (lower_edge(index + 0.5) - base)
    reached = 0.0
    for index in range(first, BINS):
        reached += histogram[index] * (lower_edge(index + 0.5) - base)
        if total > 0.0 and reached >= 0.5 * total:
            return index
    return -1


@njit(**LEAN)
def two_levels(histogram: NDArray[np.float32], standby: float) -> tuple[float, float]:
    """(idle, on) in the signal's unit, or (NaN, NaN) while the machine has not shown two levels.

    `standby` is the most that a machine of this kind draws while it does nothing, in the signal's unit.
    """
    none = (math.nan, math.nan)
    base = quantile(histogram, 0, BINS, BASE_QUANTILE)
    if math.isnan(base):
        return none
    base = max(base, NOISE * standby)
    base_bin = bin_of(base)
    on_bin = _energy_median_bin(histogram, base_bin)
    if on_bin < 0:
        return none
    cut_bin = bin_of(base + CUT * (lower_edge(on_bin + 0.5) - base))
    cut_bin = min(max(cut_bin, base_bin + 1), on_bin)
    off_time = histogram[:cut_bin].sum()
    on_time = histogram[cut_bin:].sum()
    idle = quantile(histogram, 0, cut_bin, IDLE_QUANTILE)
    on = quantile(histogram, cut_bin, BINS, 0.5)
    if min(off_time, on_time) < MIN_TIME_S or on < MIN_CONTRAST * idle:
        return none
    if idle > standby and on_time < RARE * (on_time + off_time):
        return none
    return idle, on


@njit(**LEAN)
def one_level(histogram: NDArray[np.float32], standby: float) -> tuple[float, float]:
    """(idle, on) for a machine that has shown a single level: always on if it draws more than `standby`."""
    usual = quantile(histogram, 0, BINS, 0.5)
    if math.isnan(usual):
        usual = 0.0
    if usual > standby:
        return 0.0, usual
    return usual, max(2.0 * standby, 3.0 * usual, 2.0 * LOWEST)


@njit(**LEAN)
def believable(histogram: NDArray[np.float32], idle: float, off_threshold: float, standby: float) -> bool:
    """May `idle` replace the idle level in use?

    A machine that stops stopping shows only its running levels after a while; splitting those would call the
    lower of them a pause. So an idle level that is above the present off-threshold, and no standby either, is
    believed only when the time below that threshold has been forgotten altogether (about ten half-lives).
    """
    if idle <= max(off_threshold, standby):
        return True
    below = histogram[: bin_of(off_threshold)].sum()
    return bool(below < FORGOTTEN * histogram.sum())
