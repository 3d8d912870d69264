"""The states of an appliance that a profile names (cooling, filling, spinning) and what is measured in each.

A day's means over all that an appliance did blur what a technician would read in one steady run. So a profile names
the signal that tells the state, and for each state the gauges worth a look in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.types import MS_PER_SECOND

MEAN, PEAK, LOW, RATE, RANGE = range(5)
"""Kinds of a measure: mean over time; mean over stays of the highest or of the lowest value; change a minute; the day's
highest value less its lowest."""
_SUFFIX = ("", "_peak", "_low", "_rate", "_range")
_TURNED = (MEAN, LOW, PEAK, RATE, RANGE)
_STAYS = ("share", "visits", "visit_mean_s", "visit_least_s")
_MINUS = " - "

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
MEASURE = np.dtype([("kind", np.int64), ("gauge", np.int64), ("minus", np.int64)], align=True)
"""`minus`: the gauge that is subtracted; -1: none."""


class Counterpart(NamedTuple):
    """The daily feature that a fault moves as it moves this one: `sign` 1 the same way, -1 the other way round."""

    feature: str
    sign: int


class Plan(NamedTuple):
    """What the kernels need to know of the states; `signal` is a gauge's index, -1: there are no states."""

    signal: int
    states: NDArray[np.void]  # (k,) STATE
    measures: NDArray[np.void]  # (m,) MEASURE


@dataclass(frozen=True, slots=True)
class State:
    """One state: it holds while the state signal has `code` and, if `gate` is given, that gauge is above `above`.

    All but `peak` and `low` leave out `settle_ms` at the beginning of each stay, and a day with less than `least_ms` in
    the state has none of them; those two are of whole stays, for a machine that trips at once never settles.

    `mean` names gauges, or differences ('a - b'), whose mean is taken; `peak` and `low` those whose highest and lowest
    value a stay is; `rate` those whose change a minute is; `range` those whose highest value of the day less the lowest
    is, which tells what comes and goes from what stays. `like` names a state in which faults show in the same measures,
    those in `turned` the other way round.
    """

    name: str
    code: int
    gate: str | None = None
    above: float = 0.0
    settle_ms: int = 0
    least_ms: int = 0
    mean: tuple[str, ...] = ()
    peak: tuple[str, ...] = ()
    low: tuple[str, ...] = ()
    rate: tuple[str, ...] = ()
    range: tuple[str, ...] = ()
    like: str | None = None
    turned: tuple[str, ...] = ()

    @property
    def measures(self) -> Iterator[tuple[int, str]]:
        """(kind, expression) of everything measured."""
        for kind, expressions in zip(
            (MEAN, PEAK, LOW, RATE, RANGE),
            (self.mean, self.peak, self.low, self.rate, self.range),
            strict=True,
        ):
            yield from ((kind, expression) for expression in expressions)

    @property
    def features(self) -> Iterator[str]:
        """Names of the daily features."""
        yield from (f"{self.name}_{what}" for what in _STAYS)
        yield from (_feature(self.name, kind, expression) for kind, expression in self.measures)

    @property
    def counterparts(self) -> Iterator[tuple[str, Counterpart]]:
        """(feature, its counterpart) in the state that this one is `like`, be it measured there or not."""
        if self.like is None:
            return
        yield from ((f"{self.name}_{what}", Counterpart(f"{self.like}_{what}", 1)) for what in _STAYS)
        for kind, expression in self.measures:
            turned = expression in self.turned
            there = _feature(self.like, _TURNED[kind] if turned else kind, expression)
            yield _feature(self.name, kind, expression), Counterpart(there, -1 if turned else 1)


@dataclass(frozen=True, slots=True)
class States:
    """The states that `signal` tells; without `named` there are none."""

    signal: str = ""
    named: tuple[State, ...] = field(default=())

    @property
    def features(self) -> tuple[str, ...]:
        """Names of all daily features of states, in the order in which a day's window holds them."""
        return tuple(feature for state in self.named for feature in state.features)

    @property
    def counterparts(self) -> dict[str, Counterpart]:
        """Feature -> its counterpart, for all of states that are like another where both are measured."""
        known = set(self.features)
        pairs = [pair for state in self.named for pair in state.counterparts]
        return {feature: other for feature, other in pairs if other.feature in known}

    def plan(self, gauges: Sequence[str]) -> Plan:
        """The same with indices into `gauges`. Raises ConfigError for a gauge that is not there."""
        states = np.zeros(len(self.named), STATE)
        measures: list[tuple[int, int, int]] = []
        for number, state in enumerate(self.named):
            first = len(measures)
            measures += [(kind, *_gauges_of(expression, gauges)) for kind, expression in state.measures]
            gate = -1 if state.gate is None else _index(state.gate, gauges)
            times = state.settle_ms, state.least_ms / MS_PER_SECOND
            states[number] = (state.code, gate, state.above, *times, first, len(measures))
        signal = _index(self.signal, gauges) if self.named else -1
        return Plan(signal, states, np.array(measures, MEASURE))


def signals_of(expression: str) -> tuple[str, ...]:
    """The one or two gauges of 'a' or 'a - b'."""
    return tuple(part.strip() for part in expression.split(_MINUS))


def _feature(state: str, kind: int, expression: str) -> str:
    return f"{state}_{expression.replace(_MINUS, '_less_')}{_SUFFIX[kind]}"


def _gauges_of(expression: str, gauges: Sequence[str]) -> tuple[int, int]:
    first, *second = (_index(name, gauges) for name in signals_of(expression))
    return first, second[0] if second else -1


def _index(name: str, gauges: Sequence[str]) -> int:
    if name not in gauges:
        raise ConfigError(f"a state measures {name}, which is not a gauge: choose from {', '.join(gauges)}")
    return list(gauges).index(name)
