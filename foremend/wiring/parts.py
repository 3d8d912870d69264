"""What several processes are made of: the alerts stage, the engine with its champions."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np

from alerts.desk import Alerts, open_alerts
from alerts.dispatch import open_channels
from alerts.guide import Guide
from alerts.vault import open_vault
from foremend.config import Settings
from foremend.engine.engine import Engine
from foremend.engine.fitted import FittedModel
from foremend.learning.training import fitted_models
from foremend.terminal import progress_bar
from foremend.vocabulary.catalogue import FaultEntry, load_catalogue
from foremend.vocabulary.catalogue.features import feature_titles
from foremend.vocabulary.ports import Clock, History
from foremend.vocabulary.profiles import Profile, load_profiles
from models.registry.registry import Registry
from rules.evaluator import RuleBook


def open_desk(settings: Settings, clock: Clock, stream: str = "journal") -> Alerts:
    """The alerts stage on its database, with every channel that is set up; `stream` names whose positions it keeps."""
    return open_alerts(
        settings.alerts,
        clock,
        open_vault(settings.alerts, os.environ),
        open_channels(settings.alerts, clock, os.environ),
        np.random.default_rng(),  # spreads retries over time; nothing is reproduced from it
        {name: guide_of(entry) for name, entry in load_catalogue().items()},
        feature_titles(load_profiles(settings.profiles.folders).values()),
        stream,
    )


def guide_of(entry: FaultEntry) -> Guide:
    """What the catalogue says of a fault, in the words of the alerts stage."""
    steps = entry.self_help.model_dump() if entry.self_help else {}
    safety = entry.safety.model_dump() if entry.safety else {}
    return Guide(entry.title.model_dump(), entry.technician_finds, entry.parts, steps, safety)


def build_engine(
    settings: Settings,
    profiles: dict[str, Profile],
    registry: Registry,
    history: History,
    clock: Clock,
) -> Engine:
    """The core with its rules and the champions of the registry, trained first where there is none."""
    rules = RuleBook(settings.rules)
    rules.check(profiles.values())
    fitted = champions(settings, profiles, registry, clock)
    return Engine(profiles, rules, fitted, lateness_ms=settings.ingest.lateness, on_readings=history.write)


def champions(
    settings: Settings, profiles: dict[str, Profile], registry: Registry, clock: Clock
) -> dict[str, FittedModel]:
    """The fitted model in use for each appliance model that is scored, trained first where there is none."""
    with progress_bar() as bar:
        task = bar.add_task("first training", total=None)
        return fitted_models(
            {name: profiles[name] for name in scored_models(settings, profiles)},
            registry,
            settings.models,
            lambda name, done, total: bar.update(
                task, completed=done, total=total, description=f"first training {name}"
            ),
            clock.now_ms(),
        )


def scored_models(settings: Settings, profiles: Iterable[str]) -> tuple[str, ...]:
    """The appliance models that get detectors and a predictor; the others are watched by rules alone."""
    named = settings.models.appliance_models
    return tuple(profiles) if named is None else named
