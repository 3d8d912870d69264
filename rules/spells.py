"""Where appliances stand with a condition, and its levels: what the rules' kernel works on, without the compiler."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NEVER = -(2**62)  # far enough in the past, and differences with real times still fit int64
OPENS, CHANGES, ESCALATES, RELEASES = 1, 2, 3, 4


class Spells(NamedTuple):
    """Where each appliance stands with one condition; every array is (fleet,). Times are event time, ms UTC."""

    last: NDArray[np.int64]  # newest window with a known value
    since: NDArray[np.int64]  # first window of the unbroken run that held; NEVER where it does not hold
    untold: NDArray[np.int64]  # ms of it in which there was nothing to see
    calm: NDArray[np.int64]  # first window of the unbroken run that was clear; NEVER where it is not
    held: NDArray[np.bool_]  # the condition keeps an episode open
    severe: NDArray[np.bool_]  # it has escalated
    spoken: NDArray[np.int64]  # when it was last reported
    level: NDArray[np.float64]  # the value then


class Limits(NamedTuple):
    """A condition turned so that high values are bad. Levels in its own unit, times in ms."""

    opens_at: float  # holds strictly above this
    clears_at: float  # clear at or below this
    sustained_for: int
    clear_after: int
    max_gap: int  # a longer silence breaks runs: nobody knows what happened meanwhile
    change: float  # a difference worth reporting
    every: int  # and how rarely
    refresh: int  # an estimate this old is told anew, changed or not


class Events(NamedTuple):
    """What happened: at which row of the windows, what, and since when the condition held."""

    row: NDArray[np.int64]
    code: NDArray[np.int8]
    since: NDArray[np.int64]


def no_spells(fleet: int) -> Spells:
    """Spells of appliances that nothing is known about."""
    return Spells(
        last=np.full(fleet, NEVER, np.int64),
        since=np.full(fleet, NEVER, np.int64),
        untold=np.zeros(fleet, np.int64),
        calm=np.full(fleet, NEVER, np.int64),
        held=np.zeros(fleet, np.bool_),
        severe=np.zeros(fleet, np.bool_),
        spoken=np.full(fleet, NEVER, np.int64),
        level=np.full(fleet, np.nan, np.float64),
    )
