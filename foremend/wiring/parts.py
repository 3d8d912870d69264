"""What several processes are made of: the lane to the household, the engine with its champions."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

from alerts.desk import Alerts
from alerts.forgotten import ForgottenAppliances
from foremend.config import Settings
from foremend.engine.engine import Engine
from foremend.engine.fitted import FittedModel
from foremend.home.lane import HomeLane
from foremend.home.look import Look
from foremend.home.topics import KeptTopics
from foremend.home.words import Words
from foremend.learning.in_use import scored_models
from foremend.learning.training import fitted_models
from foremend.runtimes.status import Pipeline
from foremend.terminal import progress_bar
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.ports import Clock, History
from foremend.vocabulary.profiles import Profile, load_profiles
from models.registry.registry import Registry
from rules.evaluator import RuleBook


def open_home(settings: Settings, alerts: Alerts, pipeline: Pipeline, clock: Clock) -> HomeLane | None:
    """The lane to the household's own automation, where it is set up; connects to nothing yet."""
    chosen = settings.alerts.home_assistant
    if chosen is None:
        return None
    words = Words(
        chosen.language,
        {name: entry.title.model_dump() for name, entry in load_catalogue().items()},
        {name: one.title.model_dump() for name, one in load_profiles(settings.profiles.folders).items()},
    )
    look = Look(
        alerts.engine,
        pipeline.fleet,
        alerts.watched.unwatched,
        ForgottenAppliances(alerts.engine, clock).all,
        words,
        settings.alerts.act_from,
    )
    return HomeLane(look, KeptTopics(settings.mqtt, chosen), chosen, words, version("foremend"), clock)


def build_engine(
    settings: Settings, profiles: dict[str, Profile], fitted: Mapping[str, FittedModel], history: History
) -> Engine:
    """The core with its rules and fitted models. Raises ConfigError for a rule that could never speak."""
    rules = RuleBook(settings.rules)
    rules.check(profiles.values())
    return Engine(profiles, rules, fitted, lateness_ms=settings.ingest.lateness, on_readings=history.write)


def champions(
    settings: Settings, profiles: dict[str, Profile], registry: Registry, clock: Clock
) -> dict[str, FittedModel]:
    """The fitted model in use for each appliance model that is scored, trained first where there is none."""
    with progress_bar() as bar:
        task = bar.add_task("first training", total=None)
        return fitted_models(
            {name: profiles[name] for name in scored_models(settings.models, profiles)},
            registry,
            settings.models,
            lambda name, done, total: bar.update(
                task, completed=done, total=total, description=f"first training {name}"
            ),
            clock.now_ms(),
        )
