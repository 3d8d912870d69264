"""`foremend insights`: which features and habits go with confirmed faults, and how long batches and firmware last."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foremend.config import load_settings
from foremend.engine.follow import follow
from foremend.jobs.material import confirmed, stored_of
from foremend.learning.exposure import Home, exposed
from foremend.learning.insights_page import page
from foremend.learning.lives import lives_of
from foremend.learning.members import Since, read_appliances
from foremend.learning.past import DaysRead, all_of
from foremend.vocabulary.catalogue.features import feature_titles
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.features import Feature
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.profiles import Profile, load_profiles, profile_of
from models.hazards import Causes, Effect, causes, require_enough


def insights(
    appliance_model: str,
    history: str,
    outcomes: str,
    appliances: Path | None,
    fault: str | None,
    lead_days: int,
    what_if: Mapping[str, float],
    out: Path | None,
    config: Path | None,
    clock: Clock,
    progress: DaysRead = lambda done, total: None,
) -> dict[str, Any]:
    """What goes with the failures of one appliance model, of one `fault` or of any.

    `appliances` is a table as `foremend cohorts` reads it. `what_if`: feature -> its change, a share of it (-0.33)
    where the feature is compared as a ratio, else in its unit. Writes a page into the file `out`, if given. Raises
    ConfigError where there is too little to learn from, or a feature is not known.
    """
    settings = load_settings(config)
    profiles = load_profiles(settings.profiles.folders)
    profile = profile_of(profiles, appliance_model)
    features = {one.name: one for one in profile.daily_features}
    _check(profile, fault, what_if, features, out)
    confirmed_ones, permitted = confirmed(outcomes, settings.alerts, clock)
    reported = [one for one in confirmed_ones if fault in (None, one.fault)]
    require_enough(len(reported))
    stored, total = stored_of(history, profile, settings.storage)
    lived = follow(
        profile, all_of(stored, profile.name, progress, total), lateness_ms=settings.ingest.lateness
    )
    if not lived.each:
        raise ConfigError(
            f"{history} holds no whole day of {profile.name}: name the folder or database that does"
        )
    agreed = permitted(lived.ids)
    mine = [one for one in reported if one.appliance_id in agreed]
    members = read_appliances(appliances) if appliances else {}
    homes = {name: _home(one) for name, one in members.items()}
    spells = exposed(lived, agreed, profile.daily_features, mine, homes, lead_days)
    found = causes(spells)
    titles = feature_titles(profiles.values())
    report = {
        "appliance_model": appliance_model,
        "fault": fault,
        "appliances": len(agreed),
        "left_out": len(lived.ids) - len(agreed),
        "failures": found.failures,
        "lead_days": lead_days,
        **_told(found, features, titles),
        "what_if": _what_if(found.named, what_if, features),
        "lives": lives_of(members, mine, appliance_model),
    }
    if out is not None:
        _write(report, out)
    return report


def _check(
    profile: Profile,
    fault: str | None,
    what_if: Mapping[str, float],
    features: Mapping[str, Feature],
    out: Path | None,
) -> None:
    """Before anything is read. Raises ConfigError."""
    if fault is not None and fault not in profile.faults:
        raise ConfigError(f"{profile.name} has no fault {fault!r}: choose from {', '.join(profile.faults)}")
    for name, change in what_if.items():
        if name not in features:
            raise ConfigError(f"--what-if {name}: no such feature; choose from {', '.join(features)}")
        if not math.isfinite(change):
            raise ConfigError(f"--what-if {name}: {change} is no change; write -0.33 for a third less")
        if features[name].scale is None and change <= -1.0:
            raise ConfigError(
                f"--what-if {name}: it cannot fall by {-change:.0%}; write -0.33 for a third less"
            )
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise ConfigError(f"--out {out}: name a file in a folder that is there")


def _write(report: Mapping[str, Any], out: Path) -> None:
    try:
        out.write_text(page(report), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write to {out}: {error.strerror}") from error


def _home(history: Sequence[Since]) -> Home:
    return Home(history[0].region, history[0].household, history[0].installed)


def _told(
    found: Causes, features: Mapping[str, Feature], titles: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    named = [
        {
            "feature": one.feature,
            "title": titles[one.feature],
            "ratio": round(one.ratio, 2),
            "ratio_95": [round(one.low, 2), round(one.high, 2)],
            "for": _step(features[one.feature], one),
            "along": list(one.along),
            "p": one.p,
        }
        for one in found.named
    ]
    alone = [{"feature": one.feature, "z": round(one.z, 1), "p": one.p} for one in found.alone]
    return {"named": named, "alone": alone, "unusable": list(found.unusable), "spells": found.spells}


def _step(feature: Feature, effect: Effect) -> str:
    """What one spread more is, for people."""
    if feature.scale is None:
        return f"{math.expm1(effect.spread):.0%} more"
    return f"{effect.spread:.2g} {feature.unit} more".replace("  ", " ")


def _what_if(
    named: Sequence[Effect], changes: Mapping[str, float], features: Mapping[str, Feature]
) -> list[dict[str, Any]]:
    """Failures if a feature were otherwise, as a share of today's; only of features that were named."""
    effects = {one.feature: one for one in named}
    told = []
    for name, change in changes.items():
        if name not in effects:
            twin = next((one.feature for one in named if name in one.along), None)
            told.append(
                {"feature": name, "change": change, "failures": None, "failures_95": None, "along": twin}
            )
            continue
        times = effects[name].times(math.log1p(change) if features[name].scale is None else change)
        share, low, high = (round(one, 2) for one in times)
        told.append({"feature": name, "change": change, "failures": share, "failures_95": [low, high]})
    return told
