"""What can be run as it is, and could be better."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from foremend.plan.problem import Problem
from foremend.vocabulary.catalogue.features import without_words
from foremend.vocabulary.profiles import Profile


def notes(profiles: Collection[Profile]) -> Iterator[Problem]:
    """Nothing of it is refused."""
    for profile in profiles:
        yield from _words(profile, profiles)
        yield from _explanations(profile)


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
