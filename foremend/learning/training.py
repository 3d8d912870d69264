"""Training on simulated history: what every appliance model starts with, before it has a past of its own."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

from foremend.engine.fitted import FittedModel
from foremend.engine.lane import deviation_names
from foremend.learning.cold_start import borrowings
from foremend.learning.model_building import SIMULATED, build, load_fitted
from foremend.learning.practice_rows import simulated_rows
from foremend.learning.training_sets import by_appliance
from foremend.vocabulary.profiles import WORDS, Profile
from models.registry.registry import ModelCard, Registry
from models.settings import ModelsSettings
from simulators.categories import appliance_models

MODEL_KEY = "FOREMEND_MODEL_KEY"
"""Environment variable with the key that stored models are signed with; once set, unsigned models are refused."""

Trained = Callable[[str, int, int], None]
"""Hears the appliance model just trained, how many are done and how many there are to do."""


def open_registry(settings: ModelsSettings) -> Registry:
    """The registry of the settings, with the signing key of the environment."""
    key = os.environ.get(MODEL_KEY)
    return Registry(settings.registry, key.encode() if key else None)


def fitted_models(
    profiles: Mapping[str, Profile], registry: Registry, settings: ModelsSettings, trained: Trained, at: int
) -> dict[str, FittedModel]:
    """The champions; trained first, on simulated history, where there is none of today's recipe. `at` ms UTC.

    An appliance model that nobody simulates borrows from another of its category until a model is trained from its
    own history; where there is none either, rules alone watch it.
    """
    missing = [p for p in profiles.values() if _is_simulated(p) and not _is_current(registry, p, settings)]
    trained("", 0, len(missing))
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        running = {pool.submit(train_champion, p, registry, settings, at): p.name for p in missing}
        for done, future in enumerate(as_completed(running), start=1):
            future.result()
            trained(running[future], done, len(missing))
    champions = {name: registry.champion(name) for name in profiles}
    fitted = {name: load_fitted(name, version, registry) for name, version in champions.items() if version}
    return fitted | borrowings(profiles, fitted)


def train_champion(profile: Profile, registry: Registry, settings: ModelsSettings, at: int) -> ModelCard:
    """Train a new version on simulated history and put it in use; `at` ms UTC."""
    card = train_simulated(profile, registry, settings, at)
    registry.promote(profile.name, card.version, who="foremend", why="first training of this recipe", at=at)
    return card


def train_simulated(profile: Profile, registry: Registry, settings: ModelsSettings, at: int) -> ModelCard:
    """Simulate, learn and store a new version without an alias; `at` ms UTC."""
    split = by_appliance(simulated_rows(profile, settings.training))
    recipe = recipe_of(profile, settings)
    source = {"source": SIMULATED, "days": settings.training.days}
    return build(profile, split, registry, settings, recipe=recipe, source=source, at=at)


def _is_simulated(profile: Profile) -> bool:
    return profile.name in appliance_models() and bool(profile.faults)


def _is_current(registry: Registry, profile: Profile, settings: ModelsSettings) -> bool:
    """A champion that somebody trained from real history stays; a simulated one must be of today's recipe."""
    version = registry.champion(profile.name)
    if version is None:
        return False
    card = registry.card(profile.name, version)
    return card.trained_on["source"] != SIMULATED or card.recipe == recipe_of(profile, settings)


def recipe_of(profile: Profile, settings: ModelsSettings) -> str:
    """A fingerprint of everything that decides what training would give; what people read of it decides nothing."""
    parts: dict[str, Any] = {
        "profile": profile.model_dump(mode="json", exclude=WORDS),
        "features": deviation_names(profile),
        "settings": settings.model_dump(mode="json", exclude={"registry", "appliance_models"}),
        "foremend": importlib.metadata.version("foremend"),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
