"""A fleet through the engine, as `foremend run` has it: profile, rules of the config, the champion of the registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.outside.fleets import blocks
from benchmarks.outside.nature import Case
from foremend.config import Settings
from foremend.engine.engine import Engine
from foremend.engine.fitted import FittedModel
from foremend.learning.backtest import Episode, episodes
from foremend.learning.stored import open_registry
from foremend.learning.training import fitted_models
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import MS_PER_DAY
from rules.evaluator import RuleBook

Progress = Callable[[int, int], None]


def champion(profile: Profile, settings: Settings) -> dict[str, FittedModel]:
    """The champion of the registry, trained first where there is none; empty where the profile names no fault."""
    return fitted_models(
        {profile.name: profile},
        open_registry(settings.models),
        settings.models,
        lambda name, done, total: None,
        SystemClock().now_ms(),
    )


def lived_through(
    some: Sequence[Case],
    profile: Profile,
    fitted: dict[str, FittedModel],
    settings: Settings,
    progress: Progress,
) -> list[Episode]:
    """Every episode that the engine opens, from the first reading to the last."""
    engine = Engine(
        {profile.name: profile}, RuleBook(settings.rules), fitted, lateness_ms=settings.ingest.lateness
    )
    first = int(min(case.telling.time[0] for case in some)) // MS_PER_DAY
    days = int(max(case.telling.time[-1] for case in some)) // MS_PER_DAY - first + 1
    findings = []
    for block in blocks(profile.name, some):
        findings += engine.process(block)
        progress(int(block.time[-1]) // MS_PER_DAY - first + 1, days)
    return episodes([*findings, *engine.flush()])
