"""What can be run as it is, and could be better."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from foremend.config import ServiceSettings
from foremend.plan.problem import Problem
from foremend.vocabulary.catalogue.features import without_words
from foremend.vocabulary.profiles import Profile
from rules.reach import why_mute
from rules.settings import RulesSettings


def notes(profiles: Collection[Profile], rules: RulesSettings) -> Iterator[Problem]:
    """Nothing of it is refused. `rules` must be right; without any, no appliance model is told to be mute."""
    for profile in profiles:
        yield from _words(profile, profiles)
        yield from _explanations(profile)
        yield from _mute(profile, rules)


def unnamed(service: ServiceSettings) -> Iterator[Problem]:
    """A service that listens to others, and that nobody can reach by a name."""
    if service.host in ("0.0.0.0", "::") and not service.names:
        yield Problem(
            "service.names",
            f"service.host {service.host} listens on all addresses and service.names lists no name: whoever comes by"
            " one is refused",
            "list the names that people and programs use: names: [foremend.example.com]",
        )


def _words(profile: Profile, profiles: Collection[Profile]) -> Iterator[Problem]:
    """Signals and states that technicians read by their bare names."""
    names = without_words(profile, profiles)
    if names:
        yield Problem(
            profile.name,
            f"{profile.name}: no words for {', '.join(names)}: tickets and the page show these names as they are",
            "give each signal and state a title: { en: ..., zh: ... }",
        )


def _explanations(profile: Profile) -> Iterator[Problem]:
    """What a base says explains a state, and this appliance model does not measure."""
    absent = profile.states.absent(profile.signals) if profile.states else []
    if absent:
        yield Problem(
            profile.name,
            f"{profile.name}: explained_by: {', '.join(absent)}: is not measured, so it explains nothing",
            "take it out of the state's explained_by, unless the profile's base says it",
        )


def _mute(profile: Profile, rules: RulesSettings) -> Iterator[Problem]:
    """An appliance model of which nothing would ever be found; without any rule the file is refused as a whole."""
    why = why_mute(rules, profile) if rules.book else None
    if why:
        yield Problem(profile.name, why, "write a rule that applies to it, or 'extends: shipped'")
