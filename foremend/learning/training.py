"""Training on simulated history: what every appliance model starts with, before it has a past of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import models
from foremend.engine.fitted import FittedModel
from foremend.engine.lane import deviation_names
from foremend.learning.cold_start import borrowings
from foremend.learning.model_building import SIMULATED, build, load_fitted
from foremend.learning.training_sets import TrainingSet, by_appliance
from foremend.vocabulary.profiles import WORDS, Profile
from models.registry.registry import ModelCard, Registry
from models.settings import ModelsSettings

PRACTICE = 1
"""Of simulators, features, practice and what learns from it: one more where a change gives other models. Then
`make champions` makes anew what comes with Foremend; tests/unit/learning/test_champions.py says when."""
SHIPPED = Path(models.__file__).parent / "champions"
"""A registry without aliases: the champions that come with Foremend."""
OURSELVES = "foremend"
"""Who puts a champion in use that nobody chose."""

Trained = Callable[[str, int, int], None]
"""Hears the appliance model just trained, how many are done and how many there are to do."""


def fitted_models(
    profiles: Mapping[str, Profile], registry: Registry, settings: ModelsSettings, trained: Trained, at: int
) -> dict[str, FittedModel]:
    """The champions; trained first, on simulated history, where there is none of today's recipe. `at` ms UTC.

    An appliance model that nobody simulates borrows from another of its category until a model is trained from its
    own history; where there is none either, rules alone watch it.
    """
    missing = to_train(profiles, registry, settings, at)
    trained("", 0, len(missing))
    if missing:
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            running = {pool.submit(train_champion, p, registry, settings, at): p.name for p in missing}
            for done, future in enumerate(as_completed(running), start=1):
                future.result()
                trained(running[future], done, len(missing))
    return in_use(profiles, registry)


def to_train(
    profiles: Mapping[str, Profile], registry: Registry, settings: ModelsSettings, at: int
) -> list[Profile]:
    """The simulated ones without a champion of today's recipe, after those that come with Foremend are in use."""
    able = [p for p in profiles.values() if p.faults and not _is_current(registry, p, settings)]
    missing = [profile for profile in able if not use_shipped(profile, registry, settings, at)]
    return [profile for profile in missing if _is_simulated(profile)]


def in_use(profiles: Mapping[str, Profile], registry: Registry) -> dict[str, FittedModel]:
    """The champions as they are in the registry, and what others of a category lend; trains nothing.

    One that the code of today cannot ask any more is left out, if it will be trained anew.
    """
    champions = {name: registry.champion(name) for name in profiles}
    fitted = {
        name: load_fitted(name, version, registry)
        for name, version in champions.items()
        if version and _fits(registry, registry.card(name, version), profiles[name])
    }
    return fitted | borrowings(profiles, fitted)


def use_shipped(profile: Profile, registry: Registry, settings: ModelsSettings, at: int) -> bool:
    """Put the champion in use that comes with Foremend, if there is one of today's recipe. `at` ms UTC."""
    shipped = Registry(SHIPPED)
    for version in shipped.versions(profile.name):
        if shipped.card(profile.name, version).recipe == recipe_of(profile, settings):
            card = registry.take_over(shipped, profile.name, version)
            registry.promote(profile.name, card.version, who=OURSELVES, why="it comes with Foremend", at=at)
            return True
    return False


def train_champion(
    profile: Profile, registry: Registry, settings: ModelsSettings, at: int, rows: TrainingSet | None = None
) -> ModelCard:
    """Train a new version on simulated history, or on `rows` of it, and put it in use; `at` ms UTC."""
    card = train_simulated(profile, registry, settings, at, rows)
    registry.promote(profile.name, card.version, who=OURSELVES, why="first training of this recipe", at=at)
    return card


def train_simulated(
    profile: Profile, registry: Registry, settings: ModelsSettings, at: int, rows: TrainingSet | None = None
) -> ModelCard:
    """Simulate, unless its `rows` are there, learn and store a new version without an alias; `at` ms UTC."""
    if rows is None:
        from foremend.learning.practice_rows import simulated_rows  # brings every simulator

        rows = simulated_rows(profile, settings.training)
    split = by_appliance(rows)
    recipe = recipe_of(profile, settings)
    source = {"source": SIMULATED, "days": settings.training.days}
    return build(profile, split, registry, settings, recipe=recipe, source=source, at=at)


def _is_simulated(profile: Profile) -> bool:
    from simulators.categories import appliance_models  # brings every simulator: half a second

    return profile.name in appliance_models()


def _is_current(registry: Registry, profile: Profile, settings: ModelsSettings) -> bool:
    """A champion that somebody trained from real history stays; a simulated one must be of today's recipe.

    One that somebody trained by another seed is of it, too.
    """
    version = registry.champion(profile.name)
    if version is None:
        return False
    card = registry.card(profile.name, version)
    if card.trained_on["source"] != SIMULATED:
        return True
    by_seed = settings.training.model_copy(update={"seed": card.trained_on["seed"]})
    return card.recipe == recipe_of(profile, settings.model_copy(update={"training": by_seed}))


def _fits(registry: Registry, card: ModelCard, profile: Profile) -> bool:
    """A simulated champion of other features, or in the form of an earlier build, waits for its successor.

    One of real history is refused loudly.
    """
    if card.trained_on["source"] != SIMULATED:
        return True
    return card.feature_names == deviation_names(profile) and not registry.is_outdated(card)


def recipe_of(profile: Profile, settings: ModelsSettings) -> str:
    """A fingerprint of everything that decides what training would give; what people read of it decides nothing."""
    parts: dict[str, Any] = {
        "profile": profile.model_dump(mode="json", exclude=WORDS),
        "features": deviation_names(profile),
        "settings": settings.model_dump(mode="json", exclude={"registry", "appliance_models", "costs"}),
        "practice": PRACTICE,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
