"""A feature is a value: a number derived from readings, which knows what it is of, and how it is measured and compared.

Nothing is ever read out of its name; the name is for rules, files and people. A profile gives its features
(`Profile.hourly_features`, `Profile.daily_features`), and every stage takes what it needs from their attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol


class Role(StrEnum):
    """What a signal explains of the others.

    `weather` comes from outside the home: it explains all else, and is no symptom. `imposed` is what people and their
    use ask: it explains, and nothing explains it. `chosen` is what the appliance sets itself: it explains what is
    measured, and what is imposed explains it. `measured` explains nothing.
    """

    WEATHER = "weather"
    IMPOSED = "imposed"
    CHOSEN = "chosen"
    MEASURED = "measured"


class Statistic(StrEnum):
    """What is told of a signal, of the runs or of the stays in a state, within one hour or day."""

    MEAN = "mean"
    STD = "std"
    MIN = "min"
    MAX = "max"
    ON_MEAN = "on_mean"  # while running
    OFF_MEAN = "off_mean"
    COVERAGE = "coverage"  # share of the window with readings
    RISE = "rise"  # of a counter
    STARTS = "compressor_starts"
    DUTY = "duty"
    STARTS_PER_HOUR = "starts_per_hour"
    LONGEST_RUN = "longest_run_s"
    RUN_MEAN = "run_mean_s"
    RUN_STD = "run_std_s"
    PAUSE_MEAN = "pause_mean_s"
    PAUSE_STD = "pause_std_s"
    ON_LEVEL = "on_power"
    INRUSH = "inrush_peak"
    SHARE = "share"
    VISITS = "visits"
    VISIT_MEAN = "visit_mean_s"
    VISIT_LEAST = "visit_least_s"
    PEAK = "peak"
    LOW = "low"
    RATE = "rate"
    RANGE = "range"


_S = Statistic
OF_RUNS = (
    _S.COVERAGE,
    _S.STARTS,
    _S.DUTY,
    _S.STARTS_PER_HOUR,
    _S.LONGEST_RUN,
    _S.RUN_MEAN,
    _S.RUN_STD,
    _S.PAUSE_MEAN,
    _S.PAUSE_STD,
    _S.ON_LEVEL,
    _S.INRUSH,
)
OF_GAUGES = (_S.MEAN, _S.STD, _S.MIN, _S.MAX, _S.ON_MEAN, _S.OFF_MEAN, _S.COVERAGE)
OF_STAYS = (_S.SHARE, _S.VISITS, _S.VISIT_MEAN, _S.VISIT_LEAST)
OF_STATES = (_S.MEAN, _S.PEAK, _S.LOW, _S.RATE, _S.RANGE)
"""What windows hold, in the order in which the kernels write it."""

RATIO = None
"""The scale of what is compared as a ratio (a signed logarithm of 1 + value)."""
_DIFFERENCES = ("degC", "degF", "K")
_STEPS = {"rpm": 5_000.0}
"""Of a difference of two signals: what counts as 1. Then the least spread that is told apart, `LEAST_SPREAD` of
`models.usual.spread`, is 5 rpm, and no tacho tells less."""
_OF_DIFFERENCES = {"degC": "K", "degF": "K"}
_SECONDS = (
    _S.LONGEST_RUN,
    _S.RUN_MEAN,
    _S.RUN_STD,
    _S.PAUSE_MEAN,
    _S.PAUSE_STD,
    _S.VISIT_MEAN,
    _S.VISIT_LEAST,
)
MINUS = " - "


@dataclass(frozen=True, slots=True)
class Quantity:
    """What of a signal its features depend on."""

    unit: str = ""
    role: Role = Role.MEASURED
    counter: bool = False


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of every window. Where `minus` is given, it is of the difference `signal` less `minus`.

    `signal` is None for what is told of runs and stays, `state` for what is told of the whole window. `scale`: the
    difference, in `unit`, that counts as 1 where features are compared; None (`RATIO`): compared as a ratio.
    """

    name: str
    signal: str | None = None
    statistic: Statistic = Statistic.MEAN
    state: str | None = None
    unit: str = ""
    scale: float | None = RATIO
    role: Role = Role.MEASURED
    minus: str | None = None

    @property
    def is_weather(self) -> bool:
        """Of the weather alone: it explains, and is no symptom."""
        return self.role is Role.WEATHER and self.minus is None

    @property
    def measured_in(self) -> str | None:
        """The state that it measures; None for the whole window, and for how a state was used, which is habit."""
        return None if self.statistic in (_S.SHARE, _S.VISITS) else self.state

    @property
    def is_of_whole_gauge(self) -> bool:
        """A gauge's statistic over the whole window."""
        return self.signal is not None and self.state is None and self.statistic in OF_GAUGES


class Counterpart(NamedTuple):
    """The daily feature that a fault moves as it moves this one: `sign` 1 the same way, -1 the other way round."""

    feature: str
    sign: int


class Kind(StrEnum):
    """What deviates, and how that is told."""

    OWN = "own"  # from the own usual; the season moves it for the whole fleet
    SIBLINGS = "siblings"  # the same, after what siblings show that day is taken away
    TREND = "trend"  # a fast average of the latter less a slow one
    SHAPE = "shape"  # how that deviates which does; of no one feature


@dataclass(frozen=True, slots=True)
class Deviation:
    """One column of what detectors and predictors are fitted on. `of` is the feature's name, or that of the shape."""

    kind: Kind
    of: str

    @property
    def name(self) -> str:
        return f"{self.kind}.{self.of}"


@dataclass(frozen=True, slots=True)
class Condition:
    """A daily feature that explains others: its typical value and spread, in its unit.

    `chosen` by the appliance itself: then what is imposed explains it in its turn.
    """

    feature: Feature
    typical: float
    spread: float
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Direction:
    """A feature that tells which way an appliance works: from `one` on to `other` what the weather does turns round."""

    feature: Feature
    one: float
    other: float


@dataclass(frozen=True, slots=True)
class Daily:
    """The features of a day in their order, and what explains them: of the whole day, and of each state by its name."""

    features: tuple[Feature, ...]
    day: tuple[Condition, ...] = ()
    states: Mapping[str, tuple[Condition, ...]] | None = None
    direction: Direction | None = None

    def explains(self, state: str | None) -> tuple[Condition, ...]:
        """What explains the features measured in `state`; None: those of the whole day."""
        return self.day if state is None else (self.states or {}).get(state, ())


class Measuring(Protocol):
    """A state, as far as its features depend on it."""

    @property
    def measures(self) -> Iterator[tuple[Statistic, str]]:
        """(statistic, expression) of everything measured."""
        ...


def terms(expression: str) -> tuple[str, str | None]:
    """The signal of 'a', or the two of 'a - b'."""
    first, *second = (part.strip() for part in expression.split(MINUS))
    return first, second[0] if second else None


def hour_features(
    quantities: Mapping[str, Quantity], starts: str | None = None, run_unit: str = ""
) -> tuple[Feature, ...]:
    """Of an hour: of the runs, of each gauge, then each counter's rise by its own name.

    `starts` is the appliance's own counter of starts, which is told of the runs; `run_unit` that of the signal that
    shows them.
    """
    gauges = {name: one for name, one in quantities.items() if not one.counter}
    return (
        *(_of_runs(statistic, starts, run_unit) for statistic in OF_RUNS),
        *(_of_gauge(name, one, statistic) for name, one in gauges.items() for statistic in OF_GAUGES),
        *(
            Feature(name, name, _S.RISE, unit=one.unit, role=one.role)
            for name, one in quantities.items()
            if one.counter and name != starts
        ),
    )


def state_features(
    states: Mapping[str, Measuring], quantities: Mapping[str, Quantity]
) -> tuple[Feature, ...]:
    """Of a day, behind those of an hour: of the stays in each state, then what is measured in it."""
    return tuple(
        feature
        for name, state in states.items()
        for feature in (
            *(_of_stays(name, statistic) for statistic in OF_STAYS),
            *(_in_state(name, statistic, what, quantities) for statistic, what in state.measures),
        )
    )


def alike(
    features: Sequence[Feature],
    like: Mapping[str, str],
    turned: Mapping[str, Sequence[str]],
) -> dict[str, Counterpart]:
    """Feature -> its counterpart, where both are measured; `like`: state -> the one in which faults show alike.

    Of the expressions `turned` by state the mean moves the other way round, and a peak is the other's low.
    """
    known = {(f.state, f.signal, f.minus, f.statistic): f.name for f in features}
    other_way = {state: {terms(one) for one in expressions} for state, expressions in turned.items()}
    mirrored = {_S.PEAK: _S.LOW, _S.LOW: _S.PEAK}
    pairs = {}
    for one in features:
        there = like.get(one.state or "")
        if there is None:
            continue
        turns = (one.signal, one.minus) in other_way.get(one.state or "", ())
        statistic = mirrored.get(one.statistic, one.statistic) if turns else one.statistic
        other = known.get((there, one.signal, one.minus, statistic))
        if other is not None:
            pairs[one.name] = Counterpart(other, -1 if turns else 1)
    return pairs


def _of_runs(statistic: Statistic, starts: str | None, run_unit: str) -> Feature:
    unit = _unit_of_time(statistic)
    if statistic in (_S.ON_LEVEL, _S.INRUSH):
        unit = run_unit
    signal = starts if statistic is _S.STARTS else None
    return Feature(
        statistic.value, signal, statistic, unit=unit, scale=1.0 if statistic is _S.DUTY else RATIO
    )


def _of_gauge(name: str, of: Quantity, statistic: Statistic) -> Feature:
    """How much of it was seen is compared as the gauge itself is."""
    units = {_S.STD: _OF_DIFFERENCES.get(of.unit, of.unit), _S.COVERAGE: ""}
    unit = units.get(statistic, of.unit)
    return Feature(f"{name}_{statistic}", name, statistic, None, unit, _scale(of.unit), of.role)


def _of_stays(state: str, statistic: Statistic) -> Feature:
    scale = 1.0 if statistic is _S.SHARE else RATIO
    return Feature(f"{state}_{statistic}", None, statistic, state, _unit_of_time(statistic), scale)


def _in_state(
    state: str, statistic: Statistic, expression: str, quantities: Mapping[str, Quantity]
) -> Feature:
    signal, minus = terms(expression)
    of = quantities[signal]
    name = "_".join([state, signal, *(["less", minus] if minus else [])])
    if statistic is not _S.MEAN:
        name = f"{name}_{statistic}"
    change = _OF_DIFFERENCES.get(of.unit, of.unit)
    unit = change if minus or statistic in (_S.RATE, _S.RANGE) else of.unit
    unit = f"{unit}/min" if statistic is _S.RATE else unit
    scale = _STEPS.get(of.unit, 1.0) if minus else _scale(of.unit)
    return Feature(name, signal, statistic, state, unit, scale, of.role, minus)


def _scale(unit: str) -> float | None:
    return 1.0 if unit in _DIFFERENCES else RATIO


def _unit_of_time(statistic: Statistic) -> str:
    if statistic is _S.STARTS_PER_HOUR:
        return "1/h"
    return "s" if statistic in _SECONDS else ""
