"""Whether rules could ever speak of the appliance models there are; told without the kernel that follows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from foremend.vocabulary.errors import ConfigError
from rules.conditions import RulesProfile, applied
from rules.settings import Rule, RulesSettings, SignalCondition


def concerns(rule: Rule, profile: RulesProfile) -> bool:
    """Whether `rule` applies to the appliance model."""
    return rule.applies_to.matches(profile.name, profile.category)


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
    signals = {signal for profile in concerned for signal in profile.units}
    if isinstance(rule.when, SignalCondition) and rule.when.signal not in signals:
        raise ConfigError(
            f"rule {rule.name}: no appliance model that it applies to measures '{rule.when.signal}'; "
            f"they measure {', '.join(sorted(signals))}"
        )
