"""`foremend insights`: which features and habits go with confirmed faults, and how long batches and firmware last."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alerts.desk import Alerts
from foremend.config import Settings
from foremend.engine.follow import follow
from foremend.jobs.cohorts import own_fleet
from foremend.jobs.material import INFLUX, confirmed, stored_of
from foremend.learning.exposure import Home, exposed
from foremend.learning.insights_report import LEAD_DAYS, otherwise, require_change
from foremend.learning.insights_words import in_words
from foremend.learning.lives import lives_of
from foremend.learning.members import Since, read_appliances
from foremend.learning.outcomes import from_tickets
from foremend.learning.past import DaysRead, Permitted, all_of
from foremend.vocabulary.catalogue.features import feature_titles
from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.features import Feature
from foremend.vocabulary.ports import Clock, History
from foremend.vocabulary.profiles import Profile, load_profiles, profile_of
from foremend.vocabulary.types import Purpose
from models.effects import Effect
from models.hazards import Causes, causes, require_enough
from models.outcomes import Outcome

_EFFECT = ("ratio", "low", "high", "p", "spread")  # of a row that is named: exact, for what if


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which appliance model, of which fault (None: any), and what if.

    A symptom shows so many `lead_days` before a failure at most. `what_if`: feature -> its change, a share of it
    (-0.33) where the feature is compared as a ratio, else in its unit.
    """

    appliance_model: str
    fault: str | None = None
    lead_days: int = LEAD_DAYS
    what_if: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Material:
    """What there is to learn from. `permitted` answers which appliances may be; `members` are those of the fleet."""

    history: History
    days: int  # of the history; 0: not known
    outcomes: Sequence[Outcome]
    permitted: Permitted
    members: Mapping[str, Sequence[Since]]
    where: str  # the history, for people


def insights_of_tables(
    asked: Asked,
    history: str,
    outcomes: str,
    appliances: Path | None,
    settings: Settings,
    clock: Clock,
    progress: DaysRead = lambda done, total: None,
) -> dict[str, Any]:
    """What goes with failures, of the material that is named.

    `appliances` is a table as `foremend cohorts` reads it. Raises ConfigError where there is too little to learn from,
    or a fault or feature is not known.
    """
    profile = _checked(asked, settings)
    reported, permitted = confirmed(outcomes, settings.alerts, clock)
    require_enough(len(_of_fault(reported, asked)))
    stored, total = stored_of(history, profile, settings.storage)
    members = read_appliances(appliances) if appliances else {}
    return _found(
        asked, profile, settings, _Material(stored, total, reported, permitted, members, history), progress
    )


def insights_of_own(
    asked: Asked,
    desk: Alerts,
    settings: Settings,
    clock: Clock,
    progress: DaysRead = lambda done, total: None,
) -> dict[str, Any]:
    """What goes with failures, of what is kept here: stored history, the register of nameplates, and what technicians
    found, where owners agree to tickets and training, each since they do. Raises ConfigError as `insights_of_tables`,
    and where the register is empty."""
    profile = _checked(asked, settings)
    fleet, _ = own_fleet(desk, clock, (Purpose.TICKET, Purpose.TRAINING))
    reported = from_tickets(desk.engine, clock)
    require_enough(len(_of_fault(reported, asked)))
    where = INFLUX if settings.storage.influx else str(settings.storage.folder / "history")
    stored, total = stored_of(where, profile, settings.storage)
    material = _Material(stored, total, reported, lambda ids: set(ids) & fleet.keys(), fleet, where)
    return _found(asked, profile, settings, material, progress)


def _of_fault(reported: Sequence[Outcome], asked: Asked) -> list[Outcome]:
    return [one for one in reported if asked.fault in (None, one.fault)]


def _found(
    asked: Asked, profile: Profile, settings: Settings, material: _Material, progress: DaysRead
) -> dict[str, Any]:
    blocks = all_of(material.history, profile.name, progress, material.days)
    lived = follow(profile, blocks, lateness_ms=settings.ingest.lateness)
    if not lived.each:
        raise ConfigError(
            f"{material.where} holds no whole day of {profile.name}: name the folder or database that does"
        )
    agreed = material.permitted(lived.ids)
    mine = [one for one in _of_fault(material.outcomes, asked) if one.appliance_id in agreed]
    homes = {name: _home(one) for name, one in material.members.items()}
    found = causes(exposed(lived, agreed, profile.daily_features, mine, homes, asked.lead_days))
    features = {one.name: one for one in profile.daily_features}
    told = _told(found, features, feature_titles(load_profiles(settings.profiles.folders).values()))
    return {
        "appliance_model": asked.appliance_model,
        "fault": asked.fault,
        "appliances": len(agreed),
        "left_out": len(lived.ids) - len(agreed),
        "failures": found.failures,
        "lead_days": asked.lead_days,
        **told,
        "what_if": [otherwise(told["named"], *change, features) for change in asked.what_if.items()],
        "lives": lives_of(material.members, mine, asked.appliance_model),
    }


def _checked(asked: Asked, settings: Settings) -> Profile:
    """The profile that is meant, before anything is read. Raises ConfigError."""
    profile = profile_of(load_profiles(settings.profiles.folders), asked.appliance_model)
    if asked.fault is not None and asked.fault not in profile.faults:
        raise ConfigError(
            f"{profile.name} has no fault {asked.fault!r}: choose from {', '.join(profile.faults)}"
        )
    features = {one.name: one for one in profile.daily_features}
    for name, change in asked.what_if.items():
        try:
            require_change(name, change, features)
        except InputError as error:
            raise ConfigError(f"--what-if {error}") from error
    return profile


def _home(history: Sequence[Since]) -> Home:
    return Home(history[0].region, history[0].household, history[0].installed, history[0].day)


def _told(
    found: Causes, features: Mapping[str, Feature], titles: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    named = [
        {
            "feature": one.feature,
            "title": titles[one.feature],
            "ratio": round(one.ratio, 2),
            "ratio_95": [round(one.low, 2), round(one.high, 2)],
            "for": in_words(more, "en"),
            "more": more,
            "along": list(one.along),
            "p": one.p,
            "effect": {name: getattr(one, name) for name in _EFFECT},
        }
        for one in found.named
        for more in (_more(features[one.feature], one),)
    ]
    alone = [{"feature": one.feature, "z": round(one.z, 1), "p": one.p} for one in found.alone]
    return {"named": named, "alone": alone, "unusable": list(found.unusable), "spells": found.spells}


def _more(feature: Feature, effect: Effect) -> dict[str, Any]:
    """What one spread more is, for programs: a share, or a difference in a unit."""
    if feature.scale is None:
        return {"value": math.expm1(effect.spread), "unit": None}
    return {"value": effect.spread, "unit": feature.unit}
