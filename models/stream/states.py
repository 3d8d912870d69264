"""What the kernels need to know of the states that a profile names (cooling, filling, spinning).

A day's means over all that an appliance did blur what a technician would read in one steady run. So a profile names
the signal that tells the state, and for each state the gauges worth a look in it
(`foremend.vocabulary.profiles.states`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.features import OF_STATES, Statistic, terms
from foremend.vocabulary.profiles import States
from foremend.vocabulary.types import MS_PER_SECOND

MEAN, PEAK, LOW, RATE, RANGE = (
    OF_STATES.index(one)
    for one in (Statistic.MEAN, Statistic.PEAK, Statistic.LOW, Statistic.RATE, Statistic.RANGE)
)
"""Kinds of a measure: mean over time; mean over stays of the highest or of the lowest value; change a minute; the day's
highest value less its lowest."""

STATE = np.dtype(
    [
        ("code", np.float64),  # value of the state signal
        ("gate", np.int64),  # gauge that must also be above `above`; -1: none
        ("above", np.float64),
        ("settle", np.int64),  # ms at the beginning of each stay that all but peak and low leave out
        ("least", np.float64),  # s a day in the state, below which the day has only peak and low
        ("first", np.int64),  # its measures are those from here
        ("last", np.int64),  # to before here
    ],
    align=True,
)
MEASURE = np.dtype(
    [("kind", np.int64), ("gauge", np.int64), ("minus", np.int64), ("unless_sent", np.float64)], align=True
)
"""`minus`: the gauge that is subtracted; -1: none. `unless_sent`: what is, of an appliance that never sent it."""
_NOTHING_UNSENT: Mapping[str, float] = {}


class Plan(NamedTuple):
    """What the kernels need to know of the states; `signal` is a gauge's index, -1: there are no states.

    `running` and `resting` are the codes that runs and pauses stand for where the signal was never sent; NaN: for none.
    """

    signal: int
    running: float
    resting: float
    states: NDArray[np.void]  # (k,) STATE
    measures: NDArray[np.void]  # (m,) MEASURE


def plan(
    states: States | None, gauges: Sequence[str], unless_sent: Mapping[str, float] = _NOTHING_UNSENT
) -> Plan:
    """`states` with indices into `gauges`; `unless_sent`: gauge -> its value where an appliance never sent it.

    Raises ConfigError for a gauge that is not there.
    """
    if states is None:
        return Plan(-1, math.nan, math.nan, np.zeros(0, STATE), np.zeros(0, MEASURE))
    rows = np.zeros(len(states.named), STATE)
    measures: list[tuple[int, int, int, float]] = []
    for number, state in enumerate(states.named.values()):
        first = len(measures)
        measures += [
            (OF_STATES.index(kind), *_gauges_of(what, gauges), _unsent(what, unless_sent))
            for kind, what in state.measures
        ]
        gate = -1 if state.only_while is None else _index(state.only_while.signal, gauges)
        above = 0.0 if state.only_while is None else state.only_while.above
        times = state.settle, state.at_least / MS_PER_SECOND
        rows[number] = (state.code, gate, above, *times, first, len(measures))
    instead = states.unless_sent
    running, resting = (math.nan, math.nan) if instead is None else (instead.running, instead.resting)
    return Plan(_index(states.signal, gauges), running, resting, rows, np.array(measures, MEASURE))


def _gauges_of(expression: str, gauges: Sequence[str]) -> tuple[int, int]:
    signal, minus = terms(expression)
    return _index(signal, gauges), -1 if minus is None else _index(minus, gauges)


def _unsent(expression: str, unless_sent: Mapping[str, float]) -> float:
    """What is subtracted where an appliance never sends it; NaN: then nothing is measured."""
    _, minus = terms(expression)
    return math.nan if minus is None else unless_sent.get(minus, math.nan)


def _index(name: str, gauges: Sequence[str]) -> int:
    if name not in gauges:
        raise ConfigError(f"a state measures {name}, which is not a gauge: choose from {', '.join(gauges)}")
    return list(gauges).index(name)
