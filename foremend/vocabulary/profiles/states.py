"""The states of an appliance that a profile names (cooling, filling, spinning) and what is measured in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from foremend.vocabulary.features import MINUS, OF_STATES, Statistic
from foremend.vocabulary.profiles.signals import Signal, Title
from foremend.vocabulary.schema import DurationMs, Strict

WHILE = " while "


class While(Strict):
    """A gauge that must be above a value (in its unit)."""

    signal: str
    above: float


class Habit(Strict):
    """How a share of time (0..1) usually is, and how far it spreads from day to day."""

    typical: float
    spread: Annotated[float, Field(gt=0)]


class Runs(Strict):
    """The codes that a run and a pause stand for, of an appliance that never sends the state signal."""

    running: int
    resting: int


class State(Strict):
    """One state of the appliance: it holds while the state signal has `code`, and the gauge of `only_while` is above.

    `mean` names gauges or differences of two ('indoor_coil_temp - room_temp'), `peak` and `low` those whose highest
    or lowest value a stay counts, `rate` those whose change a minute counts, `range` those whose highest value of the
    day less the lowest counts, which tells what comes and goes from what stays. `settle` at the beginning of each stay
    is left out, and so is a day with less than `at_least` in the state; both not for `peak` and `low`, which are of
    whole stays, for a machine that trips at once never settles.

    `like` names another state in which a fault shows in the same measures (cooling, for heating), of which those
    `turned` move the other way round. `title` completes a sentence such as 'power ...': 'while cooling'; without one
    people read the state's name.

    What explains its measures are the signals with a role that it measures by their mean, and those that `explained_by`
    adds: a counter, 'water_level while washing' for what another state measured, or a state whose share of the day
    `explains`; what an appliance model does not measure is left out.
    """

    title: Title | None = None
    code: int
    only_while: While | None = None
    settle: DurationMs = Field(default=0, ge=0)
    at_least: DurationMs = Field(default=0, ge=0)
    mean: tuple[str, ...] = ()
    peak: tuple[str, ...] = ()
    low: tuple[str, ...] = ()
    rate: tuple[str, ...] = ()
    range: tuple[str, ...] = ()
    like: str | None = None
    turned: tuple[str, ...] = ()
    explained_by: tuple[str, ...] = ()
    explains: Habit | None = None

    @property
    def measures(self) -> Iterator[tuple[Statistic, str]]:
        """(statistic, expression) of everything measured, in the order in which a day's window holds it."""
        for statistic, expressions in zip(
            OF_STATES, (self.mean, self.peak, self.low, self.rate, self.range), strict=True
        ):
            yield from ((statistic, expression) for expression in expressions)


class States(Strict):
    """Which signal tells the state, and the states worth measuring in, by name.

    The signal may be missing: of an appliance that never sends it, `unless_sent` says what its runs and pauses stand
    for; without it, nothing is measured in its states. A gauge of `only_while` that is never sent holds during runs.
    """

    signal: str
    unless_sent: Runs | None = None
    named: Annotated[dict[Annotated[str, Field(pattern=r"^\w+$")], State], Field(min_length=1)]

    def check(self, signals: Mapping[str, Signal]) -> None:
        """Raises ValueError where states speak of what is no gauge among `signals`, or of no state."""
        gauges = {name for name, signal in signals.items() if signal.kind == "gauge"}
        missing = [name for name in self._measured() if name not in gauges]
        if missing:
            raise ValueError(
                f"states: {', '.join(missing)} is not among the gauges: {', '.join(sorted(gauges))}"
            )
        unknown = [one.like for one in self.named.values() if one.like and one.like not in self.named]
        if unknown:
            raise ValueError(f"states: like: {', '.join(unknown)} is no state: {', '.join(self.named)}")
        wrong = [by for one in self.named.values() for by in one.explained_by if self._cannot(by, signals)]
        if wrong:
            raise ValueError(
                f"states: explained_by: {', '.join(wrong)}: write a counter with a role, a state that 'explains', or"
                " 'signal while state' of a signal with a role"
            )

    def absent(self, signals: Mapping[str, Signal]) -> list[str]:
        """What `explained_by` names and this appliance model does not measure: a base speaks for all of its kind."""
        added = [by for one in self.named.values() for by in one.explained_by]
        return [by for by in dict.fromkeys(added) if not self._has(by, signals)]

    def _measured(self) -> list[str]:
        """Every gauge that states speak of."""
        expressions = [expression for one in self.named.values() for _, expression in one.measures]
        gates = [one.only_while.signal for one in self.named.values() if one.only_while]
        return [self.signal, *gates, *(name for e in expressions for name in e.split(MINUS))]

    def _has(self, by: str, signals: Mapping[str, Signal]) -> bool:
        signal, _, where = by.partition(WHILE)
        if where:
            return signal in signals and where in self.named and signal in self.named[where].mean
        return by in self.named or by in signals

    def _cannot(self, by: str, signals: Mapping[str, Signal]) -> bool:
        """Whether it is there, and does not explain."""
        if not self._has(by, signals):
            return False
        if by in self.named:
            return self.named[by].explains is None
        signal, _, where = by.partition(WHILE)
        return signals[signal].typical is None or (signals[signal].kind == "counter") == bool(where)
