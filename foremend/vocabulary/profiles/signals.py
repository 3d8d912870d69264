"""What an appliance measures, and which of it shows that it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from foremend.vocabulary.features import Quantity, Role
from foremend.vocabulary.schema import Strict

STARTS = "compressor_starts"
"""The appliance's own counter of starts, unless `cycle.starts` names another."""
LOAD = "load"
"""What cycles are read from where several signals may show them, in the unit of the first."""
_NOMINAL_V = 230.0


class Title(Strict):
    """A name people read, in the languages Foremend speaks."""

    en: str
    zh: str


class Signal(Strict):
    """One measured quantity. Values outside `min`..`max` cannot be true and are dead-lettered.

    Up to `tolerance` below `min` is `min`: a meter's noise at rest. Without one it is two thousandths of the range of
    power and current that begin at zero, else nothing.
    `title` completes 'mean ...'; without one people read the signal's name. `role` says what it explains of the others
    (`foremend.vocabulary.features.Role`); one that explains needs its `typical` value and `spread` from day to day (in
    `unit`). Where it explains a whole day as well as the states that it is measured in, `day` is the statistic by which
    it does; a counter always does, by its rise. `unless_sent` is what is subtracted in a state
    ('cabinet_temp - set_point') where an appliance never sends it.
    """

    unit: str
    min: float
    max: float
    tolerance: float | None = Field(default=None, ge=0)  # in `unit`
    kind: Literal["gauge", "counter"] = "gauge"
    resolution: float | None = Field(default=None, gt=0)  # smallest step the sensor can tell, in `unit`
    title: Title | None = None
    role: Role = Role.MEASURED
    typical: float | None = None
    spread: float | None = Field(default=None, gt=0)
    day: Literal["mean", "on_mean"] | None = None
    unless_sent: float | None = None

    @model_validator(mode="after")
    def _min_is_below_max(self) -> Signal:
        if self.min >= self.max:
            raise ValueError(f"min {self.min:g} must be below max {self.max:g}")
        return self

    @model_validator(mode="after")
    def _what_explains_is_known(self) -> Signal:
        said = [name for name in ("typical", "spread", "day") if getattr(self, name) is not None]
        if self.role is Role.MEASURED and said:
            raise ValueError(f"{', '.join(said)}: only what explains has it: write its role, or leave it out")
        if self.role is not Role.MEASURED and (self.typical is None or self.spread is None):
            raise ValueError(f"role {self.role}: write its typical value and its spread, in {self.unit}")
        if self.kind == "counter" and self.day is not None:
            raise ValueError("day: a counter explains a day by its rise: leave it out")
        return self

    @property
    def quantity(self) -> Quantity:
        return Quantity(self.unit, self.role, self.kind == "counter")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | int | float) else value


class Cycle(Strict):
    """Which signal shows that the compressor or motor runs; of several, the first one that a reading has.

    Runs are told by levels that are learnt for each appliance: of one signal, or of power in W and current in A, of
    which either will do. Where `above` gives a value for each signal (in its unit), they are told by those: running
    from there on, off below half of it. `starts` names the appliance's own counter of runs, if it has one.
    """

    signal: Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]
    above: Annotated[tuple[Annotated[float, Field(gt=0)], ...], BeforeValidator(_as_list)] = ()
    starts: str = STARTS

    @model_validator(mode="after")
    def _each_signal_has_its_value(self) -> Cycle:
        if self.above and len(self.above) != len(self.signal):
            raise ValueError(f"above: write a value for each of {', '.join(self.signal)}")
        return self

    @property
    def scales(self) -> tuple[float, ...]:
        """What each signal is multiplied by to stand for the first one."""
        if self.above:
            return tuple(self.above[0] / limit for limit in self.above)
        return (1.0, _NOMINAL_V)[: len(self.signal)]

    def check(self, signals: Mapping[str, Signal]) -> None:
        """Raises ValueError where what it names is not among `signals`, or cannot stand for one another."""
        missing = [name for name in self.signal if name not in signals]
        if missing:
            raise ValueError(f"cycle.signal {', '.join(missing)} is not among signals: {', '.join(signals)}")
        units = tuple(signals[name].unit for name in self.signal)
        if not self.above and len(units) > 1 and units != ("W", "A"):
            raise ValueError(
                "cycle.signal: write one, or power in W and current in A, or 'above' with a value for each"
            )
        starts = signals.get(self.starts)
        if self.starts != STARTS and (starts is None or starts.kind != "counter"):
            raise ValueError(f"cycle.starts: {self.starts} is no counter among signals")
