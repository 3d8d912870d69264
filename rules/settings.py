"""What an operator may write under `rules:` in config.yaml."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from foremend.vocabulary.schema import DurationMs, KebabName, Strict
from foremend.vocabulary.types import MS_PER_DAY, Severity

ANY = "any"


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
"""One name or a list of names."""


class AppliesTo(Strict):
    """Which appliances a rule watches; an empty list is no restriction."""

    appliance_model: Names = ()
    category: Names = ()

    def matches(self, appliance_model: str, category: str) -> bool:
        """True where neither list excludes the appliance model."""
        return (not self.appliance_model or appliance_model in self.appliance_model) and (
            not self.category or category in self.category
        )


class _Level(Strict):
    """A level to be above or below: exactly one of the two."""

    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_level(self) -> Any:
        if (self.above is None) == (self.below is None):
            raise ValueError("write either 'above' or 'below', with a number")
        return self


class SignalCondition(_Level):
    """A statistic of one signal over an hour; `on_mean` is over the time that the compressor or motor ran."""

    signal: str
    statistic: Literal["mean", "min", "max", "on_mean"] = "mean"
    unit: str  # must be the unit of the profile's signal, so that nobody mistakes one scale for another


class FeatureCondition(_Level):
    """One daily feature, in the feature's own unit."""

    feature: str


class ScoreCondition(Strict):
    """How abnormal a detector (or the most alarmed of any) finds the appliance, 0..1."""

    score: str
    above: float = Field(ge=0, lt=1)


class ProbabilityCondition(Strict):
    """The probability, 0..1, that a fault (or `any`, each watched on its own) comes within the horizon."""

    probability: str
    above: float = Field(ge=0, lt=1)


class SilenceCondition(Strict):
    """Nothing heard from the appliance for this long, and for longer than it usually says nothing.

    `of: cycling` asks only of machines that have run and paused by themselves for days: what people switch off with its
    plug is often silent, a freezer never.
    """

    silent_for: DurationMs = Field(gt=0)
    of: Literal["any", "cycling"] = "any"


class OfflineCondition(Strict):
    """It says that it is offline, or its broker does so for it (a last will), for this long.

    Longer than it usually is, but for machines that run and pause by themselves (`foremend.engine.offline`). What a
    broker kept of before is no news.
    """

    offline_for: DurationMs = Field(gt=0)


class HarmCondition(Strict):
    """A machine that runs and pauses by itself does so no more: unlike its own past, whatever that is.

    `stopped`: no run for three times its longest pause, and three hours. `runs-on`: no pause for three times its
    longest run, and twelve hours; or for a day, where it never paused. `starts-too-often`: within two hours twice as
    often as ever, and more than twelve times. `stuck-meter`: the value of a run stands still for three times as long as
    ever, and three hours. Only of machines that have cycled regularly for days (`models.stream.habits`). `above` counts
    in those times: 2 is twice as long.
    """

    harm: Literal["stopped", "runs-on", "starts-too-often", "stuck-meter"]
    above: float = Field(default=1.0, ge=1)


_CONDITIONS = {
    "signal": SignalCondition,
    "feature": FeatureCondition,
    "score": ScoreCondition,
    "probability": ProbabilityCondition,
    "silent_for": SilenceCondition,
    "offline_for": OfflineCondition,
    "harm": HarmCondition,
}


def _which(value: Any) -> str | None:
    for key, condition in _CONDITIONS.items():
        if (isinstance(value, dict) and key in value) or isinstance(value, condition):
            return f"<{key}>"
    return None


Condition = Annotated[
    Annotated[SignalCondition, Tag("<signal>")]
    | Annotated[FeatureCondition, Tag("<feature>")]
    | Annotated[ScoreCondition, Tag("<score>")]
    | Annotated[ProbabilityCondition, Tag("<probability>")]
    | Annotated[SilenceCondition, Tag("<silent_for>")]
    | Annotated[OfflineCondition, Tag("<offline_for>")]
    | Annotated[HarmCondition, Tag("<harm>")],
    Discriminator(
        _which,
        custom_error_type="unknown_condition",
        custom_error_message=f"a condition needs one of the keys {', '.join(_CONDITIONS)}",
    ),
]


def _key(when: SilenceCondition | OfflineCondition) -> str:
    return "silent_for" if isinstance(when, SilenceCondition) else "offline_for"


class Escalation(Strict):
    """When an open episode becomes more urgent; it never becomes less so while it is open."""

    severity: Severity = Severity.CRITICAL
    above: float | None = None
    below: float | None = None
    days_to_failure_below: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_reason(self) -> Escalation:
        given = [level for level in (self.above, self.below, self.days_to_failure_below) if level is not None]
        if len(given) != 1:
            raise ValueError("write one of 'above', 'below' and 'days_to_failure_below', with a number")
        return self


class Rule(Strict):
    """One thing worth telling somebody.

    The episode opens when `when` held in every window for `sustained_for`, and closes when every window for
    `clear_after` was at or beyond the clear level (by default the level that opens). All times are event time; of
    scores and predictions, days on which nobody used the appliance do not count for `sustained_for`.
    """

    name: KebabName
    fault: KebabName | None = None
    applies_to: AppliesTo = AppliesTo()
    when: Condition
    sustained_for: DurationMs = Field(default=0, ge=0)
    clear_below: float | None = None
    clear_above: float | None = None
    clear_after: DurationMs = Field(default=0, ge=0)
    severity: Severity = Severity.WARNING
    escalate: Escalation | None = None
    means_failure: bool = (
        False  # while its episode is open, faults that were told stay so, and no other is predicted
    )

    @model_validator(mode="after")
    def _fault_is_named_once(self) -> Rule:
        predicted = isinstance(self.when, ProbabilityCondition)
        if predicted and self.fault is not None:
            raise ValueError("a rule on 'probability' takes the predicted fault: leave 'fault' out")
        if not predicted and self.fault is None:
            raise ValueError("'fault' is missing: name the fault that this rule finds")
        return self

    @model_validator(mode="after")
    def _clears_on_the_other_side(self) -> Rule:
        opens_below = getattr(self.when, "below", None) is not None
        wrong, right = ("clear_below", "clear_above") if opens_below else ("clear_above", "clear_below")
        if getattr(self, wrong) is not None:
            raise ValueError(f"'{wrong}' cannot clear this condition: write '{right}'")
        clear = getattr(self, right)
        if clear is not None and isinstance(self.when, SilenceCondition | OfflineCondition):
            raise ValueError(
                f"a rule on '{_key(self.when)}' clears when the appliance speaks again: leave 'clear_below' out"
            )
        if clear is not None and (clear < self.opens_at if opens_below else clear > self.opens_at):
            raise ValueError(
                f"'{right}' {clear:g} must not be beyond the level that opens, {self.opens_at:g}"
            )
        return self

    @model_validator(mode="after")
    def _escalates_by_what_it_sees(self) -> Rule:
        if self.escalate is None:
            return self
        if isinstance(self.when, SilenceCondition | OfflineCondition):
            raise ValueError(
                f"a rule on '{_key(self.when)}' cannot escalate: write a second rule with a longer time"
            )
        if self.escalate.days_to_failure_below is not None and not isinstance(
            self.when, ProbabilityCondition
        ):
            raise ValueError("'days_to_failure_below' needs a rule on 'probability'")
        return self

    @property
    def opens_at(self) -> float:
        """The level of the condition, in its own unit (ms for silence)."""
        if isinstance(self.when, SilenceCondition):
            return float(self.when.silent_for)
        if isinstance(self.when, OfflineCondition):
            return float(self.when.offline_for)
        below = getattr(self.when, "below", None)
        return float(self.when.above if below is None else below)  # type: ignore[arg-type]


class Updates(Strict):
    """When an open episode is spoken of again."""

    change: float = Field(default=0.1, gt=0, le=1)  # of a score or probability
    at_most_every: DurationMs = Field(default=MS_PER_DAY, gt=0)
    at_least_every: DurationMs = Field(
        default=7 * MS_PER_DAY, gt=0
    )  # an estimate older than this is told anew


class RulesSettings(Strict):
    """The rule book, in the order in which rules are asked."""

    updates: Updates = Updates()
    book: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> RulesSettings:
        names = [rule.name for rule in self.book]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two rules are called {', '.join(twice)}: every rule needs a name of its own")
        return self
