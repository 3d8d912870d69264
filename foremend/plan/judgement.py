"""What is trained, and what the rules could speak of."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from foremend.config import Written
from foremend.plan.problem import Check, Problem, found_by
from foremend.vocabulary.profiles import Profile
from models.costs import CostsSettings
from rules.conditions import applied
from rules.reach import NO_RULE, check_rules, concerns
from rules.settings import Rule, RulesSettings

_MODELS = "models.appliance_models"
_COSTS = "models.costs"


def appliance_models(
    written: Written, profiles: Mapping[str, Profile], unknown: frozenset[str]
) -> Iterator[Problem]:
    """Names without a profile; those whose profile is wrong (`unknown`) are told as that."""
    for name in written.settings.models.appliance_models or ():
        if name not in profiles and name not in unknown:
            yield Problem(
                _MODELS,
                f"{_MODELS}: there is no appliance model '{name}': {_meant(name, sorted(profiles))}",
                "write the name of a profile",
            )


def costs(settings: CostsSettings, profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    """Costs of a fault that no profile has: every fault would go on costing what is said of all."""
    known = sorted({fault for profile in profiles.values() for fault in profile.faults})
    said = {f"{_COSTS}.faults": settings.faults}
    said |= {f"{_COSTS}.areas.{area}.faults": each.faults for area, each in settings.areas.items()}
    for where, faults in said.items():
        for fault in faults:
            if fault not in known:
                yield Problem(
                    f"{where}.{fault}",
                    f"{where}: no profile has a fault '{fault}': {_meant(fault, known)}",
                    "write the name of a fault of a profile",
                )


def _meant(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"


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
