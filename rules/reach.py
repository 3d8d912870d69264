"""Whether rules could ever speak of the appliance models there are; told without the kernel that follows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from foremend.vocabulary.errors import ConfigError
from rules.conditions import RulesProfile, applied
from rules.settings import HarmCondition, ProbabilityCondition, Rule, RulesSettings, SignalCondition


def concerns(rule: Rule, profile: RulesProfile) -> bool:
    """Whether `rule` applies to the appliance model."""
    return rule.applies_to.matches(profile.name, profile.category)


def thresholds(settings: RulesSettings, profile: RulesProfile) -> list[dict[str, Any]]:
    """Each rule on a probability that applies to the appliance model: its name, its `fault`, and `above` what."""
    return [
        {"rule": rule.name, "fault": rule.when.probability, "above": rule.when.above}
        for rule in settings.book
        if isinstance(rule.when, ProbabilityCondition) and concerns(rule, profile)
    ]


def check_rules(settings: RulesSettings, profiles: Iterable[RulesProfile]) -> None:
    """Raises ConfigError for a rule that could never speak.

    Its unit is not a profile's, it applies to no profile, or none that it applies to has its signal.
    """
    known = list(profiles)
    for rule in settings.book:
        concerned = [profile for profile in known if concerns(rule, profile)]
        for profile in concerned:
            applied(rule, profile, settings.updates)
        _check_reach(rule, concerned)


def _check_reach(rule: Rule, concerned: Sequence[RulesProfile]) -> None:
    if not concerned:
        raise ConfigError(f"rule {rule.name}: applies_to matches no appliance model")
    if isinstance(rule.when, HarmCondition) and not any(profile.cycle_signals for profile in concerned):
        raise ConfigError(f"rule {rule.name}: no appliance model that it applies to has a 'cycle'")
    signals = {signal for profile in concerned for signal in profile.units}
    if isinstance(rule.when, SignalCondition) and rule.when.signal not in signals:
        raise ConfigError(
            f"rule {rule.name}: no appliance model that it applies to measures '{rule.when.signal}'; "
            f"they measure {', '.join(sorted(signals))}"
        )


NO_RULE = (
    "rules.book: there is no rule, so nothing would ever be found: write some, or 'extends: shipped' at the top of the"
    " file"
)


def why_mute(settings: RulesSettings, profile: RulesProfile) -> str | None:
    """Why nothing would ever be found of an appliance model but its silence; None where something could be."""
    if not settings.book:
        return NO_RULE
    spoken = [applied(rule, profile, settings.updates) for rule in settings.book if concerns(rule, profile)]
    if any(one is not None and one.kind != "silence" for one in spoken):
        return None
    return (
        f"rules.book: no rule speaks of {profile.name} but of its silence, so nothing would ever be found of it: write "
        "one on its signals, features, scores or probabilities"
    )
