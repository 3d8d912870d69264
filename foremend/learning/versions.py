"""Versions of each appliance model as people look at them and put them in use: by command, by API, in the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from foremend.vocabulary.errors import ConfigError, RefusedError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.profiles import Profile
from models.registry.registry import ModelCard, Registry
from rules.reach import thresholds
from rules.settings import RulesSettings


class ChangedError(RefusedError):
    """Another version is in use than the one that was looked at.

    >>> str(ChangedError("rf-260 has v0003 in use by now, and not v0002: look again"))
    'rf-260 has v0003 in use by now, and not v0002: look again'
    """


class Versions:
    """What is stored in one registry. `horizon_days`: how far ahead a fault is asked for when versions are compared."""

    def __init__(
        self,
        registry: Registry,
        profiles: Mapping[str, Profile],
        rules: RulesSettings,
        horizon_days: float,
        clock: Clock,
    ) -> None:
        self.registry, self._profiles, self._rules = registry, profiles, rules
        self._horizon_days, self._clock = horizon_days, clock

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
        from foremend.learning.worth import beside  # load what judges, which most processes never need
        from rules.evaluator import RuleBook

        rival = self._named(appliance_model, version)
        champion = self._named(appliance_model, "champion")
        metrics, reasons = beside(
            self.profile(appliance_model),
            champion,
            rival,
            self.registry,
            RuleBook(self._rules),
            self._horizon_days,
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

    def promote(
        self,
        appliance_model: str,
        version: str,
        reason: str | None,
        force: bool,
        *,
        who: str,
        seen: str | None = None,
    ) -> dict[str, Any]:
        """Make `version` the champion; `seen`: only in the place of this one.

        Raises RefusedError when it is worse than the champion, unless it is forced with a reason, and ChangedError.
        """
        from foremend.learning.worth import missed_marks, missing

        name = self._named(appliance_model, version)
        champion = self._seen(appliance_model, seen)
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
            lacks = missing(self.profile(appliance_model), self.registry.card(appliance_model, name))
            raise RefusedError(
                f"{appliance_model} {name} is not promoted: {'; '.join(against)}.{lacks} "
                "Train it better, or use --force with a --reason"
            )
        why = reason or "not worse than the champion on the rows it was judged by"
        self._seen(appliance_model, seen)  # to compare takes a while
        self.registry.promote(
            appliance_model, name, who=who, why=why, at=self._clock.now_ms(), forced=bool(against)
        )
        return {"appliance_model": appliance_model, "champion": name, "previous": champion, "reason": why}

    def rollback(
        self, appliance_model: str, reason: str, *, who: str, seen: str | None = None
    ) -> dict[str, Any]:
        """Return to the champion before this one; `seen`: only from this one.

        Raises IntegrityError when there was none before, and ChangedError.
        """
        previous = self._seen(appliance_model, seen)
        name = self.registry.rollback(appliance_model, who=who, why=reason, at=self._clock.now_ms())
        return {"appliance_model": appliance_model, "champion": name, "previous": previous, "reason": reason}

    def _seen(self, appliance_model: str, seen: str | None) -> str | None:
        """The champion, which has to be `seen` where that is said."""
        champion = self.registry.champion(appliance_model)
        if seen is not None and champion != seen:
            raise ChangedError(f"{appliance_model} has {champion} in use by now, and not {seen}: look again")
        return champion

    def thresholds(self, appliance_model: str) -> Sequence[dict[str, Any]]:
        """The rules on a probability that are in force for it; none of one without a profile."""
        profile = self._profiles.get(appliance_model)
        return thresholds(self._rules, profile) if profile else []

    def profile(self, appliance_model: str) -> Profile:
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
        return {card.version: {"alias": self._alias(card), **about(card)} for card in cards}


def about(card: ModelCard) -> dict[str, Any]:
    return {
        "appliance_model": card.appliance_model,
        "version": card.version,
        "made_at": card.made_at,
        "trained_on": dict(card.trained_on),
        "metrics": dict(card.metrics),
        "signed": bool(card.signature),
    }
