"""After so many confirmed outcomes: what `foremend train --history --outcomes` makes of them.

Half of the appliances gives outcomes, the other half is judged: of the appliances sorted by fault and id every second
one, so that both halves have the same faults. A technician confirms the fault when it failed. The first so many
outcomes by time count, and the history ends with the last of them: nothing that came later is learnt from. What was
trained takes the champion's place where `foremend models promote` lets it; otherwise the champion stays, and what was
refused is judged apart.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from benchmarks.outside.fleets import blocks, truth
from benchmarks.outside.nature import Case
from benchmarks.outside.watch import champion
from foremend.config import Settings, load_settings
from foremend.engine.fitted import FittedModel
from foremend.history.parquet import ParquetHistory
from foremend.jobs.lifecycle import Lifecycle
from foremend.learning.backtest import Truth
from foremend.learning.model_building import load_fitted
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import ConfigError, RefusedError
from foremend.vocabulary.profiles import Profile


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is in use after training, and what came of it."""

    fitted: dict[str, FittedModel]
    became: str
    refused: FittedModel | None = None  # what was learnt, where the champion stays all the same


def halves(some: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Appliances that are judged, and those that give outcomes."""
    ranked = sorted(some, key=lambda case: (case.course.fault if case.course else "", case.appliance))
    return ranked[::2], ranked[1::2]


def first_outcomes(some: Sequence[Case], count: int) -> list[Truth]:
    """The first `count` failures by time. Raises ConfigError where there are fewer."""
    failed = sorted((one for one in map(truth, some) if one.ill), key=lambda one: one.failure or 0)
    if len(failed) < count:
        raise ConfigError(f"the half that gives outcomes has {len(failed)}, not {count}")
    return failed[:count]


def trained(
    giving: Sequence[Case], outcomes: Sequence[Truth], profile: Profile, settings: Settings, folder: Path
) -> Learnt:
    """Train in `folder`, which is left with a registry of its own, by the verbs that the command line has."""
    until = max(one.failure or 0 for one in outcomes)
    own = _own_settings(settings, profile, folder)
    history, table = folder / "history", folder / "outcomes.csv"
    _store(giving, profile, until, history)
    table.write_text("appliance_id,fault,confirmed_at\n" + "".join(map(_line, outcomes)), encoding="utf-8")
    life = Lifecycle(own, SystemClock())
    seed = settings.models.training.seed
    try:
        made = life.train(profile.name, seed, str(history), str(table), lambda what, done, total: None)
        if made["alias"] == "challenger":
            life.promote(profile.name, "challenger", None, False, who="benchmark")
        became = "promoted"
    except (ConfigError, RefusedError) as error:
        became = f"the champion stays: {error}"
    challenger = life.registry.aliases(profile.name).challenger
    refused = load_fitted(profile.name, challenger, life.registry) if challenger else None
    return Learnt(champion(profile, load_settings(own)), became, refused)


def _own_settings(settings: Settings, profile: Profile, folder: Path) -> Path:
    """A config whose registry is a copy of the champion's, so that nothing of the user's is touched."""
    kept = settings.models.registry / profile.name
    if kept.exists():
        shutil.copytree(kept, folder / "models" / profile.name)
    models = settings.models.model_dump(mode="json") | {
        "registry": "models",
        "appliance_models": [profile.name],
    }
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({"extends": "shipped", "models": models}), encoding="utf-8")
    return config


def _store(giving: Sequence[Case], profile: Profile, until: int, folder: Path) -> None:
    history = ParquetHistory(folder)
    for number, block in enumerate(blocks(profile.name, giving, until)):
        history.write(block)
        history.flush(number, number + 1)


def _line(outcome: Truth) -> str:
    at = datetime.fromtimestamp((outcome.failure or 0) / 1_000, UTC).isoformat()
    return f"{outcome.appliance},{outcome.fault},{at}\n"
