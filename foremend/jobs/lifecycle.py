"""`foremend train` and `foremend models ...`: build a challenger, compare it, put it in use, take it back."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from foremend.config import load_settings
from foremend.jobs.material import confirmed, stored_of
from foremend.learning.model_building import build_from_past
from foremend.learning.past import from_history
from foremend.learning.training import open_registry, recipe_of, train_simulated
from foremend.learning.worth import beside, by_fault, missed_marks, missing
from foremend.vocabulary.errors import ConfigError, RefusedError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.profiles import Profile, load_profiles
from models.registry.registry import ModelCard, Registry
from models.settings import ModelsSettings
from rules.evaluator import RuleBook
from simulators.categories import appliance_models

Progress = Callable[[str, int, int], None]
"""Hears what is being done, how much of it is done and how much there is to do."""


class Lifecycle:
    """The verbs of a model's life, on the registry and profiles of one config."""

    def __init__(self, config: Path | None, clock: Clock) -> None:
        settings = load_settings(config)
        self._settings: ModelsSettings = settings.models
        self._rules = RuleBook(settings.rules)
        self._alerts = settings.alerts
        self._storage, self._clock = settings.storage, clock
        self._profiles = load_profiles(settings.profiles.folders)
        self.registry: Registry = open_registry(settings.models)
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
        profile = self._profile(appliance_model)
        training = self._settings.training.model_copy(update={"seed": seed})
        settings = self._settings.model_copy(update={"training": training})
        if history is None and outcomes is None:
            card = self._simulated(profile, settings, progress)
        elif history is not None and outcomes is not None:
            card = self._from_history(profile, settings, history, outcomes, progress)
        else:
            raise ConfigError("--history and --outcomes go together: one without the other teaches nothing")
        return {**_about(card), "alias": self._place(card)}

    def list(self, appliance_model: str | None) -> dict[str, Any]:
        """Every stored version of one appliance model, or of all, with its alias."""
        named = [appliance_model] if appliance_model else self.registry.appliance_models()
        return {name: self._versions(name) for name in named}

    def show(self, appliance_model: str, version: str) -> dict[str, Any]:
        """The card of `version`, or of the one with that alias, the champion's history and what is seen live."""
        aliases = self.registry.aliases(appliance_model)
        card = self.registry.card(appliance_model, self._named(appliance_model, version))
        live = self.registry.live(appliance_model)
        return {
            "card": asdict(card),
            "alias": self._alias(card),
            "history": [asdict(change) for change in aliases.history],
            "live": live if live.get("champion") == card.version else {},
        }

    def compare(self, appliance_model: str, version: str) -> dict[str, Any]:
        """Champion and `version` on the same rows, which neither learnt from, and side by side on live data."""
        rival = self._named(appliance_model, version)
        champion = self._named(appliance_model, "champion")
        metrics, reasons = beside(
            self._profile(appliance_model),
            champion,
            rival,
            self.registry,
            self._rules,
            self._settings.horizon_days,
        )
        live = self.registry.live(appliance_model).get("shadow")
        return {
            "appliance_model": appliance_model,
            "champion": {"version": champion, **(metrics[0] if metrics else {})},
            "challenger": {"version": rival, **(metrics[1] if metrics else {})},
            "may_be_promoted": not reasons,
            "reasons_against": reasons,
            "live": live if live and live["challenger"] == rival and live["champion"] == champion else None,
        }

    def promote(self, appliance_model: str, version: str, reason: str | None, force: bool) -> dict[str, Any]:
        """Make `version` the champion.

        Raises RefusedError when it is worse than the champion, unless it is forced with a reason.
        """
        name = self._named(appliance_model, version)
        champion = self.registry.champion(appliance_model)
        if name == champion:
            raise ConfigError(f"{name} is the champion of {appliance_model} already")
        if force and not reason:
            raise ConfigError("--force needs a --reason: it is kept in the history of promotions")
        against = (
            self.compare(appliance_model, name)["reasons_against"]
            if champion
            else missed_marks(self.registry.card(appliance_model, name))
        )
        if against and not force:
            lacks = missing(self._profile(appliance_model), self.registry.card(appliance_model, name))
            raise RefusedError(
                f"{appliance_model} {name} is not promoted: {'; '.join(against)}.{lacks} "
                "Train it better, or use --force with a --reason"
            )
        why = reason or "not worse than the champion on the rows it was judged by"
        self.registry.promote(
            appliance_model, name, who=getpass.getuser(), why=why, at=self._at, forced=bool(against)
        )
        return {"appliance_model": appliance_model, "champion": name, "previous": champion, "reason": why}

    def rollback(self, appliance_model: str, reason: str) -> dict[str, Any]:
        """Return to the champion before this one. Raises IntegrityError when there was none."""
        previous = self.registry.champion(appliance_model)
        name = self.registry.rollback(appliance_model, who=getpass.getuser(), why=reason, at=self._at)
        return {"appliance_model": appliance_model, "champion": name, "previous": previous, "reason": reason}

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
            profile, past, self.registry, settings, self._rules, recipe=recipe, source=source, at=self._at
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
                f"{missing(self._profile(name), card)} Meanwhile rules and the watch by own past go on; train again "
                f"with more, or `foremend models promote {name} {card.version} --force --reason ...`"
            )
        self.registry.promote(name, card.version, who=getpass.getuser(), why="first version", at=self._at)
        return "champion"

    def _profile(self, appliance_model: str) -> Profile:
        if appliance_model not in self._profiles:
            known = ", ".join(sorted(self._profiles))
            raise ConfigError(f"there is no profile {appliance_model!r}: choose from {known}")
        profile = self._profiles[appliance_model]
        if not profile.faults:
            raise ConfigError(f"the profile {appliance_model} names no faults: there is nothing to learn")
        return profile

    def _named(self, appliance_model: str, version: str) -> str:
        """A version, or the one that an alias stands for."""
        if version not in ("champion", "challenger"):
            return version
        name: str | None = getattr(self.registry.aliases(appliance_model), version)
        if name is None:
            raise ConfigError(f"{appliance_model} has no {version}: see 'foremend models list', or train one")
        return name

    def _alias(self, card: ModelCard) -> str | None:
        aliases = self.registry.aliases(card.appliance_model)
        return {aliases.challenger: "challenger", aliases.champion: "champion"}.get(card.version)

    def _versions(self, appliance_model: str) -> dict[str, Any]:
        cards = [
            self.registry.card(appliance_model, name) for name in self.registry.versions(appliance_model)
        ]
        return {card.version: {"alias": self._alias(card), **_about(card)} for card in cards}


def _about(card: ModelCard) -> dict[str, Any]:
    return {
        "appliance_model": card.appliance_model,
        "version": card.version,
        "made_at": card.made_at,
        "trained_on": dict(card.trained_on),
        "metrics": dict(card.metrics),
        "signed": bool(card.signature),
    }
