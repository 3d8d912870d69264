"""A profile's daily features with what explains what: the one place where they are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from foremend.vocabulary.features import (
    Condition,
    Counterpart,
    Daily,
    Direction,
    Feature,
    Quantity,
    Role,
    Statistic,
    alike,
    hour_features,
    state_features,
)
from foremend.vocabulary.profiles.signals import LOAD, STARTS, Cycle, Signal
from foremend.vocabulary.profiles.states import WHILE, State, States

_FIRST = (Role.WEATHER, Role.IMPOSED, Role.CHOSEN)


def starts_counter(signals: Mapping[str, Signal], cycle: Cycle | None) -> str | None:
    """The appliance's own counter of starts, if it has one."""
    name = cycle.starts if cycle else STARTS
    return name if name in signals and signals[name].kind == "counter" else None


def load_name(signals: Mapping[str, Signal], cycle: Cycle | None) -> str | None:
    """What cycles are read from where several signals may show them, by a name that no signal has; else None."""
    if cycle is None or len(cycle.signal) < 2:
        return None
    name = LOAD
    while name in signals:
        name += "_"
    return name


def hourly(signals: Mapping[str, Signal], cycle: Cycle | None) -> tuple[Feature, ...]:
    """The features of an hour. Where several signals show runs, what they are read from is a gauge like others."""
    quantities = {name: signal.quantity for name, signal in signals.items()}
    run_unit = quantities[cycle.signal[0]].unit if cycle else ""
    load = load_name(signals, cycle)
    if load:
        quantities[load] = Quantity(run_unit)
    return hour_features(quantities, starts_counter(signals, cycle), run_unit)


def daily(signals: Mapping[str, Signal], cycle: Cycle | None, states: States | None) -> Daily:
    """The features of a day, with what explains them."""
    named = states.named if states else {}
    quantities = {name: signal.quantity for name, signal in signals.items()}
    of_states = state_features(named, quantities)
    features = (*hourly(signals, cycle), *of_states)
    day = _in_order(
        Condition(one, *_usual(signals[one.signal]), one.role is Role.CHOSEN)
        for one in features
        if one.signal and one.state is None and one.statistic in _explaining(signals.get(one.signal))
    )
    return Daily(
        features,
        day,
        {name: _of_state(name, state, named, signals, features) for name, state in named.items()},
        _direction(states, features) if any(one.feature.is_weather for one in day) else None,
    )


def counterparts(daily: Daily, states: States | None) -> dict[str, Counterpart]:
    """Daily features in which a fault shows as in others, where two states are alike."""
    named = states.named if states else {}
    like = {name: state.like for name, state in named.items() if state.like}
    return alike(daily.features, like, {name: state.turned for name, state in named.items()})


def _of_state(
    name: str,
    state: State,
    named: Mapping[str, State],
    signals: Mapping[str, Signal],
    features: Iterable[Feature],
) -> tuple[Condition, ...]:
    """What is measured in the state comes first, then what `explained_by` adds."""
    at = {(one.state, one.signal, one.statistic): one for one in features if one.minus is None}
    measured = _in_order(
        Condition(
            at[name, signal, Statistic.MEAN], *_usual(signals[signal]), signals[signal].role is Role.CHOSEN
        )
        for signal in signals
        if signal in state.mean and signals[signal].role is not Role.MEASURED
    )
    added = (_added(by, named, signals, at) for by in state.explained_by)
    return (*measured, *(one for one in added if one is not None))


def _added(
    by: str,
    named: Mapping[str, State],
    signals: Mapping[str, Signal],
    at: Mapping[tuple[str | None, str | None, Statistic], Feature],
) -> Condition | None:
    """None for what this appliance model does not measure."""
    if by in named:
        habit = named[by].explains
        assert habit is not None  # States.check saw to it
        return Condition(at[by, None, Statistic.SHARE], habit.typical, habit.spread)
    signal, _, where = by.partition(WHILE)
    feature = at.get((where, signal, Statistic.MEAN) if where else (None, signal, Statistic.RISE))
    if feature is None:
        return None
    return Condition(feature, *_usual(signals[signal]), signals[signal].role is Role.CHOSEN)


def _explaining(signal: Signal | None) -> tuple[Statistic, ...]:
    """The statistic of a whole day by which `signal` explains; none where it does not, nor for `LOAD`."""
    if signal is None or signal.role is Role.MEASURED:
        return ()
    if signal.kind == "counter":
        return (Statistic.RISE,)
    return (Statistic(signal.day),) if signal.day else ()


def _usual(signal: Signal) -> tuple[float, float]:
    assert signal.typical is not None  # Signal sees to it for every role but `measured`
    assert signal.spread is not None
    return signal.typical, signal.spread


def _in_order(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """The weather first, the last one named foremost; then what is imposed, then what is chosen.

    The order is that of the terms in snapshots: another one would be another regression's.
    """
    found = list(conditions)
    weather = [one for one in reversed(found) if one.feature.role is Role.WEATHER]
    rest = [one for one in found if one.feature.role is not Role.WEATHER]
    return (*weather, *sorted(rest, key=lambda one: _FIRST.index(one.feature.role)))


def _direction(states: States | None, features: Iterable[Feature]) -> Direction | None:
    """The state signal while running, where one state is another turned round: from its code on to the first's."""
    if states is None:
        return None
    turned = [(one.like, one.code) for one in states.named.values() if one.like and one.turned]
    ways = [(states.named[like].code, code) for like, code in turned if states.named[like].code != code]
    while_running = [f for f in features if (f.signal, f.statistic) == (states.signal, Statistic.ON_MEAN)]
    return Direction(while_running[0], *map(float, ways[0])) if ways else None
