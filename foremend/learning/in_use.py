"""Which trained models speak of some appliance models, and why none does of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from foremend.engine.fitted import FittedModel
from foremend.learning.cold_start import lender_of
from foremend.learning.training import Trained, fitted_models
from foremend.vocabulary.profiles import Profile
from models.registry.registry import Registry
from models.settings import ModelsSettings


@dataclass(frozen=True, slots=True)
class InUse:
    """A version of the registry that speaks of an appliance model."""

    appliance_model: str
    version: str
    learnt_for: str  # another appliance model where it is borrowed
    trained_on: Mapping[str, Any]

    @property
    def sentence(self) -> str:
        """For people: which it is, and what it was trained on."""
        lent = "" if self.learnt_for == self.appliance_model else f", borrowed from {self.learnt_for}"
        on = ", ".join(f"{name} {value}" for name, value in self.trained_on.items() if name != "source")
        return f"{self.version}{lent}: trained on {self.trained_on['source']} ({on})"


@dataclass(frozen=True, slots=True)
class Consulted:
    """What the trained models that a config names come to, for some appliance models."""

    fitted: Mapping[str, FittedModel]
    models: tuple[InUse, ...]
    without: tuple[str, ...]  # a sentence about each that no trained model speaks of


def consult(
    names: Iterable[str],
    profiles: Mapping[str, Profile],
    registry: Registry,
    settings: ModelsSettings,
    trained: Trained,
    at: int,
) -> Consulted:
    """The models that a pipeline would use for the appliance models `names`; trains no others. `at` ms UTC.

    As in a pipeline, one is trained first where there is none of today's recipe, and borrowed where nobody simulates
    the appliance model; then the lender may have to be trained.
    """
    scored = scored_models(settings, profiles)
    sources = {name: _source(name, scored, profiles, registry) for name in names}
    wanted = {one for name, source in sources.items() if source for one in (name, source)}
    fitted = fitted_models(
        {name: profile for name, profile in profiles.items() if name in wanted},
        registry,
        settings,
        trained,
        at,
    )
    return Consulted(
        {name: fitted[name] for name in sources if name in fitted},
        tuple(_in_use(name, str(source), registry) for name, source in sources.items() if name in fitted),
        tuple(_why_not(profiles[name], scored) for name in sources if name not in fitted),
    )


def scored_models(settings: ModelsSettings, profiles: Iterable[str]) -> tuple[str, ...]:
    """The appliance models that get detectors and a predictor; the others are watched by rules alone."""
    named = settings.appliance_models
    return tuple(profiles) if named is None else named


def _source(
    name: str, scored: Iterable[str], profiles: Mapping[str, Profile], registry: Registry
) -> str | None:
    """The appliance model whose champion speaks of `name`: itself, else the one that would lend it one."""
    able = {one: profiles[one] for one in scored if one in profiles and _has_or_gets(profiles[one], registry)}
    if name in able:
        return name
    return lender_of(profiles[name], able) if name in scored else None


def _has_or_gets(profile: Profile, registry: Registry) -> bool:
    if registry.champion(profile.name) is not None:
        return True
    from simulators.categories import appliance_models  # brings every simulator: half a second

    return profile.name in appliance_models() and bool(profile.faults)


def _in_use(name: str, source: str, registry: Registry) -> InUse:
    card = registry.card(source, str(registry.champion(source)))
    return InUse(name, card.version, source, card.trained_on)


def _why_not(profile: Profile, scored: Iterable[str]) -> str:
    if profile.name not in scored:
        why = "models.appliance_models does not name it"
    elif not profile.faults:
        why = "its profile names no faults"
    else:
        why = "nobody simulates it, and no other of its category has one to lend"
    return f"no trained model speaks of {profile.name}: {why}; rules and its own past alone watch it"
