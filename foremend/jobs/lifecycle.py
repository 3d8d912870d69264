"""`foremend train` and `foremend models ...`: build a challenger, compare it, put it in use, take it back."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any

from foremend.config import load_settings
from foremend.jobs.material import confirmed, stored_of
from foremend.learning.model_building import build_from_past
from foremend.learning.past import from_history
from foremend.learning.stored import open_registry
from foremend.learning.training import recipe_of, train_simulated
from foremend.learning.versions import Versions, about
from foremend.learning.worth import by_fault, missed_marks, missing
from foremend.vocabulary.errors import ConfigError, RefusedError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.profiles import Profile, load_profiles
from models.registry.registry import ModelCard
from models.settings import ModelsSettings
from rules.evaluator import RuleBook
from simulators.categories import appliance_models

Progress = Callable[[str, int, int], None]
"""Hears what is being done, how much of it is done and how much there is to do."""


class Lifecycle(Versions):
    """The verbs of a model's life, training among them, on the registry and profiles of one config."""

    def __init__(self, config: Path | None, clock: Clock) -> None:
        settings = load_settings(config)
        self._settings: ModelsSettings = settings.models
        self._alerts, self._storage = settings.alerts, settings.storage
        profiles = load_profiles(settings.profiles.folders)
        super().__init__(
            open_registry(settings.models), profiles, settings.rules, settings.models.horizon_days, clock
        )
        self._at = clock.now_ms()

    def train(
        self,
        appliance_model: str,
        seed: int,
        history: str | None,
        outcomes: str | None,
        progress: Progress,
    ) -> dict[str, Any]:
        """A new version: the champion where there is none yet, otherwise the challenger.

        `history` is a folder of Parquet, or `influx` for the database of the settings. `outcomes` is a file as
        `read_outcomes` takes it, or `tickets`: what technicians found. Appliances whose owners did not agree to
        training are neither learnt from nor judged by, and counted as `left_out`. Raises ConfigError when the
        arguments do not fit together or there is too little to learn from.
        """
        profile = self.profile(appliance_model)
        training = self._settings.training.model_copy(update={"seed": seed})
        settings = self._settings.model_copy(update={"training": training})
        if history is None and outcomes is None:
            card = self._simulated(profile, settings, progress)
        elif history is not None and outcomes is not None:
            card = self._from_history(profile, settings, history, outcomes, progress)
        else:
            raise ConfigError("--history and --outcomes go together: one without the other teaches nothing")
        return {**about(card), "alias": self._place(card)}

    def _simulated(self, profile: Profile, settings: ModelsSettings, progress: Progress) -> ModelCard:
        if profile.name not in appliance_models():
            known = ", ".join(appliance_models())
            raise ConfigError(
                f"nobody simulates {profile.name}: give --history and --outcomes, or choose from {known}"
            )
        progress("simulate and learn", 0, 1)
        return train_simulated(profile, self.registry, settings, self._at)

    def _from_history(
        self, profile: Profile, settings: ModelsSettings, history: str, outcomes: str, progress: Progress
    ) -> ModelCard:
        reported, permitted = confirmed(outcomes, self._alerts, self._clock)
        stored, total = stored_of(history, profile, self._storage)
        past = from_history(
            profile,
            stored,
            reported,
            settings,
            lambda *days: progress("read days", *days),
            total,
            permitted,
        )
        progress("learn", 0, 1)
        source = {
            "source": "history",
            "history": Path(history).name,
            "outcomes": by_fault(past.truths),
            "left_out": past.left_out,
        }
        recipe = recipe_of(profile, settings)
        return build_from_past(
            profile,
            past,
            self.registry,
            settings,
            RuleBook(self._rules),
            recipe=recipe,
            source=source,
            at=self._at,
        )

    def _place(self, card: ModelCard) -> str:
        """The first version of an appliance model is its champion if it is worth it; the next ones must win.

        Raises RefusedError for a first version that is not; it stays stored.
        """
        name = card.appliance_model
        if self.registry.champion(name) is not None:
            self.registry.challenge(name, card.version)
            return "challenger"
        missed = missed_marks(card)
        if missed:
            raise RefusedError(
                f"{name} {card.version} is stored and not in use: {'; '.join(missed)}."
                f"{missing(self.profile(name), card)} Meanwhile rules and the watch by own past go on; train again "
                f"with more, or `foremend models promote {name} {card.version} --force --reason ...`"
            )
        self.registry.promote(name, card.version, who=getpass.getuser(), why="first version", at=self._at)
        return "champion"
