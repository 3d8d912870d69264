"""What is trained, and what the rules could speak of."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import partial

from foremend.config import Written
from foremend.plan.problem import Check, Problem, found_by
from foremend.vocabulary.profiles import Profile
from rules.conditions import applied
from rules.reach import NO_RULE, check_rules, concerns
from rules.settings import Rule, RulesSettings

_MODELS = "models.appliance_models"


def appliance_models(
    written: Written, profiles: Mapping[str, Profile], unknown: frozenset[str]
) -> Iterator[Problem]:
    """Names without a profile; those whose profile is wrong (`unknown`) are told as that."""
    for name in written.settings.models.appliance_models or ():
        if name not in profiles and name not in unknown:
            near = difflib.get_close_matches(name, profiles, n=1)
            meant = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(profiles))}"
            yield Problem(
                _MODELS,
                f"{_MODELS}: there is no appliance model '{name}': {meant}",
                "write the name of a profile",
            )


def rules(written: Written, profiles: Mapping[str, Profile], unknown: frozenset[str]) -> Iterator[Problem]:
    """Each rule on its own. A file without any would find nothing, for ever."""
    settings = written.settings.rules
    if not settings.book and not any(spot.startswith("rules") for spot in written.left_out):
        yield Problem(
            "rules.book",
            NO_RULE,
            "write rules, or 'extends: shipped' at the top of the file",
        )
    for index, rule in enumerate(settings.book):
        where = f"rules.book[{written.place('rules.book', index)}]"
        ask = partial(_check_units if unknown else _check, rule, settings, profiles)
        yield from found_by(
            [Check(where, "write it with signals and units of the profiles it applies to", ask)]
        )


def _check(rule: Rule, settings: RulesSettings, profiles: Mapping[str, Profile]) -> None:
    check_rules(settings.model_copy(update={"book": (rule,)}), profiles.values())


def _check_units(rule: Rule, settings: RulesSettings, profiles: Mapping[str, Profile]) -> None:
    """Where profiles are wrong nobody can say yet whom a rule reaches."""
    for profile in profiles.values():
        if concerns(rule, profile):
            applied(rule, profile, settings.updates)
