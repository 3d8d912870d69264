"""The contract that every category of appliance follows.

A category is one subclass of `Physics` in its own module. The fleet gives it parameters, state and a `Span`
of surroundings and gets back the *true* signals; `sensors` then makes them look measured. Rules of the house:

1. Parameters and state are NamedTuples of (n,) arrays, one row per appliance, SI units inside, so that the
   same code reads as physics and compiles with numba.
2. A fault alters parameters, never a signal. Symptoms must emerge.
3. Random numbers are drawn in a number that depends on shapes alone, never on state or parameters: the same
   seed then gives the same world to a healthy and to a faulty appliance, up to the onset.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Growth = Literal["progressive", "sudden", "intermittent"]
Parameters = Any
"""A NamedTuple of (n,) float64 arrays; each category declares its own."""
State = Any
"""A NamedTuple of (n,) arrays that `Physics.run` changes in place; each category declares its own."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One measured quantity: what the sensor adds to the truth.

    `noise` is one standard deviation and `resolution` the smallest step, both in `unit`; a counter counts
    since the last reboot, carries no noise and is cut to `resolution`.
    """

    name: str
    unit: str
    resolution: float
    noise: float = 0.0
    counter: bool = False
    drifts: bool = False  # thermistors age; a meter chip or a counter does not


@dataclass(frozen=True, slots=True)
class Span:
    """What surrounds the n appliances of one model for `hours` hours from `start`.

    Arrays with `hours + 1` columns hold values at the full hours (first to last, both ends), to be
    interpolated linearly; arrays with `hours` columns hold for the whole hour.
    """

    start: int  # ms UTC, a full hour
    hours: int
    outdoor: Floats  # (n, hours + 1) degC
    indoor: Floats  # (n, hours + 1) degC, of a home whose air conditioner is off
    humidity: Floats  # (n, hours + 1) relative, 0..1, outdoors
    voltage: Floats  # (n, hours + 1) V at the socket
    presence: Floats  # (n, hours) 0..1: somebody is at home, asleep or awake
    activity: Floats  # (n, hours) 0..about 2: how busy the awake household is; averages about 0.35 over a day
    people: Floats  # (n,) persons in the household
    mains_water: Floats  # (n,) degC of the cold water

    @property
    def seconds(self) -> int:
        """Length of the span, s."""
        return self.hours * 3_600


@dataclass(frozen=True, slots=True)
class Measured:
    """True signals at every `sample_s`, the first one `sample_s` after the span's start; r readings a row.

    `sent` marks the readings the appliance reports at all (a washing machine at rest reports seldom); None
    is all.
    """

    signals: Mapping[str, Floats]  # name -> (n, r); NaN where the appliance does not report the signal
    sent: NDArray[np.bool_] | None = None  # (n, r)


@dataclass(frozen=True, slots=True)
class FaultEffect:
    """How one fault alters parameters.

    `change(parameters, severity)` returns new parameters; `severity` is (n,), 0 is healthy and must change nothing
    at all, 1 is failed. `days` is the usual range from onset to failure. The severity of a progressive or
    intermittent fault grows over these days and first shows where it passes `sign_at`: where a day's mean of its
    clearest symptom leaves the appliance's own healthy days by about three standard deviations. A sudden fault is
    at 1 at once, `days` is how long the appliance copes, and it shows after the share `sign_at` of them. A fault of
    what runs in hot weather only (a coil that freezes, a drain that clogs) comes where normal days are warmer than
    `needs_warmth`.
    """

    growth: Growth
    days: tuple[float, float]
    sign_at: float  # 0..1
    change: Callable[[Parameters, Floats], Parameters]
    needs_warmth: float = -math.inf  # degC, daily mean outdoors

    def within(self, days: float) -> FaultEffect:
        """The same effect, failing exactly `days` after its onset."""
        return replace(self, days=(days, days))


class Physics(ABC):
    """One category of appliance. Holds no per-appliance data: that is in parameters and state."""

    category: ClassVar[str]
    sample_s: ClassVar[int]  # s between readings; divides an hour
    signals: ClassVar[tuple[Signal, ...]]
    models: ClassVar[tuple[str, ...]]  # the appliance models it can draw
    faults: ClassVar[Mapping[str, FaultEffect]]  # fault name -> what it does to the parameters

    @abstractmethod
    def draw(self, rng: np.random.Generator, n: int, appliance_model: str) -> Parameters:
        """n units of `appliance_model` as they leave the factory, with unit-to-unit spread."""

    @abstractmethod
    def begin(self, rng: np.random.Generator, parameters: Parameters) -> State:
        """A plausible state to start from; the fleet lets it settle for a while before anyone looks."""

    @abstractmethod
    def run(self, parameters: Parameters, state: State, span: Span, rng: np.random.Generator) -> Measured:
        """Advance `state` in place over `span` and return the true signals.

        Vectorised over appliances; inside, a numba kernel may walk the time steps. `parameters` hold for the
        whole span (the fleet calls with spans of a few hours, so that faults grow in small steps).
        """


def scaled(values: Floats, severity: Floats, at_failure: float) -> Floats:
    """`values` times a factor that goes linearly from 1 (severity 0) to `at_failure` (severity 1)."""
    return values * (1.0 + severity * (at_failure - 1.0))


def spread(rng: np.random.Generator, n: int, nominal: float, relative: float) -> Floats:
    """n positive values around `nominal`, log-normal with `relative` standard deviation."""
    return nominal * np.exp(relative * rng.standard_normal(n))


def as_made(
    rng: np.random.Generator, n: int, rated: Mapping[str, float], spreads: Mapping[str, float]
) -> dict[str, Floats]:
    """Each of the `rated` numbers n times, around it by its relative spread; the same n times where it has none."""
    return {
        name: spread(rng, n, value, spreads[name]) if name in spreads else np.full(n, value)
        for name, value in rated.items()
    }


def as_rows(values: Any) -> NDArray[np.void]:
    """A NamedTuple of arrays as records with the same field names: (n,), or (n, hours) of what changes with the hour.

    numba passes a record as one pointer, while a tuple of arrays costs a reference count for each array and call:
    the refrigerator's step takes 60 ns this way and 840 ns the other.
    """
    rows = np.empty(values[0].shape, dtype=[(name, np.float64) for name in values._fields])
    for name, column in zip(values._fields, values, strict=True):
        rows[name] = column
    return rows


def room_for(signals: Sequence[Signal], n: int, readings: int) -> NDArray[np.void]:
    """Records (n, readings) that a kernel fills: a field for each signal."""
    return np.empty((n, readings), dtype=[(signal.name, np.float64) for signal in signals])


def by_signal(filled: NDArray[np.void], signals: Sequence[Signal]) -> dict[str, Floats]:
    """What a kernel filled as an array (n, readings) for each of `signals`."""
    return {signal.name: np.ascontiguousarray(filled[signal.name]) for signal in signals}


def copy_back(rows: NDArray[np.void], values: Any) -> None:
    """Write the records of `as_rows` back into the arrays they came from."""
    for name, column in zip(values._fields, values, strict=True):
        column[:] = rows[name]
