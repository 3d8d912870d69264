"""The YAML description of one appliance model, as a validated value."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from foremend.vocabulary.features import Counterpart, Daily, Feature
from foremend.vocabulary.profiles.daily import counterparts, daily, hourly, load_name, starts_counter
from foremend.vocabulary.profiles.signals import Cycle, Signal, Title
from foremend.vocabulary.profiles.states import States
from foremend.vocabulary.schema import KebabName, Strict

WORDS: Any = {
    "title": True,
    "signals": {"__all__": {"title"}},
    "states": {"named": {"__all__": {"title"}}},
}
"""Of a profile, what only people read: `exclude` of `model_dump`."""


class Watch(Strict):
    """How appliances are watched by their own past, for a model that nothing was trained for.

    `rows`: `readings` for machines that must be right at every moment, `hours` for what a household uses as it likes.
    `signals`: the gauges to look at; all of them where it is left out.
    """

    rows: Literal["readings", "hours"]
    signals: tuple[str, ...] = ()


class Profile(Strict):
    """One appliance model. `name` is the `{appliance_model}` of its topics: lower case, digits and dashes."""

    name: KebabName
    category: str
    title: Title
    extends: str | None = None
    signals: Annotated[dict[str, Signal], Field(min_length=1)]
    cycle: Cycle | None = None
    states: States | None = None
    faults: tuple[str, ...] = ()
    watch: Watch | None = None

    @model_validator(mode="after")
    def _names_what_it_measures(self) -> Profile:
        if self.cycle:
            self.cycle.check(self.signals)
        if self.states:
            self.states.check(self.signals)
        wrong = [name for name in self.watched if name not in self.signals or name in self.counters]
        if wrong:
            raise ValueError(f"watch.signals: {', '.join(wrong)} is no gauge among signals")
        return self

    @model_validator(mode="after")
    def _features_have_own_names(self) -> Profile:
        """Rules and files know features by their names."""
        counted = Counter(feature.name for feature in self.daily.features)
        twice = [name for name, times in counted.items() if times > 1]
        if twice:
            raise ValueError(
                f"signals and states give two daily numbers the name {', '.join(twice)}: rename a signal or a state"
            )
        return self

    @property
    def units(self) -> dict[str, str]:
        """Signal name -> unit."""
        return {name: signal.unit for name, signal in self.signals.items()}

    @property
    def counters(self) -> tuple[str, ...]:
        """The signals that only count up, but for resets."""
        return tuple(name for name, signal in self.signals.items() if signal.kind == "counter")

    @property
    def watched(self) -> tuple[str, ...]:
        """The gauges that `watch` looks at; empty without it."""
        if self.watch is None:
            return ()
        return self.watch.signals or tuple(name for name in self.signals if name not in self.counters)

    @property
    def cycle_signals(self) -> tuple[str, ...]:
        """The signals that show runs; empty where there are none."""
        return self.cycle.signal if self.cycle else ()

    @property
    def starts(self) -> str | None:
        """The appliance's own counter of starts, if it has one."""
        return starts_counter(self.signals, self.cycle)

    @property
    def load(self) -> str | None:
        """What cycles are read from, as a gauge beside the signals, where several signals may show them."""
        return load_name(self.signals, self.cycle)

    @property
    def hourly_features(self) -> tuple[Feature, ...]:
        """The features of an hour, in the order of its window."""
        return hourly(self.signals, self.cycle)

    @property
    def daily(self) -> Daily:
        """The features of a day, in the order of its window, with what explains them."""
        return daily(self.signals, self.cycle, self.states)

    @property
    def daily_features(self) -> tuple[Feature, ...]:
        """The features of a day, in the order of its window: those of an hour, then those of the states."""
        return self.daily.features

    @property
    def feature_units(self) -> dict[str, str]:
        """Daily feature -> unit."""
        return {one.name: one.unit for one in self.daily_features}

    @property
    def counterparts(self) -> dict[str, Counterpart]:
        """Daily features in which a fault shows as in others, where the profile says that two states are alike."""
        return counterparts(self.daily, self.states)
